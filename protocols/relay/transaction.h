/* transaction.h - one message to one host: MAIL, RCPT for some of the job's recipients, DATA or
 * BDAT, with as few round trips as the server allows (RFC 2920, RFC 3030).
 *
 * The commands of the next message travel right behind the end of this one, so that a steady stream
 * of mail costs one round trip each. */
#ifndef PROTOCOLS_RELAY_TRANSACTION_H
#define PROTOCOLS_RELAY_TRANSACTION_H

#include "protocols/relay/job.h"
#include "protocols/relay/relay_conf.h"
#include "protocols/relay/remote.h"

struct transaction {
    struct job *job; /* NULL: none */
    uint32_t *pick;  /* recipients of the job that are in it */
    bool *taken;     /* of each: the server accepted it */
    size_t n;
    bool said;          /* its commands are on their way */
    bool data_said;     /* DATA among them */
    bool after_failure; /* the one before ended badly: the server may want RSET */
    unsigned accepted;
    uint64_t began_ms;
};

/* What the message needs and this server does not have: then every recipient has got its result.
 * True: it can go, perhaps by job->conversion. */
FCT_MAY_WAIT bool transaction_fits(struct remote *r, struct store *store, struct job *job,
                                   const struct relay_conf *conf, bool tls_verified);
/* Picks recipients without a result, as many as one transaction may have. */
void transaction_begin(struct transaction *t, struct job *job, const struct remote *r,
                       const struct relay_conf *conf);
void transaction_end(struct transaction *t); /* forgets the job, which is the caller's */

/* Its commands up to DATA, when the server takes them in one go; nothing otherwise. */
FCT_MAY_WAIT FCT_MUST_CHECK bool transaction_say_ahead(struct transaction *t, struct remote *r);

/* The whole of it. `next` fills in the message that goes behind this one, or leaves it without a
 * job; it is asked once the end of this one is on its way. False: the connection is lost or in
 * doubt; recipients of t without a result are then as r->trouble says. */
struct transaction_next {
    bool (*next)(void *arg, struct transaction *t);
    void *arg;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool transaction_run(struct transaction *t, struct remote *r,
                                                 struct store *store, const struct relay_conf *conf,
                                                 const struct transaction_next *next,
                                                 struct transaction *following, bool *pushed_back);

#endif
