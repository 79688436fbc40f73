/* change.h - one change being made: a batch, and the accounts and mailboxes in memory that it
 * touches.
 *
 * Make the change in memory, note what is touched, hand it over: counters are written once each,
 * and nobody forgets them. Nothing may wait between the first change in memory and change_commit.
 */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include "store/account.h"

struct change {
    struct server *s;
    struct batch batch;
    struct account **account; /* touched */
    size_t naccounts, account_room;
    struct {
        struct account *account;
        struct mailbox *mailbox; /* NULL: the list of mailboxes */
    } * mailbox;
    size_t nmailboxes, mailbox_room;
    struct touch *gone; /* told, but no longer in memory */
    size_t ngone;
};

void change_begin(struct change *c, struct server *s);
void change_drop(struct change *c); /* nothing was changed */
bool change_is_empty(const struct change *c);

/* The batch's partition is this account's; its counters will be written. */
void change_account(struct change *c, struct account *a);
/* Its counters will be written and its watchers told. */
void change_mailbox(struct change *c, struct account *a, struct mailbox *m);
/* The list of mailboxes changed: watchers of the list are told. */
void change_list(struct change *c, struct account *a);
/* A mailbox that is about to be freed: its watchers are told, it is no longer touched. */
void change_gone(struct change *c, struct account *a, struct mailbox *m);
/* Told to the store itself when the change is durable (queue.h). */
void change_touch(struct change *c, struct touch touch);
/* The next change id of the account. */
uint64_t change_mod_seq(struct change *c, struct account *a);

/* The keyword table grew. */
void change_keywords(struct change *c, struct account *a);

/* Hand over; returns the sequence number to wait for. The change is empty afterwards. */
uint64_t change_commit(struct change *c);

#endif
