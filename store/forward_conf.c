/* forward_conf.c - the rows of the `forward` block. */
#include "store/forward_conf.h"

#include "core/base/err.h"

#define DAY_MS       86400000u
#define DAYS_MAX     1000u
#define SECRET_LEAST 16u

/* clang-format off */
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct forward_conf, srs,         "yes",  "Rewrite the reverse-path of mail from elsewhere that goes on to elsewhere (SRS), so that SPF passes there and bounces come back here"),
    FCT_CONF_KEY(struct forward_conf, srs_domain,  "",     "Domain of such addresses; its MX must lead here. Empty: the domain of the address that forwards"),
    FCT_CONF_KEY(struct forward_conf, srs_secrets, "[]",   "Secrets of such addresses, 16 characters or more: the first one signs, all are believed. []: those of the file srs.key in the data folder, one a line, which is made at the first start"),
    FCT_CONF_KEY(struct forward_conf, srs_max_age, "21d",  "How long a bounce to such an address is believed; 1d to 1000d"),
    FCT_CONF_KEY(struct forward_conf, max_hops,    "5",    "How often a message may have passed this server before it is not forwarded any more, 554 5.4.6. One that was delivered to the same address before never is"),
    FCT_CONF_KEY(struct forward_conf, accounts,    "yes",  "Accounts may forward their mail (facteurctl account set ADDRESS forward=ADDRESS) once its recipient has agreed"),
    FCT_CONF_KEY(struct forward_conf, bounce,      "no",   "Tell senders elsewhere when mail that was forwarded is refused there. Who forges senders then makes this server write to others"),
    FCT_CONF_END,
};
/* clang-format on */

static bool check(const void *values, struct fct_err *err)
{
    const struct forward_conf *conf = values;
    uint64_t age = conf->srs_max_age.ms / DAY_MS;

    if (age < 1 || age > DAYS_MAX)
        return fct_fail(err, FCT_SYNTAX, "srs_max_age: must be 1d to 1000d");
    if (conf->max_hops == 0)
        return fct_fail(err, FCT_SYNTAX, "max_hops: must be at least 1");
    for (size_t i = 0; i < conf->srs_secrets.n; i++)
        if (strlen(conf->srs_secrets.item[i]) < SECRET_LEAST)
            return fct_fail(err, FCT_SYNTAX, "srs_secrets: each must have %u characters or more",
                            SECRET_LEAST);
    return true;
}

const struct conf_block forward_block = {
    .name = "forward",
    .doc = "Mail that came from elsewhere and goes on to elsewhere: aliases and accounts that "
           "forward (docs/forwarding.md).",
    .keys = keys,
    .size = sizeof(struct forward_conf),
    .file = "26-forward.conf",
    .check = check,
};
