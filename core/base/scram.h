/* scram.h - the keys and proofs of SCRAM-SHA-256 (RFC 5802 3, RFC 7677), for both sides: the store,
 * where our users log in, and the relay, which logs in at smart hosts. The messages are in
 * protocols/sasl. */
#ifndef CORE_BASE_SCRAM_H
#define CORE_BASE_SCRAM_H

#include <facteur/base.h>

#define SCRAM_KEY        32
#define SCRAM_ITERATIONS 4096u /* RFC 7677 4: at least */

struct scram_keys {
    uint8_t client_key[SCRAM_KEY], stored_key[SCRAM_KEY], server_key[SCRAM_KEY];
};

/* HMAC-SHA-256. */
void scram_hmac(const void *key, size_t key_n, struct fct_str text, uint8_t out[SCRAM_KEY]);
/* Takes its time, by `iterations`. False: OpenSSL would not. */
FCT_MUST_CHECK bool scram_derive(struct fct_str password, struct fct_str salt, uint32_t iterations,
                                 struct scram_keys *out);
void scram_keys_forget(struct scram_keys *keys);

/* ClientProof, and whether one is right. */
void scram_prove(const struct scram_keys *keys, struct fct_str auth_message,
                 uint8_t proof[SCRAM_KEY]);
FCT_MUST_CHECK bool scram_proof_is_right(const uint8_t stored_key[SCRAM_KEY],
                                         struct fct_str auth_message, struct fct_str proof);

#endif
