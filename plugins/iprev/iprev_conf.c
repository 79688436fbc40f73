/* iprev_conf.c - see iprev_conf.h. */
#include "iprev_conf.h"

#include "plugins/lib/clients.h"
#include "plugins/lib/conf_check.h"

/* clang-format off */
const struct fct_conf_key iprev_keys[] = {
    FCT_CONF_KEY(struct iprev_conf, when,            "connect", "connect: before the greeting, so that rules and our Received field have the name; scan: while the message is judged, so that nobody waits for it"),
    FCT_CONF_KEY(struct iprev_conf, skip_net,        "[\"127.0.0.0/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"169.254.0.0/16\", \"::1/128\", \"fc00::/7\", \"fe80::/10\"]", "Clients whose names are not looked up: networks nobody outside comes from, and the relays and backup servers that hand you mail of others; an entry such as !10.0.0.25 is an exception from those before it"),
    FCT_CONF_KEY(struct iprev_conf, reject_none,     "no",      "Refuse MAIL FROM with 550 5.7.25 when the client's address has no name (RFC 7372 3.3)"),
    FCT_CONF_KEY(struct iprev_conf, reject_fail,     "no",      "The same when it has names, but none of them has this address"),
    FCT_CONF_KEY(struct iprev_conf, defer_temperror, "no",      "Answer 451 4.7.25 when the DNS cannot say"),
    FCT_CONF_KEY(struct iprev_conf, max_names,       "10",      "Names of one address that are looked at, all at once; at most 20"),
    FCT_CONF_END,
};
/* clang-format on */

bool iprev_conf_is_early(const struct iprev_conf *conf)
{
    return strcmp(conf->when, "connect") == 0;
}

bool iprev_conf_refuses(const struct iprev_conf *conf)
{
    return conf->reject_none || conf->reject_fail || conf->defer_temperror;
}

bool iprev_conf_check(const struct iprev_conf *conf, struct fct_err *err)
{
    if (!clients_check("skip_net", &conf->skip_net, err) ||
        !conf_check_number("max_names", conf->max_names, 1, IPREV_NAMES_MAX, err))
        return false;
    if (!iprev_conf_is_early(conf) && strcmp(conf->when, "scan") != 0)
        return conf_fail(err, "when", conf->when, "connect or scan");
    if (!iprev_conf_is_early(conf) && iprev_conf_refuses(conf))
        return conf_fail(err, "when", conf->when,
                         "connect, as what is refused is refused at MAIL FROM");
    return true;
}
