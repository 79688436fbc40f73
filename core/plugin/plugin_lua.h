/* plugin_lua.h - the keys of `lua NAME { … }` that are the rules' own, on their way to lua.so. */
#ifndef CORE_PLUGIN_PLUGIN_LUA_H
#define CORE_PLUGIN_PLUGIN_LUA_H

#include "core/base/arena.h"
#include "core/plugin/plugin_conf.h"

/* The value of the row `option` of the plugin `lua`: for every value of such a key, and every file
 * pattern of its block, the lines "pattern, key, file:line, value". The engine knows which files
 * declare what, and says so when nobody does. */
struct fct_strings plugin_lua_options(const struct config *conf, struct arena *arena);

/* Where the lists of its files lie: read again while the server runs. */
const char *const *plugin_lua_folders(const struct config *conf, struct arena *arena, size_t *n);

#endif
