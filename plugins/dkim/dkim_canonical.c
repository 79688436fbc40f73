/* dkim_canonical.c - see dkim_canonical.h. */
#include "plugins/dkim/dkim_canonical.h"

#include "plugins/dkim/dkim_text.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* ---- the sink ---- */

#define LONG_RUN 512 /* copying costs more than one more call of the hash */

void dkim_sink_flush(struct dkim_sink *sink)
{
    if (sink->held > 0)
        sink->put(sink->arg, sink->hold, sink->held);
    sink->held = 0;
}

void dkim_sink_put(struct dkim_sink *sink, const char *bytes, size_t n)
{
    if (n > sizeof sink->hold - sink->held || n >= LONG_RUN)
        dkim_sink_flush(sink);
    if (n >= LONG_RUN) {
        sink->put(sink->arg, bytes, n);
        return;
    }
    memcpy(sink->hold + sink->held, bytes, n);
    sink->held += n;
}

/* ---- what is canonical already ---- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Of eight bytes, from the lowest on: a mark at each that is below ' ', or a space or less with
 * another behind it. That of the last is not known. */
static uint64_t odd_ones(const char *p)
{
    uint64_t word, low, control;

    memcpy(&word, p, sizeof word);
    word = le64toh(word);
    control = ~((word | EACH(0x80u)) - EACH(' ')) & ~word & EACH(0x80u);
    low = ~((word | EACH(0x80u)) - EACH(' ' + 1u)) & ~word & EACH(0x80u);
    return control | (low & low >> 8);
}

/* The first byte that relaxed forms may change: below ' ', or a space that is the last or has
 * another, or a byte below it, behind. */
static const char *first_odd(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t odd = odd_ones(p);

        if (odd)
            return p + (ffsll((long long)odd) - 1) / 8;
        p += 7;
    }
    while (p < end &&
           ((unsigned char)*p > ' ' || (*p == ' ' && end - p > 1 && (unsigned char)p[1] > ' ')))
        p++;
    return p;
}

/* ---- headers ---- */

/* White space inside a relaxed value: one space, none in front. */
struct value {
    struct dkim_sink *sink;
    bool started, space;
};

/* How far a value is relaxed as it is. */
static size_t plain_in_value(const char *p, const char *end)
{
    const char *from = p;

    while ((p = first_odd(p, end)) < end && !dkim_is_space(*p))
        p++; /* some other byte below ' ' */
    return (size_t)(p - from);
}

static void put_value(struct value *v, struct fct_str s)
{
    const char *p = s.p, *end = s.p + s.n;

    while (p < end) {
        size_t plain;

        if (dkim_is_space(*p)) {
            /* Unfolded: a line end is nothing, the space behind it counts. */
            v->space = v->space || *p == ' ' || *p == '\t';
            p++;
            continue;
        }
        plain = plain_in_value(p, end);
        if (v->space && v->started)
            dkim_sink_put(v->sink, " ", 1);
        dkim_sink_put(v->sink, p, plain);
        v->space = false;
        v->started = true;
        p += plain;
    }
}

static void put_name(struct dkim_sink *sink, struct fct_str name)
{
    char lower[64];

    name = dkim_trim(name);
    while (name.n > 0) {
        size_t n = name.n < sizeof lower ? name.n : sizeof lower;

        for (size_t i = 0; i < n; i++)
            lower[i] = dkim_lower(name.p[i]);
        dkim_sink_put(sink, lower, n);
        name = (struct fct_str){name.p + n, name.n - n};
    }
    dkim_sink_put(sink, ":", 1);
}

static struct fct_str between(const char *from, const char *to)
{
    return (struct fct_str){from, to > from ? (size_t)(to - from) : 0};
}

/* The line end of a field is not part of what is blanked or folded. */
static const char *end_of(const struct fct_header *field)
{
    size_t n = field->raw.n;

    if (n > 0 && field->raw.p[n - 1] == '\n')
        n -= n > 1 && field->raw.p[n - 2] == '\r' ? 2 : 1;
    return field->raw.p + n;
}

void dkim_header_put(struct dkim_sink *sink, bool relaxed, const struct fct_header *field,
                     struct fct_str blank, bool last)
{
    const char *value = field->value.p, *end = end_of(field);
    struct fct_str before = between(relaxed ? value : field->raw.p, blank.p ? blank.p : end);
    struct fct_str after = blank.p ? between(blank.p + blank.n, end) : between(end, end);

    if (relaxed) {
        struct value v = {sink, false, false};

        put_name(sink, field->name);
        put_value(&v, before);
        put_value(&v, after);
    } else {
        dkim_sink_put(sink, before.p, before.n);
        dkim_sink_put(sink, after.p, after.n);
    }
    if (!last)
        dkim_sink_put(sink, "\r\n", 2);
}

/* ---- bodies ---- */

void dkim_body_begin(struct dkim_body *body, struct dkim_sink *sink, bool relaxed)
{
    *body = (struct dkim_body){.sink = sink, .relaxed = relaxed};
}

static void emit(struct dkim_body *body, const char *bytes, size_t n)
{
    dkim_sink_put(body->sink, bytes, n);
    body->length += n;
}

/* Something follows: what was held back counts after all. */
static void release(struct dkim_body *body)
{
    for (; body->lines > 0; body->lines--)
        emit(body, "\r\n", 2);
    if (body->space)
        emit(body, " ", 1);
    body->space = false;
}

/* A CR alone is a byte like others. */
static void release_cr(struct dkim_body *body)
{
    if (!body->cr)
        return;
    body->cr = false;
    release(body);
    emit(body, "\r", 1);
}

static void end_line(struct dkim_body *body)
{
    body->cr = false;
    body->space = false; /* at the end of a line it does not count (3.4.4) */
    body->lines++;
}

/* What may belong to the white space, or to the line end behind it, that relaxed bodies drop. */
static bool is_droppable(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Line ends whose next line begins with an ordinary byte count for certain: where that is, or
 * NULL. */
static const char *behind_line_ends(const char *p, const char *end)
{
    while (end - p > 2 && p[0] == '\r' && p[1] == '\n') {
        p += 2;
        if (*p != '\r')
            return *p == ' ' || *p == '\t' ? NULL : p;
    }
    return NULL;
}

static size_t plain_in_simple(const char *bytes, size_t n)
{
    const char *p = bytes, *end = bytes + n, *cr, *behind;

    while ((cr = memchr(p, '\r', (size_t)(end - p)))) {
        behind = behind_line_ends(cr, end);
        if (!behind)
            return (size_t)(cr - bytes);
        p = behind;
    }
    return n;
}

#ifdef __SSE2__
static __m128i is_blank_or_below(__m128i bytes)
{
    return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(' ')), bytes);
}

/* Of sixteen bytes: tabs, white space in a row, line ends without an ordinary byte behind. */
static __m128i odd_of_sixteen(const char *p)
{
    __m128i at = _mm_loadu_si128((const void *)p);
    __m128i next = _mm_loadu_si128((const void *)(p + 1));
    __m128i third = _mm_loadu_si128((const void *)(p + 2));
    __m128i spaces = _mm_and_si128(_mm_cmpeq_epi8(at, _mm_set1_epi8(' ')), is_blank_or_below(next));
    __m128i line_ends =
        _mm_andnot_si128(is_blank_or_below(third), _mm_cmpeq_epi8(next, _mm_set1_epi8('\n')));
    __m128i others = _mm_andnot_si128(line_ends, _mm_cmpeq_epi8(at, _mm_set1_epi8('\r')));
    __m128i tabs = _mm_cmpeq_epi8(at, _mm_set1_epi8('\t'));

    return _mm_or_si128(_mm_or_si128(spaces, others), tabs);
}

/* Nearly all of a text, line ends included, up to something odd. What follows does the same byte by
 * byte. */
static const char *skip_ordinary(const char *p, const char *end)
{
    for (; end - p >= 18; p += 16) {
        int odd = _mm_movemask_epi8(odd_of_sixteen(p));

        if (odd)
            return p + ffs(odd) - 1;
    }
    return p;
}
#else
static const char *skip_ordinary(const char *p, const char *end)
{
    (void)end;
    return p;
}
#endif

static size_t plain_in_relaxed(const char *bytes, size_t n)
{
    const char *p = bytes, *end = bytes + n, *behind;

    while ((p = first_odd(skip_ordinary(p, end), end)) < end) {
        if (*p == '\r') {
            behind = behind_line_ends(p, end);
            if (!behind)
                break;
            p = behind;
        } else if (*p == '\t' || (*p == ' ' && (end - p < 2 || is_droppable(p[1])))) {
            break;
        } else {
            p++;
        }
    }
    return (size_t)(p - bytes);
}

/* How far the bytes are in the canonical form as they are: nearly everything, in most mail. */
static size_t plain_bytes(bool relaxed, const char *bytes, size_t n)
{
    return relaxed ? plain_in_relaxed(bytes, n) : plain_in_simple(bytes, n);
}

void dkim_body_put(struct dkim_body *body, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t plain;

        if (body->cr && bytes[i] == '\n') {
            end_line(body);
            i++;
            continue;
        }
        release_cr(body);
        plain = body->space && is_droppable(bytes[i])
                    ? 0
                    : plain_bytes(body->relaxed, bytes + i, n - i);
        if (plain > 0) {
            release(body);
            emit(body, bytes + i, plain);
            i += plain;
            continue;
        }
        if (bytes[i] == '\r')
            body->cr = true;
        else
            body->space = true;
        i++;
    }
}

/* A body ends with one line end; an empty one is one in simple and nothing in relaxed form. */
void dkim_body_end(struct dkim_body *body)
{
    release_cr(body);
    body->lines = 0;
    body->space = false;
    if (!body->relaxed || body->length > 0)
        emit(body, "\r\n", 2);
    dkim_sink_flush(body->sink);
}
