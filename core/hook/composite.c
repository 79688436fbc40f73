/* composite.c - reading expressions, ordering them, asking them. */
#include "core/hook/composite.h"

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"

#define DEPTH_MAX      32u /* of brackets and negations */
#define EXPRESSION_MAX 2000u
#define COMPOSITES_MAX 1000u
#define NAME_MAX_BYTES 64u

/* clang-format off */
static const struct fct_conf_key composite_keys[] = {
    FCT_CONF_KEY(struct composite_conf, expression, "",   "Symbols, g:GROUP and other composites, joined by & | ! and brackets; NAME? may be missing. Example: \"A & (B | g:rbl) & !C\""),
    FCT_CONF_KEY(struct composite_conf, score,      "0",  "Score of the composite when the expression is true"),
    FCT_CONF_KEY(struct composite_conf, group,      "",   "Group for caps and display"),
    FCT_CONF_KEY(struct composite_conf, doc,        "",   "One sentence shown to people"),
    FCT_CONF_KEY(struct composite_conf, consume,    "no", "The symbols that made it true count no longer: the composite stands for them"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block composite_block = {
    .name = "composite",
    .doc = "composite NAME { … } is a symbol made of others, looked at when all have been found",
    .keys = composite_keys,
    .size = sizeof(struct composite_conf),
    .labelled = true,
    .file = "scores.conf",
};

enum node_op { NODE_SYMBOL, NODE_GROUP, NODE_NEVER, NODE_NOT, NODE_AND, NODE_OR };

struct composite_node {
    enum node_op op;
    const struct composite_node *left, *right; /* NOT: left only */
    const struct plugin_symbol *symbol;
    const char *group;
    const struct plugin_symbol *self; /* GROUP: the composite itself does not count */
};

/* ---- reading: an expression of one composite ---- */

struct reader {
    const struct plugin_set *plugins;
    struct arena *arena;
    const struct plugin_symbol *symbol; /* the composite */
    struct fct_str all, rest;
    unsigned depth;
    struct fct_err *err;
};

static const struct composite_node *take_or(struct reader *r);

static size_t column(const struct reader *r, struct fct_str at)
{
    return r->all.n - at.n + 1;
}

static const struct composite_node *fail_at(struct reader *r, struct fct_str at, const char *what)
{
    fct_fail(r->err, FCT_SYNTAX, "composite %s, column %zu: %s", r->symbol->name, column(r, at),
             what);
    return NULL;
}

static void skip_spaces(struct reader *r)
{
    while (r->rest.n > 0 && strchr(" \t\r\n", r->rest.p[0]))
        r->rest = str_skip(r->rest, 1);
}

/* "&" and "&&" are the same, "|" and "||" too. */
static bool take_operator(struct reader *r, char c)
{
    skip_spaces(r);
    if (r->rest.n == 0 || r->rest.p[0] != c)
        return false;
    r->rest = str_skip(r->rest, r->rest.n > 1 && r->rest.p[1] == c && c != '!' ? 2 : 1);
    return true;
}

static const struct composite_node *make_node(struct reader *r, enum node_op op,
                                              const struct composite_node *left,
                                              const struct composite_node *right)
{
    struct composite_node *node = ARENA_NEW(r->arena, struct composite_node);

    *node = (struct composite_node){.op = op, .left = left, .right = right, .self = r->symbol};
    return node;
}

static bool is_word_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static struct fct_str take_word(struct reader *r)
{
    size_t n = 0;

    while (n < r->rest.n && is_word_char(r->rest.p[n]))
        n++;
    struct fct_str word = str_head(r->rest, n);
    r->rest = str_skip(r->rest, n);
    return word;
}

static bool take_question_mark(struct reader *r)
{
    if (r->rest.n == 0 || r->rest.p[0] != '?')
        return false;
    r->rest = str_skip(r->rest, 1);
    return true;
}

static const char *find_group(const struct plugin_set *plugins, struct fct_str name)
{
    struct fct_str key;
    void *value;

    for (size_t at = 0; map_next(plugins->symbols, &at, &key, &value);) {
        const struct plugin_symbol *s = value;

        if (str_equal(str_from(s->group), name))
            return s->group;
    }
    return NULL;
}

/* "g:" group ["?"] */
static const struct composite_node *take_group(struct reader *r)
{
    struct fct_str at = r->rest, word;
    struct composite_node *node = ARENA_NEW(r->arena, struct composite_node);
    bool optional;

    r->rest = str_skip(r->rest, 2);
    word = take_word(r);
    optional = take_question_mark(r);
    if (word.n == 0)
        return fail_at(r, r->rest, "the name of a group must follow g:");
    *node = (struct composite_node){
        .op = NODE_GROUP, .group = find_group(r->plugins, word), .self = r->symbol};
    if (node->group)
        return node;
    node->op = NODE_NEVER;
    return optional ? node : fail_at(r, at, "no enabled plugin has symbols of this group");
}

/* symbol ["?"] */
static const struct composite_node *take_symbol(struct reader *r)
{
    struct fct_str at = r->rest, word = take_word(r);
    struct composite_node *node = ARENA_NEW(r->arena, struct composite_node);
    bool optional = word.n > 0 && take_question_mark(r);

    if (word.n == 0)
        return fail_at(r, at,
                       at.n == 0 ? "the expression breaks off, a symbol is missing"
                                 : "a symbol, g:GROUP, ! or ( must stand here");
    *node = (struct composite_node){
        .op = NODE_SYMBOL, .symbol = plugin_symbol_find(r->plugins, word), .self = r->symbol};
    if (node->symbol)
        return node;
    node->op = NODE_NEVER;
    return optional ? node
                    : fail_at(r, at,
                              "no enabled plugin declares this symbol (write NAME? if it may be "
                              "missing)");
}

/* factor = "!" factor / "(" expression ")" / "g:" group / symbol */
static const struct composite_node *take_factor(struct reader *r)
{
    const struct composite_node *node;
    struct fct_str at;

    skip_spaces(r);
    at = r->rest;
    if (r->depth == DEPTH_MAX)
        return fail_at(r, at, "more than 32 brackets and ! inside each other");
    r->depth++;
    if (take_operator(r, '!')) {
        node = take_factor(r);
        node = node ? make_node(r, NODE_NOT, node, NULL) : NULL;
    } else if (r->rest.n > 0 && r->rest.p[0] == '(') {
        r->rest = str_skip(r->rest, 1);
        node = take_or(r);
        skip_spaces(r);
        if (node && (r->rest.n == 0 || r->rest.p[0] != ')'))
            node = fail_at(r, at, "this bracket is never closed");
        r->rest = str_skip(r->rest, 1);
    } else {
        node = str_starts(r->rest, FCT_STR("g:")) ? take_group(r) : take_symbol(r);
    }
    r->depth--;
    return node;
}

/* term = factor *("&" factor) */
static const struct composite_node *take_and(struct reader *r)
{
    const struct composite_node *left = take_factor(r), *right;

    while (left && take_operator(r, '&')) {
        right = take_factor(r);
        left = right ? make_node(r, NODE_AND, left, right) : NULL;
    }
    return left;
}

/* expression = term *("|" term) */
static const struct composite_node *take_or(struct reader *r)
{
    const struct composite_node *left = take_and(r), *right;

    while (left && take_operator(r, '|')) {
        right = take_and(r);
        left = right ? make_node(r, NODE_OR, left, right) : NULL;
    }
    return left;
}

static bool read_expression(const struct plugin_set *plugins, struct composite *c,
                            struct fct_err *err)
{
    struct reader r = {.plugins = plugins,
                       .arena = plugins->arena,
                       .symbol = c->symbol,
                       .all = str_from(c->symbol->expression),
                       .err = err};

    if (r.all.n > EXPRESSION_MAX)
        return fct_fail(err, FCT_LIMIT, "composite %s: its expression has more than %u bytes",
                        c->symbol->name, EXPRESSION_MAX);
    r.rest = r.all;
    c->root = take_or(&r);
    if (!c->root)
        return false;
    skip_spaces(&r);
    if (r.rest.n > 0) {
        (void)fail_at(&r, r.rest, "& or | must stand between two symbols");
        return false;
    }
    return true;
}

/* ---- asking ---- */

static bool is_true(const struct composite_node *node, const struct composite_facts *facts)
{
    switch (node->op) {
    case NODE_SYMBOL:
        return facts->has(facts->owner, node->symbol, NULL, node->self);
    case NODE_GROUP:
        return facts->has(facts->owner, NULL, node->group, node->self);
    case NODE_NEVER:
        return false;
    case NODE_NOT:
        return !is_true(node->left, facts);
    case NODE_AND:
        return is_true(node->left, facts) && is_true(node->right, facts);
    case NODE_OR:
        return is_true(node->left, facts) || is_true(node->right, facts);
    }
    return false;
}

bool composite_is_hit(const struct composite *composite, const struct composite_facts *facts)
{
    return is_true(composite->root, facts);
}

static void tell_causes(const struct composite_node *node, const struct composite_facts *facts,
                        void (*cause)(void *owner, const struct plugin_symbol *symbol,
                                      const char *group))
{
    switch (node->op) {
    case NODE_SYMBOL:
    case NODE_GROUP:
        cause(facts->owner, node->symbol, node->group);
        return;
    case NODE_AND:
    case NODE_OR:
        if (is_true(node->left, facts))
            tell_causes(node->left, facts, cause);
        if (is_true(node->right, facts))
            tell_causes(node->right, facts, cause);
        return;
    case NODE_NEVER:
    case NODE_NOT:
        return;
    }
}

void composite_causes(const struct composite *composite, const struct composite_facts *facts,
                      void (*cause)(void *owner, const struct plugin_symbol *symbol,
                                    const char *group))
{
    tell_causes(composite->root, facts, cause);
}

/* ---- the set: composites of the configuration, all expressions, their order ---- */

static bool is_symbol_name(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= NAME_MAX_BYTES &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

/* Who owns the composites of the configuration: named in the ledger. */
static struct fct_self *conf_owner(struct plugin_set *plugins)
{
    struct fct_self *self = ARENA_NEW(plugins->arena, struct fct_self);

    self->name = "composite";
    self->path = "";
    self->arena = plugins->arena;
    return self;
}

/* Errors name their place in front. */
static bool fail_where(const char *where, struct fct_err *err)
{
    return where && fct_fail_in(err, "%s", where);
}

static bool check_from_conf(const struct plugin_set *plugins, const char *name,
                            const struct composite_conf *conf, struct fct_err *err)
{
    if (!is_symbol_name(name))
        return fct_fail(err, FCT_SYNTAX,
                        "composite \"%s\": a symbol has up to %u of A-Z, 0-9 and '_'", name,
                        NAME_MAX_BYTES);
    if (conf->score > 1000 || conf->score < -1000)
        return fct_fail(err, FCT_SYNTAX, "composite %s: score must be -1000 to 1000", name);
    if (map_get(plugins->symbols, str_from(name)))
        return fct_fail(err, FCT_SYNTAX, "composite %s: a plugin has a symbol of this name", name);
    return true;
}

static bool add_from_conf(struct plugin_set *plugins, const char *name,
                          const struct composite_conf *conf, const char *where,
                          struct fct_self *owner, struct fct_err *err)
{
    struct plugin_symbol *symbol;

    if (!check_from_conf(plugins, name, conf, err))
        return fail_where(where, err);
    symbol = ARENA_NEW(plugins->arena, struct plugin_symbol);
    *symbol = (struct plugin_symbol){
        .name = arena_cstr(plugins->arena, str_from(name)),
        .group = conf->group ? conf->group : "",
        .doc = conf->doc ? conf->doc : "",
        .score_milli = (int32_t)(conf->score * 1000 + (conf->score < 0 ? -0.5 : 0.5)),
        .self = owner,
        .expression = conf->expression ? conf->expression : "",
        .consume = conf->consume,
        .origin = where,
    };
    map_put(plugins->symbols, str_from(symbol->name), symbol);
    return true;
}

/* "FILE:LINE:COLUMN" of its expression, else of its score; NULL: an empty block. */
static const char *where_of(const struct plugin_set *plugins, const struct config *conf, size_t i)
{
    const struct conf_place *place = config_place(conf, &composite_block, i, "expression", 0);

    if (!place)
        place = config_place(conf, &composite_block, i, "score", 0);
    return place
               ? arena_printf(plugins->arena, "%s:%u:%u", place->file, place->line, place->column).p
               : NULL;
}

static bool add_all_from_conf(struct plugin_set *plugins, const struct config *conf,
                              struct fct_err *err)
{
    struct fct_self *owner = NULL;
    const struct composite_conf *c;
    const char *name;

    for (size_t i = 0; conf && (c = config_each(conf, &composite_block, i, &name)); i++) {
        if (!owner)
            owner = conf_owner(plugins);
        if (!add_from_conf(plugins, name, c, where_of(plugins, conf, i), owner, err))
            return false;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct composite *x = a, *y = b;

    return strcmp(x->symbol->name, y->symbol->name);
}

/* The map has no order: names give one, so that the same set always becomes the same list. */
static struct composite *collect(const struct plugin_set *plugins, size_t *n)
{
    struct composite *list =
        ARENA_ARRAY(plugins->arena, struct composite, map_count(plugins->symbols) + 1);
    struct fct_str key;
    void *value;

    *n = 0;
    for (size_t at = 0; map_next(plugins->symbols, &at, &key, &value);) {
        const struct plugin_symbol *s = value;

        if (s->expression)
            list[(*n)++].symbol = s;
    }
    qsort(list, *n, sizeof *list, by_name);
    return list;
}

static bool names(const struct composite_node *node, const struct plugin_symbol *symbol)
{
    switch (node->op) {
    case NODE_SYMBOL:
        return node->symbol == symbol;
    case NODE_GROUP:
        return symbol != node->self && strcmp(node->group, symbol->group) == 0;
    case NODE_NEVER:
        return false;
    case NODE_NOT:
        return names(node->left, symbol);
    case NODE_AND:
    case NODE_OR:
        return names(node->left, symbol) || names(node->right, symbol);
    }
    return false;
}

/* A composite of `list` that `c` names and that is not placed yet; NULL: none. */
static const struct composite *waits_for(const struct composite *list, const bool *placed, size_t n,
                                         const struct composite *c)
{
    for (size_t i = 0; i < n; i++)
        if (!placed[i] && names(c->root, list[i].symbol))
            return &list[i];
    return NULL;
}

static bool fail_cycle(const struct composite *list, const bool *placed, size_t n,
                       struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf chain = BUF_INIT(160);
    const struct composite *at = list, *first;

    while (placed[at - list])
        at++;
    for (size_t i = 0; i < n; i++)
        at = waits_for(list, placed, n, at);
    first = at;
    do {
        buf_printf(&chain, "%s needs ", at->symbol->name);
        at = waits_for(list, placed, n, at);
    } while (at != first && !chain.overflow);
    buf_put_c(&chain, first->symbol->name);
    return fct_fail(err, FCT_SYNTAX, "composites wait for each other: %.*s",
                    FCT_FMT(buf_str(&chain)));
}

static bool place_all(const struct composite *list, size_t n, struct composite *out, bool *placed,
                      struct fct_err *err)
{
    for (size_t done = 0; done < n; done++) {
        size_t i = 0;

        while (i < n && (placed[i] || waits_for(list, placed, n, &list[i])))
            i++;
        if (i == n)
            return fail_cycle(list, placed, n, err);
        placed[i] = true;
        out[done] = list[i];
    }
    return true;
}

bool composite_set_build(struct plugin_set *plugins, const struct config *conf,
                         struct composite_set *out, struct fct_err *err)
{
    struct composite *list, *ordered;
    size_t n;

    *out = (struct composite_set){0};
    if (!plugins->symbols) /* no plugin at all */
        return true;
    if (!add_all_from_conf(plugins, conf, err))
        return false;
    list = collect(plugins, &n);
    if (n > COMPOSITES_MAX)
        return fct_fail(err, FCT_LIMIT, "%zu composites; %u are allowed", n, COMPOSITES_MAX);
    for (size_t i = 0; i < n; i++)
        if (!read_expression(plugins, &list[i], err))
            return fail_where(list[i].symbol->origin, err);
    ordered = ARENA_ARRAY(plugins->arena, struct composite, n + 1);
    if (!place_all(list, n, ordered, ARENA_ARRAY(plugins->arena, bool, n + 1), err))
        return false;
    *out = (struct composite_set){ordered, n};
    return true;
}
