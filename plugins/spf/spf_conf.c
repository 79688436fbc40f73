/* spf_conf.c - see spf_conf.h. */
#include "spf_conf.h"

#include "plugins/lib/clients.h"
#include "plugins/lib/conf_check.h"

#define LOOKUPS_MAX 100

/* clang-format off */
const struct fct_conf_key spf_keys[] = {
    FCT_CONF_KEY(struct spf_conf, engine,           "native", "native, or libspf2: the library many use, for comparison; it gets many records wrong and has no explanations here"),
    FCT_CONF_KEY(struct spf_conf, helo,             "yes", "Check the client's HELO name too (RFC 7208 2.3); for MAIL FROM:<> it is the only thing to check"),
    FCT_CONF_KEY(struct spf_conf, skip_net,         "[\"127.0.0.0/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"169.254.0.0/16\", \"::1/128\", \"fc00::/7\", \"fe80::/10\"]", "Clients that are not checked: networks nobody outside comes from, and the relays and backup servers that hand you mail of others; an entry such as !10.0.0.25 is an exception from those before it"),
    FCT_CONF_KEY(struct spf_conf, reject_fail,      "no",  "Refuse MAIL FROM with 550 5.7.23 when its domain says that this client may not send for it (RFC 7208 8.4, RFC 7372); forwarded mail is then refused too"),
    FCT_CONF_KEY(struct spf_conf, reject_helo_fail, "no",  "The same for the HELO name"),
    FCT_CONF_KEY(struct spf_conf, defer_temperror,  "no",  "Answer 451 4.7.24 when the DNS cannot say (RFC 7208 8.6)"),
    FCT_CONF_KEY(struct spf_conf, explanation,      "yes", "Add what the domain explains (exp=) to a refusal"),
    FCT_CONF_KEY(struct spf_conf, received_spf,     "no",  "Write the results above the message as Received-SPF (RFC 7208 9.1)"),
    FCT_CONF_KEY(struct spf_conf, time_limit,       "20s", "Longest time for the questions of one message (RFC 7208 4.6.4 asks for at least 20s); `deadline` must be longer"),
    FCT_CONF_KEY(struct spf_conf, max_lookups,      "10",  "Terms of a record that ask the DNS, more are an error of the record (RFC 7208 4.6.4: 10)"),
    FCT_CONF_KEY(struct spf_conf, max_void_lookups, "2",   "Terms of a record that ask for what is not there (RFC 7208 4.6.4: 2)"),
    FCT_CONF_KEY(struct spf_conf, max_names,        "10",  "MX records of one mx, more are an error; names of the client that are looked at (RFC 7208 4.6.4: 10); at most 20"),
    FCT_CONF_END,
};
/* clang-format on */

bool spf_conf_is_native(const struct spf_conf *conf)
{
    return strcmp(conf->engine, "native") == 0;
}

bool spf_conf_explains(const struct spf_conf *conf)
{
    return conf->explanation && (conf->reject_fail || conf->reject_helo_fail);
}

bool spf_conf_check(const struct spf_conf *conf, struct fct_err *err)
{
    if (!clients_check("skip_net", &conf->skip_net, err))
        return false;
    if (!spf_conf_is_native(conf) && strcmp(conf->engine, "libspf2") != 0)
        return conf_fail(err, "engine", conf->engine, "native or libspf2");
    return conf_check_least("time_limit", &conf->time_limit, 1000, "1s", err) &&
           conf_check_number("max_lookups", conf->max_lookups, 1, LOOKUPS_MAX, err) &&
           conf_check_number("max_void_lookups", conf->max_void_lookups, 0, LOOKUPS_MAX, err) &&
           conf_check_number("max_names", conf->max_names, 1, SPF_NAMES_MAX, err);
}
