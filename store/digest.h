/* digest.h - the weekly message about what was taken out of somebody's mail, for accounts with the
 * setting privacy_digest = weekly: the store puts it into INBOX itself, in the same change as the
 * note that it did, so that nobody gets it twice. */
#ifndef STORE_DIGEST_H
#define STORE_DIGEST_H

#include "store/server.h"

#define DIGEST_KEY 'W' /* of an account: record: when the last one was sent, uint */

/* Of all accounts that are due; from a fiber. */
FCT_MAY_WAIT void digest_round(struct server *s);
/* One account's, of the seven days up to now, whatever it has set and whenever the last one was.
 * *sent false: nothing was taken out. */
FCT_MAY_WAIT FCT_MUST_CHECK bool digest_send_now(struct server *s, struct fct_str address,
                                                 bool *sent, struct fct_err *err);

#endif
