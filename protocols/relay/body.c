/* body.c - see body.h. */
#include "protocols/relay/body.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/fiber/fiber.h"
#include "core/message/down_convert.h"

#include <event2/buffer.h>
#include <stdlib.h>

#define PIECE_BYTES (512u << 10) /* of a large message, read at one time */

/* ---- dots ---- */

struct span_owner {
    void (*release)(void *owner);
    void *owner;
};

static void released(const void *data, size_t n, void *arg)
{
    struct span_owner *o = arg;

    (void)data, (void)n;
    o->release(o->owner);
    free(o);
}

#define COPY_BELOW 512u /* a reference costs more than so many bytes */

static void add_span(struct evbuffer *out, struct fct_str span, void (*hold)(void *owner),
                     void (*release)(void *owner), void *owner)
{
    struct span_owner *o;

    if (span.n < COPY_BELOW) {
        evbuffer_add(out, span.p, span.n);
        return;
    }
    o = malloc(sizeof *o);
    FCT_ASSERT(o);
    *o = (struct span_owner){release, owner};
    hold(owner);
    if (evbuffer_add_reference(out, span.p, span.n, released, o) != 0) {
        evbuffer_add(out, span.p, span.n);
        released(NULL, 0, o);
    }
}

/* The next dot behind a LF, p itself not meant. Dots are rare, in base64 there are none: looking
 * for them is much faster than looking for line ends. */
static const char *next_dot(const char *p, const char *end)
{
    while (p < end && (p = memchr(p + 1, '.', (size_t)(end - p - 1))) != NULL)
        if (p[-1] == '\n')
            return p;
    return NULL;
}

/* Only CRLF ends a line here: edge lets no other line end through, and who reads LF as one would
 * find a dot that is not doubled harmless inside CRLF framing of ours. A dot behind a lone LF is
 * doubled all the same. */
void body_add_stuffed(struct evbuffer *out, struct fct_str bytes, struct dot_state *state,
                      void (*hold)(void *owner), void (*release)(void *owner), void *owner)
{
    const char *p = bytes.p, *end = bytes.p + bytes.n, *from = p;

    if (bytes.n == 0)
        return;
    if (!state->inside_line && *p == '.')
        evbuffer_add(out, ".", 1);
    while ((p = next_dot(p, end)) != NULL) {
        add_span(out, str_between(from, p), hold, release, owner);
        evbuffer_add(out, ".", 1);
        from = p;
    }
    add_span(out, str_between(from, end), hold, release, owner);
    state->inside_line = end[-1] != '\n';
    state->not_crlf = state->inside_line || !(bytes.n > 1 ? end[-2] == '\r' : state->after_cr);
    state->after_cr = end[-1] == '\r';
}

/* ---- pieces ---- */

struct piece {
    unsigned refs;
    struct buf bytes;
};

static void piece_hold(void *owner)
{
    ((struct piece *)owner)->refs++;
}

static void piece_release(void *owner)
{
    struct piece *p = owner;

    if (--p->refs > 0)
        return;
    buf_free(&p->bytes);
    free(p);
}

static void mail_hold(void *owner)
{
    ((struct mail *)owner)->refs++;
}

static void mail_release(void *owner)
{
    struct mail *m = owner;

    mail_unref(&m);
}

FCT_MAY_WAIT static struct piece *read_piece(struct store *store, struct mail *mail,
                                             uint64_t offset, struct fct_err *err)
{
    struct piece *p = calloc(1, sizeof *p);

    FCT_ASSERT(p);
    p->refs = 1;
    p->bytes = BUF_INIT(PIECE_BYTES);
    if (!store_queue_read(store, mail->entry.id, offset, PIECE_BYTES, &p->bytes, err)) {
        piece_release(p);
        return NULL;
    }
    if (p->bytes.n == 0) {
        (void)fct_fail(err, FCT_TEMP, "the original is shorter than its entry says");
        piece_release(p);
        return NULL;
    }
    return p;
}

/* ---- sending ---- */

struct sending {
    struct remote *r;
    struct evbuffer *out;
    struct dot_state dots;
    bool stuff;
};

static void add_bytes(struct sending *s, struct fct_str bytes, void (*hold)(void *owner),
                      void (*release)(void *owner), void *owner)
{
    if (s->stuff)
        body_add_stuffed(s->out, bytes, &s->dots, hold, release, owner);
    else
        add_span(s->out, bytes, hold, release, owner);
}

FCT_MAY_WAIT static bool flush(struct sending *s)
{
    if (remote_is_open(s->r) && stream_write_buffer(s->r->io, s->out))
        return true;
    return remote_fail(s->r, s->r->end == STREAM_TIMEOUT ? "4.4.1" : "4.4.2",
                       s->r->end == STREAM_TIMEOUT ? "it took no bytes of the message in time"
                                                   : "the connection was lost during the message");
}

FCT_MAY_WAIT static bool send_pieces(struct sending *s, const struct body *body, bool *early)
{
    uint64_t size = body->mail->entry.size;
    struct fct_err err = {0};

    for (uint64_t offset = 0; offset < size;) {
        struct piece *p = read_piece(body->store, body->mail, offset, &err);
        bool ok;

        if (!p)
            return remote_fail(s->r, "4.3.0", "reading the message: %s", err.text);
        offset += p->bytes.n;
        add_bytes(s, buf_str(&p->bytes), piece_hold, piece_release, p);
        piece_release(p);
        ok = flush(s);
        if (!ok)
            return false;
        *early = remote_has_input(s->r);
        if (*early)
            return true;
    }
    return true;
}

/* ---- looking into it, and converting ---- */

#define SLICE_BYTES (64u << 10) /* of a message in memory, worked on without a look at others */

/* The message in order, from memory or from the store. */
struct reading {
    const struct body *body;
    uint64_t offset;
    struct piece *piece;
};

/* An empty piece is the end. Valid until the next call. */
FCT_MAY_WAIT static bool read_next(struct reading *r, struct fct_str *bytes, struct fct_err *err)
{
    const struct mail *m = r->body->mail;

    if (r->piece)
        piece_release(r->piece);
    r->piece = NULL;
    *bytes = (struct fct_str){0};
    if (r->offset == m->entry.size)
        return true;
    if (m->body.p) {
        *bytes = str_head(str_skip(m->body, (size_t)r->offset), SLICE_BYTES);
        if (r->offset > 0)
            (void)fiber_sleep(0); /* others have their turn */
    } else {
        r->piece = read_piece(r->body->store, r->body->mail, r->offset, err);
        if (!r->piece)
            return false;
        *bytes = buf_str(&r->piece->bytes);
    }
    r->offset += bytes->n;
    return true;
}

static void read_end(struct reading *r)
{
    if (r->piece)
        piece_release(r->piece);
    r->piece = NULL;
}

/* What the next bytes became; *last: there are no more. */
FCT_MAY_WAIT static struct piece *convert_next(struct reading *r, bool *last, struct fct_err *err)
{
    struct down_convert *conversion = r->body->conversion;
    struct fct_str bytes;
    struct piece *p;

    if (!read_next(r, &bytes, err))
        return NULL;
    *last = bytes.n == 0;
    p = calloc(1, sizeof *p);
    FCT_ASSERT(p);
    p->refs = 1;
    p->bytes = BUF_INIT(DOWN_CONVERT_GROWTH * bytes.n + DOWN_CONVERT_SLACK);
    if (*last)
        down_convert_end(conversion, &p->bytes);
    else
        down_convert_write(conversion, bytes, &p->bytes);
    FCT_ASSERT(!p->bytes.overflow);
    return p;
}

FCT_MAY_WAIT static bool send_converted(struct sending *s, const struct body *body, bool *early)
{
    struct reading r = {.body = body};
    struct fct_err err = {0};
    bool last = false, ok = true;

    down_convert_begin(body->conversion);
    while (ok && !last && !*early) {
        struct piece *p = convert_next(&r, &last, &err);

        if (!p)
            return remote_fail(s->r, "4.3.0", "reading the message: %s", err.text);
        add_bytes(s, buf_str(&p->bytes), piece_hold, piece_release, p);
        piece_release(p);
        ok = flush(s);
        *early = ok && remote_has_input(s->r);
    }
    read_end(&r);
    return ok;
}

bool body_look(const struct body *body, struct fct_err *err)
{
    struct reading r = {.body = body};
    struct fct_str bytes;

    while (read_next(&r, &bytes, err)) {
        if (bytes.n == 0)
            return true;
        down_convert_look(body->conversion, bytes);
    }
    return false;
}

bool body_is_ascii(const struct body *body, bool *ascii, struct fct_err *err)
{
    struct reading r = {.body = body};
    struct fct_str bytes;

    *ascii = true;
    while (*ascii) {
        if (!read_next(&r, &bytes, err))
            return false;
        if (bytes.n == 0)
            break;
        *ascii = str_is_ascii(bytes);
    }
    read_end(&r);
    return true;
}

/* ---- all of it ---- */

FCT_MAY_WAIT static bool send_all(struct sending *s, const struct body *body, bool *early)
{
    struct mail *mail = body->mail;

    if (body->conversion) {
        if (!send_converted(s, body, early) || *early)
            return *early;
    } else if (mail->body.p) {
        add_bytes(s, mail->body, mail_hold, mail_release, mail);
    } else if (!send_pieces(s, body, early) || *early) {
        return *early;
    }
    if (s->stuff && s->dots.not_crlf)
        evbuffer_add(s->out, "\r\n", 2);
    if (s->stuff)
        evbuffer_add(s->out, ".\r\n", 3);
    return flush(s);
}

bool body_send(struct remote *r, const struct body *body, enum body_framing framing,
               uint64_t block_timeout_ms, bool *early)
{
    struct sending s = {.r = r, .out = evbuffer_new(), .stuff = framing == BODY_DATA};
    bool ok;

    FCT_ASSERT(s.out);
    *early = false;
    remote_must_take(r, block_timeout_ms);
    if (framing == BODY_BDAT)
        evbuffer_add_printf(s.out, "BDAT %llu LAST\r\n",
                            (unsigned long long)body->mail->entry.size);
    ok = send_all(&s, body, early);
    evbuffer_free(s.out);
    remote_must_take(r, 0);
    return ok;
}
