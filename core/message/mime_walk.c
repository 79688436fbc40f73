/* mime_walk.c - the scanner: one pass over the bytes, a stack of open parts, no recursion (RFC
 * 2046 5.1).
 *
 * Only lines that begin with "--" are looked at. Such a line is compared with the boundaries of the
 * open multiparts, which are at most max_depth, so the work is linear in the size of the message
 * whatever it holds. A boundary needs to match at the start of the line only, the longest one wins
 * and among equals the innermost, as other readers do: what a mail program shows as a part must be
 * a part for filters too. */
#include "core/message/byte_scan.h"
#include "core/message/lexer.h"
#include "core/message/mime.h"
#include "core/message/mime_int.h"
#include "core/message/parameter.h"
#include "core/message/rfc5322_int.h"

enum { FIRST_PARTS = 4, MAX_BOUNDARY = 80 /* RFC 2046 5.1.1 says 70 */ };

/* An open part that holds others. */
struct level {
    int part;
    int last_child;          /* or -1 */
    struct fct_str boundary; /* empty: an enclosed message, or behind the closing boundary */
};

struct scan {
    struct arena *arena;
    struct fct_str message;
    const struct mime_limits *limits;
    struct mime_part *part;
    size_t nparts, room;
    struct level *level; /* max_depth of them */
    size_t depth;        /* levels open */
    size_t nboundaries;  /* of them, with a boundary */
    const char *at;      /* next line */
    uint32_t line;       /* lines before it */
    bool truncated;
    unsigned defects;
};

/* A boundary line that was found. */
struct hit {
    size_t level;
    bool is_end;
};

/* delimiter = "--" boundary; close-delimiter = delimiter "--" RFC 2046 5.1.1 */
static bool find_level(const struct scan *s, const char *line, const char *next, struct hit *hit)
{
    struct fct_str rest = str_between(line, next);
    size_t longest = 0;

    if (rest.n < 3 || line[0] != '-' || line[1] != '-')
        return false;
    rest = str_skip(rest, 2);
    for (size_t i = s->depth; i-- > 0;) {
        struct fct_str b = s->level[i].boundary;

        if (b.n > longest && b.n <= rest.n && memcmp(b.p, rest.p, b.n) == 0) {
            longest = b.n;
            hit->level = i;
        }
    }
    rest = str_skip(rest, longest);
    hit->is_end = (rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-') || next[-1] != '\n';
    return longest > 0;
}

static bool stops_header(void *arg, const char *line, const char *next)
{
    struct hit hit;

    return find_level(arg, line, next, &hit);
}

static struct mime_part *add_part(struct scan *s)
{
    if (s->nparts == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : FIRST_PARTS;

        s->part = arena_grow(s->arena, s->part, s->room * sizeof *s->part, room * sizeof *s->part);
        s->room = room;
    }
    return &s->part[s->nparts++];
}

static bool in_digest(const struct scan *s, int parent)
{
    return parent >= 0 && s->part[parent].is_multipart && LEX_IS(s->part[parent].minor, "digest");
}

/* Link it to the level that is open on top. */
static void link_part(struct scan *s, int index)
{
    struct level *top = &s->level[s->depth - 1];
    struct mime_part *part = &s->part[index];

    part->is.parent = top->part;
    part->is.depth = s->part[top->part].is.depth + 1;
    if (top->last_child < 0) {
        s->part[top->part].first_child = index;
        part->number = 1;
    } else {
        s->part[top->last_child].next_sibling = index;
        part->number = s->part[top->last_child].number + 1;
    }
    top->last_child = index;
}

/* Reads the header at s->at; the body begins behind it. */
static int open_part(struct scan *s)
{
    int index = (int)s->nparts, parent = s->depth > 0 ? s->level[s->depth - 1].part : -1;
    struct mime_part *part = add_part(s);
    struct part_reader reader = {s->arena, s->limits, &s->defects, in_digest(s, parent)};

    *part = (struct mime_part){.first_child = -1, .next_sibling = -1, .number = 1, .is.parent = -1};
    if (parent >= 0)
        link_part(s, index);
    part->is.header_offset = (size_t)(s->at - s->message.p);
    header_list_scan(s->arena, s->message, part->is.header_offset, &s->limits->header,
                     s->nboundaries > 0 ? stops_header : NULL, s, &part->header);
    mime_part_read_header(&reader, part);
    part->is.body_offset = part->header.end;
    part->is.header_length = part->header.end - part->is.header_offset;
    s->truncated = s->truncated || part->header.truncated;
    s->at = s->message.p + part->header.end;
    s->line += part->header.lines;
    part->body_lines = s->line; /* until the part ends: lines before its body */
    return index;
}

static void push(struct scan *s, int part, struct fct_str boundary)
{
    s->level[s->depth++] = (struct level){.part = part, .last_child = -1, .boundary = boundary};
    s->nboundaries += boundary.n > 0;
}

static bool is_message_type(const struct mime_part *p)
{
    return LEX_IS(p->is.type, "message/rfc822") || LEX_IS(p->is.type, "message/global");
}

static struct fct_str boundary_of(struct scan *s, const struct mime_part *p)
{
    struct fct_str b = mime_parameter_value(p->parameter, p->nparameters, "boundary");

    if (b.n == 0)
        s->defects |= MIME_DEFECT_NO_BOUNDARY;
    return str_head(b, MAX_BOUNDARY);
}

/* Make a level of a part that may hold others. True: it is an enclosed message, whose header begins
 * right here. */
static bool enter_part(struct scan *s, int index)
{
    struct mime_part *p = &s->part[index];
    bool multipart = LEX_IS(p->major, "multipart"), message = is_message_type(p);
    struct fct_str boundary = {0};

    if (!multipart && !message)
        return false;
    if (multipart && (boundary = boundary_of(s, p)).n == 0)
        return false;
    if (s->depth == s->limits->max_depth || s->nparts >= s->limits->max_parts) {
        s->truncated = true;
        return false;
    }
    p->is_multipart = multipart;
    p->is_message = message;
    push(s, index, boundary);
    return message;
}

/* The line end in front of a boundary belongs to the boundary (RFC 2046 5.1.1), unless the header
 * in hand needs it: `cut` is false then. */
static void close_part(struct scan *s, int index, const char *line, bool cut)
{
    struct mime_part *p = &s->part[index];
    const char *body = s->message.p + p->is.body_offset, *end = line;
    uint32_t lines = s->line;

    if (cut && end > body) {
        end--;
        lines--;
        if (end > body && end[-1] == '\r')
            end--;
    }
    p->is.body_length = (size_t)(end - body);
    p->body_lines = lines - p->body_lines;
}

static void end_part(struct scan *s, int index)
{
    struct mime_part *p = &s->part[index];

    p->is.body_length = s->message.n - p->is.body_offset;
    p->body_lines = s->line - p->body_lines;
}

/* Moves s->at to the next boundary line, or to the end. s->at is behind that line, *line at its
 * start. */
static bool find_boundary(struct scan *s, const char **line, struct hit *hit)
{
    const char *end = s->message.p + s->message.n, *p = s->at;

    if (s->nboundaries == 0) { /* nothing can end before the end */
        s->line += (uint32_t)byte_count(p, end, '\n');
        p = end;
    }
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *next = lf ? lf + 1 : end;

        if (p[0] == '-' && find_level(s, p, next, hit)) {
            *line = p;
            s->at = next;
            return true;
        }
        s->line += lf != NULL;
        p = next;
    }
    s->at = end;
    return false;
}

/* Everything above the level that was hit ends in front of the line; so does the last part of that
 * level. `leaf` is the part in hand, -1 between parts. */
static void close_above(struct scan *s, const struct hit *hit, int leaf, const char *line)
{
    int inner = leaf >= 0 ? leaf : s->level[s->depth - 1].part;
    bool cut = s->message.p + s->part[inner].is.body_offset < line;

    if (leaf >= 0)
        close_part(s, leaf, line, cut);
    while (s->depth > hit->level + 1) {
        struct level *top = &s->level[--s->depth];

        if (top->boundary.n > 0) {
            s->nboundaries--;
            s->defects |= MIME_DEFECT_NO_END;
        }
        close_part(s, top->part, line, cut);
    }
}

static void end_all(struct scan *s, int leaf)
{
    if (leaf >= 0)
        end_part(s, leaf);
    while (s->depth > 0) {
        struct level *top = &s->level[--s->depth];

        if (top->boundary.n > 0)
            s->defects |= MIME_DEFECT_NO_END;
        end_part(s, top->part);
    }
}

/* The part in hand: it and, when it is a message, what it encloses. Returns the leaf that stays
 * open, -1 for none. */
static int open_and_enter(struct scan *s)
{
    int index = open_part(s);

    while (enter_part(s, index))
        index = open_part(s);
    return s->depth > 0 && s->level[s->depth - 1].part == index ? -1 : index;
}

void mime_scan(struct arena *arena, struct fct_str message, const struct mime_limits *limits,
               struct mime_tree *out)
{
    struct scan s = {.arena = arena, .message = message, .limits = limits, .at = message.p};
    const char *line = message.p;
    struct hit hit = {0};
    int leaf;

    s.level = ARENA_ARRAY(arena, struct level, limits->max_depth + 1u);
    leaf = open_and_enter(&s);
    while (find_boundary(&s, &line, &hit)) {
        close_above(&s, &hit, leaf, line);
        s.line += s.at > line && s.at[-1] == '\n';
        leaf = -1;
        if (hit.is_end) { /* an epilogue follows */
            s.level[hit.level].boundary = (struct fct_str){0};
            s.nboundaries--;
        } else if (s.nparts >= limits->max_parts) {
            s.truncated = true;
            s.nboundaries = 0; /* the rest belongs to the parts that are open */
        } else {
            leaf = open_and_enter(&s);
        }
    }
    end_all(&s, leaf);
    *out = (struct mime_tree){s.part, s.nparts, s.truncated, s.defects};
}
