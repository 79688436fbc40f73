/* subscription.c - see subscription.h. */
#include "store/subscription.h"

#include "core/base/str.h"

#include <stdlib.h>

#define SUBSCRIPTIONS_VERSION 1
#define VALUE_MAX             (16u << 20)

static size_t place_of(const struct account *a, struct fct_str path)
{
    size_t i = 0;

    while (i < a->nsubscribed && !str_equal(a->subscribed[i], path))
        i++;
    return i;
}

bool subscription_has(const struct account *a, struct fct_str path)
{
    return place_of(a, path) < a->nsubscribed;
}

static void add(struct account *a, struct fct_str path)
{
    a->subscribed = realloc(a->subscribed, (a->nsubscribed + 1) * sizeof *a->subscribed);
    FCT_ASSERT(a->subscribed);
    a->subscribed[a->nsubscribed++] = (struct fct_str){str_dup_c(path), path.n};
}

static void free_name(struct fct_str name)
{
    void *p;

    memcpy(&p, &name.p, sizeof p); /* from str_dup_c */
    free(p);
}

static void put_record(struct change *c, struct account *a)
{
    struct buf value = BUF_INIT(VALUE_MAX);

    (void)change_mod_seq(c, a);
    record_begin(&value, SUBSCRIPTIONS_VERSION);
    for (size_t i = 0; i < a->nsubscribed; i++)
        pack_str(&value, a->subscribed[i]);
    record_end(&value);
    if (a->nsubscribed > 0)
        batch_put(&c->batch, key_of('n'), buf_str(&value));
    else
        batch_del(&c->batch, key_of('n'));
    buf_free(&value);
}

void subscription_keep(struct change *c, struct account *a, struct fct_str path, size_t max)
{
    if (subscription_has(a, path) || a->nsubscribed >= max)
        return;
    add(a, path);
    put_record(c, a);
}

bool subscription_drop(struct change *c, struct account *a, struct fct_str path)
{
    size_t i = place_of(a, path);

    if (i == a->nsubscribed)
        return false;
    free_name(a->subscribed[i]);
    memmove(a->subscribed + i, a->subscribed + i + 1,
            (--a->nsubscribed - i) * sizeof *a->subscribed);
    put_record(c, a);
    return true;
}

bool subscriptions_decode(struct fct_str value, struct account *a)
{
    struct unpack u;

    if (!record_open(value, SUBSCRIPTIONS_VERSION, &u))
        return false;
    while (unpack_more(&u))
        add(a, unpack_str(&u));
    return unpack_ok(&u);
}

void subscriptions_free(struct account *a)
{
    for (size_t i = 0; i < a->nsubscribed; i++)
        free_name(a->subscribed[i]);
    free(a->subscribed);
}
