/* lua_pattern.c - compiling and matching Lua patterns in bounded work (Lua 5.4 reference
 * manual 6.4.1). */
#include "lua_pattern.h"

/* 256 bits: which bytes an item takes. */
struct set {
    uint32_t bits[8];
};

enum kind { SINGLE, OPEN, CLOSE, POSITION, BACK, BALANCE, FRONTIER, END };
enum quantifier { ONCE, MAYBE, MANY, SOME, FEW }; /* none ? * + - */

struct item {
    uint8_t kind, quantifier;
    uint8_t a, b; /* index of a capture; the two bytes of %b */
    struct set set;
};

/* Where a match can go on when it fails further right. */
struct frame {
    size_t item;
    size_t low, at; /* a greedy item gives back down to low; a lazy one takes from at */
};

struct lua_pattern {
    bool anchored;
    size_t items, captures;
    struct frame *frame; /* behind the items, in the same block */
    struct item item[];
};

/* ---- compiling ---- */

struct source {
    const unsigned char *at, *end;
    const char *error;
};

static bool more(const struct source *in)
{
    return in->at < in->end;
}

static bool take(struct source *in, unsigned char c)
{
    if (!more(in) || *in->at != c)
        return false;
    in->at++;
    return true;
}

static void set_add(struct set *s, unsigned c)
{
    s->bits[c >> 5] |= 1u << (c & 31);
}

static bool set_has(const struct set *s, unsigned char c)
{
    return (s->bits[c >> 5] >> (c & 31)) & 1u;
}

static void set_invert(struct set *s)
{
    for (size_t i = 0; i < FCT_COUNT(s->bits); i++)
        s->bits[i] = ~s->bits[i];
}

/* ASCII whatever the locale: mail syntax is ASCII. */
static bool is_upper(unsigned c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_lower(unsigned c)
{
    return c >= 'a' && c <= 'z';
}
static bool is_alpha(unsigned c)
{
    return is_upper(c) || is_lower(c);
}
static bool is_digit(unsigned c)
{
    return c >= '0' && c <= '9';
}
static bool is_alnum(unsigned c)
{
    return is_alpha(c) || is_digit(c);
}
static bool is_cntrl(unsigned c)
{
    return c < 32 || c == 127;
}
static bool is_graph(unsigned c)
{
    return c > 32 && c < 127;
}
static bool is_punct(unsigned c)
{
    return is_graph(c) && !is_alnum(c);
}
static bool is_space(unsigned c)
{
    return c == ' ' || (c >= 9 && c <= 13);
}
/* %z: not in the manual any more, but Lua 5.4 still knows it. */
static bool is_zero(unsigned c)
{
    return c == 0;
}
static bool is_xdigit(unsigned c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* clang-format off */
static const struct {
    char letter;
    bool (*has)(unsigned c);
} classes[] = {
    {'a', is_alpha}, {'c', is_cntrl}, {'d', is_digit}, {'g', is_graph}, {'l', is_lower}, {'p', is_punct},
    {'s', is_space}, {'u', is_upper}, {'w', is_alnum}, {'x', is_xdigit}, {'z', is_zero},
};
/* clang-format on */

/* What stands behind '%': a class, its complement when the letter is a capital, or the character
 * itself. */
static void add_escaped(struct set *s, unsigned char c)
{
    for (size_t i = 0; i < FCT_COUNT(classes); i++) {
        if ((unsigned char)classes[i].letter != (c | 0x20) || !is_alpha(c))
            continue;
        for (unsigned b = 0; b < 256; b++)
            if (classes[i].has(b) != is_upper(c))
                set_add(s, b);
        return;
    }
    set_add(s, c);
}

static bool fail(struct source *in, const char *error)
{
    in->error = error;
    return false;
}

/* [set]: behind the '['. A ']' that comes first is a member. */
static bool read_set(struct source *in, struct set *s)
{
    bool inverted = take(in, '^');

    for (bool first = true; first || !take(in, ']'); first = false) {
        unsigned char c, last;
        if (!more(in))
            return fail(in, "malformed pattern (missing ']')");
        c = *in->at++;
        if (c == '%') {
            if (!more(in))
                return fail(in, "malformed pattern (missing ']')");
            add_escaped(s, *in->at++);
        } else if (in->end - in->at >= 2 && in->at[0] == '-' && in->at[1] != ']') {
            last = in->at[1];
            in->at += 2;
            for (unsigned b = c; b <= last; b++)
                set_add(s, b);
        } else {
            set_add(s, c);
        }
    }
    if (inverted)
        set_invert(s);
    return true;
}

/* %b, %f, %1 … and %x: behind the '%'. */
static bool read_escape(struct source *in, struct item *out)
{
    unsigned char c;

    if (!more(in))
        return fail(in, "malformed pattern (ends with '%')");
    c = *in->at++;
    if (is_digit(c)) {
        out->kind = BACK;
        out->a = (uint8_t)(c - '1'); /* %0 becomes 255: refused as no such capture */
    } else if (c == 'b') {
        if (in->end - in->at < 2)
            return fail(in, "malformed pattern (missing arguments to '%b')");
        out->kind = BALANCE;
        out->a = in->at[0];
        out->b = in->at[1];
        in->at += 2;
    } else if (c == 'f') {
        if (!take(in, '['))
            return fail(in, "missing '[' after '%f' in pattern");
        out->kind = FRONTIER;
        return read_set(in, &out->set);
    } else {
        add_escaped(&out->set, c);
    }
    return true;
}

static void read_quantifier(struct source *in, struct item *out)
{
    out->quantifier = take(in, '?')   ? MAYBE
                      : take(in, '*') ? MANY
                      : take(in, '+') ? SOME
                      : take(in, '-') ? FEW
                                      : ONCE;
}

static bool read_item(struct source *in, struct item *out)
{
    unsigned char c = *in->at++;
    bool ok = true;

    *out = (struct item){.kind = SINGLE};
    if (c == '(')
        out->kind = take(in, ')') ? POSITION : OPEN;
    else if (c == ')')
        out->kind = CLOSE;
    else if (c == '$' && !more(in))
        out->kind = END;
    else if (c == '[')
        ok = read_set(in, &out->set);
    else if (c == '%')
        ok = read_escape(in, out);
    else if (c == '.')
        set_invert(&out->set);
    else
        set_add(&out->set, c);
    if (ok && out->kind == SINGLE)
        read_quantifier(in, out);
    return ok;
}

/* Captures are numbered by their opening; the pattern is a line, so each index is known here. */
struct nesting {
    uint8_t open[LUA_PATTERN_CAPTURES];
    size_t depth, count;
};

static const char *number_capture(struct nesting *n, struct item *item)
{
    switch ((enum kind)item->kind) {
    case OPEN:
    case POSITION:
        if (n->count == LUA_PATTERN_CAPTURES)
            return "too many captures";
        item->a = (uint8_t)n->count++;
        if (item->kind == OPEN)
            n->open[n->depth++] = item->a;
        return NULL;
    case CLOSE:
        if (n->depth == 0)
            return "invalid pattern capture";
        item->a = n->open[--n->depth];
        return NULL;
    case BACK:
        for (size_t i = 0; i < n->depth; i++)
            if (n->open[i] == item->a)
                return "invalid capture index (it is still open)";
        return item->a < n->count ? NULL : "invalid capture index";
    case SINGLE:
    case BALANCE:
    case FRONTIER:
    case END:
        break;
    }
    return NULL;
}

size_t lua_pattern_bytes(size_t length)
{
    return sizeof(struct lua_pattern) + (length + 1) * (sizeof(struct item) + sizeof(struct frame));
}

const char *lua_pattern_compile(struct fct_str text, bool anchors, struct lua_pattern *out)
{
    struct source in = {(const unsigned char *)text.p, (const unsigned char *)text.p + text.n,
                        NULL};
    struct nesting nesting = {.count = 0};
    const char *error;

    if (text.n > LUA_PATTERN_LONGEST)
        return "pattern too long";
    out->anchored = anchors && take(&in, '^');
    for (out->items = 0; more(&in); out->items++) {
        if (!read_item(&in, &out->item[out->items]))
            return in.error;
        error = number_capture(&nesting, &out->item[out->items]);
        if (error)
            return error;
    }
    if (nesting.depth > 0)
        return "unfinished capture";
    out->captures = nesting.count;
    out->frame = (struct frame *)(void *)&out->item[out->items + out->items % 2];
    return NULL;
}

bool lua_pattern_is_anchored(const struct lua_pattern *p)
{
    return p->anchored;
}

bool lua_pattern_is_plain(struct fct_str text)
{
    static const char magic[] = {'^', '$', '*', '+', '?', '.', '(', '[', '%', '-'};

    for (size_t i = 0; i < text.n; i++)
        if (memchr(magic, text.p[i], sizeof magic))
            return false;
    return true;
}

/* ---- matching ---- */

struct run {
    struct lua_pattern *p;
    struct lua_match *m;
    const unsigned char *s;
    size_t n;
    size_t at;    /* in the subject */
    size_t item;  /* next */
    size_t depth; /* frames */
    bool costly;
};

/* False when the work is used up: the match ends. */
static bool spend(struct run *r, size_t work)
{
    if (r->m->steps >= work) {
        r->m->steps -= work;
        return true;
    }
    r->m->steps = 0;
    r->costly = true;
    return false;
}

static bool go_on(struct run *r, size_t at)
{
    r->at = at;
    r->item++;
    return true;
}

static void remember(struct run *r, size_t low, size_t at)
{
    r->p->frame[r->depth++] = (struct frame){r->item, low, at};
}

static bool match_single(struct run *r, const struct item *item)
{
    size_t at = r->at, limit = item->quantifier == MAYBE && r->n - at > 1 ? at + 1 : r->n;

    switch ((enum quantifier)item->quantifier) {
    case ONCE:
        return at < r->n && set_has(&item->set, r->s[at]) && go_on(r, at + 1);
    case FEW:
        remember(r, at, at);
        return go_on(r, at);
    case MAYBE:
    case MANY:
    case SOME:
        break;
    }
    while (at < limit && set_has(&item->set, r->s[at]))
        at++;
    if (!spend(r, (at - r->at) / 4) || (item->quantifier == SOME && at == r->at))
        return false;
    if (at > r->at + (item->quantifier == SOME))
        remember(r, r->at + (item->quantifier == SOME), at);
    return go_on(r, at);
}

static bool match_back(struct run *r, const struct item *item)
{
    const struct lua_capture *c = &r->m->capture[item->a];

    return !c->position && spend(r, c->length / 16) && c->length <= r->n - r->at &&
           memcmp(r->s + c->start, r->s + r->at, c->length) == 0 && go_on(r, r->at + c->length);
}

static bool match_balance(struct run *r, const struct item *item)
{
    size_t at = r->at, deep = 1;

    if (at >= r->n || r->s[at] != item->a)
        return false;
    for (at++; at < r->n; at++) {
        if (r->s[at] == item->b && --deep == 0)
            break;
        if (r->s[at] == item->a && item->a != item->b)
            deep++;
    }
    return spend(r, (at - r->at) / 4) && at < r->n && go_on(r, at + 1);
}

static bool match_frontier(struct run *r, const struct item *item)
{
    unsigned char before = r->at > 0 ? r->s[r->at - 1] : 0, after = r->at < r->n ? r->s[r->at] : 0;

    return !set_has(&item->set, before) && set_has(&item->set, after) && go_on(r, r->at);
}

static bool match_item(struct run *r, const struct item *item)
{
    struct lua_capture *c = &r->m->capture[item->a % LUA_PATTERN_CAPTURES];

    switch ((enum kind)item->kind) {
    case SINGLE:
        return match_single(r, item);
    case OPEN:
    case POSITION:
        *c = (struct lua_capture){r->at, 0, item->kind == POSITION};
        return go_on(r, r->at);
    case CLOSE:
        c->length = r->at - c->start;
        return go_on(r, r->at);
    case BACK:
        return match_back(r, item);
    case BALANCE:
        return match_balance(r, item);
    case FRONTIER:
        return match_frontier(r, item);
    case END:
        return r->at == r->n && go_on(r, r->at);
    }
    return false;
}

/* The nearest item to the left that can take one byte less, or one more when it is lazy. */
static bool step_back(struct run *r)
{
    for (; r->depth > 0; r->depth--) {
        struct frame *f = &r->p->frame[r->depth - 1];
        const struct item *item = &r->p->item[f->item];
        r->item = f->item;
        if (item->quantifier == FEW) {
            if (f->at < r->n && set_has(&item->set, r->s[f->at]))
                return go_on(r, ++f->at);
        } else if (f->at > f->low) {
            return go_on(r, --f->at);
        }
    }
    return false;
}

enum lua_matched lua_pattern_match_at(struct lua_pattern *p, struct lua_match *m, size_t at)
{
    struct run r = {
        .p = p,
        .m = m,
        .s = (const unsigned char *)m->subject.p,
        .n = m->subject.n,
        .at = at,
    };

    m->captures = p->captures;
    while (r.item < p->items) {
        if (!spend(&r, 1))
            return LUA_TOO_COSTLY;
        if (match_item(&r, &p->item[r.item]))
            continue;
        if (r.costly)
            return LUA_TOO_COSTLY;
        if (!step_back(&r))
            return LUA_NO_MATCH;
    }
    m->start = at;
    m->end = r.at;
    return LUA_MATCHED;
}

enum lua_matched lua_pattern_search(struct lua_pattern *p, struct lua_match *m, size_t from)
{
    for (size_t at = from; at <= m->subject.n; at++) {
        enum lua_matched result = lua_pattern_match_at(p, m, at);
        if (result != LUA_NO_MATCH)
            return result;
        if (p->anchored)
            break;
    }
    return LUA_NO_MATCH;
}
