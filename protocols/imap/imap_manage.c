/* imap_manage.c - CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 6.3.4 to 6.3.8; CREATE
 * USE: RFC 6154 3). */
#include "protocols/imap/imap_hooks.h"

static struct store *store_of(const struct imap_session *s)
{
    return s->edge.listener->edge->store;
}

static bool mailbox_exists(struct imap_session *s, struct imap_command *c, struct fct_str name)
{
    struct fct_err ignored = {0};
    struct mailbox_info info;

    return store_mailbox(store_of(s), s->principal.handle, name, c->arena, &info, &ignored);
}

static bool end_of_command(struct imap_command *c, struct fct_err *err)
{
    return imap_parse_end(c->args) || imap_syntax(err, "Unexpected text at the end");
}

/* A trailing separator only announces children (RFC 9051 6.3.4). */
static struct fct_str without_separator(struct fct_str name)
{
    return name.n > 1 && name.p[name.n - 1] == '/' ? str_head(name, name.n - 1) : name;
}

/* clang-format off */
static const struct {
    const char *name;
    enum mailbox_role role;
} special_uses[] = {
    {"Drafts",  MAILBOX_DRAFTS,  },
    {"Sent",    MAILBOX_SENT,    },
    {"Junk",    MAILBOX_JUNK,    },
    {"Trash",   MAILBOX_TRASH,   },
    {"Archive", MAILBOX_ARCHIVE, },
};
/* clang-format on */

static bool parse_use(struct fct_str *in, enum mailbox_role *role)
{
    for (size_t i = 0; i < FCT_COUNT(special_uses); i++)
        if (imap_parse_word(in, special_uses[i].name)) {
            *role = special_uses[i].role;
            return true;
        }
    return false;
}

/* [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]; one use per mailbox here. */
static bool parse_create_uses(struct imap_command *c, enum mailbox_role *role, struct fct_err *err)
{
    struct fct_str atom;
    unsigned uses = 0;

    if (imap_parse_end(c->args))
        return true;
    if (!imap_parse_space(&c->args) || !imap_parse_char(&c->args, '(') ||
        !imap_parse_word(&c->args, "USE") || !imap_parse_space(&c->args) ||
        !imap_parse_char(&c->args, '('))
        return imap_syntax(err, "Bad parameters of CREATE");
    while (!imap_parse_char(&c->args, ')')) {
        if (uses++ > 0 && !imap_parse_space(&c->args))
            return imap_syntax(err, "Bad list of special uses");
        if (!imap_parse_char(&c->args, '\\'))
            return imap_syntax(err, "Bad special use");
        if (parse_use(&c->args, role) && uses == 1)
            continue;
        if (uses == 1 && !imap_parse_atom(&c->args, &atom))
            return imap_syntax(err, "Bad special use");
        return imap_fail(c, "USEATTR", err, "This special use cannot be given");
    }
    return imap_parse_char(&c->args, ')') ? end_of_command(c, err)
                                          : imap_syntax(err, "Bad parameters of CREATE");
}

static bool role_is_taken(struct imap_session *s, struct imap_command *c, enum mailbox_role role)
{
    struct fct_err ignored = {0};
    const struct mailbox_info *all;
    size_t n;

    if (role == MAILBOX_PLAIN ||
        !store_mailboxes(store_of(s), s->principal.handle, c->arena, &all, &n, &ignored))
        return false;
    for (size_t i = 0; i < n; i++)
        if (all[i].role == role)
            return true;
    return false;
}

bool imap_create_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    enum mailbox_role role = MAILBOX_PLAIN;
    struct fct_str name;
    uint64_t id;

    if (!imap_mailbox_parse(s, c, &name, err) || !parse_create_uses(c, &role, err))
        return false;
    name = without_separator(name);
    if (!imap_mailbox_check(c, name, err))
        return false;
    if (mailbox_exists(s, c, name))
        return imap_fail(c, "ALREADYEXISTS", err, "That mailbox exists already");
    if (role_is_taken(s, c, role))
        return imap_fail(c, "USEATTR", err, "Another mailbox has this special use");
    if (!store_mailbox_create(store_of(s), s->principal.handle, name, role, &id, err))
        return imap_store_failed(c, err);
    imap_told_mailbox(s, "create", name, FCT_STR(""));
    return true;
}

/* Our own selected mailbox goes too: the session is then in the authenticated state. */
bool imap_delete_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct fct_str name;

    if (!imap_mailbox_parse(s, c, &name, err) || !end_of_command(c, err))
        return false;
    if (str_equal(name, FCT_STR("INBOX")))
        return imap_fail(c, "CANNOT", err, "INBOX cannot be deleted");
    if (!mailbox_exists(s, c, name))
        return imap_fail(c, "NONEXISTENT", err, "There is no such mailbox");
    if (!store_mailbox_delete(store_of(s), s->principal.handle, name, err))
        return imap_store_failed(c, err);
    imap_told_mailbox(s, "delete", name, FCT_STR(""));
    if (s->state == IMAP_SELECTED && str_equal(name, str_from(s->view.name))) {
        imap_unselect(s);
        imap_put(s, "* OK [CLOSED] The selected mailbox is gone\r\n");
    }
    return true;
}

bool imap_rename_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct fct_str from, to;

    if (!imap_mailbox_parse(s, c, &from, err) || !imap_mailbox_parse(s, c, &to, err) ||
        !end_of_command(c, err))
        return false;
    to = without_separator(to);
    if (!imap_mailbox_check(c, to, err))
        return false;
    if (!mailbox_exists(s, c, from))
        return imap_fail(c, "NONEXISTENT", err, "There is no such mailbox");
    if (mailbox_exists(s, c, to))
        return imap_fail(c, "ALREADYEXISTS", err, "That mailbox exists already");
    if (!store_mailbox_rename(store_of(s), s->principal.handle, from, to, err))
        return imap_store_failed(c, err);
    imap_told_mailbox(s, "rename", from, to);
    return true;
}

/* A name may be subscribed before its mailbox exists, and stays so after it (RFC 9051 6.3.7). */
static bool subscribe(struct imap_session *s, struct imap_command *c, bool on, struct fct_err *err)
{
    struct fct_str name;

    if (!imap_mailbox_parse(s, c, &name, err) || !end_of_command(c, err))
        return false;
    if (store_mailbox_subscribe(store_of(s), s->principal.handle, name, on, err))
        return true;
    if (err->class == FCT_DENIED) /* only of UNSUBSCRIBE */
        return imap_fail(c, "NONEXISTENT", err, "That name is not subscribed");
    return imap_store_failed(c, err);
}

bool imap_subscribe_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    return subscribe(s, c, true, err);
}

bool imap_unsubscribe_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    return subscribe(s, c, false, err);
}
