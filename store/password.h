/* password.h - password hashes: made and checked in threads, a few at a time, and never leaving the
 * store.
 *
 * A record holds a crypt(3) hash (yescrypt) for passwords and the SCRAM-SHA-256 keys (RFC 5802 3)
 * for proofs. One that `facteur dev` made has "$scram$" for a hash: there the keys decide. */
#ifndef STORE_PASSWORD_H
#define STORE_PASSWORD_H

#include "core/base/arena.h"
#include "core/base/scram.h"
#include "store/server.h"

#define SCRAM_SALT 16

struct password {
    struct fct_str hash; /* crypt(3) */
    uint8_t salt[SCRAM_SALT], stored_key[SCRAM_KEY], server_key[SCRAM_KEY];
    uint32_t iterations;
};

struct passwords *passwords_new(const struct server *s);
void passwords_free(struct passwords **p);

/* FCT_SYNTAX for an empty or overlong one. `out` lives in the arena. */
FCT_MAY_WAIT FCT_MUST_CHECK bool password_make(struct server *s, struct fct_str text,
                                               struct arena *arena, struct password *out,
                                               struct fct_err *err);
/* Many at once, on the pool's threads; text[i] that cannot be a password fails all. */
FCT_MAY_WAIT FCT_MUST_CHECK bool password_make_all(struct server *s, const struct fct_str *text,
                                                   size_t n, struct arena *arena,
                                                   struct password *out, struct fct_err *err);
/* record NULL: no such user; takes the same time. A malformed hash always denies. */
FCT_MAY_WAIT FCT_MUST_CHECK bool password_check(struct server *s, struct fct_str user,
                                                struct fct_str text, const struct password *record,
                                                bool *right, struct fct_err *err);
/* What an unknown user is told: the same every time. */
void scram_made_up_salt(const struct server *s, struct fct_str user, uint8_t salt[SCRAM_SALT]);
bool scram_check(const struct password *record, struct fct_str auth_message, struct fct_str proof,
                 uint8_t signature[SCRAM_KEY]);

/* Key p of the account's partition. */
void password_encode(const struct password *p, struct buf *out);
FCT_MUST_CHECK bool password_decode(struct fct_str value, struct arena *arena,
                                    struct password *out);
/* *found false: the account has none. */
FCT_MUST_CHECK bool password_get(struct server *s, uint64_t account, struct arena *arena,
                                 struct password *out, bool *found, struct fct_err *err);

#endif
