/* lua_patterns_search.c - all patterns of a target in one pass. The words of all of them are looked
 * for at once (lua_finder.h); a pattern is run only where one of its words stands, and through the
 * whole text only when it has none, or when they stand in so many places that going from one to the
 * next costs more. No Lua runs. */
#include "lua_patterns_int.h"

#include "lua_fold.h"
#include <stdlib.h>
#include <time.h>

#define DETAIL_MOST 60 /* bytes of the match that are shown */
#define SLOW_NS     INT64_C(10000000)
#define LARGE       (size_t)(16 * 1024) /* texts where a pattern may take SLOW_NS unnoticed */
#define BLOCK       (size_t)(16 * 1024) /* of lines that are searched at once */
#define PLACES_MOST 1280                /* or one for each 32 bytes and 256: then the whole text */
#define RUNS_A_LOOK 64                  /* at the clock */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void tell(const struct lua_target *t, struct fct_call *call, struct pattern *p,
                 const char *what)
{
    const struct fct_host *host = t->engine->host;

    host->count(call, "lua_slow_patterns", 1);
    if (!p->told)
        host->log(call, FCT_WARNING, "%s: pattern %s is %s (facteurctl lua lint names such)",
                  p->where, p->declared.name, what);
    p->told = true;
}

static void hit(const struct lua_target *t, struct fct_call *call, const struct pattern *p,
                struct fct_str match, uint32_t hits)
{
    if (match.n > DETAIL_MOST) {
        match.n = DETAIL_MOST;
        while (match.n > 0 && ((unsigned char)match.p[match.n] & 0xc0) == 0x80)
            match.n--;
    }
    t->engine->host->symbol(call, p->declared.name, hits, match);
}

struct run {
    struct lua_target *target;
    struct fct_call *call;
    struct fct_str text;
    uint32_t runs, places_most;
    bool over; /* no time is left */
};

static void found_one(struct pattern *p, struct fct_str text, const struct lua_regex_span *span)
{
    if (p->hits++ == 0)
        p->first = (struct fct_str){text.p + span->start, span->end - span->start};
    p->from = span->end > span->start ? span->end : span->end + 1;
    if (p->hits == p->max_hits)
        p->state = DONE;
}

/* ---- where a word stands ---- */

static void search_place(struct run *r, struct pattern *p, size_t first, size_t last)
{
    struct lua_regex_span span;

    for (p->from = first; p->state == AT_WORDS && p->from <= last;) {
        switch (lua_regex_search_near(r->target->engine->regex, p->regex, r->text, p->from, last,
                                      &span)) {
        case LUA_REGEX_FOUND:
            found_one(p, r->text, &span);
            break;
        case LUA_REGEX_NONE:
            p->from = last + 1;
            break;
        case LUA_REGEX_COSTLY:
            p->state = WHOLE;
            break;
        }
    }
}

/* Words come in the order of the text, so matches are found in their order. */
static void word_found(void *arg, uint32_t number, size_t at)
{
    struct run *r = arg;
    struct pattern *p = r->target->by_number[number];
    size_t first = p->literals->before < at ? at - p->literals->before : 0;

    first = first > p->from ? first : p->from;
    if (p->state != AT_WORDS || first > at || r->over)
        return;
    if (p->literals->before == LUA_LITERAL_ANYWHERE) {
        p->state = WHOLE;
        return;
    }
    if (++p->places > r->places_most) {
        p->state = WHOLE;
        p->from = first;
        return;
    }
    if (++r->runs % RUNS_A_LOOK == 0)
        r->over = r->target->engine->host->time_left_ms(r->call) == 0;
    search_place(r, p, first, at);
}

/* False: the words cannot tell. */
static bool search_words(struct run *r)
{
    unsigned char *folded = malloc(r->text.n + LUA_FINDER_BEHIND);
    bool known = folded && lua_fold(r->text, folded);

    if (known) {
        memset(folded + r->text.n, 0, LUA_FINDER_BEHIND);
        lua_finder_scan(r->target->finder, folded, r->text.n, word_found, r);
    }
    free(folded);
    return known;
}

/* ---- the whole text ---- */

/* Goes on where p->from is. */
static enum lua_regex_result search_to(const struct run *r, struct pattern *p, size_t end)
{
    struct fct_str text = {r->text.p, end};
    enum lua_regex_result result = LUA_REGEX_FOUND;
    struct lua_regex_found f;

    while (result == LUA_REGEX_FOUND && p->state != DONE && p->from <= end) {
        result = lua_regex_search(r->target->engine->regex, p->regex, text, p->from, &f);
        if (result == LUA_REGEX_FOUND)
            found_one(p, text, &f.span[0]);
    }
    return result;
}

/* The end of the line that is BLOCK bytes behind. */
static size_t block_end(struct fct_str text, size_t from)
{
    const char *end =
        text.n - from > BLOCK ? memchr(text.p + from + BLOCK, '\n', text.n - from - BLOCK) : NULL;

    return end ? (size_t)(end + 1 - text.p) : text.n;
}

/* In blocks, if no match is longer than a line: each has its steps. */
static void search_whole(const struct run *r, struct pattern *p)
{
    bool in_line = p->literals && p->literals->in_line, costly = false;
    int64_t began = r->text.n >= LARGE ? now_ns() : 0;

    while (p->state != DONE && p->from <= r->text.n && !costly) {
        size_t end = in_line ? block_end(r->text, p->from) : r->text.n;

        costly = search_to(r, p, end) == LUA_REGEX_COSTLY;
        p->from = p->from > end ? p->from : end + (end == r->text.n);
    }
    if (costly)
        tell(r->target, r->call, p, "too costly for a message and was stopped");
    else if (began > 0 && now_ns() - began > SLOW_NS)
        tell(r->target, r->call, p, "slow");
}

static void begin_text(struct lua_target *t)
{
    for (struct pattern *p = t->pattern; p; p = p->next) {
        p->state = p->literals && p->literals->n > 0 ? AT_WORDS : WHOLE;
        p->hits = p->places = 0;
        p->from = 0;
    }
}

static uint32_t places_most(size_t n)
{
    return n / 32 + 256 < PLACES_MOST ? (uint32_t)(n / 32 + 256) : PLACES_MOST;
}

static void search_all(struct lua_target *t, struct fct_call *call, struct fct_str text)
{
    struct run r = {t, call, text, 0, places_most(text.n), false};
    bool known;

    begin_text(t);
    known = search_words(&r);
    for (struct pattern *p = t->pattern; p; p = p->next)
        if ((p->state == WHOLE || (p->state == AT_WORDS && !known)) &&
            t->engine->host->time_left_ms(call) > 0)
            search_whole(&r, p);
    for (struct pattern *p = t->pattern; p; p = p->next)
        if (p->hits > 0)
            hit(t, call, p, p->first, p->hits);
}

enum fct_verdict pattern_target_run(struct fct_call *call, enum fct_hook hook, const void *event,
                                    void *state)
{
    struct lua_target *t = state;
    struct pattern_text text;

    (void)hook;
    (void)event;
    pattern_text_make(t, call, &text);
    search_all(t, call, (struct fct_str){text.p ? text.p : "", text.n});
    free(text.p);
    return FCT_NEXT;
}
