/* privacy_days.h - what was taken out of an account's mail, day by day (key w): counted at
 * delivery, summed up for `facteurctl privacy report` and for the weekly digest. */
#ifndef STORE_PRIVACY_DAYS_H
#define STORE_PRIVACY_DAYS_H

#include "store/change.h"
#include "store/message.h"
#include "store/privacy_tally.h"

#define PRIVACY_DAY_KEY 'w'

/* A message that was delivered, in the same change: counts what the plugin trackers says it did.
 * The account's first such message gives it the mailbox for originals (store.show_original). */
void privacy_count(struct change *c, struct account *a, const struct new_mail *mail);

/* Days since 1970, both included. */
FCT_MUST_CHECK bool privacy_sum(struct server *s, uint64_t account, uint32_t first, uint32_t last,
                                struct privacy_tally *out, struct fct_err *err);

/* The driver's fold, see driver.h. */
FCT_MUST_CHECK bool privacy_day_fold(struct fct_str old, const struct fct_str *piece, size_t n,
                                     struct buf *out);
bool privacy_day_is_good(struct fct_str value);

#endif
