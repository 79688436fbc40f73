/* lua_hash.h - base64 for others. */
#ifndef LUA_HASH_H
#define LUA_HASH_H

#include <facteur/base.h>

/* Room for s.n bytes in `out`. False: there is something else among it, which is left out. */
bool lua_base64_decode(struct fct_str s, char *out, size_t *n);

#endif
