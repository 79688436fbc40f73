/* lua_regex_code.c - see lua_regex_code.h. */
#include "lua_regex_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS         256
#define COMPILED_MOST (size_t)(256 * 1024) /* bytes of one pattern, by PCRE2's own count */

struct lua_regex_code {
    struct lua_regex_code *next;
    pcre2_code *code;
    struct lua_literals *literals; /* NULL: nobody asked */
    size_t users;
    uint32_t options;
    size_t n;
    char text[];
};

static struct lua_regex_code *slots[SLOTS];

/* FNV-1a: who writes rules is trusted, so that nobody looks for collisions. */
static struct lua_regex_code **slot_of(struct fct_str text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * 16777619u;
    return &slots[hash % SLOTS];
}

static pcre2_code *compile(struct fct_str text, uint32_t options, pcre2_compile_context *context,
                           char *error, size_t size)
{
    size_t bytes = 0, at;
    pcre2_code *code;
    int number;

    code = pcre2_compile((PCRE2_SPTR)text.p, text.n, options, &number, &at, context);
    if (!code) {
        char why[120];

        pcre2_get_error_message(number, (PCRE2_UCHAR *)why, sizeof why);
        snprintf(error, size, "%s, at character %zu", why, at + 1);
        return NULL;
    }
    pcre2_pattern_info(code, PCRE2_INFO_SIZE, &bytes);
    if (bytes > COMPILED_MOST) {
        pcre2_code_free(code);
        snprintf(error, size, "too large");
        return NULL;
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it the interpreter serves */
    return code;
}

struct lua_regex_code *lua_regex_code_take(struct fct_str text, uint32_t options,
                                           pcre2_compile_context *context, char *error, size_t size)
{
    struct lua_regex_code **slot = slot_of(text), *c = *slot;

    while (c && (c->options != options || c->n != text.n || memcmp(c->text, text.p, text.n) != 0))
        c = c->next;
    if (c) {
        c->users++;
        return c;
    }
    c = malloc(sizeof *c + text.n);
    if (!c) {
        snprintf(error, size, "not enough memory");
        return NULL;
    }
    *c = (struct lua_regex_code){.next = *slot, .users = 1, .options = options, .n = text.n};
    memcpy(c->text, text.p, text.n);
    c->code = compile(text, options, context, error, size);
    if (!c->code) {
        free(c);
        return NULL;
    }
    return *slot = c;
}

void lua_regex_code_drop(struct lua_regex_code **code)
{
    struct lua_regex_code *c = *code, **at;

    *code = NULL;
    if (!c || --c->users > 0)
        return;
    at = slot_of((struct fct_str){c->text, c->n});
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    pcre2_code_free(c->code);
    free(c->literals);
    free(c);
}

const pcre2_code *lua_regex_code_of(const struct lua_regex_code *code)
{
    return code->code;
}

const struct lua_literals *lua_regex_code_literals(struct lua_regex_code *code,
                                                   struct fct_str regex)
{
    if (!code->literals)
        code->literals = lua_literals_of(regex);
    return code->literals;
}
