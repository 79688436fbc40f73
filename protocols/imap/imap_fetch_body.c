/* imap_fetch_body.c - sections of messages: read from the store some steps ahead of what is being
 * sent.
 *
 * Two cursors run over the same sequence of (message, section, piece): one asks for pieces, a group
 * of them at a time and at most WINDOW groups ahead, the other takes them in order and writes the
 * answer. Nothing larger than a piece is held, except sections that must be seen whole
 * (HEADER.FIELDS). BINARY reads for itself (imap_fetch_binary.c). */
#include "protocols/imap/imap_fetch.h"

#include "protocols/imap/imap_response.h"

#define WINDOW       4
#define GROUP_PIECES 64
#define GROUP_BYTES  (128u << 10) /* a group is full above that: many small pieces, or one */
#define PIECE        (256u << 10)
#define HEADER_MAX   (1u << 20) /* fields behind it are not found, as everywhere (mime.h) */
_Static_assert(GROUP_PIECES <= STORE_MANY && GROUP_BYTES + PIECE <= STORE_MANY_BYTES,
               "a group is one question to the store");

enum section_kind {
    KIND_NIL,    /* the message has no such section */
    KIND_BYTES,  /* as stored: streamed */
    KIND_WHOLE,  /* must be seen whole first */
    KIND_BINARY, /* to be decoded */
};

struct plan {
    enum section_kind kind;
    uint64_t offset, length;
    enum transfer transfer;
};

/* One question to the store. */
struct group {
    struct store_reading reading;
    struct store_pieces answer;
    bool collected;
    struct fct_err err; /* why the whole of it failed */
    size_t message[GROUP_PIECES];
    uint32_t length[GROUP_PIECES];
    size_t n, at; /* at: the next piece to be taken */
};

struct cursor {
    size_t message, section;
    uint64_t at; /* in the planned bytes */
};

struct reader {
    struct imap_fetch *f;
    const struct imap_message *m;
    size_t n;
    struct cursor ahead;
    struct group window[WINDOW];
    size_t first, count; /* groups */
};

static struct plan plan_section(const struct reader *r, size_t message, size_t section)
{
    const struct imap_section *wanted = &r->f->section[section];
    const struct imap_message *m = &r->m[message];
    struct imap_span span = {0, imap_view_at(&r->f->s->view, m->index)->size, TRANSFER_IDENTITY};
    struct plan plan = {KIND_BYTES, 0, 0, TRANSFER_IDENTITY};

    if (imap_section_needs_summary(wanted) && !imap_section_find(wanted, &m->summary, &span))
        return (struct plan){KIND_NIL, 0, 0, TRANSFER_IDENTITY};
    plan.offset = span.offset;
    plan.length = span.length;
    plan.transfer = span.transfer;
    if (wanted->binary) {
        plan.kind = KIND_BINARY;
        return plan;
    }
    if (wanted->what == SECTION_FIELDS || wanted->what == SECTION_FIELDS_NOT) {
        plan.kind = KIND_WHOLE;
        if (plan.length > HEADER_MAX)
            plan.length = HEADER_MAX;
        return plan;
    }
    imap_section_clip(wanted, &plan.offset, &plan.length);
    return plan;
}

static bool reads_ahead(const struct plan *plan)
{
    return plan->kind == KIND_WHOLE || plan->kind == KIND_BYTES;
}

/* ---- reading ahead ---- */

static void next_section(struct reader *r)
{
    r->ahead.at = 0;
    if (++r->ahead.section == r->f->nsections) {
        r->ahead.section = 0;
        r->ahead.message++;
    }
}

/* The next piece of the plan goes into the question. */
static uint32_t add_piece(struct reader *r, const struct plan *plan, struct group *g,
                          struct store_piece *piece)
{
    uint64_t left = plan->length - r->ahead.at;
    uint32_t length = left < PIECE ? (uint32_t)left : PIECE;

    g->message[g->n] = r->ahead.message;
    g->length[g->n++] = length;
    piece->uid = imap_view_at(&r->f->s->view, r->m[r->ahead.message].index)->uid;
    piece->offset = plan->offset + r->ahead.at;
    piece->length = length;
    r->ahead.at += length;
    return length;
}

/* What the cursor meets next, until the group is full. */
static size_t fill_group(struct reader *r, struct group *g, struct store_piece piece[GROUP_PIECES])
{
    uint32_t bytes = 0;

    while (g->n < GROUP_PIECES && bytes < GROUP_BYTES && r->ahead.message < r->n) {
        struct plan plan = {KIND_NIL, 0, 0, TRANSFER_IDENTITY};

        if (r->m[r->ahead.message].here)
            plan = plan_section(r, r->ahead.message, r->ahead.section);
        if (reads_ahead(&plan) && r->ahead.at < plan.length)
            bytes += add_piece(r, &plan, g, &piece[g->n]);
        else
            next_section(r);
    }
    return g->n;
}

static void fill_window(struct reader *r)
{
    struct imap_session *s = r->f->s;

    while (r->count < WINDOW) {
        struct group *g = &r->window[(r->first + r->count) % WINDOW];
        struct store_piece piece[GROUP_PIECES];

        g->n = g->at = 0;
        if (fill_group(r, g, piece) == 0)
            return;
        g->collected = false;
        g->err = (struct fct_err){0};
        g->reading = store_read_many_start(s->edge.listener->edge->store, s->principal.handle,
                                           s->view.mailbox, piece, g->n);
        r->count++;
    }
}

static void drop_first(struct reader *r)
{
    struct group *g = &r->window[r->first];

    if (g->collected)
        store_pieces_free(&g->answer);
    else
        store_read_drop(g->reading);
    r->first = (r->first + 1) % WINDOW;
    r->count--;
}

/* The next piece, appended to `out`. */
static bool collect_piece(struct reader *r, struct buf *out, uint32_t *length, struct fct_err *err)
{
    struct group *g;
    struct fct_str bytes = {0};
    bool ok;

    fill_window(r);
    FCT_ASSERT(r->count > 0);
    g = &r->window[r->first];
    if (!g->collected && !store_read_many_collect(g->reading, &g->answer, &g->err) &&
        g->err.class == FCT_OK)
        g->err.class = FCT_BUG;
    g->collected = true;
    *length = g->length[g->at++];
    ok = g->err.class == FCT_OK && store_pieces_next(&g->answer, &bytes, err);
    if (g->err.class != FCT_OK)
        *err = g->err;
    else if (ok && bytes.n != *length)
        ok = fct_fail(err, FCT_TEMP, "The message is shorter than its record");
    if (ok)
        buf_put_str(out, bytes);
    if (g->at == g->n)
        drop_first(r);
    return ok;
}

/* Those of a message that will not be answered. */
static void skip_pieces(struct reader *r, size_t message)
{
    FCT_CLEANUP(buf_free) struct buf ignored = BUF_INIT(PIECE);
    struct fct_err err = {0};
    uint32_t length;

    while (r->count > 0 && r->window[r->first].message[r->window[r->first].at] <= message) {
        buf_clear(&ignored);
        (void)!collect_piece(r, &ignored, &length, &err);
    }
}

/* ---- writing ---- */

static void put_label(struct reader *r, size_t section)
{
    buf_put_str(&r->f->s->out, r->f->section[section].label);
    buf_put_char(&r->f->s->out, ' ');
}

/* {n} and n bytes, piece by piece. *sent: some of it may have left already, there is no way back.
 */
static bool put_bytes(struct reader *r, const struct plan *plan, bool *sent, struct fct_err *err)
{
    struct imap_session *s = r->f->s;
    uint32_t length = 0;

    imap_response_literal(&s->out, plan->length);
    for (uint64_t at = 0; at < plan->length; at += length) {
        if (!collect_piece(r, &s->out, &length, err))
            return false;
        if (s->out.n < IMAP_FLUSH_ABOVE)
            continue;
        *sent = true;
        if (!imap_flush(s))
            return fct_fail(err, FCT_TEMP, "the client is gone");
    }
    return true;
}

static void put_fields(struct reader *r, const struct imap_section *section, struct fct_str header)
{
    struct buf *out = &r->f->s->out;
    FCT_CLEANUP(buf_free) struct buf fields = BUF_INIT(HEADER_MAX + 2);
    uint64_t offset = 0, length;

    imap_section_filter(section, header, r->f->arena, &fields);
    length = fields.n;
    imap_section_clip(section, &offset, &length);
    imap_response_literal(out, length);
    buf_put_str(out, str_head(str_skip(buf_str(&fields), (size_t)offset), (size_t)length));
}

static bool put_whole(struct reader *r, const struct imap_section *section, const struct plan *plan,
                      struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf whole = BUF_INIT(HEADER_MAX);
    uint32_t length = 0;

    for (uint64_t at = 0; at < plan->length; at += length)
        if (!collect_piece(r, &whole, &length, err))
            return false;
    put_fields(r, section, buf_str(&whole));
    return true;
}

static bool put_binary(struct reader *r, size_t message, const struct imap_section *section,
                       const struct plan *plan, bool *sent, struct fct_err *err)
{
    const struct imap_binary part = {
        .uid = imap_view_at(&r->f->s->view, r->m[message].index)->uid,
        .offset = plan->offset,
        .length = plan->length,
        .transfer = plan->transfer,
    };

    return imap_fetch_put_binary(r->f, section, &part, sent, err);
}

static bool put_planned(struct reader *r, size_t message, const struct imap_section *section,
                        const struct plan *plan, bool *sent, struct fct_err *err)
{
    switch (plan->kind) {
    case KIND_NIL:
        buf_put_c(&r->f->s->out, "NIL");
        return true;
    case KIND_WHOLE:
        return put_whole(r, section, plan, err);
    case KIND_BINARY:
        return put_binary(r, message, section, plan, sent, err);
    case KIND_BYTES:
        break;
    }
    return put_bytes(r, plan, sent, err);
}

static bool put_section(struct reader *r, size_t message, size_t section, bool *sent,
                        struct fct_err *err)
{
    const struct plan plan = plan_section(r, message, section);

    put_label(r, section);
    if (!put_planned(r, message, &r->f->section[section], &plan, sent, err))
        return false;
    buf_put_char(&r->f->s->out, section + 1 == r->f->nsections ? ')' : ' ');
    return true;
}

/* A message that cannot be read leaves no trace in the answer, if none of it has left yet; else
 * only closing the connection keeps the client from reading other bytes as the rest of a literal.
 */
static bool give_up(struct reader *r, size_t message, size_t start, bool sent,
                    const struct fct_err *err)
{
    struct imap_session *s = r->f->s;

    if (err->class == FCT_DENIED)
        r->f->gone = true;
    else if (r->f->failed.class == FCT_OK)
        r->f->failed = *err;
    if (r->ahead.message <= message)
        r->ahead = (struct cursor){message + 1, 0, 0};
    skip_pieces(r, message);
    if (!sent) {
        s->out.n = start;
        return true;
    }
    buf_clear(&s->out);
    s->ending = true;
    return false;
}

static bool put_message(struct reader *r, size_t message)
{
    struct imap_session *s = r->f->s;
    size_t start = s->out.n;
    bool sent = false;
    struct fct_err err = {0};

    imap_fetch_put_items(r->f, &r->m[message]);
    for (size_t i = 0; i < r->f->nsections; i++)
        if (!put_section(r, message, i, &sent, &err))
            return give_up(r, message, start, sent, &err);
    buf_put(&s->out, "\r\n", 2);
    return imap_room(s);
}

bool imap_fetch_bodies(struct imap_fetch *f, const struct imap_message *m, size_t n)
{
    struct reader r = {.f = f, .m = m, .n = n};
    bool alive = true;

    for (size_t i = 0; i < n && alive; i++) {
        if (m[i].here)
            alive = put_message(&r, i);
        else
            f->gone = true;
    }
    while (r.count > 0)
        drop_first(&r);
    return alive;
}
