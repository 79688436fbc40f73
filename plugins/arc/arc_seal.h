/* arc_seal.h - one more ARC set for a message (RFC 8617 5.1). */
#ifndef ARC_SEAL_H
#define ARC_SEAL_H

#include "plugins/arc/arc_set.h"
#include "plugins/dkim/dkim_digest.h"
#include "plugins/dkim/dkim_message.h"

struct arc_sealing {
    uint32_t instance;
    /* What was found of the chain so far: "none", "pass", "fail". Over a chain that has failed only
     * the new set is sealed (RFC 8617 5.1.2). */
    const char *cv;
    struct fct_str results; /* authres-payload: our name and what we found (RFC 8601 2.2), folded */
    struct fct_str domain, selector;
    EVP_PKEY *key;                /* RSA or Ed25519 */
    const struct fct_str *header; /* what the message signature names, each name one field */
    size_t headers;
    uint64_t time; /* t= */
    bool wide;     /* lines as long as RFC 5322 2.1.1 allows: public suites fold nothing */
    const uint8_t *body_hash; /* of the whole relaxed body, when somebody has it; NULL: made here */
};

/* The names of the fields that are there, and in `oversign` one more of each, so that none can be
 * added (RFC 6376 8.15). */
FCT_MUST_CHECK bool arc_sealing_names(struct arc_sealing *s, const struct dkim_memory *memory,
                                      const struct dkim_message *message,
                                      const struct fct_strings *headers,
                                      const struct fct_strings *oversign);

/* Values of the three fields, without line ends; the seal goes to the top, the results below the
 * other two. Each stands behind its name, a colon and a space. */
struct arc_new_set {
    struct fct_str results, message, seal;
};

/* The message is as it shall leave, older sets in it. Fails DENIED when cv= and instance do not fit
 * those, LIMIT above ARC_INSTANCES, TEMP without memory. */
FCT_MUST_CHECK bool arc_seal_message(const struct arc_sealing *s, const struct dkim_memory *memory,
                                     const struct dkim_message *message, struct arc_new_set *out,
                                     struct fct_err *err);

#endif
