/* sasl.c - the exchange around the mechanisms: base64, initial response, cancelling (RFC 4422 3,
 * RFC 4954 4). */
#include "core/base/base64.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "protocols/sasl/sasl_int.h"

const struct sasl_mechanism *const sasl_mechanisms[] = {
    &sasl_scram_sha_256,
    &sasl_plain,
    &sasl_login,
    NULL,
};

const struct sasl_mechanism *sasl_find(struct fct_str name)
{
    for (size_t i = 0; sasl_mechanisms[i]; i++)
        if (str_equal_nocase(name, str_from(sasl_mechanisms[i]->name)))
            return sasl_mechanisms[i];
    return NULL;
}

void sasl_list(const char *prefix, struct buf *out)
{
    for (size_t i = 0; sasl_mechanisms[i]; i++) {
        buf_put_c(out, prefix);
        buf_put_c(out, sasl_mechanisms[i]->name);
    }
}

enum sasl_state sasl_fail(struct sasl *x, enum fct_class class, const char *text)
{
    (void)fct_fail(&x->err, class, "%s", text);
    return SASL_FAILED;
}

enum sasl_state sasl_challenge(struct sasl *x, struct fct_str plain)
{
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(2 * SASL_MAX_MESSAGE);

    if (!base64_encode(plain, &encoded))
        return sasl_fail(x, FCT_LIMIT, "the challenge is too long");
    x->challenge = arena_str(x->arena, buf_str(&encoded));
    return SASL_CHALLENGE;
}

bool sasl_is_user(struct fct_str user)
{
    if (user.n == 0 || user.n > 255 || !utf8_is_valid(user))
        return false;
    for (size_t i = 0; i < user.n; i++)
        if ((unsigned char)user.p[i] < 0x20 || user.p[i] == 0x7f)
            return false;
    return true;
}

bool sasl_may_act_as(struct fct_str authorization, struct fct_str user)
{
    return str_is_empty(authorization) || str_equal_nocase(authorization, user);
}

enum sasl_state sasl_check_password(struct sasl *x, struct fct_str user, struct fct_str password)
{
    x->user = arena_str(x->arena, user);
    if (!sasl_is_user(x->user) || str_is_empty(password))
        return sasl_fail(x, FCT_DENIED, "wrong user name or password");
    if (!store_login(x->store, x->user, password, x->arena, &x->principal, &x->err))
        return SASL_FAILED;
    return SASL_DONE;
}

/* One decoded message goes to the mechanism; what may be a password is wiped behind it. */
static enum sasl_state take_message(struct sasl *x, struct fct_str base64)
{
    struct buf plain = BUF_INIT(SASL_MAX_MESSAGE);
    enum sasl_state state;

    if (base64.n > SASL_MAX_LINE)
        return sasl_fail(x, FCT_LIMIT, "the authentication line is too long");
    if (base64_decode(base64, &plain)) {
        x->challenge = FCT_STR("");
        state = x->mechanism->step(x, buf_str(&plain));
        x->step++;
    } else {
        state = sasl_fail(x, plain.overflow ? FCT_LIMIT : FCT_SYNTAX, "cannot decode base64");
    }
    if (plain.p)
        explicit_bzero(plain.p, plain.cap);
    buf_free(&plain);
    if (state == SASL_FAILED)
        sasl_abort(x);
    return state;
}

enum sasl_state sasl_start(struct sasl *x, struct store *store, struct arena *arena,
                           struct fct_str mechanism, const struct fct_str *initial)
{
    *x = (struct sasl){.store = store, .arena = arena, .mechanism = sasl_find(mechanism)};
    if (!x->mechanism)
        return sasl_fail(x, FCT_SYNTAX, "unknown authentication mechanism");
    if (!initial)
        return sasl_challenge(x, str_from(x->mechanism->greeting));
    return take_message(x, str_equal(*initial, FCT_STR("=")) ? FCT_STR("") : *initial);
}

enum sasl_state sasl_respond(struct sasl *x, struct fct_str line)
{
    if (str_equal(line, FCT_STR("*"))) {
        sasl_abort(x);
        x->cancelled = true;
        return sasl_fail(x, FCT_SYNTAX, "authentication cancelled");
    }
    return take_message(x, line);
}

void sasl_abort(struct sasl *x)
{
    if (x->pending.handle != 0)
        store_logout(x->store, &x->pending);
    x->pending = (struct store_principal){0};
}
