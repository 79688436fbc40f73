/* forward.h - mail from elsewhere that goes on to elsewhere: reverse-paths that come back to us
 * (core/message/srs.h), and accounts that forward with the consent of who gets it (consent.c). The
 * secrets of both never leave the store. */
#ifndef STORE_FORWARD_H
#define STORE_FORWARD_H

#include "core/base/arena.h"
#include "store/forward_conf.h"
#include "store/server.h"

/* Reads the secrets, or makes one. Without it nothing is rewritten, and no account forwards. */
FCT_MUST_CHECK bool forward_open(struct server *s, const struct forward_conf *conf,
                                 struct fct_err *err);
void forward_close(struct server *s);
const struct forward_conf *forward_settings(const struct server *s); /* NULL: not open */

/* The reverse-path with which what came from `sender` goes on from `by`, one of our domains. The
 * same one: it is null, of ours, or cannot be rewritten. */
FCT_MUST_CHECK bool forward_sender(struct server *s, struct arena *arena, struct fct_str sender,
                                   struct fct_str by, struct fct_str *out, struct fct_err *err);
/* Is it an SRS address of one of our domains? `address` as it was written. */
bool forward_knows(const struct server *s, struct fct_str address, bool is_local);
/* Whom its mail is for. FCT_DENIED: not made by us, or too old. */
FCT_MUST_CHECK bool forward_back(struct server *s, struct arena *arena, struct fct_str address,
                                 struct fct_str *out, struct fct_err *err);

/* ---- consent.c ---- */

#define CONSENT_LOCAL "forward-confirm+" /* before the code: mail there is a yes */

/* A keyed hash of these two, 16 characters; `with`: which of our secrets, false: there are no more.
 */
bool forward_hash(const struct server *s, size_t with, struct fct_str a, struct fct_str b,
                  char out[17]);
/* The account whose forwarding a code is about, and whom that asks. FCT_DENIED: it is no code of
 * ours, or the account forwards elsewhere by now. */
FCT_MUST_CHECK bool consent_read(struct server *s, struct arena *arena, struct fct_str code,
                                 struct fct_str *account, struct fct_str *target,
                                 struct fct_err *err);
/* Writes it down: from now on mail is forwarded. */
FCT_MAY_WAIT FCT_MUST_CHECK bool consent_give(struct server *s, struct arena *arena,
                                              struct fct_str code, struct fct_str *account,
                                              struct fct_str *target, struct fct_err *err);
/* Asks the target of an account: a message with the code, into the queue. */
FCT_MAY_WAIT FCT_MUST_CHECK bool consent_ask(struct server *s, struct arena *arena,
                                             uint64_t account_id, struct fct_str account,
                                             struct fct_str target, struct fct_str languages,
                                             struct fct_err *err);

#endif
