/* dkim_canonical.c - see dkim_canonical.h. */
#include "plugins/dkim/dkim_canonical.h"

#include "plugins/dkim/dkim_text.h"

/* ---- the sink ---- */

void dkim_sink_flush(struct dkim_sink *sink)
{
    if (sink->held > 0)
        sink->put(sink->arg, sink->hold, sink->held);
    sink->held = 0;
}

void dkim_sink_put(struct dkim_sink *sink, const char *bytes, size_t n)
{
    if (n > sizeof sink->hold - sink->held)
        dkim_sink_flush(sink);
    if (n >= sizeof sink->hold) {
        sink->put(sink->arg, bytes, n);
        return;
    }
    memcpy(sink->hold + sink->held, bytes, n);
    sink->held += n;
}

/* ---- headers ---- */

/* White space inside a relaxed value: one space, none in front. */
struct value {
    struct dkim_sink *sink;
    bool started, space;
};

static void put_value(struct value *v, struct fct_str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t start = i;

        while (i < s.n && !dkim_is_space(s.p[i]))
            i++;
        if (i == start) {
            /* Unfolded: a line end is nothing, the space behind it counts. */
            v->space = v->space || s.p[i] == ' ' || s.p[i] == '\t';
            i++;
            continue;
        }
        if (v->space && v->started)
            dkim_sink_put(v->sink, " ", 1);
        dkim_sink_put(v->sink, s.p + start, i - start);
        v->space = false;
        v->started = true;
    }
}

static void put_name(struct dkim_sink *sink, struct fct_str name)
{
    name = dkim_trim(name);
    for (size_t i = 0; i < name.n; i++) {
        char c = dkim_lower(name.p[i]);

        dkim_sink_put(sink, &c, 1);
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

/* A line end whose next line begins with an ordinary byte counts for certain. */
static bool is_inner_line_end(const char *p, const char *end)
{
    return end - p > 2 && p[1] == '\n' && p[2] != '\r' && p[2] != ' ' && p[2] != '\t';
}

static size_t plain_in_simple(const char *bytes, size_t n)
{
    const char *p = bytes, *end = bytes + n, *cr;

    while ((cr = memchr(p, '\r', (size_t)(end - p)))) {
        if (!is_inner_line_end(cr, end))
            return (size_t)(cr - bytes);
        p = cr + 2;
    }
    return n;
}

static size_t plain_in_relaxed(const char *bytes, size_t n)
{
    const char *p = bytes, *end = bytes + n;

    for (; p < end; p++) {
        if ((unsigned char)*p > ' ')
            continue;
        if (*p == '\t')
            break;
        if (*p == ' ' && (end - p < 2 || p[1] == ' ' || p[1] == '\t' || p[1] == '\r'))
            break;
        if (*p == '\r') {
            if (!is_inner_line_end(p, end))
                break;
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
        plain = body->space && strchr(" \t\r", bytes[i]) && bytes[i]
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
