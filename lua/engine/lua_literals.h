/* lua_literals.h - words of which every match of a regular expression has one near its begin.
 *
 * A text has few of the words of a rule set: looking for all of them at once (lua_finder.h), and
 * for the pattern only where one stands, costs a fraction of searching for every pattern. */
#ifndef LUA_LITERALS_H
#define LUA_LITERALS_H

#include <facteur/base.h>

#define LUA_LITERAL_MOST     16 /* bytes */
#define LUA_LITERAL_ANYWHERE UINT32_MAX

struct lua_literal {
    uint8_t n;
    bool word;  /* stands at the begin of a word, as \b has it */
    bool whole; /* while they are gathered: what follows may be joined to it */
    unsigned char bytes[LUA_LITERAL_MOST]; /* as lua_fold() makes them */
};

struct lua_literals {
    uint32_t before; /* a match begins at the literal, or at most so many bytes before */
    bool in_line;    /* no match reaches beyond a line end */
    size_t n;        /* 0: nothing is known, any text may match */
    struct lua_literal literal[];
};

/* Of "/pattern/flags". NULL: no memory. */
struct lua_literals *lua_literals_of(struct fct_str regex);

#endif
