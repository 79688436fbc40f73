/* lua_patterns_int.h - what the files of patterns{} share: declaring (lua_patterns.c), the text of
 * a target (lua_patterns_text.c), searching it (lua_patterns_search.c). */
#ifndef LUA_PATTERNS_INT_H
#define LUA_PATTERNS_INT_H

#include "lua_api.h"
#include "lua_finder.h"
#include "lua_patterns.h"

enum target {
    TARGET_TEXT,
    TARGET_SUBJECT,
    TARGET_HEADERS,
    TARGET_HTML,
    TARGET_URLS,
    TARGET_RAW,
    TARGETS
};

enum pattern_state { AT_WORDS, WHOLE, DONE };

struct pattern {
    struct pattern *next;
    struct lua_regex *regex;
    const struct lua_literals *literals;
    struct fct_symbol declared;
    uint32_t max_hits;
    const char *where;
    bool told; /* slow: the log has it */
    /* of the text at hand */
    enum pattern_state state;
    uint32_t hits, places;
    size_t from; /* matches before were found */
    struct fct_str first;
};

/* Searching does not wait: there is one text at a time. */
struct lua_target {
    struct lua_engine *engine;
    const struct lua_target_set *set;
    struct pattern *pattern, **end;
    size_t patterns;
    struct pattern **by_number; /* as the finder counts them */
    struct lua_finder *finder;
};

struct lua_target_set {
    struct lua_target target[TARGETS];
};

/* ---- the text of a target ---- */

struct pattern_text {
    char *p;
    size_t n, size, most;
};

const char *pattern_target_name(enum target target);
/* NULL: there is none of that name. */
struct lua_target *pattern_target_named(struct lua_target_set *set, const char *name);
void pattern_text_make(const struct lua_target *t, struct fct_call *call, struct pattern_text *out);

/* ---- searching ---- */

/* A row of the plan; its state is the target. */
enum fct_verdict pattern_target_run(struct fct_call *call, enum fct_hook hook, const void *event,
                                    void *state);

#endif
