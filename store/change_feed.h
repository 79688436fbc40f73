/* change_feed.h - who watches which mailbox, and telling them once a change is durable. */
#ifndef STORE_CHANGE_FEED_H
#define STORE_CHANGE_FEED_H

#include "store/commit.h"

struct client;
struct feed;

struct feed *feed_new(void);
void feed_free(struct feed **f);
/* mailbox 0: the list of mailboxes. Watching twice counts. */
void feed_watch(struct feed *f, struct client *client, uint32_t principal, uint64_t account,
                uint32_t mailbox);
void feed_unwatch(struct feed *f, struct client *client, uint32_t principal, uint64_t account,
                  uint32_t mailbox);
void feed_forget_principal(struct feed *f, struct client *client, uint32_t principal,
                           uint64_t account);
/* The watcher has looked: tell it again at the next change. */
void feed_seen(struct feed *f, struct client *client, uint32_t principal, uint64_t account,
               uint32_t mailbox);
/* Durable now. A watcher that was told and has not looked since is not told again. */
void feed_publish(struct feed *f, const struct touch *touch, size_t n,
                  bool (*tell)(struct client *client, uint32_t principal, uint32_t mailbox,
                               uint64_t mod_seq));

#endif
