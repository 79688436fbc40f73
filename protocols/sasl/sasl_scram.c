/* sasl_scram.c - SCRAM-SHA-256 (RFC 5802, RFC 7677). The proof is checked in the store; keys never
 * come here. */
#include "protocols/sasl/sasl_scram.h"
#include "core/base/base64.h"
#include "core/base/err.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "protocols/sasl/sasl_int.h"
#include "protocols/sasl/scram_text.h"

/* ---- text ---- */

/* saslname = 1*(value-safe-char / "=2C" / "=3D") RFC 5802 7 */
static bool sasl_name(struct arena *arena, struct fct_str in, struct fct_str *out)
{
    char *to = arena_alloc(arena, in.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] != '=') {
            to[n++] = in.p[i];
            continue;
        }
        struct fct_str escape = str_head(str_skip(in, i), 3);

        if (str_equal_nocase(escape, FCT_STR("=2C")))
            to[n++] = ',';
        else if (str_equal_nocase(escape, FCT_STR("=3D")))
            to[n++] = '=';
        else
            return false;
        i += 2;
    }
    *out = (struct fct_str){to, n};
    return n > 0;
}

/* gs2-header = gs2-cbind-flag "," [ authzid ] "," RFC 5802 7 */
static bool gs2_header(struct arena *arena, struct fct_str *in, struct scram *out,
                       struct fct_err *err)
{
    const char *start = in->p;
    struct fct_str flag = str_split(in, ',');
    struct fct_str authorization;

    if (str_starts(flag, FCT_STR("p=")))
        return fct_fail(err, FCT_SYNTAX, "channel binding is not offered here");
    /* "y": the client could bind but believes that we cannot: true, -PLUS is not announced (RFC
     * 5802 6). */
    if (!str_equal(flag, FCT_STR("n")) && !str_equal(flag, FCT_STR("y")))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: malformed GS2 header");
    if (!in->p)
        return fct_fail(err, FCT_SYNTAX, "SCRAM: the GS2 header has no end");
    authorization = str_split(in, ',');
    if (!in->p)
        return fct_fail(err, FCT_SYNTAX, "SCRAM: the GS2 header has no end");
    out->gs2_header = arena_str(arena, str_between(start, in->p));
    if (str_is_empty(authorization))
        return true;
    if (!str_starts(authorization, FCT_STR("a=")) ||
        !sasl_name(arena, str_skip(authorization, 2), &out->authorization))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: malformed authorization name");
    return true;
}

/* client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions] RFC 5802 7 */
bool scram_client_first(struct arena *arena, struct fct_str message, struct scram *out,
                        struct fct_err *err)
{
    struct fct_str rest = message, user, nonce;

    *out = (struct scram){0};
    if (!gs2_header(arena, &rest, out, err))
        return false;
    out->client_first_bare = arena_str(arena, rest);
    if (str_starts(rest, FCT_STR("m=")))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: unknown mandatory extension");
    if (!scram_attribute(&rest, 'n', &user) || !sasl_name(arena, user, &out->user))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: malformed user name");
    if (!scram_attribute(&rest, 'r', &nonce) || !scram_is_nonce(nonce))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: malformed nonce");
    out->nonce = arena_str(arena, nonce);
    return true;
}

/* server-first-message = nonce "," salt "," iteration-count RFC 5802 7 */
void scram_server_first(struct arena *arena, struct scram *s, struct fct_str nonce,
                        struct fct_str salt, uint32_t iterations)
{
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(1024);

    (void)base64_encode(
        salt, &encoded); /* a salt is 16 bytes or so; were it too long, the login would just fail */
    s->nonce = arena_printf(arena, "%.*s%.*s", FCT_FMT(s->nonce), FCT_FMT(nonce));
    s->server_first = arena_printf(arena, "r=%.*s,s=%.*s,i=%u", FCT_FMT(s->nonce),
                                   FCT_FMT(buf_str(&encoded)), iterations);
}

/* Does c= repeat the GS2 header we saw (RFC 5802 5.1)? */
static bool binding_matches(struct fct_str base64, struct fct_str gs2)
{
    FCT_CLEANUP(buf_free) struct buf plain = BUF_INIT(1024);

    return base64_decode(base64, &plain) && str_equal(buf_str(&plain), gs2);
}

/* client-final-message = channel-binding "," nonce ["," extensions] "," proof RFC 5802 7 */
bool scram_client_final(struct arena *arena, struct fct_str message, struct scram *s,
                        struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf proof = BUF_INIT(256);
    ptrdiff_t at = str_find_last_char(message, ',');
    struct fct_str without, last, rest, binding, nonce, encoded;

    if (at < 0)
        return fct_fail(err, FCT_SYNTAX, "SCRAM: malformed final message");
    without = rest = str_head(message, (size_t)at);
    last = str_skip(message, (size_t)at + 1);
    if (!scram_attribute(&rest, 'c', &binding) || !binding_matches(binding, s->gs2_header))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: channel binding does not match");
    if (!scram_attribute(&rest, 'r', &nonce) || !str_equal(nonce, s->nonce))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: the nonce is not ours");
    if (!scram_attribute(&last, 'p', &encoded) || !base64_decode(encoded, &proof))
        return fct_fail(err, FCT_SYNTAX, "SCRAM: malformed proof");
    s->proof = arena_str(arena, buf_str(&proof));
    s->auth_message = arena_printf(arena, "%.*s,%.*s,%.*s", FCT_FMT(s->client_first_bare),
                                   FCT_FMT(s->server_first), FCT_FMT(without));
    return true;
}

/* ---- exchange ---- */

static struct fct_str server_nonce(struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(64);
    unsigned char bytes[18];

    random_bytes(bytes, sizeof bytes);
    (void)base64_encode((struct fct_str){(const char *)bytes, sizeof bytes}, &text);
    return arena_str(arena, buf_str(&text));
}

static enum sasl_state answer_first(struct sasl *x, struct fct_str message)
{
    struct scram *s = ARENA_NEW(x->arena, struct scram);
    struct fct_str salt;
    uint32_t iterations;

    x->state = s;
    if (!scram_client_first(x->arena, message, s, &x->err))
        return SASL_FAILED;
    x->user = s->user;
    if (!sasl_is_user(s->user) || !sasl_may_act_as(s->authorization, s->user))
        return sasl_fail(x, FCT_DENIED, "wrong user name or password");
    if (!store_scram_salt(x->store, s->user, x->arena, &salt, &iterations, &x->err))
        return SASL_FAILED;
    scram_server_first(x->arena, s, server_nonce(x->arena), salt, iterations);
    return sasl_challenge(x, s->server_first);
}

static enum sasl_state answer_final(struct sasl *x, struct fct_str message)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(512);
    struct scram *s = x->state;
    struct fct_str signature;

    if (!scram_client_final(x->arena, message, s, &x->err))
        return SASL_FAILED;
    if (!store_scram_login(x->store, s->user, s->auth_message, s->proof, x->arena, &signature,
                           &x->pending, &x->err))
        return SASL_FAILED;
    buf_put_c(&text, "v=");
    if (!base64_encode(signature, &text))
        return sasl_fail(x, FCT_BUG, "the server signature is too long");
    return sasl_challenge(x, buf_str(&text));
}

/* The client has seen our signature and answers with nothing (RFC 4422 5, no additional data with
 * success). */
static enum sasl_state answer_end(struct sasl *x, struct fct_str message)
{
    if (!str_is_empty(message))
        return sasl_fail(x, FCT_SYNTAX, "SCRAM: nothing was expected any more");
    x->principal = x->pending;
    x->pending = (struct store_principal){0};
    return SASL_DONE;
}

static enum sasl_state scram_step(struct sasl *x, struct fct_str message)
{
    switch (x->step) {
    case 0:
        return answer_first(x, message);
    case 1:
        return answer_final(x, message);
    default:
        return answer_end(x, message);
    }
}

const struct sasl_mechanism sasl_scram_sha_256 = {
    .name = "SCRAM-SHA-256",
    .doc = "proves the password without sending it (RFC 5802, RFC 7677)",
    .greeting = "",
    .step = scram_step,
};
