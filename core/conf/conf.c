/* conf.c - a loaded configuration: one arena, instances of blocks. */
#include "core/conf/conf.h"

#include "core/conf/conf_int.h"

#include "core/base/str.h"

#include <stdlib.h>

bool conf_error(struct conf_errors *e, const char *file, unsigned line, unsigned column,
                const char *fmt, ...)
{
    struct fct_err one = {0};
    char text[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (line)
        fct_fail(&one, FCT_SYNTAX, "%s:%u:%u: %s", file, line, column, text);
    else
        fct_fail(&one, FCT_SYNTAX, "%s: %s", file, text);
    if (e->count++ == 0 && e->first)
        *e->first = one;
    if (e->text && e->count <= CONF_MAX_ERRORS)
        buf_printf(e->text, "%s\n", one.text);
    return false;
}

/* Levenshtein, on words short enough to be keys. */
static size_t distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t row[MAX + 1], na = strlen(a), nb = strlen(b);

    if (na > MAX || nb > MAX)
        return MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *conf_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t least = strlen(word) < 4 ? 2 : 3; /* two edits, one for very short words */

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, names[i]);

        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

/* A labelled block without a label is a new instance each time (`lua { … }`); everything else is
 * merged. */
struct conf_instance *conf_instance_at(struct config *c, const struct conf_block *block,
                                       const char *label)
{
    struct conf_instance *in;

    for (size_t i = 0; i < c->n; i++) {
        in = c->instance[i];
        if (in->block == block && !(block->labelled && !label) &&
            (label == in->label || (label && in->label && strcmp(label, in->label) == 0)))
            return in;
    }
    if (c->n == c->room) {
        c->instance =
            arena_grow(c->arena, c->instance, c->n * sizeof in, (c->room * 2 + 16) * sizeof in);
        c->room = c->room * 2 + 16;
    }
    in = ARENA_NEW(c->arena, struct conf_instance);
    in->block = block;
    in->label = label;
    return c->instance[c->n++] = in;
}

static bool has_instance(const struct config *c, const struct conf_block *block)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->instance[i]->block == block)
            return true;
    return false;
}

static bool add_standing(struct config *c, struct conf_errors *errors)
{
    bool ok = true;

    for (const struct conf_block *const *b = c->blocks; *b; b++)
        if ((*b)->standing && !has_instance(c, *b))
            ok &= conf_standing_read(c, *b, errors);
    return ok;
}

bool config_load(const char *const *files, size_t n, const struct conf_block *const *blocks,
                 struct config **out, struct buf *errors, struct fct_err *err)
{
    struct conf_errors e = {.text = errors, .first = err};
    struct config *c = calloc(1, sizeof *c);
    bool ok = true;

    FCT_ASSERT(c);
    c->arena = arena_new(NULL);
    c->blocks = blocks;
    for (size_t i = 0; i < n; i++)
        ok &= conf_file_read(c, files[i], &e);
    ok = add_standing(c, &e) && ok;
    ok = conf_schema_apply(c, &e) && ok;
    if (ok)
        *out = c;
    else
        config_free(&c);
    return ok;
}

void config_free(struct config **config)
{
    struct config *c = *config;

    *config = NULL;
    if (!c)
        return;
    arena_free(&c->arena);
    free(c);
}

static const struct conf_instance *instance_number(const struct config *c,
                                                   const struct conf_block *block, size_t number)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->instance[i]->block == block && number-- == 0)
            return c->instance[i];
    return NULL;
}

const void *config_get(const struct config *c, const struct conf_block *block)
{
    const struct conf_instance *in = instance_number(c, block, 0);

    FCT_ASSERT(in && !block->labelled);
    return in->values;
}

const void *config_each(const struct config *c, const struct conf_block *block, size_t i,
                        const char **label)
{
    const struct conf_instance *in = instance_number(c, block, i);

    if (!in)
        return NULL;
    if (label)
        *label = in->label;
    return in->values;
}

const struct conf_place *config_place(const struct config *c, const struct conf_block *block,
                                      size_t i, const char *key, size_t item)
{
    const struct conf_instance *in = instance_number(c, block, i);

    for (size_t p = 0; in && p < in->n; p++)
        if (strcmp(in->pair[p].key, key) == 0 && item < in->pair[p].values.n)
            return &in->pair[p].place[item];
    return NULL;
}

size_t config_extra(const struct config *c, const struct conf_block *block, size_t i,
                    const struct conf_pair **pairs)
{
    const struct conf_instance *in = instance_number(c, block, i);

    *pairs = in ? in->extra : NULL;
    return in ? in->nextra : 0;
}
