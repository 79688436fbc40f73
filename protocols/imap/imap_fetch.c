/* imap_fetch.c - FETCH (RFC 9051 6.4.5): from the session's own records where they suffice, else
 * from summaries in batches. */
#include "protocols/imap/imap_fetch.h"

#include "protocols/imap/imap_hooks.h"
#include "protocols/imap/imap_response.h"

#define WHOLE_BATCH 1024 /* messages of which only the bytes are wanted */

/* ---- parsing ---- */

/* clang-format off */
static const struct {
    const char *name;
    unsigned items;
} simple_items[] = {
    {"FLAGS",         FETCH_FLAGS,         },
    {"UID",           FETCH_UID,           },
    {"INTERNALDATE",  FETCH_INTERNALDATE,  },
    {"RFC822.SIZE",   FETCH_SIZE,          },
    {"ENVELOPE",      FETCH_ENVELOPE,      },
    {"BODYSTRUCTURE", FETCH_BODYSTRUCTURE, },
};

/* Macros stand alone, without parentheses (RFC 9051 6.4.5). */
static const struct {
    const char *name;
    unsigned items;
} macros[] = {
    {"ALL",  FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_ENVELOPE,              },
    {"FAST", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE,                               },
    {"FULL", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_ENVELOPE | FETCH_BODY, },
};

/* RFC 3501 6.4.5: BODY[…] under other names. */
static const struct {
    const char *name, *section;
    bool peek;
} old_names[] = {
    {"RFC822",        "[]",       false, },
    {"RFC822.HEADER", "[HEADER]", true,  },
    {"RFC822.TEXT",   "[TEXT]",   false, },
};

static const struct {
    const char *name;
    bool peek, binary, size_only;
} section_names[] = {
    {"BODY.PEEK",   true,  false, false, },
    {"BODY",        false, false, false, },
    {"BINARY.PEEK", true,  true,  false, },
    {"BINARY.SIZE", true,  true,  true,  },
    {"BINARY",      false, true,  false, },
};
/* clang-format on */

static bool add_section(struct imap_fetch *f, struct arena *arena,
                        const struct imap_section *section)
{
    size_t room = f->nsections;

    if (f->nsections == IMAP_MAX_SECTIONS)
        return false;
    if ((room & (room - 1)) == 0) /* full at powers of two */
        f->section = arena_grow(arena, f->section, room * sizeof *section,
                                (room ? room * 2 : 1) * sizeof *section);
    f->section[f->nsections++] = *section;
    f->needs_summary |= imap_section_needs_summary(section);
    return true;
}

/* RFC822, RFC822.HEADER, RFC822.TEXT */
static bool parse_old_name(struct fct_str *in, struct arena *arena, struct imap_fetch *f, bool *ok)
{
    for (size_t i = 0; i < FCT_COUNT(old_names); i++) {
        struct imap_section section = {.peek = old_names[i].peek};
        struct fct_str text = str_from(old_names[i].section);

        if (!imap_parse_word(in, old_names[i].name))
            continue;
        *ok = imap_section_parse(&text, arena, &section);
        section.label = str_from(old_names[i].name);
        *ok = *ok && add_section(f, arena, &section);
        return true;
    }
    return false;
}

static bool parse_section(struct fct_str *in, struct arena *arena, struct imap_fetch *f)
{
    for (size_t i = 0; i < FCT_COUNT(section_names); i++) {
        struct imap_section section = {
            .peek = section_names[i].peek,
            .binary = section_names[i].binary,
            .size_only = section_names[i].size_only,
        };
        struct fct_str name = str_from(section_names[i].name);

        if (!str_starts_nocase(*in, name) || in->n == name.n || in->p[name.n] != '[')
            continue;
        *in = str_skip(*in, name.n);
        return imap_section_parse(in, arena, &section) && add_section(f, arena, &section);
    }
    return false;
}

/* fetch-att */
static bool parse_item(struct fct_str *in, struct arena *arena, struct imap_fetch *f)
{
    struct fct_str ahead = *in;
    bool ok;

    for (size_t i = 0; i < FCT_COUNT(simple_items); i++)
        if (imap_parse_word(in, simple_items[i].name)) {
            f->items |= simple_items[i].items;
            return true;
        }
    if (imap_parse_word(&ahead, "BODY") && (ahead.n == 0 || ahead.p[0] != '[')) {
        f->items |= FETCH_BODY;
        *in = ahead;
        return true;
    }
    return parse_old_name(in, arena, f, &ok) ? ok : parse_section(in, arena, f);
}

/* SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")") */
static bool parse_items(struct fct_str *in, struct arena *arena, struct imap_fetch *f)
{
    if (!imap_parse_space(in))
        return false;
    for (size_t i = 0; i < FCT_COUNT(macros); i++)
        if (imap_parse_word(in, macros[i].name)) {
            f->items |= macros[i].items;
            return imap_parse_end(*in);
        }
    if (!imap_parse_char(in, '('))
        return parse_item(in, arena, f) && imap_parse_end(*in);
    do
        if (!parse_item(in, arena, f))
            return false;
    while (imap_parse_space(in));
    return imap_parse_char(in, ')') && imap_parse_end(*in);
}

/* ---- one message ---- */

static char *write_c(char *to, const char *text, size_t n)
{
    memcpy(to, text, n);
    return to + n;
}

/* Items of the hot record: no store, no printf, one reservation. */
static void put_record_items(struct imap_fetch *f, uint32_t index)
{
    struct imap_session *s = f->s;
    const struct hot_record *r = imap_view_at(&s->view, index);
    unsigned items = f->items;
    char *start = buf_reserve(&s->out, 192 + IMAP_WRITE_FLAGS + s->view.keyword_bytes);
    char *to = start;

    if (!to)
        return;
    if (imap_indexes_has(&f->newly_seen, index))
        items |= FETCH_FLAGS;
    to = write_c(to, "* ", 2);
    to = imap_write_u32(to, index + 1);
    to = write_c(to, " FETCH (", 8);
    if (items & FETCH_UID) {
        to = write_c(to, "UID ", 4);
        to = imap_write_u32(to, r->uid);
        *to++ = ' ';
    }
    if (items & FETCH_FLAGS) {
        to = write_c(to, "FLAGS ", 6);
        to = imap_write_flags(to, r->flags, r->keywords, s->view.keyword, s->view.nkeywords);
        *to++ = ' ';
    }
    if (items & FETCH_INTERNALDATE) {
        to = write_c(to, "INTERNALDATE ", 13);
        to = imap_write_date(to, r->internal_date);
        *to++ = ' ';
    }
    if (items & FETCH_SIZE) {
        to = write_c(to, "RFC822.SIZE ", 12);
        to = imap_write_u32(to, r->size);
        *to++ = ' ';
    }
    s->out.n += (size_t)(to - start);
}

static void put_item(struct buf *out, const char *name, struct fct_str text)
{
    buf_put_c(out, name);
    buf_put_str(out, text);
    buf_put_char(out, ' ');
}

/* Each item leaves a space behind; the last one becomes the closing parenthesis. */
void imap_fetch_put_items(struct imap_fetch *f, const struct imap_message *m)
{
    struct buf *out = &f->s->out;

    put_record_items(f, m->index);
    if (f->items & FETCH_ENVELOPE)
        put_item(out, "ENVELOPE ", m->summary.envelope);
    if (f->items & FETCH_BODY)
        put_item(out, "BODY ", m->summary.body);
    if (f->items & FETCH_BODYSTRUCTURE)
        put_item(out, "BODYSTRUCTURE ", m->summary.bodystructure);
}

static void end_message(struct buf *out)
{
    if (out->n > 0 && out->p[out->n - 1] == ' ')
        out->n--;
    buf_put(out, ")\r\n", 3);
}

/* ---- batches ---- */

static bool put_batch(struct imap_fetch *f, const struct imap_message *m, size_t n)
{
    if (f->nsections > 0)
        return imap_fetch_bodies(f, m, n);
    for (size_t i = 0; i < n; i++) {
        if (!m[i].here) {
            f->gone = true;
            continue;
        }
        imap_fetch_put_items(f, &m[i]);
        end_message(&f->s->out);
        if (!imap_room(f->s))
            return false;
    }
    return true;
}

/* False: err is set; when the client has gone, nobody reads the answer. */
static bool put_summarised(struct imap_fetch *f, struct fct_err *err)
{
    struct imap_summaries *list = imap_summaries_new(f->s, &f->messages);
    struct imap_batch *batch;

    while ((batch = imap_summaries_next(list, err))) {
        f->arena = batch->arena;
        if (!put_batch(f, batch->message, batch->n))
            break;
    }
    imap_summaries_free(&list);
    return err->class == FCT_OK;
}

/* Whole messages: their sizes are in the records, no summary is needed. */
static void put_whole(struct imap_fetch *f, struct arena *arena)
{
    size_t left = imap_indexes_count(&f->messages);
    size_t most = left < WHOLE_BATCH ? left : WHOLE_BATCH;
    struct imap_message *m = ARENA_ARRAY(arena, struct imap_message, most);
    struct imap_walk walk = {0};

    for (size_t n; left > 0; left -= n) {
        for (n = 0; n < most && imap_indexes_next(&f->messages, &walk, &m[n].index); n++)
            m[n].here = true;
        if (!put_batch(f, m, n))
            return;
    }
}

/* Flags, UID, size and date need nobody: straight from the view. */
static bool put_records(struct imap_fetch *f)
{
    struct imap_walk walk = {0};

    for (uint32_t index; imap_indexes_next(&f->messages, &walk, &index);) {
        put_record_items(f, index);
        end_message(&f->s->out);
        if (!imap_room(f->s))
            return false;
    }
    return true;
}

/* ---- \Seen ---- */

static bool sets_seen(const struct imap_fetch *f)
{
    for (size_t i = 0; i < f->nsections; i++)
        if (!f->section[i].peek)
            return !f->s->view.read_only;
    return false;
}

/* Messages of the set that are not seen yet, as ranges. */
static struct imap_indexes unseen_of(const struct imap_fetch *f, struct arena *arena)
{
    struct imap_indexes out = {
        ARENA_ARRAY(arena, struct imap_range, imap_indexes_count(&f->messages)), 0};
    struct imap_walk walk = {0};

    for (uint32_t index; imap_indexes_next(&f->messages, &walk, &index);) {
        if (imap_view_at(&f->s->view, index)->flags & FLAG_SEEN)
            continue;
        if (out.n > 0 && out.range[out.n - 1].last + 1 == index)
            out.range[out.n - 1].last = index;
        else
            out.range[out.n++] = (struct imap_range){index, index};
    }
    return out;
}

/* BODY[…] sets \Seen: one change for the whole command, told with the messages. A disk that is full
 * must not stop reading, so a failure only leaves them unseen. */
static void set_seen(struct imap_fetch *f, struct arena *arena)
{
    struct imap_session *s = f->s;
    struct imap_store_order order = {.op = FLAGS_ADD, .flags.flags = FLAG_SEEN};
    struct imap_indexes unseen = unseen_of(f, arena);
    struct imap_walk walk = {0};
    struct fct_err ignored = {0};
    const uint32_t *failed;
    size_t nfailed;
    uint64_t mod_seq;

    if (unseen.n == 0)
        return;
    order.uids = imap_view_uids(&s->view, &unseen, arena);
    if (!store_flags(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox,
                     order.uids, order.op, order.flags.flags, NULL, 0, 0, arena, &failed, &nfailed,
                     &mod_seq, &ignored))
        return;
    imap_told_flags(s, arena, &order, &unseen);
    for (uint32_t index; imap_indexes_next(&unseen, &walk, &index);)
        imap_view_at(&s->view, index)->flags |= FLAG_SEEN;
    f->newly_seen = unseen;
}

/* ---- the filters' say ---- */

static bool reads_body(const struct imap_section *section)
{
    return !section->size_only && (section->what == SECTION_BODY || section->what == SECTION_TEXT);
}

/* The labels of what reads bodies; empty: headers at most, nobody is asked. */
static struct fct_str body_labels(const struct imap_fetch *f, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(64u << 10);

    for (size_t i = 0; i < f->nsections; i++) {
        if (!reads_body(&f->section[i]))
            continue;
        if (text.n > 0)
            buf_put_char(&text, ' ');
        buf_put_str(&text, f->section[i].label);
    }
    return arena_str(arena, buf_str(&text));
}

static FCT_MAY_WAIT bool may_read(struct imap_fetch *f, struct imap_command *c, struct fct_err *err)
{
    struct imap_session *s = f->s;
    struct fct_ev_retrieve ev = {0};
    struct filter_answer answer;

    if (f->nsections == 0 || f->messages.n == 0 || !access_wants(&s->access, FCT_HOOK_retrieve))
        return true;
    ev.section = body_labels(f, c->arena);
    if (ev.section.n == 0)
        return true;
    ev.account = str_from(s->login);
    ev.mailbox = str_from(s->view.name);
    ev.uids = access_uids(imap_view_uids(&s->view, &f->messages, c->arena), c->arena);
    return imap_ask(s, c, FCT_HOOK_retrieve, &ev, "NOPERM", &answer, err);
}

/* ---- the command ---- */

bool imap_fetch_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct imap_fetch f = {.s = s, .arena = c->arena, .items = c->uid ? FETCH_UID : 0};

    if (!imap_take_messages(s, c, &f.messages, err))
        return false;
    if (!parse_items(&c->args, c->arena, &f))
        return imap_syntax(err, "Bad items of FETCH");
    f.needs_summary |= (f.items & (FETCH_ENVELOPE | FETCH_BODY | FETCH_BODYSTRUCTURE)) != 0;
    if (!may_read(&f, c, err))
        return false;
    if (sets_seen(&f))
        set_seen(&f, c->arena);
    if (f.needs_summary) {
        if (!put_summarised(&f, err))
            return imap_store_failed(c, err);
    } else if (f.nsections > 0) {
        put_whole(&f, c->arena);
    } else {
        put_records(&f);
    }
    if (f.failed.class != FCT_OK) {
        *err = f.failed;
        return imap_store_failed(c, err);
    }
    if (f.gone)
        return imap_fail(c, "EXPUNGEISSUED", err, "Some of the messages are gone");
    return true;
}
