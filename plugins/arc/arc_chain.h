/* arc_chain.h - the Authenticated Received Chain of one message, judged (RFC 8617 5.2).
 *
 *     arc_chain_begin      sorts the sets and takes them apart; many chains are judged after that
 *     … ask the DNS for arc_chain_question() of every arc_chain_check() not judged …
 *     dkim_verify_key      says what the DNS answered for that check
 *     arc_chain_body       hashes the body in the forms that are wanted; may run in another thread
 *     arc_chain_end        the result
 *
 * Verified are all seals, the newest message signature, and older ones from the newest on as far as
 * they fit: that tells who was the first to change the message (RFC 8617 5.2 step 5). */
#ifndef ARC_CHAIN_H
#define ARC_CHAIN_H

#include "plugins/arc/arc_set.h"
#include "plugins/dkim/dkim_verify.h"

enum arc_result {
    ARC_NONE,      /* there is no set */
    ARC_FAIL,      /* for good: no later hop can mend it */
    ARC_TEMPERROR, /* the DNS did not answer; for those who look at the words of RFC 8617 a fail */
    ARC_PASS,
};
const char *arc_result_word(enum arc_result result);

/* What the plugin's settings say when nobody sets them. */
#define ARC_SETS_DEFAULT          ARC_INSTANCES
#define ARC_VERIFICATIONS_DEFAULT 60
#define ARC_SKEW_DEFAULT          3600

struct arc_limits {
    uint32_t sets;          /* at most ARC_INSTANCES; more have failed */
    uint32_t verifications; /* of signatures: older message signatures go without */
    uint64_t now;           /* seconds since 1970 */
    uint64_t skew;          /* seconds that a signer's clock may be ahead */
};

struct arc_link {
    const struct arc_set *set;
    struct dkim_check message, seal;
    uint8_t seal_hash[DKIM_HASH_BYTES];
};

/* The body in one form. */
struct arc_body {
    bool wanted, length_wanted; /* somebody says l= */
    bool done;
    uint64_t length; /* canonical */
    uint8_t hash[DKIM_HASH_BYTES];
};

struct arc_chain {
    struct arc_limits limits;
    struct dkim_memory memory;
    struct dkim_message message;
    struct dkim_fields fields;
    struct arc_sets sets;
    struct arc_link *link;   /* the first is instance 1 */
    size_t links;            /* 0: the sets have no form */
    size_t oldest;           /* link whose message signature is the last to be looked at */
    struct arc_body body[2]; /* simple, relaxed */
    bool judged;
    bool ended; /* a seal says cv=fail: the chain was broken before it came here */
    enum arc_result result;
    struct fct_err why;   /* of fail and temperror, one sentence */
    uint32_t oldest_pass; /* of a pass; 0: no message signature failed (RFC 8617 5.2 step 5) */
};

/* False: no memory. Nothing else fails. arc_chain_close in any case. */
FCT_MUST_CHECK bool arc_chain_begin(struct arc_chain *chain, const struct dkim_memory *memory,
                                    const struct arc_limits *limits,
                                    const struct dkim_message *message);
/* The nth signature to be verified, from the newest seal on; NULL: no more. */
struct dkim_check *arc_chain_check(struct arc_chain *chain, size_t nth);
/* "selector._domainkey.domain", in memory of the message. */
struct fct_str arc_chain_question(const struct arc_chain *chain, const struct dkim_check *check);
/* Somebody hashed the whole body in its relaxed form already. */
void arc_chain_know_body(struct arc_chain *chain, const uint8_t hash[DKIM_HASH_BYTES]);
bool arc_chain_wants_body(const struct arc_chain *chain);
/* Touches the body and `chain` only. */
void arc_chain_body(struct arc_chain *chain);
void arc_chain_end(struct arc_chain *chain);
void arc_chain_close(struct arc_chain *chain);

#endif
