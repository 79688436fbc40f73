/* dkim_verify.h - the signatures of one message, judged (RFC 6376 6, RFC 8301, RFC 8463).
 *
 *     dkim_verify_begin     takes the signatures apart; those that are already lost have a result
 *     … ask the DNS for dkim_verify_question() of every one without a result …
 *     dkim_verify_key       says what the DNS answered
 *     dkim_verify_body      hashes the body, once for all of them; may run in another thread, and
 *                           while the DNS is asked
 *     dkim_verify_end       every signature has a result; temperror where a step was left out
 *
 * The words of results are those of RFC 8601 2.7.1. */
#ifndef DKIM_VERIFY_H
#define DKIM_VERIFY_H

#include "plugins/dkim/dkim_digest.h"
#include "plugins/dkim/dkim_key.h"
#include "plugins/dkim/dkim_message.h"

/* Rising: the best signature of a message is its result. */
enum dkim_result {
    DKIM_NONE,      /* there is no signature */
    DKIM_NEUTRAL,   /* cannot be made out: malformed */
    DKIM_PERMERROR, /* refused algorithm, no key, revoked or unfit key */
    DKIM_FAIL,      /* was tried and does not fit, or is out of date */
    DKIM_TEMPERROR, /* the DNS did not answer */
    DKIM_POLICY,    /* fits, but leaves something of the message uncovered */
    DKIM_PASS,
};
const char *dkim_result_word(enum dkim_result result);

/* What the plugin's settings say when nobody sets them. */
#define DKIM_SIGNATURES_DEFAULT 10
#define DKIM_SKEW_DEFAULT       300

struct dkim_limits {
    uint32_t signatures; /* so many are judged, from the top */
    uint64_t now;        /* seconds since 1970 */
    uint64_t skew;       /* seconds that a signer's clock may be ahead */
};

/* One signature. */
struct dkim_check {
    const struct fct_header *field;
    bool parsed; /* `signature` is filled in */
    struct dkim_signature signature;
    bool judged;
    enum dkim_result result;
    struct fct_err why; /* of every result but PASS, one sentence */
    struct dkim_key key;
    bool testing;       /* t=y: the signer tries things out, mail counts as unsigned */
    unsigned bits;      /* of the key */
    uint64_t uncovered; /* bytes of the canonical body behind l= */
    size_t hash;        /* which of dkim_verify.hash */
};

/* One way to hash the body. */
struct dkim_hash {
    bool relaxed;
    uint64_t limit; /* l= */
    uint64_t taken;
    EVP_MD_CTX *context;
    uint8_t value[DKIM_HASH_BYTES];
    bool done;
};

struct dkim_verify {
    struct dkim_limits limits;
    struct dkim_memory memory;
    struct dkim_message message;
    struct dkim_fields fields;
    struct dkim_check *check;
    size_t checks;
    size_t ignored; /* signatures over the limit */
    struct dkim_hash *hash;
    size_t hashes;
    uint64_t body_length[2]; /* canonical: simple, relaxed */
};

/* False: no memory. Nothing else fails. dkim_verify_close in any case. */
FCT_MUST_CHECK bool dkim_verify_begin(struct dkim_verify *v, const struct dkim_memory *memory,
                                      const struct dkim_limits *limits,
                                      const struct dkim_message *message);
/* "selector._domainkey.domain", in memory of the message. */
struct fct_str dkim_verify_question(const struct dkim_verify *v, const struct dkim_check *check);
void dkim_verify_key(struct dkim_check *check, const struct fct_dns_answer *answer,
                     struct dkim_key_cache *cache);
/* Touches the body and `v` only. */
void dkim_verify_body(struct dkim_verify *v);
/* Of the whole body, when a signature asked for it; else NULL. */
const uint8_t *dkim_verify_body_hash(const struct dkim_verify *v, bool relaxed);
void dkim_verify_end(struct dkim_verify *v);
void dkim_verify_close(struct dkim_verify *v);

/* The message's: that of its best signature. */
enum dkim_result dkim_verify_result(const struct dkim_verify *v);

#endif
