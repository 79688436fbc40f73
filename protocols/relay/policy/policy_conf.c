/* policy_conf.c - the rows of `outbound_tls`. */
#include "protocols/relay/policy/policy_conf.h"

#include "core/base/err.h"

/* clang-format off */
static const struct fct_conf_key policy_keys[] = {
    FCT_CONF_KEY(struct policy_conf, dane, "auto", "yes: servers that publish TLSA records must have the certificate that these name (DANE, RFC 7672), which needs answers validated by DNSSEC (dns.dnssec): without them a warning is logged at each start; auto: the same, silent where answers are not validated; no: such records are not looked at"),
    FCT_CONF_KEY(struct policy_conf, mta_sts, "yes", "Follow the policies that domains publish over HTTPS (MTA-STS, RFC 8461)"),
    FCT_CONF_KEY(struct policy_conf, trust, "/etc/ssl/certs/ca-certificates.crt", "Authorities that may vouch for the web servers of policies, a PEM file; not there: no policy is fetched"),
    FCT_CONF_KEY(struct policy_conf, fetch_timeout, "1m", "Time to fetch a policy (RFC 8461 3.3); the mail waits for it"),
    FCT_CONF_KEY(struct policy_conf, max_fetches, "20", "Policies fetched at one time"),
    FCT_CONF_KEY(struct policy_conf, max_domains, "20000", "Domains whose policy is kept; those used longest ago make room"),
    FCT_CONF_KEY(struct policy_conf, port, "443", "Port of the web servers of policies; others are for tests"),
    FCT_CONF_KEY(struct policy_conf, private_hosts, "[]", "Such web servers (\"mta-sts.example.org\") that may be at private addresses"),
    FCT_CONF_KEY(struct policy_conf, report, "yes", "Count how TLS with each domain went, and tell those who want to know (TLS-RPT, RFC 8460)"),
    FCT_CONF_KEY(struct policy_conf, report_every, "1d", "A report's time, from a multiple of it in UTC; RFC 8460 wants a day, others are for tests"),
    FCT_CONF_KEY(struct policy_conf, report_after, "1h", "Reports are sent at a random time within this behind their time, at most a quarter of report_every, so that not everybody sends at once"),
    FCT_CONF_KEY(struct policy_conf, report_from, "", "Sender of reports, and whom others may ask about them; empty: postmaster at server.name"),
    FCT_CONF_KEY(struct policy_conf, report_organization, "", "Who reports, in words; empty: server.name"),
    FCT_CONF_KEY(struct policy_conf, report_domains, "20000", "Domains that are counted in a day; others are left out"),
    FCT_CONF_KEY(struct policy_conf, report_failures, "50", "Kinds of failure told of each policy; further ones are in its sum only"),
    FCT_CONF_END,
};
/* clang-format on */

static bool policy_check(const void *values, struct fct_err *err)
{
    const struct policy_conf *conf = values;

    if (strcmp(conf->dane, "yes") != 0 && strcmp(conf->dane, "auto") != 0 &&
        strcmp(conf->dane, "no") != 0)
        return fct_fail(err, FCT_SYNTAX, "dane: must be yes, no or auto");
    if (conf->max_fetches == 0 || conf->max_domains == 0 || conf->report_domains == 0)
        return fct_fail(err, FCT_SYNTAX,
                        "max_fetches, max_domains and report_domains: must be at least 1");
    if (conf->port == 0 || conf->port > 65535)
        return fct_fail(err, FCT_SYNTAX, "port: must be 1 to 65535");
    if (conf->fetch_timeout.ms == 0)
        return fct_fail(err, FCT_SYNTAX, "fetch_timeout: must be above 0s");
    if (conf->report_every.ms < 1000 || conf->report_every.ms % 1000 != 0)
        return fct_fail(err, FCT_SYNTAX, "report_every: must be whole seconds, at least one");
    if (conf->report_from[0] && !strchr(conf->report_from, '@'))
        return fct_fail(err, FCT_SYNTAX, "report_from: \"%s\" is no address", conf->report_from);
    return true;
}

const struct conf_block policy_block = {
    .name = "outbound_tls",
    .doc = "How mail that leaves is protected on its way: DANE, MTA-STS, reports about TLS.",
    .keys = policy_keys,
    .size = sizeof(struct policy_conf),
    .file = "25-outbound-tls.conf",
    .check = policy_check,
};
