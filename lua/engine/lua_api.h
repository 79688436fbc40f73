/* lua_api.h - the C functions behind lua_api.def, one per row. */
#ifndef LUA_API_H
#define LUA_API_H

#include "lua_engine.h"

/* clang-format off */
#define FIELD(object, name, type, doc, example)                   int lua_get_##object##_##name(lua_State *L);
#define METHOD(object, name, arguments, returns, doc, example)    int lua_do_##object##_##name(lua_State *L);
#define FUNCTION(library, name, arguments, returns, doc, example) int lua_fn_##library##_##name(lua_State *L);
#define VALUE(library, name, type, doc, example)                  int lua_value_##library##_##name(lua_State *L);
#include "lua_api.def"
/* clang-format on */

#endif
