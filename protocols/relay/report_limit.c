/* report_limit.c - see report_limit.h. An hour begins with the first report to an address. */
#include "protocols/relay/report_limit.h"

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/map.h"
#include "core/base/str.h"

#include <stdlib.h>

#define HOUR_MS       3600000u
#define ADDRESSES_MAX 20000u /* with more in one hour all counts start anew */
#define ADDRESS_MAX   1024u

struct counted {
    uint64_t since;
    uint32_t n;
};

struct report_limit {
    struct map *by_address;
    uint32_t per_hour;
};

struct report_limit *report_limit_new(uint32_t per_hour)
{
    struct report_limit *l = calloc(1, sizeof *l);

    FCT_ASSERT(l);
    l->by_address = map_new();
    l->per_hour = per_hour;
    return l;
}

static void forget(struct report_limit *l, uint64_t begun_before)
{
    struct fct_str key;
    void *value;

    for (size_t at = 0; map_next(l->by_address, &at, &key, &value);)
        if (((const struct counted *)value)->since < begun_before) {
            (void)map_remove(l->by_address, key);
            free(value);
        }
}

void report_limit_free(struct report_limit **p)
{
    struct report_limit *l = *p;

    *p = NULL;
    if (!l)
        return;
    forget(l, UINT64_MAX);
    map_free(&l->by_address);
    free(l);
}

static void fold(struct fct_str address, struct buf *out)
{
    ptrdiff_t at = str_find_last_char(address, '@'), plus = str_find_char(address, '+');

    for (size_t i = 0; i < address.n; i++)
        if (plus <= 0 || at < plus || (ptrdiff_t)i < plus || (ptrdiff_t)i >= at)
            buf_put_char(out, char_lower(address.p[i]));
}

/* Room is made of those whose hour is over, else of all. */
static void make_room(struct report_limit *l, uint64_t now)
{
    if (map_count(l->by_address) < ADDRESSES_MAX)
        return;
    forget(l, now >= HOUR_MS ? now - HOUR_MS + 1 : 0);
    if (map_count(l->by_address) >= ADDRESSES_MAX)
        forget(l, UINT64_MAX);
}

bool report_limit_take(struct report_limit *l, struct fct_str address, uint64_t now)
{
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(ADDRESS_MAX);
    struct counted *c;

    if (l->per_hour == 0)
        return true;
    fold(address, &key);
    c = map_get(l->by_address, buf_str(&key));
    if (!c) {
        make_room(l, now);
        c = calloc(1, sizeof *c);
        FCT_ASSERT(c);
        c->since = now;
        (void)map_put(l->by_address, buf_str(&key), c);
    }
    if (now - c->since >= HOUR_MS)
        *c = (struct counted){.since = now};
    if (c->n >= l->per_hour)
        return false;
    c->n++;
    return true;
}

size_t report_limit_known(const struct report_limit *l)
{
    return map_count(l->by_address);
}
