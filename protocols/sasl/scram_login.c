/* scram_login.c - see scram_login.h. */
#include "protocols/sasl/scram_login.h"

#include "core/base/base64.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "protocols/sasl/scram_text.h"

#include <openssl/crypto.h>

#define GS2_HEADER        "n,,"  /* no channel binding, no authorization name */
#define GS2_HEADER_BASE64 "biws" /* the same, for c= */

/* saslname: "," and "=" are written as "=2C" and "=3D" RFC 5802 5.1 */
static struct fct_str sasl_name(struct arena *arena, struct fct_str user)
{
    char *to = arena_alloc(arena, 3 * user.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < user.n; i++) {
        const char *escape = user.p[i] == ',' ? "=2C" : user.p[i] == '=' ? "=3D" : NULL;

        if (!escape) {
            to[n++] = user.p[i];
            continue;
        }
        memcpy(to + n, escape, 3);
        n += 3;
    }
    return (struct fct_str){to, n};
}

/* client-first-message = gs2-header client-first-message-bare RFC 5802 7 */
struct fct_str scram_login_first(struct scram_login *l, struct arena *arena, struct fct_str user,
                                 struct fct_str password, struct fct_str nonce)
{
    *l = (struct scram_login){.arena = arena, .password = password, .nonce = nonce};
    l->client_first_bare =
        arena_printf(arena, "n=%.*s,r=%.*s", FCT_FMT(sasl_name(arena, user)), FCT_FMT(nonce));
    return arena_printf(arena, GS2_HEADER "%.*s", FCT_FMT(l->client_first_bare));
}

struct server_first {
    struct fct_str nonce;
    struct buf salt;
    uint32_t iterations;
};

/* server-first-message = nonce "," salt "," iteration-count ["," extensions] RFC 5802 7 */
static bool read_server_first(const struct scram_login *l, struct fct_str in,
                              struct server_first *out, struct fct_err *err)
{
    struct fct_str salt, count;

    if (str_starts(in, FCT_STR("m=")))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: unknown mandatory extension");
    if (!scram_attribute(&in, 'r', &out->nonce) || !scram_is_nonce(out->nonce) ||
        !scram_attribute(&in, 's', &salt) || !base64_decode(salt, &out->salt) || out->salt.n == 0 ||
        !scram_attribute(&in, 'i', &count) || !str_to_u32(count, &out->iterations))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: malformed challenge");
    if (!str_starts(out->nonce, l->nonce) || out->nonce.n == l->nonce.n)
        return fct_fail(err, FCT_DENIED, "SCRAM: the server's nonce does not go on from ours");
    if (out->iterations < SCRAM_ITERATIONS || out->iterations > SCRAM_ITERATIONS_MAX)
        return fct_fail(err, FCT_DENIED, "SCRAM: %u iterations are asked for; %u to %u are done",
                        out->iterations, SCRAM_ITERATIONS, SCRAM_ITERATIONS_MAX);
    return true;
}

static bool sign(struct scram_login *l, const struct server_first *first,
                 struct fct_str auth_message, uint8_t proof[SCRAM_KEY])
{
    struct scram_keys keys;

    if (!scram_derive(l->password, buf_str(&first->salt), first->iterations, &keys))
        return false;
    scram_prove(&keys, auth_message, proof);
    scram_hmac(keys.server_key, sizeof keys.server_key, auth_message, l->server_signature);
    scram_keys_forget(&keys);
    return true;
}

/* client-final-message = channel-binding "," nonce "," proof RFC 5802 7 */
bool scram_login_final(struct scram_login *l, struct fct_str server_first, struct fct_str *message,
                       struct fct_err *err)
{
    struct server_first first = {.salt = BUF_INIT(512)};
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(64);
    struct fct_str without, auth_message;
    uint8_t proof[SCRAM_KEY];
    bool ok = read_server_first(l, server_first, &first, err);

    if (ok) {
        without = arena_printf(l->arena, "c=" GS2_HEADER_BASE64 ",r=%.*s", FCT_FMT(first.nonce));
        auth_message = arena_printf(l->arena, "%.*s,%.*s,%.*s", FCT_FMT(l->client_first_bare),
                                    FCT_FMT(server_first), FCT_FMT(without));
        ok = sign(l, &first, auth_message, proof) ||
             fct_fail(err, FCT_TEMP, "SCRAM: the keys could not be derived");
    }
    buf_free(&first.salt);
    if (!ok)
        return false;
    (void)base64_encode((struct fct_str){(const char *)proof, sizeof proof}, &encoded);
    *message = arena_printf(l->arena, "%.*s,p=%.*s", FCT_FMT(without), FCT_FMT(buf_str(&encoded)));
    return true;
}

/* server-final-message = (server-error / verifier) ["," extensions] RFC 5802 7 */
bool scram_login_verify(const struct scram_login *l, struct fct_str server_final,
                        struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf signature = BUF_INIT(512);
    struct fct_str in = server_final, value;

    if (scram_attribute(&in, 'e', &value))
        return fct_fail(err, FCT_DENIED, "SCRAM: the server says %.*s", FCT_FMT(value));
    in = server_final;
    if (!scram_attribute(&in, 'v', &value) || !base64_decode(value, &signature) ||
        signature.n != SCRAM_KEY || CRYPTO_memcmp(signature.p, l->server_signature, SCRAM_KEY) != 0)
        return fct_fail(err, FCT_DENIED,
                        "SCRAM: the server does not prove that it knows the password");
    return true;
}
