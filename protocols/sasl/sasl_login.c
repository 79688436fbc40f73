/* sasl_login.c - LOGIN (draft-murchison-sasl-login): the name, then the password. Outlook and many
 * printers know no other. */
#include "protocols/sasl/sasl_int.h"

static enum sasl_state login_step(struct sasl *x, struct fct_str message)
{
    if (x->step > 0)
        return sasl_check_password(x, x->user, message);
    x->user = arena_str(x->arena, message);
    return sasl_challenge(x, FCT_STR("Password:"));
}

const struct sasl_mechanism sasl_login = {
    .name = "LOGIN",
    .doc = "user, then password (obsolete, still sent by old clients)",
    .greeting = "Username:",
    .step = login_step,
};
