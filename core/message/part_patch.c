/* part_patch.c - quoted-printable by the line, base64 by the quantum, the rest as it stands. */
#include "core/message/part_patch.h"

#include "core/base/base64.h"
#include "core/base/str.h"

#define QP_LINE_MAX     76 /* RFC 2045 6.7 rule 5 */
#define BASE64_LINE_MAX 76 /* RFC 2045 6.8 */

/* ---- patches on decoded bytes ---- */

/* Decoded bytes [start, …) of a region with its patches applied. */
static void apply_patches(struct fct_str decoded, size_t start, const struct part_patch *patch,
                          size_t n, struct buf *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        size_t from = patch[i].offset - start;

        buf_put_str(out, str_head(str_skip(decoded, at), from - at));
        buf_put_str(out, patch[i].with);
        at = from + patch[i].length;
    }
    buf_put_str(out, str_skip(decoded, at));
}

static size_t inserted_bytes(const struct part_patch *patch, size_t n)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += patch[i].with.n;
    return bytes;
}

/* "trackers", or "trackers+lua:rules" where one edit carries the wishes of two. */
static struct fct_str joined_origin(struct arena *arena, const struct part_patch *patch, size_t n)
{
    struct fct_str origin = patch[0].origin;

    for (size_t i = 1; i < n; i++)
        if (str_find(origin, patch[i].origin) < 0)
            origin = arena_printf(arena, "%.*s+%.*s", FCT_FMT(origin), FCT_FMT(patch[i].origin));
    return origin;
}

/* A run of encoded bytes that is written anew, and the decoded bytes it stands for. */
struct region {
    size_t from, to;     /* encoded, in the part */
    size_t decoded_from; /* offset of its first decoded byte */
};

static struct fct_str part_of(const struct part_span *span)
{
    return str_head(str_skip(span->message, span->offset), span->length);
}

static void decode_region(const struct part_span *span, const struct region *r, struct buf *out)
{
    (void)transfer_decode(span->encoding,
                          str_head(str_skip(part_of(span), r->from), r->to - r->from), out);
}

/* ---- quoted-printable: writing ---- */

struct qp_writer {
    struct buf *out;
    size_t column;
};

static void qp_soft_break(struct qp_writer *w)
{
    buf_put_c(w->out, "=\r\n");
    w->column = 0;
}

/* A whole unit (one character or =XX), with room left for a soft break. */
static void qp_put(struct qp_writer *w, const char *unit, size_t n)
{
    if (w->column + n > QP_LINE_MAX - 1)
        qp_soft_break(w);
    buf_put(w->out, unit, n);
    w->column += n;
}

static void qp_put_escaped(struct qp_writer *w, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    const char unit[3] = {'=', hex[c >> 4], hex[c & 15]};

    qp_put(w, unit, sizeof unit);
}

static bool is_line_end(struct fct_str text, size_t i)
{
    return i == text.n || (text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n');
}

/* White space in front of a line end would be lost on the way (rule 3); a hyphen at a line's start
 * could become a boundary of the multipart around it. */
static bool qp_is_literal(const struct qp_writer *w, struct fct_str text, size_t i)
{
    unsigned char c = (unsigned char)text.p[i];

    if (c == ' ' || c == '\t')
        return !is_line_end(text, i + 1);
    if (c == '-')
        return w->column > 0 && w->column < QP_LINE_MAX - 1;
    return c > ' ' && c < 127 && c != '=';
}

/* Canonical line ends stay line ends; other CR and LF are data (rule 4). */
static void qp_write(struct qp_writer *w, struct fct_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\r' && is_line_end(text, i)) {
            buf_put_c(w->out, "\r\n");
            w->column = 0;
            i++;
        } else if (qp_is_literal(w, text, i)) {
            qp_put(w, text.p + i, 1);
        } else {
            qp_put_escaped(w, (unsigned char)text.p[i]);
        }
    }
}

/* ---- quoted-printable: finding the lines ---- */

/* The encoded part, line by line, with the place of each in the decoded bytes. Lines decode
 * independently of each other. */
struct qp_lines {
    struct fct_str part;
    struct buf line; /* decoded */
    size_t at, decoded;
};

/* Moves behind the next line; false at the end. */
static bool qp_next_line(struct qp_lines *l)
{
    struct fct_str rest = str_skip(l->part, l->at);
    ptrdiff_t lf = str_find_char(rest, '\n');
    size_t n = lf < 0 ? rest.n : (size_t)lf + 1;

    if (n == 0)
        return false;
    buf_clear(&l->line);
    (void)transfer_decode(TRANSFER_QUOTED_PRINTABLE, str_head(rest, n), &l->line);
    l->at += n;
    l->decoded += l->line.n;
    return true;
}

static bool at_line_start(const struct qp_lines *l)
{
    return l->at > 0 && l->part.p[l->at - 1] == '\n';
}

/* Goes to the line that holds the decoded byte `offset`: it becomes the region. Behind the last
 * byte: the last line, so that its length is known, unless it has an end. */
static void qp_find_line(struct qp_lines *l, size_t offset, struct region *r)
{
    *r = (struct region){l->at, l->at, l->decoded};
    while (l->decoded <= offset) {
        struct region line = {l->at, l->at, l->decoded};

        if (!qp_next_line(l))
            break;
        line.to = l->at;
        *r = line;
    }
    if (l->decoded <= offset && at_line_start(l))
        *r = (struct region){l->at, l->at, l->decoded};
}

/* The lines that hold patch[0], and all further patches that touch them; returns how many. */
static size_t qp_region(struct qp_lines *l, const struct part_patch *patch, size_t n,
                        struct region *r)
{
    size_t taken = 0;

    qp_find_line(l, patch[0].offset, r);
    do {
        size_t end = patch[taken].offset + patch[taken].length;

        while (l->decoded < end && qp_next_line(l))
            r->to = l->at;
        taken++;
    } while (taken < n && (patch[taken].offset < l->decoded || l->at == l->part.n));
    return taken;
}

static struct edit qp_edit(struct arena *arena, const struct part_span *span,
                           const struct region *r, const struct part_patch *patch, size_t n)
{
    size_t encoded = r->to - r->from, most = encoded + inserted_bytes(patch, n);
    FCT_CLEANUP(buf_free) struct buf decoded = BUF_INIT(encoded + 1);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(most + 1);
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4 * most + 64);
    struct qp_writer w = {&out, 0};

    decode_region(span, r, &decoded);
    apply_patches(buf_str(&decoded), r->decoded_from, patch, n, &text);
    qp_write(&w, buf_str(&text));
    if (w.column > 0 && r->to < span->length) /* what follows goes on in the same line */
        qp_soft_break(&w);
    return (struct edit){.offset = span->offset + r->from,
                         .remove = encoded,
                         .insert = arena_str(arena, buf_str(&out)),
                         .origin = joined_origin(arena, patch, n)};
}

static size_t qp_edits(struct arena *arena, const struct part_span *span,
                       const struct part_patch *patch, size_t n, struct edit *out)
{
    struct qp_lines lines = {.part = part_of(span), .line = BUF_INIT(span->length + 1)};
    size_t edits = 0;

    for (size_t i = 0; i < n;) {
        struct region r;
        size_t taken = qp_region(&lines, patch + i, n - i, &r);

        out[edits++] = qp_edit(arena, span, &r, patch + i, taken);
        i += taken;
    }
    buf_free(&lines.line);
    return edits;
}

/* ---- base64 ---- */

/* As transfer.c reads: padding ends a quantum, everything else outside the alphabet is passed over.
 */
struct quantum {
    unsigned sextets;
    size_t decoded;
};

static bool is_sextet(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

static void read_char(struct quantum *q, char c)
{
    if (c == '=') {
        q->decoded += q->sextets > 0 ? q->sextets - 1 : 0;
        q->sextets = 0;
    } else if (is_sextet(c) && ++q->sextets == 4) {
        q->decoded += 3;
        q->sextets = 0;
    }
}

/* Encoded and decoded bytes can be cut where a line starts between two quanta: the last such place
 * at or before `first`, and the first one behind it at or behind `last`, else the part's end. */
static struct region base64_region(struct fct_str part, size_t first, size_t last)
{
    struct region r = {0, part.n, 0};
    struct quantum q = {0};

    for (size_t i = 0; i < part.n; i++) {
        read_char(&q, part.p[i]);
        if (part.p[i] != '\n' || q.sextets > 0)
            continue;
        if (q.decoded <= first) {
            r.from = i + 1;
            r.decoded_from = q.decoded;
        } else if (q.decoded >= last) {
            r.to = i + 1;
            break;
        }
    }
    return r;
}

static void put_base64_lines(struct fct_str bytes, bool final_line_end, struct buf *out)
{
    struct buf line = BUF_INIT(BASE64_LINE_MAX + 8);

    while (bytes.n > 0) {
        struct fct_str piece = str_head(bytes, BASE64_LINE_MAX / 4 * 3);

        buf_clear(&line);
        base64_encode(piece, &line);
        buf_put_str(out, buf_str(&line));
        bytes = str_skip(bytes, piece.n);
        if (bytes.n > 0 || final_line_end)
            buf_put_c(out, "\r\n");
    }
    buf_free(&line);
}

static struct edit base64_edit(struct arena *arena, const struct part_span *span,
                               const struct part_patch *patch, size_t n)
{
    struct fct_str part = part_of(span);
    const struct part_patch *last = &patch[n - 1];
    struct region r = base64_region(part, patch[0].offset, last->offset + last->length);
    struct buf decoded = BUF_INIT(part.n + 1);
    struct buf text = BUF_INIT(part.n + inserted_bytes(patch, n) + 1);
    struct buf out = BUF_INIT(2 * text.max + 64);
    struct edit edit;

    decode_region(span, &r, &decoded);
    apply_patches(buf_str(&decoded), r.decoded_from, patch, n, &text);
    if (r.to < part.n && text.n % 3 != 0) { /* no padding in the middle: many readers stop there */
        r.to = part.n;
        buf_clear(&decoded);
        buf_clear(&text);
        decode_region(span, &r, &decoded);
        apply_patches(buf_str(&decoded), r.decoded_from, patch, n, &text);
    }
    put_base64_lines(buf_str(&text), r.to < part.n || (part.n > 0 && part.p[part.n - 1] == '\n'),
                     &out);
    edit = (struct edit){.offset = span->offset + r.from,
                         .remove = r.to - r.from,
                         .insert = arena_str(arena, buf_str(&out)),
                         .origin = joined_origin(arena, patch, n)};
    buf_free(&decoded);
    buf_free(&text);
    buf_free(&out);
    return edit;
}

/* ---- all ---- */

size_t part_patch_edits(struct arena *arena, const struct part_span *span,
                        const struct part_patch *patch, size_t n, struct edit *out)
{
    if (n == 0)
        return 0;
    switch (span->encoding) {
    case TRANSFER_QUOTED_PRINTABLE:
        return qp_edits(arena, span, patch, n, out);
    case TRANSFER_BASE64:
        out[0] = base64_edit(arena, span, patch, n);
        return 1;
    case TRANSFER_IDENTITY:
        break;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (struct edit){.offset = span->offset + patch[i].offset,
                               .remove = patch[i].length,
                               .insert = patch[i].with,
                               .origin = patch[i].origin};
    return n;
}
