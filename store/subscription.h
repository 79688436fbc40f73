/* subscription.h - names that are subscribed while no mailbox has them: a deleted mailbox stays on
 * the list until the user takes it off, and a name may be put there before it exists (RFC
 * 9051 6.3.7). Kept with the account (key n). */
#ifndef STORE_SUBSCRIPTION_H
#define STORE_SUBSCRIPTION_H

#include "store/change.h"

bool subscription_has(const struct account *a, struct fct_str path);
/* Nothing happens when it is there, or `max` others are. */
void subscription_keep(struct change *c, struct account *a, struct fct_str path, size_t max);
/* False: it was not there. */
bool subscription_drop(struct change *c, struct account *a, struct fct_str path);

/* Stored form, and what account_free gives back. */
FCT_MUST_CHECK bool subscriptions_decode(struct fct_str value, struct account *a);
void subscriptions_free(struct account *a);

#endif
