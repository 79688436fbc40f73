/* lua_regex.h - regular expressions (PCRE2), compiled to machine code where the system allows it.
 *
 * Every match is bounded: PCRE2's match, depth and heap limits, and a stack of its own for the
 * machine code (a fiber's is small). What reaches a limit is "too costly", not "no match". */
#ifndef LUA_REGEX_H
#define LUA_REGEX_H

#include "lua_literals.h"

#define LUA_REGEX_GROUPS  31
#define LUA_REGEX_LONGEST 8192

struct lua_regex_engine; /* one per Lua state */
struct lua_regex;

struct lua_regex_found {
    size_t groups; /* besides the match itself */
    struct lua_regex_span {
        size_t start, end; /* SIZE_MAX: the group took no part */
    } span[LUA_REGEX_GROUPS + 1];
};

enum lua_regex_result { LUA_REGEX_NONE, LUA_REGEX_FOUND, LUA_REGEX_COSTLY };

/* NULL: no memory. steps: PCRE2's match limit. */
struct lua_regex_engine *lua_regex_engine_new(uint32_t steps);
void lua_regex_engine_free(struct lua_regex_engine **engine);

/* "/pattern/flags", or a pattern without flags. NULL: `error` says why. */
struct lua_regex *lua_regex_compile(struct lua_regex_engine *e, struct fct_str text, char *error,
                                    size_t size);
void lua_regex_free(struct lua_regex **regex);
/* The first match at or behind `from`. */
enum lua_regex_result lua_regex_search(struct lua_regex_engine *e, const struct lua_regex *r,
                                       struct fct_str subject, size_t from,
                                       struct lua_regex_found *out);
/* The first match that begins at or behind `from` and not behind `last`; it may end anywhere. Has a
 * small share of the steps: what is costly here lua_regex_search() may still find. */
enum lua_regex_result lua_regex_search_near(struct lua_regex_engine *e, const struct lua_regex *r,
                                            struct fct_str subject, size_t from, size_t last,
                                            struct lua_regex_span *out);
/* Words of its matches; text: as it was compiled. NULL: no memory. */
const struct lua_literals *lua_regex_literals(const struct lua_regex *r, struct fct_str text);

#endif
