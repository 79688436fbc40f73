/* part_patch_qp.c - patches of quoted-printable (RFC 2045 6.7). A patch usually takes bytes out of
 * a line or puts some in, and nothing else changes. Where that would change what other bytes mean,
 * the lines it touches are written anew. */
#include "core/message/part_patch_int.h"

#include "core/base/str.h"
#include "core/message/byte_scan.h"

#define LINE_MAX_OCTETS 76 /* RFC 2045 6.7 rule 5 */

/* ---- writing ---- */

struct writer {
    struct buf *out;
    size_t column;
};

static void soft_break(struct writer *w)
{
    buf_put_c(w->out, "=\r\n");
    w->column = 0;
}

/* A whole unit (one character or =XX), with room left for a soft break. */
static void put_unit(struct writer *w, const char *unit, size_t n)
{
    if (w->column + n > LINE_MAX_OCTETS - 1)
        soft_break(w);
    buf_put(w->out, unit, n);
    w->column += n;
}

static void put_escaped(struct writer *w, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    const char unit[3] = {'=', hex[c >> 4], hex[c & 15]};

    put_unit(w, unit, sizeof unit);
}

static bool is_line_end(struct fct_str text, size_t i)
{
    return i == text.n || (text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* White space in front of a line end would be lost on the way (rule 3); a hyphen at a line's start
 * could become a boundary of the multipart around it. */
static bool is_literal(const struct writer *w, struct fct_str text, size_t i)
{
    unsigned char c = (unsigned char)text.p[i];

    if (is_blank(text.p[i]))
        return !is_line_end(text, i + 1);
    if (c == '-')
        return w->column > 0 && w->column < LINE_MAX_OCTETS - 1;
    return c > ' ' && c < 127 && c != '=';
}

/* Canonical line ends stay line ends; other CR and LF are data (rule 4). */
static void put_text(struct writer *w, struct fct_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\r' && is_line_end(text, i)) {
            buf_put_c(w->out, "\r\n");
            w->column = 0;
            i++;
        } else if (is_literal(w, text, i)) {
            put_unit(w, text.p + i, 1);
        } else {
            put_escaped(w, (unsigned char)text.p[i]);
        }
    }
}

/* ---- lines ---- */

/* A line of the encoded part. Lines decode independently of each other. */
struct line {
    size_t at, text_end, next;  /* text_end: without the line end, the soft break, blanks before */
    size_t decoded;             /* offset of its first decoded byte */
    size_t text_length, length; /* decoded bytes, without and with the line end */
    bool soft, clean; /* clean: each "=" is an escape or the break, no blanks at the end */
};

static bool is_hex(char c)
{
    return (unsigned char)(c - '0') < 10 || (unsigned char)((c | 0x20) - 'a') < 6;
}

/* What of a line does not stand for itself, as transfer.c decodes it. */
struct marks {
    size_t escapes, others; /* others: each "=" that begins no escape */
};

static inline void count_mark(struct marks *marks, const char *p, const char *end)
{
    bool escape = end - p >= 3 && is_hex(p[1]) && is_hex(p[2]);

    marks->escapes += escape;
    marks->others += !escape;
}

/* Up to the line's LF or the part's end; returns where that is. */
static const char *count_marks(const char *p, const char *end, struct marks *marks)
{
    *marks = (struct marks){0, 0};
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        unsigned lf = byte_scan_bits(p, '\n'), mark = byte_scan_bits(p, '=');

        for (mark &= lf - 1; mark; mark &= mark - 1) /* those before the LF */
            count_mark(marks, p + __builtin_ctz(mark), end);
        if (lf)
            return p + __builtin_ctz(lf);
    }
#endif
    for (; p < end && *p != '\n'; p++)
        if (*p == '=')
            count_mark(marks, p, end);
    return p;
}

/* The line behind `l`; false at the end. Written in place: copying the whole costs more than
 * looking at the line does. */
static bool next_line(struct fct_str part, struct line *l)
{
    const char *lf, *part_end = part.p + part.n;
    struct marks marks;
    size_t end, line_end;

    if (l->next >= part.n)
        return false;
    lf = count_marks(part.p + l->next, part_end, &marks);
    l->decoded += l->length;
    l->at = l->next;
    l->next = (size_t)(lf - part.p) + (lf < part_end);
    end = (size_t)(lf - part.p);
    if (lf < part_end && end > l->at && part.p[end - 1] == '\r')
        end--;
    line_end = end;
    while (end > l->at && is_blank(part.p[end - 1]))
        end--;
    l->soft = end > l->at && part.p[end - 1] == '=';
    l->clean = end == line_end && marks.others == l->soft;
    l->text_end = end - l->soft;
    l->text_length = l->text_end - l->at - 2 * marks.escapes;
    l->length = l->text_length + (l->soft ? 0 : l->next - line_end);
    return true;
}

static size_t decoded_end(const struct line *l)
{
    return l->decoded + l->length;
}

/* Where the decoded byte `k` of a clean line's text stands, or right behind the one before it. */
static size_t place_in_text(struct fct_str part, const struct line *l, size_t k)
{
    const char *p = part.p + l->at, *end = part.p + l->text_end;

    while (k > 0) {
        const char *mark = memchr(p, '=', (size_t)(end - p));
        size_t plain = (size_t)((mark ? mark : end) - p);

        if (k <= plain)
            return (size_t)(p - part.p) + k;
        p += plain + 3;
        k -= plain + 1;
    }
    return (size_t)(p - part.p);
}

/* ---- a patch that leaves all other bytes as they stand ---- */

struct patcher {
    struct arena *arena;
    const struct part_span *span;
    struct fct_str part;
    struct line line;      /* in hand */
    size_t passed;         /* of span->line */
    size_t behind, column; /* encoded bytes behind this place are as they were; the column there */
    bool blank;            /* what was written before it ends in white space */
};

/* To the last known line that begins at `decoded` or before. */
static void pass_lines(struct patcher *p, size_t decoded)
{
    const struct transfer_line *line = part_patch_known_line(p->span, &p->passed, decoded + 1);

    if (line && line->encoded > p->line.next)
        p->line = (struct line){.next = line->encoded, .decoded = line->decoded};
}

static bool go_to(struct patcher *p, size_t decoded)
{
    pass_lines(p, decoded);
    while (decoded_end(&p->line) <= decoded) {
        if (!next_line(p->part, &p->line))
            return false;
        p->behind = p->line.at;
        p->column = 0;
        p->blank = false;
    }
    return true;
}

/* Where `decoded` stands in the line; false where bytes before it would have to change. */
static bool place_of(const struct patcher *p, size_t decoded, size_t *out)
{
    const struct line *l = &p->line;
    size_t k = decoded - l->decoded;

    if (!l->clean || (k > l->text_length && k < l->length))
        return false;
    *out = k <= l->text_length ? place_in_text(p->part, l, k) : l->next;
    return true;
}

/* What stands at `to` goes on at column w->column. False: it cannot. */
static bool join_rest(const struct patcher *p, struct writer *w, size_t to)
{
    const struct line *l = &p->line;
    size_t rest;

    if (to == p->part.n || (to == l->text_end && !l->soft))
        return !(w->out->n == 0 && p->blank);
    if (w->column == 0)
        return to == l->next || p->part.p[to] != '-';
    if (to == l->next) { /* its line end went */
        soft_break(w);
        return true;
    }
    rest = l->text_end - to;
    if (rest == 0 || w->column + rest + l->soft <= LINE_MAX_OCTETS)
        return true;
    if (p->part.p[to] == '-')
        return false;
    soft_break(w);
    return true;
}

/* False: nothing was done, the lines must be written anew. */
static bool patch_simply(struct patcher *p, const struct part_patch *patch, struct edit *out)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4 * patch->with.n + 64);
    size_t from, to, end = patch->offset + patch->length;
    struct writer w = {&text, 0};

    if (!go_to(p, patch->offset) || !place_of(p, patch->offset, &from) ||
        p->part.p[p->line.at] == '-')
        return false;
    if (from > p->behind)
        p->blank = is_blank(p->part.p[from - 1]);
    w.column = p->column + (from - p->behind);
    while (decoded_end(&p->line) < end)
        if (!next_line(p->part, &p->line))
            return false;
    if (!place_of(p, end, &to))
        return false;
    if (p->blank && patch->with.n > 0 && is_line_end(patch->with, 0))
        return false;
    put_text(&w, patch->with);
    if (!join_rest(p, &w, to))
        return false;
    p->blank = text.n == 0 && p->blank;
    p->behind = to;
    p->column = w.column;
    *out = patch_edit(p->arena, p->span, &(struct patch_region){from, to, 0}, buf_str(&text), patch,
                      1);
    return true;
}

/* ---- lines written anew ---- */

/* The lines that hold patch[0] and all further patches that touch them; returns how many. */
static size_t take_region(struct patcher *p, const struct part_patch *patch, size_t n,
                          struct patch_region *r)
{
    size_t taken = 0, end;
    bool more = true;

    while (decoded_end(&p->line) <= patch[0].offset && (more = next_line(p->part, &p->line)))
        ;
    *r = (struct patch_region){p->line.at, p->line.next, p->line.decoded};
    if (!more && p->part.n > 0 && p->part.p[p->part.n - 1] == '\n')
        *r = (struct patch_region){p->part.n, p->part.n, decoded_end(&p->line)};
    do {
        end = patch[taken].offset + patch[taken].length;
        while (decoded_end(&p->line) < end && next_line(p->part, &p->line))
            r->to = p->line.next;
        taken++;
    } while (taken < n && (patch[taken].offset < decoded_end(&p->line) || r->to == p->part.n));
    return taken;
}

static size_t patch_lines(struct patcher *p, const struct part_patch *patch, size_t n,
                          struct edit *out)
{
    struct patch_region r;
    size_t taken = take_region(p, patch, n, &r),
           most = r.to - r.from + patch_inserted(patch, taken);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(most + 1);
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(4 * most + 64);
    struct writer w = {&encoded, 0};

    patch_text(p->span, &r, patch, taken, &text);
    put_text(&w, buf_str(&text));
    if (w.column > 0 && r.to < p->part.n) /* what follows goes on in the same line */
        soft_break(&w);
    *out = patch_edit(p->arena, p->span, &r, buf_str(&encoded), patch, taken);
    return taken;
}

/* ---- all ---- */

/* Patches on one line are done in one way: `fresh` is how things were before the first of them. */
size_t patch_quoted_printable(struct arena *arena, const struct part_span *span,
                              const struct part_patch *patch, size_t n, struct edit *out)
{
    struct patcher p = {.arena = arena, .span = span, .part = patch_part(span)}, fresh = p;
    size_t edits = 0, fresh_edits = 0, first = 0;

    for (size_t i = 0; i < n;) {
        if (i == first || (patch[i].offset >= decoded_end(&p.line) && p.line.next < p.part.n)) {
            fresh = p;
            fresh_edits = edits;
            first = i;
        }
        if (patch_simply(&p, &patch[i], &out[edits])) {
            edits++;
            i++;
            continue;
        }
        p = fresh;
        edits = fresh_edits;
        i = first + patch_lines(&p, patch + first, n - first, &out[edits++]);
        first = i;
    }
    return edits;
}
