/* store_state.h - what a process without files wants to find again after a restart: bytes under a
 * name, kept durable by the store. For small things that are written seldom. */
#ifndef STORE_STORE_STATE_H
#define STORE_STORE_STATE_H

#include "store/store_client.h"

#define STATE_NAME_MAX  64u
#define STATE_BYTES_MAX (64u << 20)

/* Takes the place of what was there; no bytes: nothing is. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_state_save(struct store *st, struct fct_str name,
                                                  struct fct_str bytes, struct fct_err *err);
/* Nothing was saved: *out is empty. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_state_load(struct store *st, struct fct_str name,
                                                  struct buf *out, struct fct_err *err);

#endif
