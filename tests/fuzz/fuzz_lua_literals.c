/* fuzz_lua_literals.c - words of regular expressions: no crash, bounded work; and PCRE2's first
 * match begins where one of them allows.
 *
 * Input: one byte, the length of the pattern; "/pattern/flags"; the text. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "lua/engine/lua_finder.h"
#include "lua/engine/lua_fold.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct looking {
    const struct lua_literals *literals;
    size_t match;
    bool near;
};

static void see(void *arg, uint32_t which, size_t at)
{
    struct looking *l = arg;

    (void)which;
    if (l->literals->before == LUA_LITERAL_ANYWHERE ||
        (l->match <= at && at - l->match <= l->literals->before))
        l->near = true;
}

static uint32_t options_of(struct fct_str flags)
{
    static const struct {
        char letter;
        uint32_t option;
    } known[] = {{'i', PCRE2_CASELESS},
                 {'m', PCRE2_MULTILINE},
                 {'s', PCRE2_DOTALL},
                 {'x', PCRE2_EXTENDED},
                 {'u', PCRE2_UCP}};
    uint32_t options = PCRE2_NEVER_BACKSLASH_C;

    for (size_t i = 0; i < FCT_COUNT(known); i++)
        if (flags.n > 0 && memchr(flags.p, known[i].letter, flags.n))
            options |= known[i].option;
    if (flags.n == 0 || !memchr(flags.p, 'b', flags.n))
        options |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
    return options;
}

/* SIZE_MAX: none, or too costly to know. */
static size_t first_match(struct fct_str regex, struct fct_str text)
{
    const char *slash =
        regex.n > 1 && regex.p[0] == '/' ? memrchr(regex.p + 1, '/', regex.n - 1) : NULL;
    struct fct_str flags = {slash ? slash + 1 : regex.p,
                            slash ? (size_t)(regex.p + regex.n - slash - 1) : 0};
    struct fct_str body =
        slash ? (struct fct_str){regex.p + 1, (size_t)(slash - regex.p - 1)} : regex;
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    size_t error_at, at = SIZE_MAX;
    int error;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)body.p, body.n, options_of(flags), &error, &error_at, NULL);

    pcre2_set_match_limit(limits, 20000);
    if (code && pcre2_match(code, (PCRE2_SPTR)text.p, text.n, 0, 0, match, limits) >= 0)
        at = pcre2_get_ovector_pointer(match)[0];
    pcre2_code_free(code);
    pcre2_match_data_free(match);
    pcre2_match_context_free(limits);
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str regex, text;
    struct lua_literals *literals;
    const struct lua_literals *set;
    struct looking l;
    struct lua_finder *finder;
    unsigned char *folded;

    if (size < 1 || data[0] + 1u > size || size > 2000)
        return 0;
    regex = (struct fct_str){(const char *)data + 1, data[0]};
    text = (struct fct_str){(const char *)data + 1 + data[0], size - 1 - data[0]};
    literals = lua_literals_of(regex);
    if (!literals || memmem(regex.p, regex.n, "\\K", 2)) {
        free(literals);
        return 0;
    }
    set = literals;
    finder = lua_finder_take(&set, 1);
    folded = calloc(1, text.n + LUA_FINDER_BEHIND);
    l = (struct looking){literals, first_match(regex, text), false};
    if (finder && folded && literals->n > 0 && lua_fold(text, folded)) {
        lua_finder_scan(finder, folded, text.n, see, &l);
        if (l.match != SIZE_MAX && !l.near)
            abort();
    }
    free(folded);
    lua_finder_drop(&finder);
    free(literals);
    return 0;
}
