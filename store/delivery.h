/* delivery.h - a message on its way into mailboxes and into the queue: one original, copies, an
 * entry, results, all of it one batch. What comes in (serve_delivery.c) and what waited in the
 * queue until its time had come (serve_queue_home.c) goes the same way. */
#ifndef STORE_DELIVERY_H
#define STORE_DELIVERY_H

#include "store/blob.h"
#include "store/client.h"
#include "store/message.h"
#include "store/queue.h"

struct delivery_copy {
    uint64_t account;
    struct fct_str mailbox;
    const struct fct_str *keyword;
    size_t nkeywords;
    struct new_mail mail;
    struct mail_facts facts;
    struct fct_err err; /* FCT_OK: can be delivered */
    uint32_t uid;
    struct fct_str where;
    uint8_t notify;
    struct fct_str orcpt;
    uint32_t waits;   /* for send.recipient[waits - 1]: kept in the entry, not delivered; 0: now */
    uint32_t settles; /* result[settles - 1] counts when this copy is kept, too; 0: none */
};

struct delivery {
    struct fct_str id, reverse_path;
    struct mail_origin origin; /* but the recipient */
    uint64_t size;
    uint32_t date;
    struct delivery_copy *copy;
    size_t n;
    struct body body; /* without its bytes when a queue entry uses it */
    bool sends;
    struct queue_send send;
    struct fct_str sender; /* with which it leaves */
    const struct queue_result *result;
    size_t nresults;
    uint64_t queue_id;
};

/* What every copy has of the message. */
void delivery_start_copy(const struct delivery *d, struct delivery_copy *c);
/* Are the copies consistent in themselves? */
FCT_MUST_CHECK bool delivery_check(struct delivery *d, struct fct_err *err);
/* Does it; copy[].err says what became of each. Does not wait: rq->seq is when it is durable. */
FCT_MUST_CHECK bool delivery_run(struct request *rq, struct delivery *d);

#endif
