/* lua_atoms.c - see lua_atoms.h.
 *
 * Reads as much of a pattern as it understands, into a tree of words: all of those that stand in a
 * row, one of those between bars. What is not understood is no mistake: it is true of every text.
 */
#include "lua_atoms.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MOST  24
#define NODES_MOST 2000
#define DEPTH      12
#define TRUE_NODE  0 /* no node: nothing is known */
#define BEGIN      1 /* stands before the first byte of a word */

enum kind { WORD, ALL, ONE };

struct node {
    uint8_t kind, n;
    uint16_t first, next;     /* children: a list */
    uint32_t gram[WORD_MOST]; /* of a word */
};

struct lua_atoms {
    uint16_t root;
    bool in_line;
    size_t nodes;
    struct node node[]; /* the first one is TRUE_NODE */
};

/* ---- grams ---- */

static uint32_t lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c + 32u : c;
}

/* Of three bytes, or of four. */
static uint32_t gram_bit(uint32_t bytes)
{
    return (bytes * 2654435761u) >> 14;
}

static void set_bit(struct lua_grams *grams, uint32_t bit)
{
    grams->bit[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* U+017F and U+212A are s and k where case does not count. */
static bool folds_to_ascii(uint32_t before, unsigned char c)
{
    return (before == 0xc5 && c == 0xbf) || (before == 0x84 && c == 0xaa);
}

/* As \b has it, without the flag u. */
static bool is_word(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void lua_grams_of(struct lua_grams *grams, struct fct_str text)
{
    uint32_t four = 0;                                /* the last bytes; 0 before the first */
    bool back1 = false, back2 = false, back3 = false; /* are the bytes before of a word? */

    memset(grams, 0, sizeof *grams);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c >= 0x80 && folds_to_ascii(four & 0xff, c))
            grams->any = true;
        four = four << 8 | lower(c);
        set_bit(grams, gram_bit(four));
        set_bit(grams, gram_bit(four & 0xffffff));
        if (back1 && !back2)
            set_bit(grams, gram_bit((uint32_t)BEGIN << 16 | (four & 0xffff)));
        if (back2 && !back3)
            set_bit(grams, gram_bit((uint32_t)BEGIN << 24 | (four & 0xffffff)));
        back3 = back2;
        back2 = back1;
        back1 = is_word(c);
    }
}

static bool is_true(const struct lua_atoms *a, uint16_t at, const struct lua_grams *grams)
{
    const struct node *node = &a->node[at];

    if (node->kind == WORD) {
        for (size_t i = 0; i < node->n; i++)
            if (!(grams->bit[node->gram[i] / 64] >> node->gram[i] % 64 & 1))
                return false;
        return true;
    }
    for (uint16_t child = node->first; child; child = a->node[child].next)
        if (is_true(a, child, grams) != (node->kind == ALL))
            return node->kind == ONE;
    return node->kind == ALL;
}

bool lua_atoms_possible(const struct lua_atoms *atoms, const struct lua_grams *grams)
{
    return !atoms || grams->any || is_true(atoms, atoms->root, grams);
}

/* ---- reading a pattern ---- */

struct reading {
    const char *at, *end;
    bool caseless, unicode;
    bool crosses; /* perhaps a match reaches beyond a line end */
    bool lost;    /* something that is not understood */
    unsigned depth;
    struct lua_atoms *out;
};

struct branch {
    uint16_t all; /* the list of what must be there */
    uint8_t n;    /* bytes that stand directly in a row */
    unsigned char run[WORD_MOST];
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

static uint16_t new_node(struct reading *r, enum kind kind)
{
    struct lua_atoms *a = r->out;

    if (a->nodes == NODES_MOST) {
        r->lost = true;
        return TRUE_NODE;
    }
    a->node[a->nodes] = (struct node){.kind = (uint8_t)kind};
    return (uint16_t)a->nodes++;
}

static void push(struct reading *r, uint16_t *list, uint16_t node)
{
    r->out->node[node].next = *list;
    *list = node;
}

/* Two bytes are everywhere; three are one gram; more are grams of four. */
static void end_run(struct reading *r, struct branch *b)
{
    uint16_t at = b->n < 3 ? TRUE_NODE : new_node(r, WORD);
    struct node *word = &r->out->node[at];
    const unsigned char *c = b->run;

    if (at != TRUE_NODE) {
        if (b->n == 3)
            word->gram[word->n++] = gram_bit((uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2]);
        for (; c + 4 <= b->run + b->n; c++)
            word->gram[word->n++] =
                gram_bit((uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3]);
        push(r, &b->all, at);
    }
    b->n = 0;
}

static void add_byte(struct branch *b, char c)
{
    if (b->n == 1 && b->run[0] == BEGIN && !is_word((unsigned char)c))
        b->n = 0;
    if (b->n < WORD_MOST)
        b->run[b->n++] = (unsigned char)lower((unsigned char)c);
}

enum often { ONCE, AT_LEAST_ONCE, PERHAPS };

/* "{3,5}" behind the brace. */
static enum often read_braces(struct reading *r)
{
    const char *close = memchr(r->at, '}', (size_t)(r->end - r->at));
    enum often often = PERHAPS;

    if (!close || *r->at < '0' || *r->at > '9') {
        r->lost = true;
        return PERHAPS;
    }
    for (; r->at < close && *r->at != ','; r->at++)
        if (*r->at != '0')
            often = AT_LEAST_ONCE;
    r->at = close + 1;
    return often;
}

static enum often read_quantifier(struct reading *r)
{
    enum often often;

    if (take(r, "?") || take(r, "*"))
        often = PERHAPS;
    else if (take(r, "+"))
        often = AT_LEAST_ONCE;
    else if (take(r, "{"))
        often = read_braces(r);
    else
        return ONCE;
    if (!take(r, "?"))
        (void)take(r, "+");
    return often;
}

/* One character of n bytes. Case of what is not ASCII is not known here. */
static void add_literal(struct reading *r, struct branch *b, const char *c, size_t n)
{
    enum often often = read_quantifier(r);

    if (often == PERHAPS || (n > 1 && r->caseless)) {
        end_run(r, b);
        return;
    }
    if (b->n + n > WORD_MOST)
        end_run(r, b);
    for (size_t i = 0; i < n; i++)
        add_byte(b, c[i]);
    if (often == AT_LEAST_ONCE)
        end_run(r, b);
}

static void skip_class(struct reading *r)
{
    bool inverted = take(r, "^"), newline = false;

    (void)take(r, "]");
    while (more(r) && *r->at != ']') {
        if (looking_at(r, "[:") || looking_at(r, "\\Q"))
            r->lost = true;
        newline = newline || looking_at(r, "\\n");
        if (*r->at == '\\' && r->at + 1 < r->end && strchr("sWDnrvR", r->at[1]) && !inverted)
            r->crosses = true;
        r->at += *r->at == '\\' && r->at + 1 < r->end ? 2 : 1;
    }
    r->crosses = r->crosses || (inverted && !newline);
    if (!take(r, "]"))
        r->lost = true;
}

static void read_escape(struct reading *r, struct branch *b)
{
    char c;

    if (r->at == r->end) {
        r->lost = true;
        return;
    }
    c = *r->at++;
    r->crosses = r->crosses || strchr("AzZsWDnrvVNx", c);
    if (strchr("bBAzZ", c)) { /* between characters: the row goes on */
        if (c == 'b' && b->n == 0 && !r->unicode)
            b->run[b->n++] = BEGIN;
        return;
    }
    if (c == 'x' && take(r, "{")) {
        const char *close = memchr(r->at, '}', (size_t)(r->end - r->at));

        r->lost = !close;
        r->at = close ? close + 1 : r->end;
    } else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        if (!strchr("wWsSdDnrthHvVN", c))
            r->lost = true;
    } else {
        add_literal(r, b, &c, 1);
        return;
    }
    (void)read_quantifier(r);
    end_run(r, b);
}

static uint16_t read_alternatives(struct reading *r, unsigned char before);

/* Behind its bracket. What looks around takes no part in the row. */
static void read_group(struct reading *r, struct branch *b)
{
    bool around = take(r, "?=") || take(r, "?!") || take(r, "?<=") || take(r, "?<!");
    unsigned char before =
        b->n > 0 && (b->run[b->n - 1] == BEGIN || b->run[b->n - 1] == ' ') ? b->run[b->n - 1] : 0;
    uint16_t inner = TRUE_NODE;

    if (++r->depth > DEPTH || looking_at(r, "*") ||
        (!around && looking_at(r, "?") && !take(r, "?:")))
        r->lost = true;
    else
        inner = read_alternatives(r, around ? 0 : before);
    if (!take(r, ")"))
        r->lost = true;
    r->depth--;
    if (r->lost)
        return;
    if (!around) {
        end_run(r, b);
        if (read_quantifier(r) != PERHAPS && inner != TRUE_NODE)
            push(r, &b->all, inner);
    } else if (read_quantifier(r) != ONCE)
        r->lost = true;
}

static void read_one(struct reading *r, struct branch *b)
{
    const char *c = r->at++;
    size_t n = 1;

    switch (*c) {
    case '\\':
        read_escape(r, b);
        return;
    case '(':
        read_group(r, b);
        return;
    case '^':
    case '$':
        r->crosses = true;
        return;
    case '[':
    case '.':
        if (*c == '[')
            skip_class(r);
        if (!r->lost)
            (void)read_quantifier(r);
        end_run(r, b);
        return;
    case '*':
    case '+':
    case '?':
    case '{':
        r->lost = true;
        return;
    default:
        while ((unsigned char)*c >= 0xc0 && r->at < r->end &&
               ((unsigned char)*r->at & 0xc0) == 0x80) {
            r->at++;
            n++;
        }
        add_literal(r, b, c, n);
    }
}

/* before: what stands before the bracket, if it helps: a space, or the begin of a word. */
static uint16_t read_branch(struct reading *r, unsigned char before)
{
    struct branch b = {.all = TRUE_NODE, .n = before != 0, .run = {before}};
    uint16_t all;

    while (more(r) && *r->at != '|' && *r->at != ')')
        read_one(r, &b);
    end_run(r, &b);
    if (b.all == TRUE_NODE || r->out->node[b.all].next == TRUE_NODE)
        return b.all;
    all = new_node(r, ALL);
    r->out->node[all].first = b.all;
    return all;
}

/* All branches must be known, else the whole is not. */
static uint16_t read_alternatives(struct reading *r, unsigned char before)
{
    uint16_t branches = TRUE_NODE, branch, one;
    bool known = true;

    do {
        branch = read_branch(r, before);
        known = known && branch != TRUE_NODE;
        if (known)
            push(r, &branches, branch);
    } while (more(r) && take(r, "|"));
    if (!known || r->out->node[branches].next == TRUE_NODE)
        return known ? branches : TRUE_NODE;
    one = new_node(r, ONE);
    r->out->node[one].first = branches;
    return one;
}

struct lua_atoms *lua_atoms_new(struct fct_str regex)
{
    const char *slash =
        regex.n > 1 && regex.p[0] == '/' ? memrchr(regex.p + 1, '/', regex.n - 1) : NULL;
    struct lua_atoms *all = malloc(sizeof *all + NODES_MOST * sizeof *all->node), *fit;
    struct reading r = {.at = regex.p, .end = regex.p + regex.n};

    if (slash) {
        struct fct_str flags = {slash + 1, (size_t)(r.end - slash - 1)};

        r = (struct reading){.at = regex.p + 1, .end = slash};
        r.lost = flags.n > 0 && memchr(flags.p, 'x', flags.n);
        r.crosses = flags.n > 0 && memchr(flags.p, 's', flags.n);
        r.unicode = flags.n > 0 && memchr(flags.p, 'u', flags.n);
        r.caseless = flags.n > 0 && memchr(flags.p, 'i', flags.n);
    }
    if (!all)
        return NULL;
    all->nodes = 1;
    all->node[TRUE_NODE] = (struct node){0};
    r.out = all;
    all->root = read_alternatives(&r, 0);
    if (r.lost || r.at < r.end || all->root == TRUE_NODE) {
        free(all);
        return NULL;
    }
    all->in_line = !r.crosses;
    fit = realloc(all, sizeof *all + all->nodes * sizeof *all->node);
    return fit ? fit : all;
}

bool lua_atoms_in_line(const struct lua_atoms *atoms)
{
    return atoms && atoms->in_line;
}

void lua_atoms_free(struct lua_atoms **atoms)
{
    free(*atoms);
    *atoms = NULL;
}
