/* remote_auth.c - see remote_auth.h. */
#include "protocols/relay/remote_auth.h"

#include "core/base/base64.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "protocols/sasl/scram_login.h"

#include <openssl/crypto.h>

/* ---- words ---- */

FCT_MAY_WAIT static bool say_base64(struct remote *r, const char *before, struct fct_str bytes)
{
    struct buf out = BUF_INIT(8192);
    bool ok;

    buf_put_c(&out, before);
    base64_encode(bytes, &out);
    buf_put_c(&out, "\r\n");
    ok = remote_say(r, buf_str(&out));
    OPENSSL_cleanse(out.p, out.n);
    buf_free(&out);
    return ok;
}

FCT_MAY_WAIT static bool hear(struct remote *r, const struct greet *g, unsigned wanted,
                              struct remote_reply *reply)
{
    if (!remote_reply(r, STEP_AUTH, g->conf->ehlo_timeout.ms, reply))
        return false;
    if (reply_class(reply) == wanted)
        return true;
    outcome_from_reply(&r->trouble, OUTCOME_HOST, STEP_AUTH, reply);
    return false;
}

FCT_MAY_WAIT static bool hear_class(struct remote *r, const struct greet *g, unsigned wanted)
{
    struct remote_reply reply;

    return hear(r, g, wanted, &reply);
}

/* ---- mechanisms ---- */

FCT_MAY_WAIT static bool plain(struct remote *r, const struct greet *g)
{
    struct buf message = BUF_INIT(4096);
    bool ok;

    buf_put_char(&message, '\0');
    buf_put_str(&message, g->user);
    buf_put_char(&message, '\0');
    buf_put_str(&message, g->password);
    ok = say_base64(r, "AUTH PLAIN ", buf_str(&message)) && hear_class(r, g, 2);
    OPENSSL_cleanse(message.p, message.n);
    buf_free(&message);
    return ok;
}

FCT_MAY_WAIT static bool login(struct remote *r, const struct greet *g)
{
    return remote_say(r, FCT_STR("AUTH LOGIN\r\n")) && hear_class(r, g, 3) &&
           say_base64(r, "", g->user) && hear_class(r, g, 3) && say_base64(r, "", g->password) &&
           hear_class(r, g, 2);
}

static struct fct_str fresh_nonce(struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(64);
    unsigned char bytes[18];

    random_bytes(bytes, sizeof bytes);
    (void)base64_encode((struct fct_str){(const char *)bytes, sizeof bytes}, &text);
    return arena_str(arena, buf_str(&text));
}

/* The challenge of a 334. */
FCT_MAY_WAIT static bool challenge(struct remote *r, const struct greet *g, struct arena *arena,
                                   struct fct_str *out)
{
    FCT_CLEANUP(buf_free) struct buf plain_text = BUF_INIT(REPLY_TEXT_MAX);
    struct remote_reply reply;

    if (!hear(r, g, 3, &reply))
        return false;
    if (!base64_decode(reply_text(&reply), &plain_text))
        return remote_fail(r, "4.7.0", "AUTH: the server's challenge is not base64");
    *out = arena_str(arena, buf_str(&plain_text));
    return true;
}

/* The server's proof comes as a challenge that is answered with nothing, for a 235 has no place for
 * it (RFC 4954 4, RFC 4422 5). A server that says 235 at once has proved nothing. */
FCT_MAY_WAIT static bool scram_steps(struct remote *r, const struct greet *g, struct arena *arena)
{
    struct scram_login l;
    struct fct_str first = scram_login_first(&l, arena, g->user, g->password, fresh_nonce(arena)),
                   said, final;
    struct fct_err err = {0};

    if (!say_base64(r, "AUTH SCRAM-SHA-256 ", first) || !challenge(r, g, arena, &said))
        return false;
    if (!scram_login_final(&l, said, &final, &err))
        return remote_fail(r, "4.7.8", "%s", err.text);
    if (!say_base64(r, "", final) || !challenge(r, g, arena, &said))
        return false;
    if (!scram_login_verify(&l, said, &err))
        return remote_fail(r, "4.7.8", "%s", err.text);
    return remote_say(r, FCT_STR("\r\n")) && hear_class(r, g, 2);
}

FCT_MAY_WAIT static bool scram(struct remote *r, const struct greet *g)
{
    struct arena *arena = arena_new(NULL);
    bool ok = scram_steps(r, g, arena);

    arena_free(&arena);
    return ok;
}

/* ---- all of it ---- */

/* The best first. There is no way down from a mechanism that the server offers and then refuses:
 * who sits in between must not get the password by it. */
static const struct {
    uint32_t bit;
    bool (*run)(struct remote *r, const struct greet *g);
} mechanisms[] = {
    {REMOTE_AUTH_SCRAM_SHA_256, scram},
    {REMOTE_AUTH_PLAIN, plain},
    {REMOTE_AUTH_LOGIN, login},
};

bool remote_authenticate(struct remote *r, const struct greet *g)
{
    if (g->user.n == 0)
        return true;
    if (!stream_has_tls(r->io) && g->tls_wanted != RELAY_TLS_NONE)
        return remote_fail(r, "4.7.11",
                           "the password is not sent without TLS (tls = none allows it)");
    for (size_t i = 0; i < FCT_COUNT(mechanisms); i++)
        if (r->ext.has & mechanisms[i].bit)
            return mechanisms[i].run(r, g);
    return remote_fail(r, "4.7.0", "the server offers none of AUTH SCRAM-SHA-256, PLAIN and LOGIN");
}
