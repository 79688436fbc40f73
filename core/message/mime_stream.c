/* mime_stream.c - see mime_stream.h. The rules are those of mime_walk.c; a test and a fuzz target
 * compare the two. */
#include "core/message/mime_stream.h"

#include "core/base/err.h"
#include "core/message/lexer.h"
#include "core/message/mime_int.h"
#include "core/message/rfc5322_int.h"

#include <stdlib.h>

enum { MAX_BOUNDARY = 80, /* as in mime_walk.c */ MAX_LINE = 1000 /* of a boundary line */ };

/* An open part that holds others. */
struct open_part {
    int part;
    bool is_digest;
    size_t nboundary; /* 0: an enclosed message, or behind the closing boundary */
    char boundary[MAX_BOUNDARY];
};

struct mime_stream {
    const struct mime_limits *limits;
    const struct mime_stream_events *events;
    void *arg;
    struct arena *arena; /* of the header in hand */
    struct open_part *open;
    size_t nopen, nboundaries;
    int parts, leaf; /* leaf -1: between parts */
    bool in_header, line_starts, truncated;
    struct buf header;  /* so far */
    size_t header_line; /* where its last line begins */
    struct buf line;    /* begins with '-': a boundary line, perhaps */
    char held[2];       /* a line end that belongs to the boundary, if one follows */
    size_t nheld;
};

struct mime_stream *mime_stream_new(const struct mime_limits *limits,
                                    const struct mime_stream_events *events, void *arg)
{
    struct mime_stream *s = calloc(1, sizeof *s);

    FCT_ASSERT(s);
    *s = (struct mime_stream){
        .limits = limits,
        .events = events,
        .arg = arg,
        .arena = arena_new(NULL),
        .leaf = -1,
        .in_header = true,
        .header = BUF_INIT(limits->header.max_bytes),
        .line = BUF_INIT(MAX_LINE),
    };
    s->open = calloc(limits->max_depth + 1u, sizeof *s->open);
    FCT_ASSERT(s->open);
    return s;
}

void mime_stream_free(struct mime_stream **p)
{
    struct mime_stream *s = *p;

    *p = NULL;
    if (!s)
        return;
    arena_free(&s->arena);
    buf_free(&s->header);
    buf_free(&s->line);
    free(s->open);
    free(s);
}

bool mime_stream_truncated(const struct mime_stream *s)
{
    return s->truncated;
}

/* ---- text that is no boundary ---- */

static void tell_body(struct mime_stream *s, struct fct_str bytes)
{
    bool between = s->leaf < 0;

    if (bytes.n > 0)
        s->events->body(s->arg, between ? s->open[s->nopen - 1].part : s->leaf, between, bytes);
}

static void release_held(struct mime_stream *s)
{
    tell_body(s, (struct fct_str){s->held, s->nheld});
    s->nheld = 0;
}

/* How much of the end of it may be a line end in front of a boundary. */
static size_t line_end(struct fct_str bytes)
{
    const char *end = bytes.p + bytes.n;

    if (bytes.n == 0)
        return 0;
    if (end[-1] == '\r')
        return 1;
    if (end[-1] != '\n')
        return 0;
    return bytes.n > 1 && end[-2] == '\r' ? 2 : 1;
}

static void take_text(struct mime_stream *s, struct fct_str bytes)
{
    size_t keep;

    if (bytes.n == 0)
        return;
    if (s->nheld == 1 && s->held[0] == '\r' && bytes.p[0] == '\n') {
        s->held[s->nheld++] = '\n';
        bytes = str_skip(bytes, 1);
        if (bytes.n == 0)
            return;
    }
    release_held(s);
    keep = s->nboundaries > 0 ? line_end(bytes) : 0;
    tell_body(s, str_head(bytes, bytes.n - keep));
    memcpy(s->held, bytes.p + bytes.n - keep, keep);
    s->nheld = keep;
}

/* ---- headers ---- */

static void push(struct mime_stream *s, int index, const struct mime_part *part,
                 struct fct_str boundary)
{
    struct open_part *o = &s->open[s->nopen++];

    *o = (struct open_part){
        .part = index,
        .is_digest = part->is_multipart && LEX_IS(part->minor, "digest"),
        .nboundary = boundary.n,
    };
    if (boundary.n > 0)
        memcpy(o->boundary, boundary.p, boundary.n);
    s->nboundaries += boundary.n > 0;
}

/* May hold others, and is opened. */
static bool opens(struct mime_stream *s, const struct mime_part *part, struct fct_str *boundary)
{
    bool multipart = LEX_IS(part->major, "multipart");

    *boundary = (struct fct_str){0};
    if (multipart)
        *boundary = str_head(mime_parameter_value(part->parameter, part->nparameters, "boundary"),
                             MAX_BOUNDARY);
    else if (!LEX_IS(part->is.type, "message/rfc822") && !LEX_IS(part->is.type, "message/global"))
        return false;
    if (multipart && boundary->n == 0)
        return false;
    s->truncated = s->nopen == s->limits->max_depth || s->parts >= (int)s->limits->max_parts;
    return !s->truncated;
}

static void finish_header(struct mime_stream *s)
{
    const struct open_part *parent = s->nopen > 0 ? &s->open[s->nopen - 1] : NULL;
    struct mime_part part = {.first_child = -1, .next_sibling = -1, .is.parent = -1};
    struct fct_str bytes = buf_str(&s->header), boundary;
    unsigned defects = 0;
    struct part_reader reader = {s->arena, s->limits, &defects, parent && parent->is_digest};
    bool enters;

    header_list_scan(s->arena, bytes, 0, &s->limits->header, NULL, NULL, &part.header);
    mime_part_read_header(&reader, &part);
    if (parent) {
        part.is.parent = parent->part;
        part.is.depth = (unsigned)s->nopen;
    }
    part.is.header_length = part.header.end;
    s->leaf = s->parts++;
    enters = opens(s, &part, &boundary);
    part.is_multipart = enters && boundary.n > 0;
    part.is_message = enters && boundary.n == 0;
    s->truncated = s->truncated || part.header.truncated;
    s->events->header(s->arg, &part, bytes);
    s->in_header = part.is_message;
    s->line_starts = true;
    if (enters) {
        push(s, s->leaf, &part, boundary);
        s->leaf = -1;
    }
    arena_reset(s->arena);
    buf_clear(&s->header);
    s->header_line = 0;
}

/* ---- boundaries ---- */

/* The open part whose boundary this line begins with: the longest, among equals the innermost; -1:
 * none. */
static int find_open(const struct mime_stream *s, struct fct_str line, bool *is_end)
{
    struct fct_str rest = str_skip(line, 2);
    size_t longest = 0;
    int found = -1;

    if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
        return -1;
    for (size_t i = s->nopen; i-- > 0;) {
        const struct open_part *o = &s->open[i];

        if (o->nboundary > longest && o->nboundary <= rest.n &&
            memcmp(o->boundary, rest.p, o->nboundary) == 0) {
            longest = o->nboundary;
            found = (int)i;
        }
    }
    rest = str_skip(rest, longest);
    *is_end = str_starts(rest, FCT_STR("--")) || line.p[line.n - 1] != '\n';
    return found;
}

static void take_boundary(struct mime_stream *s, int found, bool is_end, struct fct_str line)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(line.n + sizeof s->held);

    buf_put(&bytes, s->held, s->nheld);
    buf_put_str(&bytes, line);
    s->nheld = 0;
    s->events->boundary(s->arg, buf_str(&bytes));
    while (s->nopen > (size_t)found + 1)
        s->nboundaries -= s->open[--s->nopen].nboundary > 0;
    s->leaf = -1;
    s->line_starts = true;
    if (is_end) { /* an epilogue follows */
        s->open[found].nboundary = 0;
        s->nboundaries--;
    } else if (s->parts >= (int)s->limits->max_parts) {
        s->truncated = true;
    } else {
        s->in_header = true;
    }
}

/* A line that begins with '-', whole. */
static void take_line(struct mime_stream *s, struct fct_str line)
{
    bool is_end = false;
    int found = find_open(s, line, &is_end);

    if (found >= 0)
        take_boundary(s, found, is_end, line);
    else
        take_text(s, line);
}

/* ---- pieces ---- */

static struct fct_str first_line(struct fct_str bytes, bool *whole)
{
    ptrdiff_t lf = str_find_char(bytes, '\n');

    *whole = lf >= 0;
    return lf >= 0 ? str_head(bytes, (size_t)lf + 1) : bytes;
}

/* A header ends with an empty line, or in front of a boundary; then so do those of the messages
 * that begin there. */
static void header_line_done(struct mime_stream *s)
{
    struct fct_str line = str_skip(buf_str(&s->header), s->header_line);
    bool is_end;

    if (str_equal(line, FCT_STR("\n")) || str_equal(line, FCT_STR("\r\n"))) {
        finish_header(s);
        return;
    }
    if (line.p[0] != '-' || find_open(s, line, &is_end) < 0) {
        s->header_line = s->header.n;
        return;
    }
    buf_clear(&s->line);
    s->truncated = !buf_put_str(&s->line, line);
    s->header.n = s->header_line;
    while (s->in_header && !s->truncated)
        finish_header(s);
    if (!s->truncated)
        take_line(s, buf_str(&s->line));
    buf_clear(&s->line);
}

static size_t take_header(struct mime_stream *s, struct fct_str bytes)
{
    bool whole;
    struct fct_str line = first_line(bytes, &whole);

    if (!buf_put_str(&s->header, line))
        s->truncated = true;
    else if (whole)
        header_line_done(s);
    return line.n;
}

static size_t take_dashed(struct mime_stream *s, struct fct_str bytes)
{
    bool whole, is_end;
    struct fct_str line = str_head(first_line(bytes, &whole), MAX_LINE - s->line.n);

    buf_put_str(&s->line, line);
    whole = whole && line.p[line.n - 1] == '\n';
    if (whole) {
        take_line(s, buf_str(&s->line));
        buf_clear(&s->line);
    } else if (s->line.n == MAX_LINE) {
        s->truncated = find_open(s, buf_str(&s->line), &is_end) >= 0;
        take_text(s, buf_str(&s->line));
        buf_clear(&s->line);
        s->line_starts = false;
    }
    return line.n;
}

/* As many lines as begin with something else than '-'. */
static size_t take_others(struct mime_stream *s, struct fct_str bytes)
{
    const char *p = bytes.p, *end = bytes.p + bytes.n;

    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        p++;
        if (p == end || *p == '-')
            break;
    }
    s->line_starts = p != NULL;
    if (!p)
        p = end;
    take_text(s, str_between(bytes.p, p));
    return (size_t)(p - bytes.p);
}

static size_t take_some(struct mime_stream *s, struct fct_str bytes)
{
    if (s->in_header)
        return take_header(s, bytes);
    if (s->nboundaries == 0) { /* nothing can end before the end */
        take_text(s, bytes);
        return bytes.n;
    }
    if (s->line.n > 0 || (s->line_starts && bytes.p[0] == '-'))
        return take_dashed(s, bytes);
    return take_others(s, bytes);
}

void mime_stream_put(struct mime_stream *s, struct fct_str bytes)
{
    while (bytes.n > 0 && !s->truncated)
        bytes = str_skip(bytes, take_some(s, bytes));
}

void mime_stream_end(struct mime_stream *s)
{
    if (s->in_header && s->header.n > s->header_line && s->header.p[s->header_line] == '-' &&
        !s->truncated)
        header_line_done(s);
    while (s->in_header && !s->truncated)
        finish_header(s);
    if (s->line.n > 0 && !s->truncated)
        take_line(s, buf_str(&s->line));
    if (!s->truncated)
        release_held(s);
}
