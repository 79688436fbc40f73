/* fuzz_composite.c - any bytes as the expression of a composite: refused with a sentence, or read
 * so that it can be asked, whatever symbols there are. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/hook/composite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct plugin_symbol symbols[] = {
    {.name = "A", .group = "one"}, {.name = "B", .group = "one"}, {.name = "C", .group = "two"},
    {.name = "X", .group = "one"}, {.name = "Y", .group = "two"},
};
enum { FIRST_COMPOSITE = 3 };

/* Which symbols there are: bits of a number. */
static bool has(void *owner, const struct plugin_symbol *symbol, const char *group,
                const struct plugin_symbol *except)
{
    for (unsigned i = 0; i < FCT_COUNT(symbols); i++)
        if (*(unsigned *)owner >> i & 1 && &symbols[i] != except &&
            (symbol ? &symbols[i] == symbol : strcmp(symbols[i].group, group) == 0))
            return true;
    return false;
}

static void cause(void *owner, const struct plugin_symbol *symbol, const char *group)
{
    (void)owner;
    FCT_ASSERT(symbol || group);
}

static void ask(const struct composite_set *set)
{
    for (unsigned there = 0; there < 1u << FCT_COUNT(symbols); there++)
        for (size_t i = 0; i < set->n; i++) {
            struct composite_facts facts = {has, &there};

            if (composite_is_hit(&set->composite[i], &facts))
                composite_causes(&set->composite[i], &facts, cause);
        }
}

/* Two expressions, one behind a line end: they may name each other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plugin_set set = {.arena = arena_new(NULL), .symbols = map_new()};
    struct fct_str rest = {(const char *)data, size}, first = str_split(&rest, '\n');
    struct composite_set composites;
    struct fct_err err = {0};

    symbols[FIRST_COMPOSITE].expression = arena_cstr(set.arena, first);
    symbols[FIRST_COMPOSITE + 1].expression = rest.p ? arena_cstr(set.arena, rest) : NULL;
    for (size_t i = 0; i < FCT_COUNT(symbols); i++)
        map_put(set.symbols, str_from(symbols[i].name), &symbols[i]);
    if (composite_set_build(&set, NULL, &composites, &err))
        ask(&composites);
    else
        FCT_ASSERT(err.class != FCT_OK && err.text[0]);
    map_free(&set.symbols);
    arena_free(&set.arena);
    return 0;
}
