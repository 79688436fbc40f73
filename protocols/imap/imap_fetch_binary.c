/* imap_fetch_binary.c - BINARY and BINARY.SIZE (RFC 3516): a part without its transfer encoding.
 *
 * The length of a literal comes before its bytes, so the part is read twice: once for the size,
 * once for the bytes. Nothing larger than a piece and a carry is held, however large the part. */
#include "protocols/imap/imap_decode.h"
#include "protocols/imap/imap_fetch.h"
#include "protocols/imap/imap_response.h"

#define PIECE (256u << 10)

struct pass {
    struct imap_fetch *f;
    const struct imap_binary *part;
    uint64_t size; /* of what was decoded so far */
    bool has_nul;
    bool writes;         /* the second pass */
    uint64_t skip, left; /* of the partial, second pass */
};

/* literal8 only where it is needed: NUL inside (RFC 9051 4.3.1). */
static bool take(struct pass *p, struct fct_str bytes)
{
    struct buf *out = &p->f->s->out;
    size_t skipped = p->skip < bytes.n ? (size_t)p->skip : bytes.n;

    p->size += bytes.n;
    if (!p->writes) {
        p->has_nul = p->has_nul || (bytes.n > 0 && memchr(bytes.p, '\0', bytes.n));
        return true;
    }
    p->skip -= skipped;
    bytes = str_skip(bytes, skipped);
    if (bytes.n > p->left)
        bytes.n = (size_t)p->left;
    p->left -= bytes.n;
    buf_put_str(out, bytes);
    return imap_room(p->f->s);
}

static bool read_piece(const struct pass *p, uint64_t at, struct buf *carry, struct fct_err *err)
{
    struct imap_session *s = p->f->s;
    uint64_t left = p->part->length - at;
    uint32_t length = left < PIECE ? (uint32_t)left : PIECE;
    size_t before = carry->n;

    if (!store_read(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox,
                    p->part->uid, false, p->part->offset + at, length, carry, err))
        return false;
    return carry->n - before == length ||
           fct_fail(err, FCT_TEMP, "The message is shorter than its record");
}

static bool run_pass(struct pass *p, struct fct_err *err)
{
    struct imap_decoder d = IMAP_DECODER(p->part->transfer, PIECE);
    FCT_CLEANUP(buf_free) struct buf decoded = BUF_INIT(IMAP_DECODE_CARRY + PIECE);
    bool ok = true;

    for (uint64_t at = 0; ok && at < p->part->length; at += PIECE) {
        bool end = p->part->length - at <= PIECE;

        buf_clear(&decoded);
        ok = read_piece(p, at, &d.carry, err);
        if (ok && !imap_decode(&d, end, &decoded))
            ok = fct_fail(err, FCT_BUG, "A part grew while it was decoded");
        if (ok && !take(p, buf_str(&decoded)))
            ok = fct_fail(err, FCT_TEMP, "the client is gone");
    }
    buf_free(&d.carry);
    return ok;
}

bool imap_fetch_put_binary(struct imap_fetch *f, const struct imap_section *section,
                           const struct imap_binary *part, bool *sent, struct fct_err *err)
{
    struct pass first = {.f = f, .part = part}, second = {.f = f, .part = part, .writes = true};
    struct buf *out = &f->s->out;

    if (!run_pass(&first, err))
        return false;
    if (section->size_only) {
        buf_put_u64(out, first.size);
        return true;
    }
    second.left = first.size;
    imap_section_clip(section, &second.skip, &second.left);
    if (first.has_nul)
        buf_put_char(out, '~');
    imap_response_literal(out, second.left);
    *sent = true; /* from here on there is no way back */
    return run_pass(&second, err) && second.left == 0;
}
