/* directory.h - addresses: which account or alias they lead to, which domains are ours. Partition 1
 * of the driver.
 *
 * Only what is durable is read here: admin changes take turns and wait for the committer, so no
 * overlay is needed. */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include "core/base/arena.h"
#include "store/server.h"
#include "store/settings.h"
#include "store/store_client.h"

/* The form in which addresses are compared and stored: case folded, NFC. FCT_SYNTAX for what is no
 * local-part@domain; catch_all allows an empty local part. */
FCT_MUST_CHECK bool directory_fold(struct fct_str address, bool catch_all, struct arena *arena,
                                   struct fct_str *out, struct fct_err *err);

/* By exact address; *account 0: none. */
FCT_MUST_CHECK bool directory_account(struct server *s, struct fct_str folded, uint64_t *account,
                                      struct fct_err *err);
/* The same with its settings, in the arena. */
FCT_MUST_CHECK bool directory_account_settings(struct server *s, struct fct_str folded,
                                               struct arena *arena, uint64_t *account,
                                               struct settings *settings, struct fct_err *err);
FCT_MUST_CHECK bool directory_resolve(struct server *s, struct fct_str address, struct arena *arena,
                                      struct store_resolution *out, struct fct_err *err);

/* What follows the last '@', or empty. */
struct fct_str directory_domain(struct fct_str address);
/* Does any account or alias live there? */
FCT_MUST_CHECK bool directory_is_local(struct server *s, struct fct_str domain, bool *local,
                                       struct fct_err *err);
/* After every durable change of accounts and aliases. */
void directory_changed(struct server *s);
void directory_close(struct server *s); /* what was kept in memory */

void directory_put_account(struct batch *b, struct fct_str folded, uint64_t account);
/* Of an account that is there: its record with these settings. */
void directory_put_settings(struct batch *b, struct fct_str folded, uint64_t account,
                            struct settings settings);
void directory_del_account(struct batch *b, struct fct_str folded);
/* n 0 removes it. `existed`: it is there already. */
void directory_put_alias(struct batch *b, struct fct_str folded, const struct fct_str *target,
                         size_t n, bool existed);
FCT_MUST_CHECK bool directory_alias(struct server *s, struct fct_str folded, struct arena *arena,
                                    const struct fct_str **target, size_t *n, struct fct_err *err);
FCT_MUST_CHECK bool directory_last_account(struct server *s, uint64_t *last, struct fct_err *err);
void directory_put_last_account(struct batch *b, uint64_t last);

FCT_MUST_CHECK bool directory_accounts(struct driver *d, struct driver_snap *snap,
                                       bool (*fn)(void *arg, struct fct_str address,
                                                  uint64_t account),
                                       void *arg, struct fct_err *err);
FCT_MUST_CHECK bool directory_aliases(struct server *s, struct arena *arena,
                                      const struct store_alias **out, size_t *n,
                                      struct fct_err *err);
FCT_MUST_CHECK bool directory_decode_account(struct fct_str value, struct arena *arena,
                                             uint64_t *account, struct settings *out);

#endif
