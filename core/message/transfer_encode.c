/* transfer_encode.c - see transfer_encode.h. */
#include "core/message/transfer_encode.h"

#include "core/base/base64.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/message/base64_scan.h"
#include "core/message/transfer.h"

enum {
    LINE_MAX_CHARS = 76,      /* RFC 2045 6.7 rule 5, 6.8 */
    REPAIR_LINE_MAX = 1 << 16 /* of quoted-printable that was not written by its rules */
};

static void emit(struct transfer_encoder *e, const char *p, size_t n, struct buf *out)
{
    e->size += n;
    if (out)
        buf_put(out, p, n);
}

static void new_line(struct transfer_encoder *e, struct buf *out)
{
    emit(e, "\r\n", 2, out);
    e->column = 0;
    e->only_dash = false;
}

/* ---- quoted-printable ---- */

/* Something that must stay in one line; one column is kept for the '=' of a soft break. */
static void qp_token(struct transfer_encoder *e, const char *p, unsigned n, struct buf *out)
{
    if (e->column + n > LINE_MAX_CHARS - 1) {
        emit(e, "=", 1, out);
        new_line(e, out);
    }
    emit(e, p, n, out);
    e->column += n;
    e->only_dash = false;
}

static void qp_escape(struct transfer_encoder *e, char c, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char byte = (unsigned char)c;
    const char token[3] = {'=', digits[byte >> 4], digits[byte & 15]};

    qp_token(e, token, sizeof token, out);
}

/* White space at the end of a line would be taken away on the way (RFC 2045 6.7 rule 3). */
static void qp_release_blank(struct transfer_encoder *e, bool line_ends, struct buf *out)
{
    char blank = e->blank;

    e->blank = 0;
    if (blank && line_ends)
        qp_escape(e, blank, out);
    else if (blank)
        qp_token(e, &blank, 1, out);
}

/* A line of the result must not begin as boundaries do when the part's did not: soft breaks make
 * new lines, and escapes make others of old ones. */
static void qp_put_visible(struct transfer_encoder *e, char c, struct buf *out)
{
    if (c == '=' || (c == '-' && e->only_dash))
        qp_escape(e, c, out);
    else
        qp_token(e, &c, 1, out);
    e->only_dash = c == '-' && e->column == 1;
}

static void qp_put(struct transfer_encoder *e, char c, struct buf *out)
{
    if (e->after_cr) {
        e->after_cr = false;
        qp_release_blank(e, c == '\n', out);
        if (c == '\n') {
            new_line(e, out);
            return;
        }
        qp_escape(e, '\r', out);
    }
    if (c == '\r') {
        e->after_cr = true;
        return;
    }
    qp_release_blank(e, false, out);
    if (c == ' ' || c == '\t')
        e->blank = c;
    else if (c >= 33 && c <= 126)
        qp_put_visible(e, c, out);
    else
        qp_escape(e, c, out);
}

static void qp_put_all(struct transfer_encoder *e, struct fct_str in, struct buf *out)
{
    for (size_t i = 0; i < in.n; i++)
        qp_put(e, in.p[i], out);
}

static void qp_end(struct transfer_encoder *e, bool needs_line_end, struct buf *out)
{
    qp_release_blank(e, !e->after_cr, out);
    if (e->after_cr)
        qp_escape(e, '\r', out);
    e->after_cr = false;
    if (!needs_line_end || e->column == 0)
        return;
    emit(e, "=", 1, out); /* the line end is none of the part's */
    new_line(e, out);
}

/* ---- base64 ---- */

static void base64_line(struct transfer_encoder *e, struct buf *out)
{
    if (e->column > 0)
        new_line(e, out);
    e->column = (unsigned)((e->nheld + 2) / 3 * 4);
    e->size += e->column;
    if (out)
        (void)base64_encode((struct fct_str){e->held, e->nheld}, out); /* out knows of overflow */
    e->nheld = 0;
}

static void base64_put_all(struct transfer_encoder *e, struct fct_str in, struct buf *out)
{
    while (in.n > 0) {
        struct fct_str now = str_head(in, sizeof e->held - e->nheld);

        memcpy(e->held + e->nheld, now.p, now.n);
        e->nheld += now.n;
        in = str_skip(in, now.n);
        if (e->nheld == sizeof e->held)
            base64_line(e, out);
    }
}

static void base64_end(struct transfer_encoder *e, bool needs_line_end, struct buf *out)
{
    if (e->nheld > 0)
        base64_line(e, out);
    if (needs_line_end && e->column > 0)
        new_line(e, out);
}

/* ---- repairs ---- */

static void repair_line(struct transfer_encoder *e, struct buf *out)
{
    e->plain.max = e->line.n;
    buf_clear(&e->plain);
    FCT_ASSERT(transfer_decode(TRANSFER_QUOTED_PRINTABLE, buf_str(&e->line), &e->plain));
    buf_clear(&e->line);
    qp_put_all(e, buf_str(&e->plain), out);
}

/* Decoding knows nothing of the line before: it can be done by the line. */
static void repair_qp(struct transfer_encoder *e, struct fct_str in, struct buf *out)
{
    while (in.n > 0 && !e->failed) {
        ptrdiff_t lf = str_find_char(in, '\n');
        struct fct_str now = lf < 0 ? in : str_head(in, (size_t)lf + 1);

        e->failed = !buf_put_str(&e->line, now);
        in = str_skip(in, now.n);
        if (lf >= 0 && !e->failed)
            repair_line(e, out);
    }
}

static void repair_qp_end(struct transfer_encoder *e, bool needs_line_end, struct buf *out)
{
    if (!e->failed)
        repair_line(e, out);
    qp_end(e, needs_line_end, out);
}

/* Everything outside the alphabet means nothing (RFC 2045 6.8). */
static void repair_base64(struct transfer_encoder *e, struct fct_str in, struct buf *out)
{
    for (size_t i = 0; i < in.n; i++) {
        if (base64_value[(unsigned char)in.p[i]] == BASE64_SKIP)
            continue;
        if (e->column == LINE_MAX_CHARS)
            new_line(e, out);
        emit(e, &in.p[i], 1, out);
        e->column++;
    }
}

/* ---- all of them ---- */

static const struct {
    void (*put)(struct transfer_encoder *e, struct fct_str in, struct buf *out);
    void (*end)(struct transfer_encoder *e, bool needs_line_end, struct buf *out);
} encodings[] = {
    [ENCODE_QUOTED_PRINTABLE] = {qp_put_all, qp_end},
    [ENCODE_BASE64] = {base64_put_all, base64_end},
    [ENCODE_REPAIR_QUOTED_PRINTABLE] = {repair_qp, repair_qp_end},
    [ENCODE_REPAIR_BASE64] = {repair_base64, base64_end},
};

void transfer_encoder_start(struct transfer_encoder *e, enum encoding encoding)
{
    struct buf line = e->line, plain = e->plain;

    *e = (struct transfer_encoder){.encoding = encoding, .line = line, .plain = plain};
    e->line.max = REPAIR_LINE_MAX;
    buf_clear(&e->line);
}

void transfer_encoder_put(struct transfer_encoder *e, struct fct_str in, struct buf *out)
{
    encodings[e->encoding].put(e, in, out);
}

void transfer_encoder_end(struct transfer_encoder *e, bool needs_line_end, struct buf *out)
{
    encodings[e->encoding].end(e, needs_line_end, out);
}

void transfer_encoder_free(struct transfer_encoder *e)
{
    buf_free(&e->line);
    buf_free(&e->plain);
}
