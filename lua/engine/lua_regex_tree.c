/* lua_regex_tree.c - see lua_regex_tree.h. Syntax: pcre2pattern(3). */
#include "lua_regex_tree.h"

#include "lua_fold.h"
#include <stdlib.h>
#include <string.h>

#define NODES_MOST 4000
#define CHARS_MOST 12000
#define ROOM_FIRST 64
#define DEPTH      24
#define SET_MOST   64 /* strings of one set */
#define NO_NODE    0

struct reading {
    const char *at, *end;
    bool caseless, unicode, bytes, dotall;
    bool crosses; /* perhaps a match reaches beyond a line end */
    bool lost;    /* something that is not understood */
    unsigned depth;
    size_t node_room, char_room;
    struct lua_tree *out;
};

static bool more(const struct reading *r)
{
    return !r->lost && r->at < r->end;
}

static bool looking_at(const struct reading *r, const char *text)
{
    size_t n = strlen(text);

    return (size_t)(r->end - r->at) >= n && memcmp(r->at, text, n) == 0;
}

static bool take(struct reading *r, const char *text)
{
    if (!looking_at(r, text))
        return false;
    r->at += strlen(text);
    return true;
}

/* Doubled until it is enough. */
static size_t larger(size_t room, size_t wanted)
{
    room = room > 0 ? room : ROOM_FIRST;
    while (room < wanted)
        room *= 2;
    return room;
}

static bool room_for_node(struct reading *r)
{
    struct lua_tree *t = r->out;
    size_t room = larger(r->node_room, t->nodes + 1u);
    struct lua_node *node;

    if (t->nodes == NODES_MOST)
        return false;
    if (room == r->node_room)
        return true;
    node = reallocarray(t->node, room, sizeof *node);
    if (!node)
        return false;
    t->node = node;
    r->node_room = room;
    return true;
}

static bool room_for_chars(struct reading *r, size_t n)
{
    struct lua_tree *t = r->out;
    size_t room = larger(r->char_room, t->chars + n);
    struct lua_char *ch;

    if (t->chars + n > CHARS_MOST)
        return false;
    if (room == r->char_room)
        return true;
    ch = reallocarray(t->ch, room, sizeof *ch);
    if (!ch)
        return false;
    t->ch = ch;
    r->char_room = room;
    return true;
}

static uint16_t new_node(struct reading *r, enum lua_node_kind kind)
{
    struct lua_tree *t = r->out;

    if (!room_for_node(r)) {
        r->lost = true;
        return NO_NODE;
    }
    t->node[t->nodes] = (struct lua_node){.kind = (uint8_t)kind, .min = 1, .max = 1};
    return t->nodes++;
}

/* ---- sets of characters ---- */

/* What a class has, gathered. Too much for single strings: `any`. */
struct set {
    bool any, whole;
    uint32_t low, high; /* code points, of all members */
    uint8_t n;
    struct lua_char ch[SET_MOST];
};

static uint32_t utf8_bytes(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static void add_char(struct set *s, const struct lua_char *c)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->ch[i].n == c->n && memcmp(s->ch[i].bytes, c->bytes, c->n) == 0)
            return;
    if (s->n == SET_MOST)
        s->any = true;
    else
        s->ch[s->n++] = *c;
}

static void widen(struct set *s, uint32_t first, uint32_t last)
{
    s->low = first < s->low ? first : s->low;
    s->high = last > s->high ? last : s->high;
}

static void add_one(const struct reading *r, struct set *s, uint32_t c)
{
    struct lua_char ch = {0};

    if (r->bytes && c >= 0x80)
        s->any = true;
    else if (r->caseless)
        s->any = !lua_fold_char(c, ch.bytes, &ch.n) || s->any;
    else
        lua_fold_exact(c, ch.bytes, &ch.n);
    if (!s->any)
        add_char(s, &ch);
}

/* Of a large range: the first two bytes, when they are few. Only where there are no cases. */
static void add_begins(struct set *s, uint32_t first, uint32_t last)
{
    uint32_t step = last < 0x10000 ? 0x40 : 0x1000;

    if (first < 0x800 || utf8_bytes(first) != utf8_bytes(last) ||
        (last - first) / step >= SET_MOST) {
        s->any = true;
        return;
    }
    s->whole = false;
    for (uint32_t c = first & ~(step - 1); c <= last && !s->any; c += step) {
        struct lua_char ch = {0};

        lua_fold_exact(c, ch.bytes, &ch.n);
        ch.n = 2;
        add_char(s, &ch);
    }
}

static void add_range(const struct reading *r, struct set *s, uint32_t first, uint32_t last)
{
    widen(s, first, last);
    if (last - first < SET_MOST)
        for (uint32_t c = first; c <= last && !s->any; c++)
            add_one(r, s, c);
    else if (r->bytes || (r->caseless && last < 0x2e80))
        s->any = true;
    else
        add_begins(s, first, last);
}

static const struct set empty_set = {.whole = true, .low = UINT32_MAX};

static uint16_t set_node(struct reading *r, const struct set *s)
{
    uint16_t at = new_node(r, LUA_NODE_CHAR);
    struct lua_node *node = &r->out->node[at];
    struct lua_tree *t = r->out;
    uint16_t n = s->any ? 0 : s->n;

    if (r->lost || !room_for_chars(r, n)) {
        r->lost = true;
        return NO_NODE;
    }
    node->whole = s->whole;
    node->string = t->chars;
    node->n = n;
    node->max = r->bytes ? 1 : s->high >= 0x80 && r->caseless ? 4 : utf8_bytes(s->high);
    memcpy(t->ch + t->chars, s->ch, n * sizeof *s->ch);
    t->chars = (uint16_t)(t->chars + n);
    return at;
}

static uint16_t any_node(struct reading *r, bool ascii)
{
    struct set s = empty_set;

    s.any = true;
    widen(&s, 0, ascii ? 0x7f : 0x10ffff);
    return set_node(r, &s);
}

/* ---- escapes ---- */

static const struct {
    char letter;
    unsigned char c;
} controls[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'f', '\f'}, {'a', 7}, {'e', 27}};

/* \x41, \x{1f600}: behind the x. */
static uint32_t read_hex(struct reading *r)
{
    bool braces = take(r, "{");
    uint32_t c = 0;
    int digits = 0;

    for (; r->at < r->end && digits < (braces ? 6 : 2); r->at++, digits++) {
        const char *hex = "0123456789abcdef", *at = strchr(hex, *r->at | 0x20);

        if (!at || *r->at == 0)
            break;
        c = c << 4 | (uint32_t)(at - hex);
    }
    if (digits == 0 || (braces && !take(r, "}")) || c > 0x10ffff)
        r->lost = true;
    return c;
}

/* Behind the backslash: one character. False: it is something else, r->at is as it was. */
static bool escaped_char(struct reading *r, uint32_t *c)
{
    char letter = *r->at;

    for (size_t i = 0; i < FCT_COUNT(controls); i++)
        if (controls[i].letter == letter) {
            *c = controls[i].c;
            r->at++;
            return true;
        }
    if (letter == 'x') {
        r->at++;
        *c = read_hex(r);
        return true;
    }
    if ((unsigned char)letter >= 0x80 || (letter >= '0' && letter <= '9') ||
        ((letter | 0x20) >= 'a' && (letter | 0x20) <= 'z'))
        return false;
    *c = (unsigned char)letter;
    r->at++;
    return true;
}

/* \d \s \w into the set; others make it any. False: not a class. */
static bool add_escaped_class(struct reading *r, struct set *s)
{
    char letter = *r->at;

    if (!strchr("dswhvDSWHVN", letter) || letter == 0)
        return false;
    r->at++;
    r->crosses = r->crosses || strchr("svDWHN", letter);
    if (letter == 'd' && !r->unicode) {
        add_range(r, s, '0', '9');
    } else if (letter == 's' && !r->unicode) {
        add_range(r, s, '\t', '\r');
        add_range(r, s, ' ', ' ');
    } else {
        s->any = true;
        widen(s, 0, letter == 'w' && !r->unicode ? 0x7f : 0x10ffff);
    }
    return true;
}

static uint32_t plain_char(struct reading *r)
{
    unsigned char lead = (unsigned char)*r->at++;
    uint32_t n = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t c = n == 0 ? lead : lead & (0x3fu >> n);

    if (r->bytes)
        return lead;
    for (; n > 0 && r->at < r->end && ((unsigned char)*r->at & 0xc0) == 0x80; n--)
        c = c << 6 | ((unsigned char)*r->at++ & 0x3f);
    return c;
}

/* One member of a class. False: it was added already, or the class is lost. */
static bool read_member(struct reading *r, struct set *s, uint32_t *c)
{
    if (looking_at(r, "[:") || looking_at(r, "[.") || looking_at(r, "[=")) {
        r->lost = true;
        return false;
    }
    if (!take(r, "\\")) {
        *c = plain_char(r);
        return true;
    }
    if (r->at == r->end) {
        r->lost = true;
        return false;
    }
    if (add_escaped_class(r, s))
        return false;
    if (!escaped_char(r, c))
        r->lost = true;
    return !r->lost;
}

/* Behind the bracket. */
static uint16_t read_class(struct reading *r)
{
    struct set s = empty_set;
    bool inverted = take(r, "^"), newline = false, crossed = r->crosses;

    for (bool first = true; more(r) && (first || *r->at != ']'); first = false) {
        uint32_t low, high;

        if (!read_member(r, &s, &low))
            continue;
        high = low;
        if (r->end - r->at >= 2 && r->at[0] == '-' && r->at[1] != ']') {
            r->at++;
            if (!read_member(r, &s, &high) || high < low)
                r->lost = true;
        }
        newline = newline || (low <= '\n' && high >= '\n');
        if (!r->lost)
            add_range(r, &s, low, high);
    }
    if (!take(r, "]"))
        r->lost = true;
    if (!inverted) {
        r->crosses = r->crosses || newline;
        return set_node(r, &s);
    }
    r->crosses = crossed || !newline;
    return any_node(r, false);
}

static uint16_t char_node(struct reading *r, uint32_t c)
{
    struct set s = empty_set;

    r->crosses = r->crosses || c == '\n';
    add_range(r, &s, c, c);
    return set_node(r, &s);
}

/* Behind the backslash. */
static uint16_t read_escape(struct reading *r)
{
    struct set s = empty_set;
    uint16_t at;
    uint32_t c;

    if (r->at == r->end) {
        r->lost = true;
        return NO_NODE;
    }
    if (strchr("bBAzZ", *r->at) && *r->at) {
        r->crosses = r->crosses || strchr("AzZ", *r->at);
        at = new_node(r, LUA_NODE_EDGE);
        r->out->node[at].word = *r->at++ == 'b' && !r->unicode;
        return at;
    }
    if (add_escaped_class(r, &s))
        return set_node(r, &s);
    if (escaped_char(r, &c))
        return char_node(r, c);
    r->lost = true;
    return NO_NODE;
}

/* ---- groups, repetitions, alternatives ---- */

static uint16_t read_alternatives(struct reading *r);

/* Behind its bracket. */
static uint16_t read_group(struct reading *r)
{
    bool around = take(r, "?=") || take(r, "?!") || take(r, "?<=") || take(r, "?<!");
    uint16_t inner;

    if (++r->depth > DEPTH || looking_at(r, "*") ||
        (!around && looking_at(r, "?") && !take(r, "?:") && !take(r, "?>")))
        r->lost = true;
    if (r->lost)
        return NO_NODE;
    inner = read_alternatives(r);
    r->depth--;
    if (!take(r, ")"))
        r->lost = true;
    return around ? new_node(r, LUA_NODE_EDGE) : inner;
}

static uint16_t read_one(struct reading *r)
{
    if (take(r, "\\"))
        return read_escape(r);
    if (take(r, "("))
        return read_group(r);
    if (take(r, "["))
        return read_class(r);
    if (take(r, "^") || take(r, "$")) {
        r->crosses = true;
        return new_node(r, LUA_NODE_EDGE);
    }
    if (take(r, ".")) {
        r->crosses = r->crosses || r->dotall;
        return any_node(r, false);
    }
    if (strchr("*+?{", *r->at)) {
        r->lost = true;
        return NO_NODE;
    }
    return char_node(r, plain_char(r));
}

static uint32_t read_number(struct reading *r)
{
    uint32_t n = 0;

    if (r->at == r->end || *r->at < '0' || *r->at > '9')
        r->lost = true;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && n < 100000; r->at++)
        n = n * 10 + (uint32_t)(*r->at - '0');
    return n;
}

static bool read_times(struct reading *r, uint32_t *min, uint32_t *max)
{
    *min = 0;
    *max = LUA_TREE_UNBOUNDED;
    if (take(r, "?")) {
        *max = 1;
    } else if (take(r, "+")) {
        *min = 1;
    } else if (take(r, "{")) {
        *min = *max = read_number(r);
        if (take(r, ","))
            *max = looking_at(r, "}") ? LUA_TREE_UNBOUNDED : read_number(r);
        if (!take(r, "}") || *max < *min)
            r->lost = true;
    } else if (!take(r, "*")) {
        return false;
    }
    if (!take(r, "?"))
        (void)take(r, "+");
    return true;
}

static uint16_t read_repeated(struct reading *r)
{
    uint16_t one = read_one(r), at;
    uint32_t min, max;

    if (r->lost || !read_times(r, &min, &max))
        return one;
    at = new_node(r, LUA_NODE_REPEAT);
    r->out->node[at].first = one;
    r->out->node[at].min = min;
    r->out->node[at].max = max;
    return at;
}

/* Children in a list, one behind the other or beside each other. */
struct list {
    uint16_t node, last;
};

static struct list new_list(struct reading *r, enum lua_node_kind kind)
{
    return (struct list){new_node(r, kind), NO_NODE};
}

static void append(struct reading *r, struct list *l, uint16_t child)
{
    if (r->lost)
        return;
    if (l->last == NO_NODE)
        r->out->node[l->node].first = child;
    else
        r->out->node[l->last].next = child;
    l->last = child;
}

static uint16_t read_branch(struct reading *r)
{
    struct list all = new_list(r, LUA_NODE_ALL);

    while (more(r) && *r->at != '|' && *r->at != ')')
        append(r, &all, read_repeated(r));
    return all.node;
}

static uint16_t read_alternatives(struct reading *r)
{
    uint16_t first = read_branch(r);
    struct list one;

    if (!more(r) || *r->at != '|')
        return first;
    one = new_list(r, LUA_NODE_ONE);
    append(r, &one, first);
    while (more(r) && take(r, "|"))
        append(r, &one, read_branch(r));
    return one.node;
}

/* ---- all of it ---- */

static struct reading start(struct fct_str regex, struct lua_tree *out)
{
    const char *slash =
        regex.n > 1 && regex.p[0] == '/' ? memrchr(regex.p + 1, '/', regex.n - 1) : NULL;
    struct reading r = {.at = regex.p, .end = regex.p + regex.n, .out = out};
    size_t n = slash ? (size_t)(r.end - slash - 1) : 0;

    if (!slash)
        return r;
    r.at = regex.p + 1;
    r.end = slash;
    r.lost = memchr(slash + 1, 'x', n);
    r.dotall = memchr(slash + 1, 's', n);
    r.unicode = memchr(slash + 1, 'u', n);
    r.caseless = memchr(slash + 1, 'i', n);
    r.bytes = memchr(slash + 1, 'b', n);
    return r;
}

bool lua_tree_read(struct fct_str regex, struct lua_tree *out)
{
    struct reading r = start(regex, out);

    *out = (struct lua_tree){0};
    if (!room_for_node(&r))
        return false;
    out->node[NO_NODE] = (struct lua_node){0};
    out->nodes = 1;
    out->root = read_alternatives(&r);
    if (r.lost || r.at < r.end) {
        lua_tree_free(out);
        return false;
    }
    out->in_line = !r.crosses;
    return true;
}

void lua_tree_free(struct lua_tree *tree)
{
    free(tree->node);
    free(tree->ch);
    *tree = (struct lua_tree){0};
}

static uint32_t add(uint32_t a, uint32_t b)
{
    return a > LUA_TREE_UNBOUNDED - b ? LUA_TREE_UNBOUNDED : a + b;
}

static uint32_t times(uint32_t a, uint32_t b)
{
    return a > 0 && b > LUA_TREE_UNBOUNDED / a ? LUA_TREE_UNBOUNDED : a * b;
}

uint32_t lua_tree_width(const struct lua_tree *tree, uint16_t at)
{
    const struct lua_node *node = &tree->node[at];
    uint32_t width = 0;

    switch ((enum lua_node_kind)node->kind) {
    case LUA_NODE_EDGE:
        break;
    case LUA_NODE_CHAR:
        return node->max;
    case LUA_NODE_ALL:
        for (uint16_t child = node->first; child; child = tree->node[child].next)
            width = add(width, lua_tree_width(tree, child));
        break;
    case LUA_NODE_ONE:
        for (uint16_t child = node->first; child; child = tree->node[child].next) {
            uint32_t one = lua_tree_width(tree, child);

            width = one > width ? one : width;
        }
        break;
    case LUA_NODE_REPEAT:
        return times(lua_tree_width(tree, node->first), node->max);
    }
    return width;
}
