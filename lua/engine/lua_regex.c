/* lua_regex.c - see lua_regex.h. */
#include "lua_regex.h"

#include "lua_regex_code.h"
#include <stdlib.h>

#define DEPTH_LIMIT  2000      /* of the interpreter, where there is no machine code */
#define HEAP_LIMIT_K 8192      /* KiB, likewise */
#define STACK_FIRST  32 * 1024 /* of machine code */
#define STACK_MOST   1024 * 1024

#define NEAR_SHARE 64 /* of the steps: one place of many */

struct lua_regex_engine {
    pcre2_match_context *match, *near;
    pcre2_compile_context *compile;
    pcre2_jit_stack *stack;
};

struct lua_regex {
    struct lua_regex_code *code;
    bool utf;
    pcre2_match_data *data;
};

static const struct {
    char letter;
    uint32_t option;
} flags[] = {
    {'i', PCRE2_CASELESS}, {'m', PCRE2_MULTILINE}, {'s', PCRE2_DOTALL},
    {'x', PCRE2_EXTENDED}, {'u', PCRE2_UCP},       {'b', 0},
};

static pcre2_match_context *new_limits(const struct lua_regex_engine *e, uint32_t steps)
{
    pcre2_match_context *match = pcre2_match_context_create(NULL);

    if (!match || !e->stack)
        return match;
    pcre2_set_match_limit(match, steps);
    pcre2_set_depth_limit(match, DEPTH_LIMIT);
    pcre2_set_heap_limit(match, HEAP_LIMIT_K);
    pcre2_jit_stack_assign(match, NULL, e->stack);
    return match;
}

struct lua_regex_engine *lua_regex_engine_new(uint32_t steps)
{
    struct lua_regex_engine *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MOST, NULL);
    e->match = new_limits(e, steps);
    e->near = new_limits(e, steps / NEAR_SHARE + 1);
    e->compile = pcre2_compile_context_create(NULL);
    if (!e->match || !e->near || !e->compile || !e->stack) {
        lua_regex_engine_free(&e);
        return NULL;
    }
    pcre2_set_max_pattern_length(e->compile, LUA_REGEX_LONGEST);
    pcre2_set_parens_nest_limit(e->compile, 100);
    return e;
}

void lua_regex_engine_free(struct lua_regex_engine **engine)
{
    struct lua_regex_engine *e = *engine;

    *engine = NULL;
    if (!e)
        return;
    pcre2_jit_stack_free(e->stack);
    pcre2_compile_context_free(e->compile);
    pcre2_match_context_free(e->match);
    pcre2_match_context_free(e->near);
    free(e);
}

/* ---- compiling ---- */

/* Takes "/" and "/flags" off. False: an unknown flag, or no second slash. */
static bool read_flags(struct fct_str *text, uint32_t *options, char *error, size_t size)
{
    const char *slash;
    bool bytes = false;

    *options = PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
    if (text->n > 0 && text->p[0] == '/') {
        slash = memrchr(text->p + 1, '/', text->n - 1);
        if (!slash) {
            snprintf(error, size, "the slash at its end is missing (/pattern/flags)");
            return false;
        }
        for (const char *at = slash + 1; at < text->p + text->n; at++) {
            size_t i = 0;

            while (i < FCT_COUNT(flags) && flags[i].letter != *at)
                i++;
            if (i == FCT_COUNT(flags)) {
                snprintf(error, size, "unknown flag '%c' (i, m, s, x, u or b)", *at);
                return false;
            }
            *options |= flags[i].option;
            bytes = bytes || *at == 'b';
        }
        *text = (struct fct_str){text->p + 1, (size_t)(slash - text->p - 1)};
    }
    if (!bytes)
        *options |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
    return true;
}

struct lua_regex *lua_regex_compile(struct lua_regex_engine *e, struct fct_str text, char *error,
                                    size_t size)
{
    struct lua_regex *r;
    uint32_t options;

    if (!read_flags(&text, &options, error, size))
        return NULL;
    r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(error, size, "not enough memory");
        return NULL;
    }
    r->utf = options & PCRE2_UTF;
    r->code = lua_regex_code_take(text, options, e->compile, error, size);
    if (!r->code) {
        lua_regex_free(&r);
        return NULL;
    }
    r->data = pcre2_match_data_create(LUA_REGEX_GROUPS + 1, NULL);
    if (!r->data) {
        snprintf(error, size, "not enough memory");
        lua_regex_free(&r);
        return NULL;
    }
    return r;
}

void lua_regex_free(struct lua_regex **regex)
{
    struct lua_regex *r = *regex;

    *regex = NULL;
    if (!r)
        return;
    pcre2_match_data_free(r->data);
    lua_regex_code_drop(&r->code);
    free(r);
}

/* ---- searching ---- */

/* The match data is read out at once: nobody keeps it across a wait. */
enum lua_regex_result lua_regex_search(struct lua_regex_engine *e, const struct lua_regex *r,
                                       struct fct_str subject, size_t from,
                                       struct lua_regex_found *out)
{
    const pcre2_code *code = lua_regex_code_of(r->code);
    int n = pcre2_match(code, (PCRE2_SPTR)(subject.p ? subject.p : ""), subject.n, from, 0, r->data,
                        e->match);
    const size_t *at;
    uint32_t groups = 0;

    if (n == PCRE2_ERROR_NOMATCH || n == PCRE2_ERROR_BADOFFSET || n == PCRE2_ERROR_BADUTFOFFSET)
        return LUA_REGEX_NONE;
    if (n < 0)
        return LUA_REGEX_COSTLY;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
    out->groups = groups > LUA_REGEX_GROUPS ? LUA_REGEX_GROUPS : groups;
    at = pcre2_get_ovector_pointer(r->data);
    for (size_t i = 0; i <= out->groups; i++) {
        bool took_part = n == 0 || i < (size_t)n;

        out->span[i].start = took_part ? at[2 * i] : SIZE_MAX;
        out->span[i].end = took_part ? at[2 * i + 1] : SIZE_MAX;
    }
    /* \K inside a lookahead can turn them round. */
    if (out->span[0].end < out->span[0].start)
        out->span[0].end = out->span[0].start;
    return LUA_REGEX_FOUND;
}

/* Where characters begin: no match begins inside one. */
static size_t next_char(struct fct_str text, size_t at)
{
    for (int i = 0; i < 3 && at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80; i++)
        at++;
    return at;
}

enum lua_regex_result lua_regex_search_near(struct lua_regex_engine *e, const struct lua_regex *r,
                                            struct fct_str subject, size_t from, size_t last,
                                            struct lua_regex_span *out)
{
    const size_t *at;
    int n;

    if (r->utf)
        from = next_char(subject, from);
    if (from > last)
        return LUA_REGEX_NONE;
    pcre2_set_offset_limit(e->near, last);
    n = pcre2_match(lua_regex_code_of(r->code), (PCRE2_SPTR)subject.p, subject.n, from, 0, r->data,
                    e->near);
    if (n == PCRE2_ERROR_NOMATCH || n == PCRE2_ERROR_BADUTFOFFSET)
        return LUA_REGEX_NONE;
    if (n < 0)
        return LUA_REGEX_COSTLY;
    at = pcre2_get_ovector_pointer(r->data);
    *out = (struct lua_regex_span){at[0], at[1] < at[0] ? at[0] : at[1]};
    return LUA_REGEX_FOUND;
}

const struct lua_literals *lua_regex_literals(const struct lua_regex *r, struct fct_str text)
{
    return lua_regex_code_literals(r->code, text);
}
