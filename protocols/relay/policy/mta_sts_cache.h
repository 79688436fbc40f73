/* mta_sts_cache.h - the policies that are known, for as long as they hold (RFC 8461 3.2, 5.1).
 *
 * A policy once seen protects until its max_age is over, whatever an attacker who owns the DNS or
 * the way to the web server does meanwhile: only a newer policy replaces it. Times are seconds of
 * the wall clock, given. Bounded: the policy that was used longest ago makes room. */
#ifndef PROTOCOLS_RELAY_POLICY_MTA_STS_CACHE_H
#define PROTOCOLS_RELAY_POLICY_MTA_STS_CACHE_H

#include "protocols/relay/policy/mta_sts.h"

struct mta_sts_cache;

struct mta_sts_cache *mta_sts_cache_new(size_t max_domains);
void mta_sts_cache_free(struct mta_sts_cache **cache);
size_t mta_sts_cache_count(const struct mta_sts_cache *cache);

/* The policy that holds now, or NULL. Good until the next call that changes the cache. */
const struct mta_sts_policy *mta_sts_cache_find(struct mta_sts_cache *cache, struct fct_str domain,
                                                int64_t now);

/* With the record's id just looked up (empty: there is no record, or the DNS did not answer): must
 * the policy be fetched? Not when the id is known and the policy fresh, not soon after a fetch
 * failed, and never without a record. */
bool mta_sts_cache_wants_fetch(struct mta_sts_cache *cache, struct fct_str domain,
                               struct fct_str id, int64_t now);
/* Fetched: copied. A policy "none" takes the place of an older one (RFC 8461 2.5). */
void mta_sts_cache_put(struct mta_sts_cache *cache, struct fct_str domain, struct fct_str id,
                       const struct mta_sts_policy *policy, int64_t now);
/* Could not be fetched or read: what is known still holds; wait before the next try. */
void mta_sts_cache_put_failed(struct mta_sts_cache *cache, struct fct_str domain, struct fct_str id,
                              int64_t now);

/* All of it as text, to be kept over a restart, and back. What cannot be read is passed over. */
FCT_MUST_CHECK bool mta_sts_cache_save(const struct mta_sts_cache *cache, struct buf *out);
void mta_sts_cache_load(struct mta_sts_cache *cache, struct fct_str text, int64_t now);

#endif
