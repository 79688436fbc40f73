/* lua_regex_code.h - compiled patterns, shared by all engines of the process. Every case of a test
 * has an engine of its own, and a reload opens one beside the old: both find their patterns ready.
 * Only the thread that runs Lua compiles, so there is no lock. */
#ifndef LUA_REGEX_CODE_H
#define LUA_REGEX_CODE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <facteur/base.h>

#include "lua_literals.h"
#include <pcre2.h>

struct lua_regex_code;

/* Compiles, or takes what another engine holds. NULL: `error` says why. */
struct lua_regex_code *lua_regex_code_take(struct fct_str text, uint32_t options,
                                           pcre2_compile_context *context, char *error,
                                           size_t size);
void lua_regex_code_drop(struct lua_regex_code **code);
const pcre2_code *lua_regex_code_of(const struct lua_regex_code *code);
/* regex: "/pattern/flags" of this code. NULL: no memory. */
const struct lua_literals *lua_regex_code_literals(struct lua_regex_code *code,
                                                   struct fct_str regex);

#endif
