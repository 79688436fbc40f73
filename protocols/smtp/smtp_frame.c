/* smtp_frame.c - a state machine over line ends. Lines in which it would find nothing to do are
 * passed many at a time. */
#include "protocols/smtp/smtp_frame.h"

#include <string.h>

enum frame_state {
    LINE_START, /* behind a line end, or at the very start */
    TEXT,       /* inside a line */
    CR,         /* a CR was read and not given on yet: it is either half a line end or a fault */
    DOT,        /* a dot at the start of a line was read and not given on */
    DOT_CR,     /* that dot, then a CR */
};

/* One call of smtp_frame_feed: what of the input was looked at, and from where it has not been
 * given on. */
struct reading {
    const char *at, *end, *from;
    smtp_frame_sink sink;
    void *arg;
};

void smtp_frame_start(struct smtp_frame *f, bool dots, bool repair)
{
    *f = (struct smtp_frame){.dots = dots, .repair = repair, .state = LINE_START, .sequence = ""};
}

static void give(const struct smtp_frame *f, const struct reading *r, const char *p, size_t n)
{
    if (n > 0 && f->fault == FRAME_FINE)
        r->sink(r->arg, p, n);
}

/* Give on all up to `at`, leave out the next `skip` bytes. */
static void give_up_to(const struct smtp_frame *f, struct reading *r, const char *at, size_t skip)
{
    give(f, r, r->from, (size_t)(at - r->from));
    r->from = r->at = at + skip;
}

static void fault(struct smtp_frame *f, enum smtp_frame_fault what, const char *sequence)
{
    if (f->fault != FRAME_FINE)
        return;
    f->fault = what;
    f->sequence = sequence;
}

static void line_ended(struct smtp_frame *f, bool lone_lf)
{
    f->in_body = f->in_body || f->line_is_empty;
    f->after_lone_lf = lone_lf;
    f->state = LINE_START;
}

static void at_line_start(struct smtp_frame *f, struct reading *r)
{
    f->line_is_empty = true;
    f->state = TEXT;
    if (!f->dots || *r->at != '.')
        return;
    f->line_is_empty = false;
    f->state = DOT;
    give_up_to(f, r, r->at, 1);
}

static void lone_lf(struct smtp_frame *f, struct reading *r)
{
    bool repair = f->repair && f->in_body;

    give_up_to(f, r, r->at, 1);
    if (!repair) {
        fault(f, FRAME_BARE_LF, "<LF>");
        return; /* the state stays TEXT: what follows is not the start of a line */
    }
    give(f, r, "\r\n", 2);
    line_ended(f, true);
}

/* A byte that does not belong into a line: CR, LF or NUL at r->at. */
static void special(struct smtp_frame *f, struct reading *r)
{
    switch (*r->at) {
    case '\r':
        give_up_to(f, r, r->at, 1);
        f->state = CR;
        return;
    case '\n':
        lone_lf(f, r);
        return;
    default:
        give_up_to(f, r, r->at, 1);
        fault(f, FRAME_NUL, "<NUL>");
    }
}

/* As many bytes of the line as are there; a whole line with a right end costs three memchr. */
static void in_text(struct smtp_frame *f, struct reading *r)
{
    const char *lf = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *limit = lf ? lf : r->end;
    const char *cr = memchr(r->at, '\r', (size_t)(limit - r->at));
    const char *nul = memchr(r->at, '\0', (size_t)((cr ? cr : limit) - r->at));
    const char *first = nul ? nul : cr ? cr : limit;

    if (first > r->at)
        f->line_is_empty = false;
    if (!nul && cr && cr + 1 == lf) {
        r->at = lf + 1;
        line_ended(f, false);
        return;
    }
    r->at = first;
    if (first < r->end)
        special(f, r);
}

static void after_cr(struct smtp_frame *f, struct reading *r)
{
    if (*r->at == '\n') {
        give(f, r, "\r\n", 2);
        r->from = ++r->at;
        line_ended(f, false);
        return;
    }
    fault(f, FRAME_BARE_CR, "<CR>");
    f->state = TEXT;
}

static void after_dot(struct smtp_frame *f, struct reading *r)
{
    switch (*r->at) {
    case '\r':
        r->from = ++r->at;
        f->state = DOT_CR;
        return;
    case '\n': /* some servers end a message here (CVE-2023-51764) */
        r->from = ++r->at;
        fault(f, FRAME_FALSE_END, f->after_lone_lf ? "<LF>.<LF>" : "<CR><LF>.<LF>");
        f->state = TEXT;
        return;
    default:
        /* A doubled dot is single again (RFC 5321 4.5.2). Behind a lone LF nobody doubled any. */
        if (f->after_lone_lf)
            give(f, r, ".", 1);
        f->state = TEXT;
    }
}

static void after_dot_cr(struct smtp_frame *f, struct reading *r)
{
    if (*r->at != '\n') {
        fault(f, FRAME_FALSE_END, f->after_lone_lf ? "<LF>.<CR>" : "<CR><LF>.<CR>");
        f->state = CR;
        return;
    }
    r->from = ++r->at;
    if (f->after_lone_lf) {
        fault(f, FRAME_FALSE_END, "<LF>.<CR><LF>");
        line_ended(f, false);
        return;
    }
    f->ended = true;
}

/* ---- many lines at a time ---- */

typedef uint8_t octets __attribute__((vector_size(16)));

#define RUN_STEP (4 * sizeof(octets))

static octets load(const char *p)
{
    octets v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* RUN_STEP bytes, and the one before them: each LF has its CR, each CR its LF (but for a last one,
 * which is the next step's), no NUL, and, where `dot` is one, no dot at the start of a line. */
static bool is_plain(const char *p, uint8_t dot)
{
    octets odd = {0};
    uint64_t half[2];

    for (size_t i = 0; i < RUN_STEP; i += sizeof(octets)) {
        octets now = load(p + i), before = load(p + i - 1);

        odd |= (octets)((now == '\n') ^ (before == '\r')) | (octets)(now == '\0') |
               (octets)((now == dot) & (before == '\n'));
    }
    memcpy(half, &odd, sizeof half);
    return (half[0] | half[1]) == 0;
}

/* Whole lines that are the message as they are: to behind the last of them, p when there is none.
 */
static const char *plain_lines(const char *p, const char *end, bool dots, bool inside_line)
{
    const uint8_t dot = dots ? '.' : '\n'; /* LF behind LF is odd anyway */
    const char *to = p + 1, *lf;

    if (*p == '\n' || *p == '\0' || (dots && !inside_line && *p == '.'))
        return p;
    while ((size_t)(end - to) >= RUN_STEP && is_plain(to, dot))
        to += RUN_STEP;
    lf = memrchr(p, '\n', (size_t)(to - p));
    return lf ? lf + 1 : p;
}

/* Repairing needs to know where the header ends. */
static void pass_lines(struct smtp_frame *f, struct reading *r)
{
    const char *to;

    if (f->state > TEXT || (f->repair && !f->in_body) || (size_t)(r->end - r->at) <= RUN_STEP)
        return;
    to = plain_lines(r->at, r->end, f->dots, f->state == TEXT);
    if (to == r->at)
        return;
    r->at = to;
    line_ended(f, false);
}

size_t smtp_frame_feed(struct smtp_frame *f, const char *p, size_t n, smtp_frame_sink sink,
                       void *arg)
{
    static void (*const step[])(struct smtp_frame *, struct reading *) = {
        [LINE_START] = at_line_start, [TEXT] = in_text, [CR] = after_cr, [DOT] = after_dot,
        [DOT_CR] = after_dot_cr,
    };
    struct reading r = {.at = p, .end = p + n, .from = p, .sink = sink, .arg = arg};

    while (r.at < r.end && !f->ended) {
        pass_lines(f, &r);
        if (r.at < r.end)
            step[f->state](f, &r);
    }
    give(f, &r, r.from, (size_t)(r.at - r.from));
    return (size_t)(r.at - p);
}

void smtp_frame_finish(struct smtp_frame *f)
{
    if (f->state == CR)
        fault(f, FRAME_BARE_CR, "<CR>");
}
