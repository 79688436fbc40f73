/* change_feed.c - watchers by account. */
#include "store/change_feed.h"

#include "core/base/map.h"

#include <stdlib.h>

struct watch {
    struct watch *next;
    struct client *client;
    uint32_t principal, mailbox;
    unsigned count;
    bool told;
};

struct watchers {
    struct watch *first;
};

struct feed {
    struct map *accounts; /* number → struct watchers */
};

struct feed *feed_new(void)
{
    struct feed *f = calloc(1, sizeof *f);

    FCT_ASSERT(f);
    f->accounts = map_new();
    return f;
}

void feed_free(struct feed **p)
{
    struct feed *f = *p;
    struct fct_str key;
    size_t at = 0;
    void *value;

    *p = NULL;
    if (!f)
        return;
    while (map_next(f->accounts, &at, &key, &value)) {
        struct watchers *w = value;

        while (w->first) {
            struct watch *next = w->first->next;

            free(w->first);
            w->first = next;
        }
        free(w);
    }
    map_free(&f->accounts);
    free(f);
}

static struct watch *find(struct feed *f, struct client *client, uint32_t principal,
                          uint64_t account, uint32_t mailbox)
{
    const struct watchers *ws = map_get(f->accounts, map_u64(&account));

    for (struct watch *w = ws ? ws->first : NULL; w; w = w->next)
        if (w->client == client && w->principal == principal && w->mailbox == mailbox)
            return w;
    return NULL;
}

void feed_watch(struct feed *f, struct client *client, uint32_t principal, uint64_t account,
                uint32_t mailbox)
{
    struct watch *w = find(f, client, principal, account, mailbox);
    struct watchers *ws = map_get(f->accounts, map_u64(&account));

    if (w) {
        w->count++;
        return;
    }
    if (!ws) {
        ws = calloc(1, sizeof *ws);
        FCT_ASSERT(ws);
        map_put(f->accounts, map_u64(&account), ws);
    }
    w = calloc(1, sizeof *w);
    FCT_ASSERT(w);
    *w = (struct watch){ws->first, client, principal, mailbox, 1, false};
    ws->first = w;
}

/* Remove what matches; mailbox NULL: all of this principal. */
static void remove_watches(struct feed *f, struct client *client, uint32_t principal,
                           uint64_t account, const uint32_t *mailbox)
{
    struct watchers *ws = map_get(f->accounts, map_u64(&account));

    for (struct watch **at = ws ? &ws->first : NULL; at && *at;) {
        struct watch *w = *at;

        if (w->client != client || w->principal != principal ||
            (mailbox && (w->mailbox != *mailbox || --w->count > 0))) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        free(w);
    }
    if (ws && !ws->first)
        free(map_remove(f->accounts, map_u64(&account)));
}

void feed_unwatch(struct feed *f, struct client *client, uint32_t principal, uint64_t account,
                  uint32_t mailbox)
{
    remove_watches(f, client, principal, account, &mailbox);
}

void feed_forget_principal(struct feed *f, struct client *client, uint32_t principal,
                           uint64_t account)
{
    remove_watches(f, client, principal, account, NULL);
}

void feed_seen(struct feed *f, struct client *client, uint32_t principal, uint64_t account,
               uint32_t mailbox)
{
    struct watch *w = find(f, client, principal, account, mailbox);

    if (w)
        w->told = false;
}

void feed_publish(struct feed *f, const struct touch *touch, size_t n,
                  bool (*tell)(struct client *client, uint32_t principal, uint32_t mailbox,
                               uint64_t mod_seq))
{
    for (size_t i = 0; i < n; i++) {
        const struct watchers *ws = map_get(f->accounts, map_u64(&touch[i].account));

        for (struct watch *w = ws ? ws->first : NULL; w; w = w->next)
            if (w->mailbox == touch[i].mailbox && !w->told)
                w->told = tell(w->client, w->principal, w->mailbox, touch[i].mod_seq);
    }
}
