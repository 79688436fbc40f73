/* lua_patterns.h - what others may know of patterns{}. */
#ifndef LUA_PATTERNS_H
#define LUA_PATTERNS_H

#include "lua_regex.h"

struct lua_engine;

/* Where it was declared, live or in shadow; or NULL. */
const char *lua_pattern_declared(const struct lua_engine *e, const char *symbol, bool shadow);
typedef void lua_pattern_seen(void *arg, const char *symbol, const char *where,
                              const struct lua_regex *regex);
void lua_patterns_each(const struct lua_engine *e, lua_pattern_seen *seen, void *arg);

#endif
