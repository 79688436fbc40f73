/* lua_literals.c - see lua_literals.h.
 *
 * A rope is what is still to be matched: nodes one behind the other. Its begins are strings of
 * which every match has one at its start. Where they are too short to tell anything, each branch of
 * an alternative is looked at on its own, or the first node is left out and counted in `before`. */
#include "lua_literals.h"

#include "lua_regex_tree.h"
#include <stdlib.h>
#include <string.h>

#define STRINGS_MOST 600
#define ROOM_FIRST   16
#define JOINED_MOST  150 /* strings: not worth joining more */
#define SET_MOST     12  /* characters */
#define WORD_LEAST   4   /* bytes */
#define LONG_ENOUGH  12  /* bytes: not worth joining more */
#define BEFORE_MOST  64  /* bytes: more are no place any more */
#define FUEL         20000
#define SCORE_LEAST  3
#define BOUNDED      100 /* added to the score of words that tell a place */

struct rope {
    uint16_t node;
    const struct rope *next;
};

struct strings {
    struct strings *next; /* of the spare ones */
    size_t n, room;
    struct lua_literal *s;
};

struct search {
    const struct lua_tree *tree;
    unsigned fuel;         /* work that is left: patterns may branch without end */
    struct strings *spare; /* sets are short-lived: they are used again */
};

/* ---- sets of strings ---- */

static bool grow(struct strings *set)
{
    size_t room = set->room > 0 ? 2 * set->room : ROOM_FIRST;
    struct lua_literal *s = reallocarray(set->s, room, sizeof *s);

    if (!s)
        return false;
    set->s = s;
    set->room = room;
    return true;
}

static void free_set(struct strings *set)
{
    free(set->s);
    free(set);
}

/* An empty one, with room for some; NULL: no memory. */
static struct strings *take_set(struct search *search)
{
    struct strings *set = search->spare;

    if (set) {
        search->spare = set->next;
        set->n = 0;
        return set;
    }
    set = calloc(1, sizeof *set);
    if (set && !grow(set)) {
        free_set(set);
        return NULL;
    }
    return set;
}

static void give_back(struct search *search, struct strings *set)
{
    if (!set)
        return;
    set->next = search->spare;
    search->spare = set;
}

static void free_spare(struct search *search)
{
    struct strings *set;

    while ((set = search->spare)) {
        search->spare = set->next;
        free_set(set);
    }
}

static bool same(const struct lua_literal *a, const struct lua_literal *b)
{
    return a->n == b->n && a->word == b->word && a->whole == b->whole &&
           memcmp(a->bytes, b->bytes, a->n) == 0;
}

static bool add(struct strings *set, const struct lua_literal *s)
{
    for (size_t i = 0; i < set->n; i++)
        if (same(&set->s[i], s))
            return true;
    if (set->n == STRINGS_MOST || (set->n == set->room && !grow(set)))
        return false;
    set->s[set->n++] = *s;
    return true;
}

static void end_all(struct strings *set)
{
    for (size_t i = 0; i < set->n; i++)
        set->s[i].whole = false;
}

static size_t count_whole(const struct strings *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        n += set->s[i].whole;
    return n;
}

/* As \b has it, without the flag u. */
static bool is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct lua_literal joined(const struct lua_literal *a, const struct lua_literal *b)
{
    struct lua_literal out = *a;
    size_t room = LUA_LITERAL_MOST - a->n, n = b->n < room ? b->n : room;

    memcpy(out.bytes + a->n, b->bytes, n);
    out.n = (uint8_t)(a->n + n);
    out.word = a->n == 0 ? a->word || b->word : a->word;
    if (a->n == 0 && n > 0 && out.word)
        out.word = is_word(out.bytes[0]);
    out.whole = b->whole && n == b->n && out.n < LONG_ENOUGH;
    return out;
}

static void exchange(struct strings *a, struct strings *b)
{
    struct strings before = *a;

    *a = *b;
    *b = before;
}

/* set = set, each followed by each of `more`. Too many: the set stays, and ends. */
static void join(struct search *search, struct strings *set, const struct strings *more)
{
    bool first = set->n == 1 && set->s[0].n == 0;
    bool fits = count_whole(set) * more->n <= (first ? STRINGS_MOST : JOINED_MOST);
    struct strings *out = fits ? take_set(search) : NULL;

    fits = out != NULL;
    for (size_t i = 0; fits && i < set->n; i++) {
        if (!set->s[i].whole) {
            fits = add(out, &set->s[i]);
            continue;
        }
        for (size_t j = 0; fits && j < more->n; j++) {
            struct lua_literal both = joined(&set->s[i], &more->s[j]);

            fits = search->fuel > 0 && add(out, &both);
            search->fuel -= search->fuel > 0;
        }
    }
    if (fits)
        exchange(set, out);
    else
        end_all(set);
    give_back(search, out);
}

static void set_empty(struct strings *set, bool whole)
{
    set->n = 1;
    set->s[0] = (struct lua_literal){.whole = whole};
}

/* Does it begin with anything? Then the other strings tell nothing. */
static void reduce(struct strings *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->s[i].n == 0 && !set->s[i].whole) {
            set_empty(set, false);
            return;
        }
}

/* Any of many letters: behind a word it tells less than it costs. */
static bool is_any_of_many(const struct strings *more, const struct strings *behind)
{
    size_t single = 0;

    for (size_t i = 0; i < behind->n; i++)
        if (behind->s[i].n < WORD_LEAST)
            return false;
    for (size_t i = 0; i < more->n; i++)
        single += more->s[i].n == 1;
    return single > SET_MOST;
}

/* ---- how a node begins ---- */

static void begins_of(struct search *search, uint16_t at, struct strings *out);

/* out = out, followed by this node; `more` is room for it. */
static void append(struct search *search, struct strings *out, uint16_t at, struct strings *more)
{
    begins_of(search, at, more);
    if (is_any_of_many(more, out))
        end_all(out);
    else
        join(search, out, more);
}

static void begins_of_char(const struct search *search, const struct lua_node *node,
                           struct strings *out)
{
    out->n = 0;
    for (size_t i = 0; i < node->n; i++) {
        const struct lua_char *c = &search->tree->ch[node->string + i];
        struct lua_literal s = {.n = c->n, .whole = node->whole};

        memcpy(s.bytes, c->bytes, c->n);
        (void)add(out, &s); /* a set has fewer than STRINGS_MOST */
    }
    if (node->n == 0)
        set_empty(out, false);
}

static void begins_of_one(struct search *search, const struct lua_node *node, struct strings *out,
                          struct strings *branch)
{
    out->n = 0;
    for (uint16_t child = node->first; child; child = search->tree->node[child].next) {
        begins_of(search, child, branch);
        for (size_t i = 0; i < branch->n; i++)
            if (!add(out, &branch->s[i])) {
                set_empty(out, false);
                return;
            }
    }
}

static void begins_of_repeat(struct search *search, const struct lua_node *node,
                             struct strings *out)
{
    static const struct lua_literal nothing = {.whole = true};

    begins_of(search, node->first, out);
    if (node->max > 1)
        end_all(out);
    if (node->min == 0 && !add(out, &nothing))
        set_empty(out, false);
}

static void begins_of(struct search *search, uint16_t at, struct strings *out)
{
    const struct lua_node *node = &search->tree->node[at];
    struct strings *more = take_set(search);

    set_empty(out, more != NULL && search->fuel > 0);
    if (out->s[0].whole) {
        search->fuel--;
        switch ((enum lua_node_kind)node->kind) {
        case LUA_NODE_EDGE:
            out->s[0].word = node->word;
            break;
        case LUA_NODE_CHAR:
            begins_of_char(search, node, out);
            break;
        case LUA_NODE_ALL:
            for (uint16_t child = node->first; child && count_whole(out) > 0;
                 child = search->tree->node[child].next)
                append(search, out, child, more);
            break;
        case LUA_NODE_ONE:
            begins_of_one(search, node, out, more);
            break;
        case LUA_NODE_REPEAT:
            begins_of_repeat(search, node, out);
            break;
        }
        reduce(out);
    }
    give_back(search, more);
}

static void begins_of_rope(struct search *search, const struct rope *rope, struct strings *out)
{
    struct strings *more = take_set(search);

    set_empty(out, more != NULL);
    for (; rope && more && count_whole(out) > 0; rope = rope->next)
        append(search, out, rope->node, more);
    give_back(search, more);
}

/* ---- the best words ---- */

struct choice {
    int score; /* below SCORE_LEAST: none */
    uint32_t before;
    struct strings *set;
};

static void exchange_choice(struct choice *a, struct choice *b)
{
    struct choice before = *a;

    *a = *b;
    *b = before;
}

/* Letters and what stands between words are everywhere; signs, digits and what is not ASCII are
 * not. */
static int rarity(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c < 0x80 && strchr(" .,:/-'\"\n", c)) ? 1 : 2;
}

static int score_of(const struct strings *set)
{
    int worst = LUA_LITERAL_MOST;

    for (size_t i = 0; i < set->n; i++) {
        int one = set->s[i].word;

        for (size_t k = 0; k < set->s[i].n; k++)
            one += rarity(set->s[i].bytes[k]);
        worst = one < worst ? one : worst;
    }
    return set->n > 0 && worst >= SCORE_LEAST ? worst : 0;
}

/* Inside words, and with many letters: each byte of a text would have to be looked at. */
static bool begins_anywhere(const struct strings *set)
{
    bool seen[256] = {false};
    size_t firsts = 0;

    for (size_t i = 0; i < set->n; i++) {
        unsigned char c = set->s[i].bytes[0];

        if (!set->s[i].word && set->s[i].n > 0 && c < 0x80 && is_word(c) && !seen[c]) {
            seen[c] = true;
            firsts++;
        }
    }
    return firsts > SET_MOST;
}

static uint32_t add_width(uint32_t a, uint32_t b)
{
    return b > BEFORE_MOST || a > BEFORE_MOST || a + b > BEFORE_MOST ? LUA_LITERAL_ANYWHERE : a + b;
}

static void choose(struct search *search, const struct rope *rope, uint32_t before,
                   struct choice *out);

/* Each branch with its own best words; they all count. edge: the \b before, or none. */
static void choose_branches(struct search *search, uint16_t edge, const struct rope *rope,
                            uint32_t before, struct choice *out)
{
    const struct lua_tree *tree = search->tree;
    struct choice one = {.set = take_set(search)};

    *out = (struct choice){.score = one.set ? BOUNDED + LUA_LITERAL_MOST : 0, .set = out->set};
    out->set->n = 0;
    for (uint16_t child = tree->node[rope->node].first; child && out->score > 0;
         child = tree->node[child].next) {
        const struct rope branch = {child, rope->next}, begin = {edge, &branch};

        choose(search, edge ? &begin : &branch, before, &one);
        out->score = one.score < out->score ? one.score : out->score;
        out->before = one.before > out->before ? one.before : out->before;
        for (size_t i = 0; i < one.set->n; i++)
            if (!add(out->set, &one.set->s[i]))
                out->score = 0;
    }
    give_back(search, one.set);
}

#define CHAIN_MOST 64

/* The children of a node one by one, then the rest. */
static void choose_unfolded(struct search *search, uint16_t edge, const struct rope *rope,
                            uint32_t before, struct choice *out)
{
    const struct lua_tree *tree = search->tree;
    uint16_t child = tree->node[rope->node].first;
    struct rope chain[CHAIN_MOST];
    size_t n = 0;

    if (edge)
        chain[n++] = (struct rope){edge, NULL};
    for (; child && n < CHAIN_MOST; child = tree->node[child].next)
        chain[n++] = (struct rope){child, NULL};
    for (size_t i = 0; i < n; i++)
        chain[i].next = i + 1 < n ? &chain[i + 1] : child ? NULL : rope->next;
    choose(search, n > 0 ? chain : rope->next, before, out);
}

static void choose_without_first(struct search *search, const struct rope *rope, uint32_t before,
                                 struct choice *out)
{
    uint32_t width = lua_tree_width(search->tree, rope->node);
    struct choice rest = {.set = take_set(search)};

    if (rest.set) {
        choose(search, rope->next, add_width(before, width), &rest);
        if (rest.score > out->score)
            exchange_choice(out, &rest);
    }
    give_back(search, rest.set);
}

static void choose_later(struct search *search, const struct rope *rope, uint32_t before,
                         struct choice *out)
{
    const struct lua_node *node = search->tree->node;
    uint16_t edge = node[rope->node].word && rope->next ? rope->node : 0;
    const struct rope *at = edge ? rope->next : rope;

    out->score = 0;
    if (node[at->node].kind == LUA_NODE_ALL) {
        choose_unfolded(search, edge, at, before, out);
        return;
    }
    if (node[at->node].kind == LUA_NODE_ONE)
        choose_branches(search, edge, at, before, out);
    if (out->score < BOUNDED)
        choose_without_first(search, at, before, out);
}

static void choose(struct search *search, const struct rope *rope, uint32_t before,
                   struct choice *out)
{
    struct choice later;
    bool anywhere;

    *out = (struct choice){.before = before, .set = out->set};
    out->set->n = 0;
    if (!rope || search->fuel == 0)
        return;
    search->fuel--;
    begins_of_rope(search, rope, out->set);
    out->score = score_of(out->set);
    if (out->score > 0 && before != LUA_LITERAL_ANYWHERE)
        out->score += BOUNDED;
    anywhere = begins_anywhere(out->set);
    if (out->score >= BOUNDED && !anywhere)
        return;
    later = (struct choice){.set = take_set(search)};
    if (later.set) {
        choose_later(search, rope, before, &later);
        if (later.score > (anywhere ? BOUNDED : out->score))
            exchange_choice(out, &later);
    }
    give_back(search, later.set);
}

/* ---- all of it ---- */

/* Does another one stand wherever this one does? */
static bool is_superfluous(const struct strings *set, size_t at)
{
    const struct lua_literal *s = &set->s[at];

    for (size_t i = 0; i < set->n; i++) {
        const struct lua_literal *o = &set->s[i];
        bool equal = o->n == s->n && o->word == s->word;

        if (i != at && o->n <= s->n && (!o->word || s->word) &&
            memcmp(o->bytes, s->bytes, o->n) == 0 && (!equal || i < at))
            return true;
    }
    return false;
}

static struct lua_literals *keep(const struct choice *c, bool in_line)
{
    size_t n = c->score > 0 ? c->set->n : 0;
    struct lua_literals *out = malloc(sizeof *out + n * sizeof *out->literal);

    if (!out)
        return NULL;
    *out = (struct lua_literals){.before = c->before, .in_line = in_line};
    for (size_t i = 0; i < n; i++)
        if (!is_superfluous(c->set, i))
            out->literal[out->n++] = c->set->s[i];
    return out;
}

struct lua_literals *lua_literals_of(struct fct_str regex)
{
    struct search search = {.fuel = FUEL};
    struct choice choice = {.set = take_set(&search)};
    struct lua_literals *out = NULL;
    struct lua_tree tree;
    bool read = choice.set && lua_tree_read(regex, &tree);

    if (read) {
        search.tree = &tree;
        choose(&search, &(struct rope){tree.root, NULL}, 0, &choice);
    }
    if (choice.set)
        out = keep(&choice, read && tree.in_line);
    if (read)
        lua_tree_free(&tree);
    give_back(&search, choice.set);
    free_spare(&search);
    return out;
}
