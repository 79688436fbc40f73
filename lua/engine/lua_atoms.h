/* lua_atoms.h - words that a text must contain for a regular expression to match at all. Most
 * patterns of a rule set are about something else than the text at hand: looking for three-byte
 * pieces of their words costs a fraction of running them, and never loses a match. */
#ifndef LUA_ATOMS_H
#define LUA_ATOMS_H

#include <facteur/base.h>

#define LUA_GRAM_BITS (1u << 18) /* 20 KiB of text set one bit in twenty */

/* Which pieces of three bytes a text has; small letters stand for both cases. */
struct lua_grams {
    uint64_t bit[LUA_GRAM_BITS / 64];
    bool any; /* it has letters that are the same as ASCII ones without case: nothing can be said */
};

struct lua_atoms;

void lua_grams_of(struct lua_grams *grams, struct fct_str text);
/* Of "/pattern/flags". NULL: no such words are known (or no memory), the pattern must be run. */
struct lua_atoms *lua_atoms_new(struct fct_str regex);
void lua_atoms_free(struct lua_atoms **atoms);
/* False: the pattern cannot match the text of these grams. */
bool lua_atoms_possible(const struct lua_atoms *atoms, const struct lua_grams *grams);

/* No match reaches beyond a line end: lines may be searched one by one. */
bool lua_atoms_in_line(const struct lua_atoms *atoms);

#endif
