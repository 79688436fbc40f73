/* dev_accounts.c - a process that does one request: store_account_load. */
#include "core/main/dev_accounts.h"

#include "core/fiber/fiber.h"
#include "store/store_client.h"

#include <event2/event.h>
#include <stdio.h>

#define STACK_BYTES (256u << 10)

struct loading {
    struct fct_str lines;
    struct store *store;
    struct event_base *base;
    bool ok;
};

static void load(void *arg)
{
    struct loading *l = arg;
    struct fct_err err = {0};
    uint32_t loaded = 0;

    l->ok = store_account_load(l->store, l->lines, &loaded, &err);
    if (!l->ok)
        (void)fprintf(stderr, "facteur dev: load accounts: %s\n", err.text);
    (void)event_base_loopbreak(l->base);
}

bool dev_accounts_load(struct fct_str lines, int store_fd)
{
    struct loading l = {.lines = lines, .base = event_base_new()};
    struct fct_err err = {0};

    if (!l.base || !fiber_setup(l.base, STACK_BYTES, 1, &err))
        return false;
    l.store = store_client_new(l.base);
    store_client_peer(l.store, store_fd);
    (void)fiber_start(load, &l);
    (void)event_base_dispatch(l.base);
    store_client_free(&l.store);
    return l.ok;
}
