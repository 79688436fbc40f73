/* dns_conf.c - the rows of the `dns` block. */
#include "core/dns/dns_conf.h"

/* clang-format off */
static const struct fct_conf_key dns_keys[] = {
    FCT_CONF_KEY(struct dns_conf, mode,            "forward",                  "forward: ask other resolvers; recurse: ask the authorities ourselves, from the root on"),
    FCT_CONF_KEY(struct dns_conf, server,          "[]",                       "Resolvers to forward to, as in [\"127.0.0.1@53\", \"2001:db8::53\"]; empty: those of resolv_conf"),
    FCT_CONF_KEY(struct dns_conf, resolv_conf,     "/etc/resolv.conf",         "Where the system's resolvers stand (resolv.conf(5)); without a file or a server in it, 127.0.0.1 is asked"),
    FCT_CONF_KEY(struct dns_conf, root_hints,      "",                         "Root servers to begin with when mode is recurse, in zone file format; empty: those of the Internet, built in"),
    FCT_CONF_KEY(struct dns_conf, dnssec,          "auto",                     "yes: validate answers (RFC 4035), forged ones have failed; no: believe them, none is authentic; auto: yes when mode is recurse and the trust anchor is there. Forwarding with yes needs resolvers that pass DNSSEC records on"),
    FCT_CONF_KEY(struct dns_conf, trust_anchor,    "/usr/share/dns/root.key",  "Keys or digests of the root zone or of others, DNSKEY or DS records in zone file format (Debian: package dns-root-data)"),
    FCT_CONF_KEY(struct dns_conf, timeout,         "4s",                       "Longest wait for one answer; shorter than a plugin's deadline, so that it learns that nobody answered"),
    FCT_CONF_KEY(struct dns_conf, message_timeout, "20s",                      "Longest time that all questions for one message, or for one step of the dialogue, may wait together (RFC 7208 4.6.4)"),
    FCT_CONF_KEY(struct dns_conf, max_queries,     "300",                      "Questions for one message, or for one step of the dialogue; further ones are refused"),
    FCT_CONF_KEY(struct dns_conf, max_records,     "500",                      "Records of one answer; one with more has failed"),
    FCT_CONF_KEY(struct dns_conf, max_in_flight,   "1000",                     "Questions of one filter process that wait for an answer; further ones have failed at once"),
    FCT_CONF_KEY(struct dns_conf, cache_size,      "12M",                      "Memory for answers, per filter process"),
    FCT_CONF_KEY(struct dns_conf, min_ttl,         "0s",                       "Answers are kept at least so long, whatever they say themselves"),
    FCT_CONF_KEY(struct dns_conf, max_ttl,         "1d",                       "Answers are kept at most so long"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block dns_block = {
    .name = "dns",
    .doc = "Questions to the DNS that plugins and rules ask",
    .keys = dns_keys,
    .size = sizeof(struct dns_conf),
    .file = "35-dns.conf",
};
