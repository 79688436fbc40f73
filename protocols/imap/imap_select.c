/* imap_select.c - SELECT, EXAMINE, CLOSE, UNSELECT, STATUS (RFC
 * 9051 6.3.2, 6.3.3, 6.3.11, 6.4.1, 6.4.2). */
#include "protocols/imap/imap_hooks.h"
#include "protocols/imap/imap_response.h"

static struct store *store_of(const struct imap_session *s)
{
    return s->edge.listener->edge->store;
}

static void put_ok_code(struct imap_session *s, const char *code, uint64_t number, const char *text)
{
    imap_put(s, "* OK [");
    imap_put(s, code);
    buf_put_u64(&s->out, number);
    imap_put(s, "] ");
    imap_put(s, text);
    imap_put(s, "\r\n");
}

/* Sequence number of the first unseen message (RFC 3501 7.1 UNSEEN), 0: none. */
static uint32_t first_unseen(const struct imap_session *s)
{
    uint32_t count = imap_view_count(&s->view);

    for (uint32_t i = 0; i < count; i++)
        if (!(imap_view_at(&s->view, i)->flags & FLAG_SEEN))
            return i + 1;
    return 0;
}

static void tell_selected(struct imap_session *s)
{
    uint32_t unseen = s->rev2 ? 0 : first_unseen(s);

    imap_put_flags_line(s);
    imap_put(s, "* ");
    buf_put_u64(&s->out, imap_view_count(&s->view));
    imap_put(s, " EXISTS\r\n");
    if (!s->rev2)
        imap_put(s, "* 0 RECENT\r\n");
    if (unseen)
        put_ok_code(s, "UNSEEN ", unseen, "First unseen");
    put_ok_code(s, "UIDVALIDITY ", s->view.uid_validity, "UIDs valid");
    put_ok_code(s, "UIDNEXT ", s->view.uid_next, "Predicted next UID");
    if (s->rev2) { /* RFC 9051 6.3.2: the name as the server writes it */
        imap_put(s, "* LIST () \"/\" ");
        imap_put_mailbox(s, str_from(s->view.name));
        imap_put(s, "\r\n");
    }
}

static bool select_mailbox(struct imap_session *s, struct imap_command *c, bool read_only,
                           struct fct_err *err)
{
    struct fct_str name;
    struct store_view snapshot;

    if (!imap_mailbox_parse(s, c, &name, err))
        return false;
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "Unexpected text after the mailbox name");
    if (s->state == IMAP_SELECTED) {
        imap_unselect(s); /* also when the new one cannot be selected (RFC 9051 6.3.2) */
        imap_put(s, "* OK [CLOSED] Previous mailbox closed\r\n");
    }
    if (!store_select(store_of(s), s->principal.handle, name, true, c->arena, &snapshot, err)) {
        if (err->class == FCT_DENIED)
            return imap_fail(c, "NONEXISTENT", err, "There is no such mailbox");
        return imap_store_failed(c, err);
    }
    imap_view_open(&s->view, &snapshot, read_only);
    s->state = IMAP_SELECTED;
    tell_selected(s);
    c->code = read_only ? FCT_STR("READ-ONLY") : FCT_STR("READ-WRITE");
    return true;
}

bool imap_select_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    return select_mailbox(s, c, false, err);
}

bool imap_examine_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    return select_mailbox(s, c, true, err);
}

/* Expunges without telling, unless the mailbox was EXAMINEd (RFC 9051 6.4.1). */
bool imap_close_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "CLOSE takes no argument");
    if (!s->view.read_only && !imap_expunge_deleted(s, c, false, err))
        return false;
    imap_unselect(s);
    return true;
}

bool imap_unselect_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "UNSELECT takes no argument");
    imap_unselect(s);
    return true;
}

/* ---- STATUS ---- */

/* clang-format off */
static const struct status_item {
    const char *name;
    unsigned bit;
} status_items[] = {
    {"MESSAGES",    IMAP_STATUS_MESSAGES,    },
    {"RECENT",      IMAP_STATUS_RECENT,      }, /* RFC 3501 6.3.10 */
    {"UIDNEXT",     IMAP_STATUS_UIDNEXT,     },
    {"UIDVALIDITY", IMAP_STATUS_UIDVALIDITY, },
    {"UNSEEN",      IMAP_STATUS_UNSEEN,      },
    {"DELETED",     IMAP_STATUS_DELETED,     },
    {"SIZE",        IMAP_STATUS_SIZE,        }, /* RFC 8438 */
};
/* clang-format on */

static uint64_t status_value(const struct mailbox_info *m, unsigned bit)
{
    switch (bit) {
    case IMAP_STATUS_MESSAGES:
        return m->exists;
    case IMAP_STATUS_UIDNEXT:
        return m->uid_next;
    case IMAP_STATUS_UIDVALIDITY:
        return m->uid_validity;
    case IMAP_STATUS_UNSEEN:
        return m->unseen;
    case IMAP_STATUS_DELETED:
        return m->deleted;
    case IMAP_STATUS_SIZE:
        return m->bytes;
    default:
        return 0;
    }
}

static bool parse_status_item(struct fct_str *in, unsigned *items)
{
    for (size_t i = 0; i < FCT_COUNT(status_items); i++)
        if (imap_parse_word(in, status_items[i].name)) {
            *items |= status_items[i].bit;
            return true;
        }
    return false;
}

/* "(" status-att *(SP status-att) ")" */
bool imap_status_parse(struct fct_str *in, unsigned *items)
{
    *items = 0;
    if (!imap_parse_char(in, '('))
        return false;
    do
        if (!parse_status_item(in, items))
            return false;
    while (imap_parse_space(in));
    return imap_parse_char(in, ')');
}

void imap_status_put(struct imap_session *s, const struct mailbox_info *m, unsigned items)
{
    bool first = true;

    imap_put(s, "* STATUS ");
    imap_put_mailbox(s, m->name);
    imap_put(s, " (");
    for (size_t i = 0; i < FCT_COUNT(status_items); i++) {
        if (!(items & status_items[i].bit))
            continue;
        if (!first)
            imap_put(s, " ");
        first = false;
        imap_put(s, status_items[i].name);
        imap_put(s, " ");
        buf_put_u64(&s->out, status_value(m, status_items[i].bit));
    }
    imap_put(s, ")\r\n");
}

bool imap_status_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct fct_str name;
    struct mailbox_info info;
    unsigned items;

    if (!imap_mailbox_parse(s, c, &name, err))
        return false;
    if (!imap_parse_space(&c->args) || !imap_status_parse(&c->args, &items) ||
        !imap_parse_end(c->args))
        return imap_syntax(err, "STATUS needs a list of items");
    if (!store_mailbox(store_of(s), s->principal.handle, name, c->arena, &info, err)) {
        if (err->class == FCT_DENIED)
            return imap_fail(c, "NONEXISTENT", err, "There is no such mailbox");
        return imap_store_failed(c, err);
    }
    imap_status_put(s, &info, items);
    return true;
}
