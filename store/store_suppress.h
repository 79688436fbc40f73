/* store_suppress.h - addresses elsewhere that do not exist: whoever submits mail to one of them is
 * told at once, instead of a bounce later and one more mark against us there. For the whole site:
 * that an address does not exist is true for all senders. */
#ifndef STORE_STORE_SUPPRESS_H
#define STORE_STORE_SUPPRESS_H

#include "store/store_client.h"

struct suppressed {
    struct fct_str address;
    int64_t since, until;  /* seconds since 1970; until 0: for ever */
    struct fct_str reason; /* the remote's words, or an administrator's */
};
#define SUPPRESS_REASON_MAX 500u
#define SUPPRESS_MANY       1000u /* of one call */

/* Added, or replaced; `since` is now. For the relay and facteurctl. One that is no address is left
 * out. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_suppress(struct store *st, const struct suppressed *one,
                                                size_t n, struct fct_err *err);
/* DENIED: it is not on the list. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_unsuppress(struct store *st, struct fct_str address,
                                                  struct fct_err *err);
/* One page of those in force, in the order of addresses, behind *after (at first empty); *n 0: that
 * was all. Moves *after. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_suppressions(struct store *st, struct fct_str *after,
                                                    struct arena *arena,
                                                    const struct suppressed **out, size_t *n,
                                                    struct fct_err *err);

#endif
