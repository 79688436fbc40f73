/* fake_store.h - the store's client interface over a few mailboxes in memory, for tests of sessions
 * without a store process.
 *
 * One account, alice@example.org with the password "secret". All sessions share it, and every call
 * lets the other fibers run first, so that sessions interleave as they do in reality. */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include "store/store_client.h"

void fake_store_reset(void);
/* A message into a mailbox (made when missing), as a delivery would. Returns its UID. */
uint32_t fake_store_add(const char *mailbox, struct fct_str message, uint16_t flags);
/* As another client would: change flags, expunge. */
void fake_store_flag(const char *mailbox, uint32_t uid, uint16_t flags);
void fake_store_expunge(const char *mailbox, uint32_t uid);
void fake_store_forget(const char *mailbox); /* the log of changes: the next sync is too_old */
void fake_store_fail(enum fct_class class);  /* every call fails so until FCT_OK */
/* What learners shall hear of, one line each: "move INBOX Junk m2", "keyword spam m1 m2", "append
 * Junk 3", a role for the mailbox it came from. Forgotten by the reset. */
const char *fake_store_learns(void);
void fake_store_restart(void); /* every login is gone, until the reset */

#endif
