/* part_patch_base64.c - patches of base64 (RFC 2045 6.8). Patches whose lengths make a multiple of
 * three together change the quanta they touch; the others everything behind them. */
#include "core/message/part_patch_int.h"

#include "core/base/base64.h"
#include "core/base/str.h"
#include "core/message/base64_scan.h"

#define LINE_MAX_OCTETS 76 /* RFC 2045 6.8 */

/* As transfer.c reads: padding ends a quantum, everything else outside the alphabet is passed over.
 */
struct quantum {
    unsigned sextets;
    size_t decoded;
};

static bool is_sextet(char c)
{
    return base64_value[(unsigned char)c] < BASE64_SKIP;
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

/* ---- the quanta that patches touch ---- */

/* A line that begins with a quantum. Its first `sextets` characters are whole quanta. */
struct line {
    size_t at, end, next, sextets;
    size_t decoded, length;
    bool good; /* the next line begins with a quantum, too */
};

/* Written in place: copying the whole costs more than looking at the line does. */
static bool next_line(struct fct_str part, struct line *l)
{
    struct quantum q = {0};
    const char *lf;
    size_t i, at = l->next;

    if (at >= part.n || (at > 0 && !l->good))
        return false;
    i = (size_t)(base64_run(part.p + at, part.p + part.n) - part.p);
    lf = i < part.n ? memchr(part.p + i, '\n', part.n - i) : NULL;
    l->decoded += l->length;
    l->at = at;
    l->next = lf ? (size_t)(lf - part.p) + 1 : part.n;
    l->end = l->next - (lf ? 1 : 0) - (lf && lf > part.p + at && lf[-1] == '\r');
    l->sextets = (i - at) / 4 * 4;
    q.decoded = l->sextets / 4 * 3;
    for (i = at + l->sextets; i < l->end; i++)
        read_char(&q, part.p[i]);
    l->good = q.sextets == 0;
    l->length = q.decoded;
    return true;
}

static size_t decoded_end(const struct line *l)
{
    return l->decoded + l->length;
}

struct patcher {
    struct arena *arena;
    const struct part_span *span;
    struct fct_str part;
    struct line line;
    size_t passed;         /* of span->line */
    size_t behind, column; /* encoded bytes behind this place are as they were; the column there */
};

/* To the last known line that begins before `end`. */
static void pass_lines(struct patcher *p, size_t end)
{
    const struct transfer_line *line = part_patch_known_line(p->span, &p->passed, end);

    if (line && line->encoded > p->line.next)
        p->line = (struct line){.next = line->encoded, .decoded = line->decoded, .good = true};
}

/* Moves to the line that holds the byte before `decoded` or, of two, the first. */
static bool go_to(struct patcher *p, size_t decoded, bool inside)
{
    pass_lines(p, decoded + inside);
    while (decoded_end(&p->line) < decoded || (inside && decoded_end(&p->line) == decoded)) {
        if (!next_line(p->part, &p->line))
            return false;
        p->behind = p->line.at;
        p->column = 0;
    }
    return true;
}

/* How many patches from the first on make a multiple of three; 0: never. */
static size_t even_run(const struct part_patch *patch, size_t n)
{
    size_t shift = 0;

    for (size_t i = 0; i < n; i++) {
        shift = (shift + patch[i].with.n % 3 + 3 - patch[i].length % 3) % 3;
        if (shift == 0)
            return i + 1;
    }
    return 0;
}

/* Lines are cut at quanta; `rest` is what goes on behind on the same line. */
static void put_quanta(struct fct_str text, size_t *column, size_t rest, struct buf *out)
{
    while (text.n > 0) {
        size_t room = *column < LINE_MAX_OCTETS ? (LINE_MAX_OCTETS - *column) / 4 * 3 : 0;
        struct fct_str piece = str_head(text, room);

        if (room == 0) {
            buf_put_c(out, "\r\n");
            *column = 0;
            continue;
        }
        base64_encode(piece, out);
        *column += (piece.n + 2) / 3 * 4;
        text = str_skip(text, piece.n);
    }
    if (*column > 0 && rest > 0 && *column + rest > LINE_MAX_OCTETS) {
        buf_put_c(out, "\r\n");
        *column = 0;
    }
}

/* False: not in whole quanta of clean lines. */
static bool patch_quanta(struct patcher *p, const struct part_patch *patch, size_t n,
                         struct edit *out)
{
    size_t first = patch[0].offset, last = patch[n - 1].offset + patch[n - 1].length, k, most;
    struct patch_region r;

    if (!go_to(p, first, true))
        return false;
    k = (first - p->line.decoded) / 3;
    r.from = p->line.at + 4 * k;
    r.decoded_from = p->line.decoded + 3 * k;
    if (4 * k > p->line.sextets || r.from < p->behind)
        return false;
    size_t column = p->column + (r.from - p->behind);
    if (!go_to(p, last, false))
        return false;
    k = (last - p->line.decoded + 2) / 3;
    r.to = p->line.at + 4 * k;
    if (4 * k > p->line.sextets || r.to < r.from)
        return false;

    most = r.to - r.from + patch_inserted(patch, n);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(most + 1);
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(2 * most + 64);
    patch_text(p->span, &r, patch, n, &text);
    if (text.n % 3 != 0)
        return false;
    put_quanta(buf_str(&text), &column, p->line.end - r.to, &encoded);
    *out = patch_edit(p->arena, p->span, &r, buf_str(&encoded), patch, n);
    p->behind = r.to;
    p->column = column;
    return true;
}

/* ---- everything from the first patch on ---- */

/* Encoded and decoded bytes can be cut where a line starts between two quanta: the last such place
 * at or before `first`, and the first one behind it at or behind `last`, else the part's end. */
static struct patch_region region_of(struct fct_str part, size_t first, size_t last)
{
    struct patch_region r = {0, part.n, 0};
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

static void put_lines(struct fct_str bytes, bool final_line_end, struct buf *out)
{
    while (bytes.n > 0) {
        struct fct_str piece = str_head(bytes, LINE_MAX_OCTETS / 4 * 3);

        base64_encode(piece, out);
        bytes = str_skip(bytes, piece.n);
        if (bytes.n > 0 || final_line_end)
            buf_put_c(out, "\r\n");
    }
}

static struct edit patch_lines(struct arena *arena, const struct part_span *span,
                               const struct part_patch *patch, size_t n)
{
    struct fct_str part = patch_part(span);
    const struct part_patch *last = &patch[n - 1];
    struct patch_region r = region_of(part, patch[0].offset, last->offset + last->length);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(part.n + patch_inserted(patch, n) + 1);
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(2 * text.max + 64);

    patch_text(span, &r, patch, n, &text);
    if (r.to < part.n && text.n % 3 != 0) { /* no padding in the middle: many readers stop there */
        r.to = part.n;
        buf_clear(&text);
        patch_text(span, &r, patch, n, &text);
    }
    put_lines(buf_str(&text), r.to < part.n || (part.n > 0 && part.p[part.n - 1] == '\n'), &out);
    return patch_edit(arena, span, &r, buf_str(&out), patch, n);
}

size_t patch_base64(struct arena *arena, const struct part_span *span,
                    const struct part_patch *patch, size_t n, struct edit *out)
{
    struct patcher p = {.arena = arena, .span = span, .part = patch_part(span)};
    size_t edits = 0;

    for (size_t i = 0, run; i < n; i += run) {
        run = even_run(patch + i, n - i);
        if (run == 0 || !patch_quanta(&p, patch + i, run, &out[edits++])) {
            out[0] = patch_lines(arena, span, patch, n);
            return 1;
        }
    }
    return edits;
}
