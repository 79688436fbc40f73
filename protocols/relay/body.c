/* body.c - see body.h. */
#include "protocols/relay/body.h"

#include "core/base/str.h"
#include "core/base/utf8.h"

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

FCT_MAY_WAIT static bool send_pieces(struct sending *s, struct store *store, struct mail *mail,
                                     bool *early)
{
    struct fct_err err = {0};

    for (uint64_t offset = 0; offset < mail->entry.size;) {
        struct piece *p = read_piece(store, mail, offset, &err);
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

FCT_MAY_WAIT static bool send_all(struct sending *s, struct store *store, struct mail *mail,
                                  bool *early)
{
    if (mail->body.p)
        add_bytes(s, mail->body, mail_hold, mail_release, mail);
    else if (!send_pieces(s, store, mail, early) || *early)
        return *early;
    if (s->stuff && s->dots.not_crlf)
        evbuffer_add(s->out, "\r\n", 2);
    if (s->stuff)
        evbuffer_add(s->out, ".\r\n", 3);
    return flush(s);
}

bool body_send(struct remote *r, struct store *store, struct mail *mail, enum body_framing framing,
               uint64_t block_timeout_ms, bool *early)
{
    struct sending s = {.r = r, .out = evbuffer_new(), .stuff = framing == BODY_DATA};
    bool ok;

    FCT_ASSERT(s.out);
    *early = false;
    remote_must_take(r, block_timeout_ms);
    if (framing == BODY_BDAT)
        evbuffer_add_printf(s.out, "BDAT %llu LAST\r\n", (unsigned long long)mail->entry.size);
    ok = send_all(&s, store, mail, early);
    evbuffer_free(s.out);
    remote_must_take(r, 0);
    return ok;
}

bool body_is_ascii(struct store *store, struct mail *mail)
{
    struct fct_err err = {0};

    if (mail->body.p)
        return str_is_ascii(mail->body);
    for (uint64_t offset = 0; offset < mail->entry.size;) {
        struct piece *p = read_piece(store, mail, offset, &err);
        bool ascii;

        if (!p)
            return false;
        offset += p->bytes.n;
        ascii = str_is_ascii(buf_str(&p->bytes));
        piece_release(p);
        if (!ascii)
            return false;
    }
    return true;
}
