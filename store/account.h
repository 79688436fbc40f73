/* account.h - an account in memory: its counters, keywords and mailboxes. Loaded when first needed.
 *
 * Pointers are good until the next wait; afterwards look the account up again by its number. */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include "store/mailbox.h"
#include "store/server.h"

struct account {
    uint64_t id;
    char *name; /* its address */
    int64_t created;
    uint64_t quota;      /* bytes, 0: none */
    uint64_t mod_seq;    /* highest, of the whole account: the change id */
    uint64_t last_email; /* highest e-mail id given */
    uint32_t last_mailbox;
    uint32_t last_uid_validity;
    uint32_t trimmed; /* the day old days of the privacy report were last deleted; 0: not yet */
    uint64_t messages, bytes;
    uint64_t keyword_mod_seq;                   /* when the table grew last */
    struct fct_str keyword[STORE_MAX_KEYWORDS]; /* malloc'd */
    size_t nkeywords;
    struct fct_str *subscribed; /* names without a mailbox (subscription.h); malloc'd */
    size_t nsubscribed;
    struct mailbox **mailbox; /* in order of creation */
    size_t nmailboxes, mailbox_room;
    uint64_t seq; /* of its last change handed to the committer */
    uint64_t used;
};

/* FCT_DENIED: no such account. */
FCT_MUST_CHECK bool account_find(struct server *s, uint64_t id, struct account **out,
                                 struct fct_err *err);
/* Read from the index into a new struct, without the cache: for `store check`, from any thread. */
FCT_MUST_CHECK bool account_load(struct driver *d, struct driver_snap *snap, uint64_t id,
                                 struct account **out, struct fct_err *err);
void account_free(struct account *a);
void account_forget(struct server *s, uint64_t id);
/* After a failed commit: what is in memory never became durable. */
void account_forget_failed(struct server *s, uint64_t first, uint64_t last);
void account_forget_unused(struct server *s);
void accounts_free(struct server *s);
bool account_is_busy(const struct server *s, uint64_t id); /* a change of it is on its way */

struct mailbox *account_mailbox(const struct account *a, uint32_t id); /* NULL: none */

struct mailbox *account_new_mailbox(struct account *a); /* an empty one at the end of the list */

/* Bits of the keywords, adding those not known yet (RFC 9051 2.3.2: case-insensitive). FCT_LIMIT
 * when the table is full, FCT_SYNTAX for one that is no atom. *grew: write the table. */
FCT_MUST_CHECK bool account_keywords(struct account *a, const struct fct_str *keyword, size_t n,
                                     bool add, uint64_t *bits, bool *grew, struct fct_err *err);
FCT_MUST_CHECK bool account_has_room(const struct account *a, uint64_t bytes, struct fct_err *err);

/* Stored forms. */
void account_encode(const struct account *a, struct buf *out);          /* key A */
void account_encode_counters(const struct account *a, struct buf *out); /* key c */
void account_encode_keywords(const struct account *a, struct buf *out); /* key k */

#endif
