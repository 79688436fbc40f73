/* imap_fetch_body.c - sections of messages: read from the store some steps ahead of what is being
 * sent.
 *
 * Two cursors run over the same sequence of (message, section, piece): one starts reads, at most
 * WINDOW of them or WINDOW_BYTES, the other collects them in order and writes the answer. Nothing
 * larger than a piece is held, except sections that must be seen whole (HEADER.FIELDS, BINARY). */
#include "protocols/imap/imap_fetch.h"

#include "protocols/imap/imap_response.h"

#define WINDOW       16
#define WINDOW_BYTES (512u << 10)
#define PIECE        (256u << 10)
#define WHOLE_MAX    (128u << 20) /* of a section that must be seen whole */

enum section_kind {
    KIND_NIL,   /* the message has no such section */
    KIND_BYTES, /* as stored: streamed */
    KIND_WHOLE, /* must be seen whole first */
};

struct plan {
    enum section_kind kind;
    uint64_t offset, length;
    enum transfer transfer;
};

struct read_ahead {
    struct store_reading reading;
    size_t message;
    uint32_t length;
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
    struct read_ahead window[WINDOW];
    size_t first, count, bytes;
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
    if (wanted->what == SECTION_FIELDS || wanted->what == SECTION_FIELDS_NOT ||
        (wanted->binary && !(wanted->size_only && span.transfer == TRANSFER_IDENTITY))) {
        plan.kind = KIND_WHOLE;
        plan.transfer = span.transfer;
        return plan;
    }
    imap_section_clip(wanted, &plan.offset, &plan.length);
    return plan;
}

/* Is anything to be read for it? BINARY.SIZE of a part that is not encoded is known. */
static bool reads_bytes(const struct imap_section *section, const struct plan *plan)
{
    return plan->kind == KIND_WHOLE || (plan->kind == KIND_BYTES && !section->size_only);
}

/* ---- reading ahead -------------------------------------------------------------------------- */

static void next_section(struct reader *r)
{
    r->ahead.at = 0;
    if (++r->ahead.section == r->f->nsections) {
        r->ahead.section = 0;
        r->ahead.message++;
    }
}

static void start_piece(struct reader *r, const struct plan *plan)
{
    struct imap_session *s = r->f->s;
    struct read_ahead *next = &r->window[(r->first + r->count) % WINDOW];
    uint64_t left = plan->length - r->ahead.at;

    next->message = r->ahead.message;
    next->length = left < PIECE ? (uint32_t)left : PIECE;
    next->reading =
        store_read_start(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox,
                         imap_view_at(&s->view, r->m[next->message].index)->uid, false,
                         plan->offset + r->ahead.at, next->length);
    r->ahead.at += next->length;
    r->bytes += next->length;
    r->count++;
}

static void fill_window(struct reader *r)
{
    while (r->count < WINDOW && (r->count == 0 || r->bytes < WINDOW_BYTES) &&
           r->ahead.message < r->n) {
        struct plan plan = {KIND_NIL, 0, 0, TRANSFER_IDENTITY};

        if (r->m[r->ahead.message].here)
            plan = plan_section(r, r->ahead.message, r->ahead.section);
        if (reads_bytes(&r->f->section[r->ahead.section], &plan) && r->ahead.at < plan.length)
            start_piece(r, &plan);
        else
            next_section(r);
    }
}

static void drop_first(struct reader *r)
{
    store_read_drop(r->window[r->first].reading);
    r->bytes -= r->window[r->first].length;
    r->first = (r->first + 1) % WINDOW;
    r->count--;
}

/* The next piece, appended to `out`. */
static bool collect_piece(struct reader *r, struct buf *out, uint32_t *length, struct fct_err *err)
{
    struct read_ahead *piece;
    size_t before = out->n;

    fill_window(r);
    FCT_ASSERT(r->count > 0);
    piece = &r->window[r->first];
    *length = piece->length;
    r->bytes -= piece->length;
    r->first = (r->first + 1) % WINDOW;
    r->count--;
    if (!store_read_collect(piece->reading, out, err))
        return false;
    return out->n - before == *length ||
           fct_fail(err, FCT_TEMP, "The message is shorter than its record");
}

/* ---- writing -------------------------------------------------------------------------------- */

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

/* literal8 only where it is needed: NUL inside (RFC 9051 4.3.1). */
static void put_binary(struct buf *out, struct fct_str bytes)
{
    if (memchr(bytes.p ? bytes.p : "", '\0', bytes.n))
        buf_put_char(out, '~');
    imap_response_literal(out, bytes.n);
    buf_put_str(out, bytes);
}

static void put_transformed(struct reader *r, const struct imap_section *section,
                            const struct plan *plan, struct fct_str bytes)
{
    struct buf *out = &r->f->s->out;
    FCT_CLEANUP(buf_free) struct buf made = BUF_INIT(WHOLE_MAX);
    uint64_t offset = 0, length;

    if (section->binary)
        transfer_decode(plan->transfer, bytes, &made);
    else
        imap_section_filter(section, bytes, r->f->arena, &made);
    length = made.n;
    if (section->size_only) {
        buf_put_u64(out, length);
        return;
    }
    imap_section_clip(section, &offset, &length);
    bytes = str_head(str_skip(buf_str(&made), (size_t)offset), (size_t)length);
    if (section->binary) {
        put_binary(out, bytes);
        return;
    }
    imap_response_literal(out, bytes.n);
    buf_put_str(out, bytes);
}

static bool put_whole(struct reader *r, const struct imap_section *section, const struct plan *plan,
                      struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf whole = BUF_INIT(WHOLE_MAX);
    uint32_t length = 0;

    for (uint64_t at = 0; at < plan->length; at += length)
        if (!collect_piece(r, &whole, &length, err))
            return false;
    put_transformed(r, section, plan, buf_str(&whole));
    return true;
}

static bool put_section(struct reader *r, size_t message, size_t section, bool *sent,
                        struct fct_err *err)
{
    const struct imap_section *wanted = &r->f->section[section];
    const struct plan plan = plan_section(r, message, section);
    struct buf *out = &r->f->s->out;

    put_label(r, section);
    if (plan.kind == KIND_NIL) {
        buf_put_c(out, "NIL");
    } else if (plan.kind == KIND_WHOLE) {
        if (!put_whole(r, wanted, &plan, err))
            return false;
    } else if (wanted->size_only) {
        buf_put_u64(out, plan.length);
    } else if (!put_bytes(r, &plan, sent, err)) {
        return false;
    }
    buf_put_char(out, section + 1 == r->f->nsections ? ')' : ' ');
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
    while (r->count > 0 && r->window[r->first].message <= message)
        drop_first(r);
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
