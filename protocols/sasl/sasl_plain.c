/* sasl_plain.c - PLAIN (RFC 4616): message = [authzid] NUL authcid NUL passwd. */
#include "core/base/str.h"
#include "protocols/sasl/sasl_int.h"

static enum sasl_state plain_step(struct sasl *x, struct fct_str message)
{
    struct fct_str rest = message;
    struct fct_str authorization = str_split(&rest, '\0');
    struct fct_str user = rest.p ? str_split(&rest, '\0') : FCT_STR("");

    /* Exactly two NULs: one in the password would let two readers see two passwords. */
    if (!rest.p || str_find_char(rest, '\0') >= 0)
        return sasl_fail(x, FCT_SYNTAX, "PLAIN needs authzid NUL user NUL password (RFC 4616 2)");
    if (!sasl_may_act_as(authorization, user)) {
        x->user = arena_str(x->arena, user);
        return sasl_fail(x, FCT_DENIED, "logging in as somebody else is not offered");
    }
    return sasl_check_password(x, user, rest);
}

const struct sasl_mechanism sasl_plain = {
    .name = "PLAIN",
    .doc = "user and password in one message (RFC 4616)",
    .greeting = "",
    .step = plain_step,
};
