/* check.h - `facteurctl store check`: every record read, every checksum and count verified, every
 * body hashed. */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/server.h"
#include "store/store_client.h"

/* On a snapshot, in a thread, while the store serves. Damage is counted in `out` and described in
 * `report`, a line each. */
FCT_MAY_WAIT FCT_MUST_CHECK bool check_run(struct server *s, struct store_check_result *out,
                                           struct buf *report, struct fct_err *err);

#endif
