/* hot_body.c - see hot_body.h. */
#include "store/hot_body.h"

#include "core/base/err.h"
#include "core/base/map.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define KEPT_MS 60000u

struct hot_body {
    struct hot_body *older, *newer;
    uint64_t entry, size, kept_ms;
    int fd;
};

struct hot_bodies {
    struct map *by_entry;
    struct hot_body *oldest, *newest;
    uint64_t bytes, bytes_max;
};

struct hot_bodies *hot_bodies_new(uint64_t bytes_max)
{
    struct hot_bodies *h = calloc(1, sizeof *h);

    FCT_ASSERT(h);
    h->by_entry = map_new();
    h->bytes_max = bytes_max;
    return h;
}

/* Returns its descriptor. */
static int forget(struct hot_bodies *h, struct hot_body *b)
{
    int fd = b->fd;

    *(b->older ? &b->older->newer : &h->oldest) = b->newer;
    *(b->newer ? &b->newer->older : &h->newest) = b->older;
    (void)map_remove(h->by_entry, map_u64(&b->entry));
    h->bytes -= b->size;
    free(b);
    return fd;
}

void hot_bodies_free(struct hot_bodies **p)
{
    struct hot_bodies *h = *p;

    *p = NULL;
    if (!h)
        return;
    while (h->oldest)
        close(forget(h, h->oldest));
    map_free(&h->by_entry);
    free(h);
}

void hot_body_keep(struct hot_bodies *h, uint64_t entry, int fd, uint64_t size, uint64_t now_ms)
{
    struct hot_body *b;
    int own = size <= h->bytes_max ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (own < 0)
        return;
    while (h->oldest && h->bytes + size > h->bytes_max)
        close(forget(h, h->oldest));
    b = calloc(1, sizeof *b);
    FCT_ASSERT(b);
    *b = (struct hot_body){
        .older = h->newest, .entry = entry, .size = size, .kept_ms = now_ms, .fd = own};
    *(h->newest ? &h->newest->newer : &h->oldest) = b;
    h->newest = b;
    h->bytes += size;
    (void)map_put(h->by_entry, map_u64(&b->entry), b);
}

int hot_body_take(struct hot_bodies *h, uint64_t entry)
{
    struct hot_body *b = map_get(h->by_entry, map_u64(&entry));

    return b ? forget(h, b) : -1;
}

void hot_bodies_age(struct hot_bodies *h, uint64_t now_ms)
{
    while (h->oldest && now_ms - h->oldest->kept_ms >= KEPT_MS)
        close(forget(h, h->oldest));
}
