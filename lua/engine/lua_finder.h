/* lua_finder.h - many words looked for in a text at once.
 *
 * The text is folded first (lua_fold.h). At each byte, one look into a table of hashes tells that
 * nothing begins here, nearly always; words that begin words are asked for only where a word
 * begins. */
#ifndef LUA_FINDER_H
#define LUA_FINDER_H

#include "lua_literals.h"

struct lua_finder;

/* Of `n` sets; a NULL or empty one is never found. NULL: no memory. The very same sets in the same
 * order share a finder; they live as long as it does. */
struct lua_finder *lua_finder_take(const struct lua_literals *const *set, size_t n);
void lua_finder_drop(struct lua_finder **finder);

/* A word of set `which` stands at this byte. */
typedef void lua_found(void *arg, uint32_t which, size_t at);
/* From the first byte to the last, each set at most once at each. folded[n] to folded[n + 15] are
 * there, and zero. */
void lua_finder_scan(const struct lua_finder *finder, const unsigned char *folded, size_t n,
                     lua_found *found, void *arg);
#define LUA_FINDER_BEHIND 16

#endif
