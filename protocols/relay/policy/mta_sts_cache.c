/* mta_sts_cache.c - see mta_sts_cache.h. */
#include "protocols/relay/policy/mta_sts_cache.h"

#include "core/base/map.h"
#include "core/base/str.h"

#include <stdlib.h>

#define RETRY_AFTER   300   /* seconds after a failed fetch of the same id (RFC 8461 3.3) */
#define REFRESH_AFTER 86400 /* a policy is looked at again at least once a day (RFC 8461 5.1) */

/* What is known of a domain; in a list, the one that was used last in front. */
struct entry {
    struct arena *arena; /* everything below, and the entry itself */
    struct fct_str domain, id;
    struct mta_sts_policy policy;
    bool has_policy;
    int64_t fetched, expires;
    char failed_id[MTA_STS_ID_MAX + 1];
    int64_t retry_at;
    struct entry *newer, *older;
};

struct mta_sts_cache {
    struct map *by_domain;
    struct entry *newest, *oldest;
    size_t max;
};

/* ---- the list ---- */

static void unlink_entry(struct mta_sts_cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void put_in_front(struct mta_sts_cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void drop(struct mta_sts_cache *c, struct entry *e)
{
    struct arena *arena = e->arena;

    unlink_entry(c, e);
    (void)map_remove(c->by_domain, e->domain);
    arena_free(&arena);
}

static struct entry *find(struct mta_sts_cache *c, struct fct_str domain)
{
    struct entry *e = map_get(c->by_domain, domain);

    if (e && e != c->newest) {
        unlink_entry(c, e);
        put_in_front(c, e);
    }
    return e;
}

static struct entry *add(struct mta_sts_cache *c, struct fct_str domain)
{
    struct arena *arena = arena_new(NULL);
    struct entry *e = ARENA_NEW(arena, struct entry);

    if (map_count(c->by_domain) >= c->max)
        drop(c, c->oldest);
    e->arena = arena;
    e->domain = arena_str(arena, domain);
    put_in_front(c, e);
    (void)map_put(c->by_domain, e->domain, e);
    return e;
}

/* ---- life ---- */

struct mta_sts_cache *mta_sts_cache_new(size_t max_domains)
{
    struct mta_sts_cache *c = calloc(1, sizeof *c);

    FCT_ASSERT(c && max_domains > 0);
    c->by_domain = map_new();
    c->max = max_domains;
    return c;
}

void mta_sts_cache_free(struct mta_sts_cache **cache)
{
    struct mta_sts_cache *c = *cache;

    if (!c)
        return;
    while (c->oldest)
        drop(c, c->oldest);
    map_free(&c->by_domain);
    free(c);
    *cache = NULL;
}

size_t mta_sts_cache_count(const struct mta_sts_cache *c)
{
    return map_count(c->by_domain);
}

/* ---- questions ---- */

static bool holds(const struct entry *e, int64_t now)
{
    return e && e->has_policy && now < e->expires;
}

const struct mta_sts_policy *mta_sts_cache_find(struct mta_sts_cache *c, struct fct_str domain,
                                                int64_t now)
{
    const struct entry *e = find(c, domain);

    return holds(e, now) ? &e->policy : NULL;
}

static bool is_old(const struct entry *e, int64_t now)
{
    int64_t half = (e->expires - e->fetched) / 2;

    return now - e->fetched >= (half < REFRESH_AFTER ? half : REFRESH_AFTER);
}

bool mta_sts_cache_wants_fetch(struct mta_sts_cache *c, struct fct_str domain, struct fct_str id,
                               int64_t now)
{
    const struct entry *e = find(c, domain);

    if (id.n == 0)
        return false;
    if (!e)
        return true;
    if (now < e->retry_at && str_equal(id, str_from(e->failed_id)))
        return false;
    return !holds(e, now) || !str_equal(e->id, id) || is_old(e, now);
}

/* ---- answers ---- */

static void put(struct mta_sts_cache *c, struct fct_str domain, struct fct_str id,
                const struct mta_sts_policy *policy, int64_t fetched)
{
    struct entry *e = find(c, domain);

    if (e)
        drop(c, e);
    e = add(c, domain);
    e->id = arena_str(e->arena, id);
    mta_sts_policy_copy(e->arena, policy, &e->policy);
    e->has_policy = true;
    e->fetched = fetched;
    e->expires = fetched + policy->max_age;
}

void mta_sts_cache_put(struct mta_sts_cache *c, struct fct_str domain, struct fct_str id,
                       const struct mta_sts_policy *policy, int64_t now)
{
    put(c, domain, id, policy, now);
}

void mta_sts_cache_put_failed(struct mta_sts_cache *c, struct fct_str domain, struct fct_str id,
                              int64_t now)
{
    struct entry *e = find(c, domain);

    if (!e)
        e = add(c, domain);
    str_copy_c(e->failed_id, sizeof e->failed_id, id);
    e->retry_at = now + RETRY_AFTER;
}

/* ---- over a restart ---- */

/* domain SP id SP fetched SP bytes LF policy LF */
bool mta_sts_cache_save(const struct mta_sts_cache *c, struct buf *out)
{
    for (const struct entry *e = c->oldest; e; e = e->newer) {
        if (!e->has_policy)
            continue;
        buf_printf(out, "%.*s %.*s %lld %zu\n", FCT_FMT(e->domain), FCT_FMT(e->id),
                   (long long)e->fetched, e->policy.text.n);
        buf_put_str(out, e->policy.text);
        buf_put_char(out, '\n');
    }
    return !out->overflow;
}

/* False: the text ends here, or is none of ours. */
static bool load_one(struct mta_sts_cache *c, struct fct_str *text, int64_t now)
{
    struct fct_str line = str_split(text, '\n'), domain = str_split(&line, ' ');
    struct fct_str id = line.p ? str_split(&line, ' ') : FCT_STR("");
    struct fct_str fetched = line.p ? str_split(&line, ' ') : FCT_STR("");
    struct mta_sts_policy policy;
    struct arena *arena;
    uint64_t when, bytes;

    if (!text->p || !line.p || !str_to_u64(fetched, &when) || !str_to_u64(line, &bytes) ||
        bytes >= text->n)
        return false;
    arena = arena_new(NULL);
    if (domain.n > 0 && id.n > 0 && id.n <= MTA_STS_ID_MAX && (int64_t)when <= now &&
        mta_sts_policy_parse(arena, str_head(*text, (size_t)bytes), &policy, NULL) &&
        now < (int64_t)when + policy.max_age)
        put(c, domain, id, &policy, (int64_t)when);
    arena_free(&arena);
    *text = str_skip(*text, (size_t)bytes + 1);
    return true;
}

void mta_sts_cache_load(struct mta_sts_cache *c, struct fct_str text, int64_t now)
{
    while (text.n > 0 && load_one(c, &text, now))
        ;
}
