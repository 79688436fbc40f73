/* conf_schema.c - text meets rows: each value is parsed for the type of the member it fills. */
#include "core/conf/conf_int.h"

#include "core/base/str.h"

#include <stdlib.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {"w", 604800000},
                                        {NULL, 0}};
static const struct unit sizes[] = {{"", 1},         {"B", 1},        {"K", 1u << 10},
                                    {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0}};

/* digits unit; "0" needs no unit. */
static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number;

    if (!str_to_u64((struct fct_str){text, digits}, &number))
        return false;
    for (const struct unit *u = units; u->name; u++)
        if (strcmp(text + digits, u->name) == 0)
            return !__builtin_mul_overflow(number, u->factor, out);
    *out = 0;
    return number == 0 && text[digits] == '\0';
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    for (size_t i = 0; i < FCT_COUNT(words); i++)
        if (strcmp(text, words[i]) == 0) {
            *out = i % 2;
            return true;
        }
    return false;
}

static bool parse_real(const char *text, double *out)
{
    char *end;

    if (strspn(text, "+-.0123456789") != strlen(text) || !*text)
        return false;
    *out = strtod(text, &end);
    return *end == '\0';
}

/* amount "/" period [ "burst" count ], or "none"; the 1 of "1h" may be missing */
static bool parse_rate(const char *text, struct fct_rate *out)
{
    size_t digits = strspn(text, "0123456789"), n;
    char period[24];

    *out = (struct fct_rate){0};
    if (strcmp(text, "none") == 0)
        return true;
    if (text[digits] != '/' || !str_to_u64((struct fct_str){text, digits}, &out->amount))
        return false;
    text += digits + 1;
    n = strcspn(text, " ");
    if (n + 2 > sizeof period)
        return false;
    snprintf(period, sizeof period, "%s%.*s", *text >= '0' && *text <= '9' ? "" : "1", (int)n,
             text);
    if (!parse_with_unit(period, durations, &out->period_ms) || out->period_ms == 0)
        return false;
    text += n + strspn(text + n, " ");
    if (*text == '\0')
        return out->amount > 0;
    if (strncmp(text, "burst ", 6) != 0)
        return false;
    text += 6 + strspn(text + 6, " ");
    return str_to_u64(str_from(text), &out->burst) && out->burst > 0 && out->amount > 0;
}

static const char *example_of(enum fct_conf_kind kind)
{
    static const char *const examples[] = {
        [FCT_CONF_BOOL] = "yes",     [FCT_CONF_U32] = "100",
        [FCT_CONF_STR] = "\"text\"", [FCT_CONF_DURATION] = "5m",
        [FCT_CONF_SIZE] = "25M",     [FCT_CONF_STRINGS] = "[\"a\", \"b\"]",
        [FCT_CONF_REAL] = "1.5",     [FCT_CONF_RATE] = "\"200/1h burst 50\"",
    };

    return examples[kind];
}

static bool parse_scalar(const struct fct_conf_key *key, const char *text, char *member)
{
    fct_duration duration;
    fct_size size;
    struct fct_rate rate;
    uint32_t number;
    double real;
    bool flag;

    switch (key->kind) {
    case FCT_CONF_BOOL:
        return parse_bool(text, &flag) && memcpy(member, &flag, sizeof flag);
    case FCT_CONF_U32:
        return str_to_u32(str_from(text), &number) && memcpy(member, &number, sizeof number);
    case FCT_CONF_DURATION:
        return parse_with_unit(text, durations, &duration.ms) &&
               memcpy(member, &duration, sizeof duration);
    case FCT_CONF_SIZE:
        return parse_with_unit(text, sizes, &size.bytes) && memcpy(member, &size, sizeof size);
    case FCT_CONF_REAL:
        return parse_real(text, &real) && memcpy(member, &real, sizeof real);
    case FCT_CONF_RATE:
        return parse_rate(text, &rate) && memcpy(member, &rate, sizeof rate);
    case FCT_CONF_STR:
        return memcpy(member, &text, sizeof text);
    case FCT_CONF_STRINGS:
        break;
    }
    return false;
}

bool conf_value_parse(struct arena *arena, const struct fct_conf_key *key,
                      struct fct_strings values, void *dst, struct fct_err *why)
{
    char *member = (char *)dst + key->offset;

    (void)arena;
    if (key->kind == FCT_CONF_STRINGS) {
        memcpy(member, &values, sizeof values);
        return true;
    }
    if (values.n != 1)
        return fct_fail(why, FCT_SYNTAX, "%s takes one value, not a list (example: %s)", key->name,
                        example_of(key->kind));
    if (!parse_scalar(key, values.item[0], member))
        return fct_fail(why, FCT_SYNTAX, "%s: cannot read \"%s\" (example: %s)", key->name,
                        values.item[0], example_of(key->kind));
    return true;
}

/* A default is written as an admin would write it: a list as `["a", "b"]`, everything else bare. */
static struct fct_strings text_to_values(struct arena *arena, struct fct_str text)
{
    const char **item = ARENA_ARRAY(arena, const char *, text.n / 2 + 2);
    size_t n = 0;

    text = str_trim(text);
    if (text.n < 2 || text.p[0] != '[' || text.p[text.n - 1] != ']') {
        item[0] = arena_cstr(arena, text);
        return (struct fct_strings){item, 1};
    }
    for (struct fct_str rest = str_head(str_skip(text, 1), text.n - 2); rest.p && rest.n;) {
        struct fct_str one = str_trim(str_split(&rest, ','));

        if (one.n >= 2 && one.p[0] == '"' && one.p[one.n - 1] == '"')
            one = str_head(str_skip(one, 1), one.n - 2);
        if (one.n)
            item[n++] = arena_cstr(arena, one);
    }
    return (struct fct_strings){item, n};
}

bool config_value(struct config *c, const struct fct_conf_key *key, void *dst, struct fct_str text,
                  struct fct_err *err)
{
    return conf_value_parse(c->arena, key, text_to_values(c->arena, text), dst, err);
}

const struct fct_conf_key *conf_key_find(const struct fct_conf_key *keys, const char *name)
{
    for (; keys && keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

/* A NULL or empty default of a string means "none". */
static bool fill_defaults(struct arena *arena, const struct fct_conf_key *keys, void *dst,
                          struct fct_err *err)
{
    for (const struct fct_conf_key *k = keys; k && k->name; k++) {
        const char *def = k->def ? k->def : "";

        if (!*def && (k->kind == FCT_CONF_STR || k->kind == FCT_CONF_STRINGS)) {
            if (k->kind == FCT_CONF_STR)
                memcpy((char *)dst + k->offset, &(const char *){""}, sizeof(const char *));
            continue;
        }
        if (!conf_value_parse(arena, k, text_to_values(arena, str_from(def)), dst, err)) {
            err->class = FCT_BUG;
            return fct_fail_in(err, "default of %s", k->name);
        }
    }
    return true;
}

static const char *nearest_key(const struct fct_conf_key *keys, const char *word)
{
    const char *names[128];
    size_t n = 0;

    for (; keys && keys->name && n < FCT_COUNT(names); keys++)
        names[n++] = keys->name;
    return conf_nearest(word, names, n);
}

static bool apply_pair(struct arena *arena, const struct fct_conf_key *keys, void *dst,
                       const struct conf_pair *p, struct conf_errors *errors)
{
    const struct fct_conf_key *key = conf_key_find(keys, p->key);
    const char *near;
    struct fct_err why = {0};

    if (key)
        return conf_value_parse(arena, key, p->values, dst, &why) ||
               conf_error(errors, p->file, p->line, p->column, "%s", why.text);
    near = nearest_key(keys, p->key);
    return conf_error(errors, p->file, p->line, p->column,
                      near ? "unknown key \"%s\"; did you mean \"%s\"?" : "unknown key \"%s\"%s",
                      p->key, near ? near : "");
}

bool config_fill(const struct config *c, const struct fct_conf_key *keys, void *dst,
                 const struct conf_pair *pairs, size_t n, struct fct_err *err)
{
    struct buf text = BUF_INIT(4096);
    struct conf_errors errors = {.text = &text, .first = err};
    bool ok = fill_defaults(c->arena, keys, dst, err);

    for (size_t i = 0; ok && i < n; i++)
        ok = apply_pair(c->arena, keys, dst, &pairs[i], &errors);
    buf_free(&text);
    return ok;
}

/* Where the key stands that the sentence begins with; a default is nowhere. */
static bool check_error(const struct conf_instance *in, const char *why, struct conf_errors *errors)
{
    size_t n = strcspn(why, " :");

    for (size_t i = 0; i < in->n; i++) {
        const struct conf_pair *p = &in->pair[i];

        if (strlen(p->key) == n && strncmp(p->key, why, n) == 0)
            return conf_error(errors, p->file, p->line, p->column, "%s.%s", in->block->name, why);
    }
    return conf_error(errors, in->block->name, 0, 0, "%s", why);
}

static bool check_values(const struct conf_instance *in, struct conf_errors *errors)
{
    struct fct_err why = {0};

    return !in->block->check || in->block->check(in->values, &why) ||
           check_error(in, why.text, errors);
}

static bool apply_instance(struct config *c, struct conf_instance *in, struct conf_errors *errors)
{
    struct fct_err why = {0};
    bool ok = true;

    in->values = arena_alloc(c->arena, in->block->size ? in->block->size : 1);
    in->extra = ARENA_ARRAY(c->arena, struct conf_pair, in->n + 1);
    if (!fill_defaults(c->arena, in->block->keys, in->values, &why))
        return conf_error(errors, in->block->name, 0, 0, "%s", why.text);
    for (size_t i = 0; i < in->n; i++) {
        if (in->block->open && !conf_key_find(in->block->keys, in->pair[i].key))
            in->extra[in->nextra++] = in->pair[i];
        else
            ok &= apply_pair(c->arena, in->block->keys, in->values, &in->pair[i], errors);
    }
    return ok && check_values(in, errors);
}

bool conf_schema_apply(struct config *c, struct conf_errors *errors)
{
    bool ok = true;

    for (const struct conf_block *const *b = c->blocks; *b; b++)
        if (!(*b)->labelled)
            conf_instance_at(c, *b, NULL);
    for (size_t i = 0; i < c->n; i++)
        ok &= apply_instance(c, c->instance[i], errors);
    return ok;
}
