/* lua_pattern.h - the patterns of the Lua 5.4 manual (6.4.1) with a bound on the work one match may
 * do.
 *
 * Why: the matcher of the stock library is a C function that no hook can interrupt, and a pattern
 * such as ".-.-.-b" runs for hours on 30 KB. Here a pattern is compiled first (all its errors are
 * found then), and matching uses a stack of its own, at most one frame per item: no recursion, no
 * allocation. Knows nothing of Lua's API; the bindings are in lua_string.c. */
#ifndef LUA_PATTERN_H
#define LUA_PATTERN_H

#include <facteur/base.h>

#define LUA_PATTERN_CAPTURES 32
#define LUA_PATTERN_LONGEST  8192

struct lua_pattern; /* compiled; one block of memory, no pointers out of it */

/* Bytes lua_pattern_compile needs for a pattern of this length. */
size_t lua_pattern_bytes(size_t length);
/* `anchors`: a leading '^' ties the match to its start; gmatch takes it as a letter. NULL, or what
 * is wrong with the pattern. */
const char *lua_pattern_compile(struct fct_str text, bool anchors, struct lua_pattern *out);
bool lua_pattern_is_anchored(const struct lua_pattern *p);

struct lua_capture {
    size_t start, length;
    bool position; /* "()": the offset counts */
};

struct lua_match {
    struct fct_str subject;
    uint64_t steps;    /* left; shared by all matches of one call */
    size_t start, end; /* of the match */
    struct lua_capture capture[LUA_PATTERN_CAPTURES];
    size_t captures;
};

enum lua_matched { LUA_NO_MATCH, LUA_MATCHED, LUA_TOO_COSTLY };

/* At exactly this offset / at the first offset from `from` on. The pattern's own frames are used:
 * one match at a time. */
enum lua_matched lua_pattern_match_at(struct lua_pattern *p, struct lua_match *m, size_t at);
enum lua_matched lua_pattern_search(struct lua_pattern *p, struct lua_match *m, size_t from);

/* Has it none of the characters that mean something? Then a plain search does. */
bool lua_pattern_is_plain(struct fct_str text);

#endif
