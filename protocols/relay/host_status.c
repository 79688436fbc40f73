/* host_status.c - see host_status.h. */
#include "protocols/relay/host_status.h"

#include "core/base/err.h"
#include "core/base/map.h"

#include <stdlib.h>

struct host {
    uint64_t dead_until;
    unsigned failures, trying;
};

struct host_table {
    struct map *by_name;
    uint64_t first_ms, max_ms;
};

struct host_table *host_table_new(uint64_t first_ms, uint64_t max_ms)
{
    struct host_table *t = calloc(1, sizeof *t);

    FCT_ASSERT(t);
    t->by_name = map_new();
    t->first_ms = first_ms;
    t->max_ms = max_ms;
    return t;
}

void host_table_free(struct host_table **p)
{
    struct host_table *t = *p;
    struct fct_str key;
    size_t at = 0;
    void *value;

    *p = NULL;
    if (!t)
        return;
    while (map_next(t->by_name, &at, &key, &value))
        free(value);
    map_free(&t->by_name);
    free(t);
}

static struct host *host_of(struct host_table *t, struct fct_str name)
{
    struct host *h = map_get(t->by_name, name);

    if (h)
        return h;
    h = calloc(1, sizeof *h);
    FCT_ASSERT(h);
    (void)map_put(t->by_name, name, h);
    return h;
}

bool host_is_dead(const struct host_table *t, struct fct_str name, uint64_t now)
{
    const struct host *h = map_get(t->by_name, name);

    return h && now < h->dead_until;
}

void host_failed(struct host_table *t, struct fct_str name, uint64_t now)
{
    struct host *h = host_of(t, name);
    uint64_t wait = t->first_ms;

    for (unsigned i = 0; i < h->failures && wait < t->max_ms; i++)
        wait *= 2;
    h->failures++;
    h->dead_until = now + (wait < t->max_ms ? wait : t->max_ms);
}

void host_answered(struct host_table *t, struct fct_str name)
{
    struct host *h = map_get(t->by_name, name);

    if (h) {
        h->failures = 0;
        h->dead_until = 0;
    }
}

void host_trying(struct host_table *t, struct fct_str name, int by)
{
    struct host *h = host_of(t, name);

    h->trying = (unsigned)((int)h->trying + by);
}

unsigned host_tried(const struct host_table *t, struct fct_str name)
{
    const struct host *h = map_get(t->by_name, name);

    return h ? h->trying : 0;
}

/* Failures are remembered for as long again, so that a host that is dead for days is asked at long
 * intervals. */
void host_table_sweep(struct host_table *t, uint64_t now)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(t->by_name, &at, &key, &value)) {
        struct host *h = value;

        if (h->trying == 0 && now >= h->dead_until + (h->failures ? t->max_ms : 0)) {
            (void)map_remove(t->by_name, key);
            free(h);
        }
    }
}

size_t host_table_dead(const struct host_table *t, uint64_t now)
{
    struct fct_str key;
    size_t at = 0, n = 0;
    void *value;

    while (map_next(t->by_name, &at, &key, &value))
        n += now < ((const struct host *)value)->dead_until;
    return n;
}
