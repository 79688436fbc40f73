/* relay_conf.c - the rows of `relay` and `route`. */
#include "protocols/relay/relay_conf.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "protocols/relay/routes.h"
#include "protocols/relay/schedule.h"

/* clang-format off */
static const struct fct_conf_key relay_keys[] = {
    FCT_CONF_KEY(struct relay_conf, helo, "", "Name said in EHLO; empty: server.name. It should resolve to the address that mail is sent from"),
    FCT_CONF_KEY(struct relay_conf, connect_timeout, "30s", "Time for a TCP connection to one address"),
    FCT_CONF_KEY(struct relay_conf, greeting_timeout, "5m", "Wait for the greeting and for the TLS handshake (RFC 5321 4.5.3.2.1)"),
    FCT_CONF_KEY(struct relay_conf, ehlo_timeout, "5m", "Wait for the answer to EHLO, STARTTLS, AUTH and RSET"),
    FCT_CONF_KEY(struct relay_conf, mail_timeout, "5m", "Wait for the answer to MAIL (RFC 5321 4.5.3.2.2)"),
    FCT_CONF_KEY(struct relay_conf, rcpt_timeout, "5m", "Wait for the answer to RCPT (RFC 5321 4.5.3.2.3)"),
    FCT_CONF_KEY(struct relay_conf, data_timeout, "2m", "Wait for the answer to DATA (RFC 5321 4.5.3.2.4)"),
    FCT_CONF_KEY(struct relay_conf, block_timeout, "3m", "Time in which the other side must take some bytes of a message (RFC 5321 4.5.3.2.5)"),
    FCT_CONF_KEY(struct relay_conf, dot_timeout, "10m", "Wait for the answer to the end of a message (RFC 5321 4.5.3.2.6); giving up earlier makes duplicates"),
    FCT_CONF_KEY(struct relay_conf, max_jobs, "20000", "Messages in hand at one time, those that wait for a connection included; more stay with the store"),
    FCT_CONF_KEY(struct relay_conf, domain_jobs, "500", "Of these, to one domain that answers; store.queue_domain_jobs until it does"),
    FCT_CONF_KEY(struct relay_conf, body_memory, "64M", "Memory for large messages that go out while the store still has them in memory; others are read piece by piece"),
    FCT_CONF_KEY(struct relay_conf, max_connections, "10000", "Connections at one time, to all destinations together"),
    FCT_CONF_KEY(struct relay_conf, max_destination_connections, "20", "Connections at one time to one destination (the hosts of one MX set)"),
    FCT_CONF_KEY(struct relay_conf, unproven_connections, "2", "The same while a destination has not answered yet, or is silent on all of them"),
    FCT_CONF_KEY(struct relay_conf, patience, "100ms", "Another connection to a destination is opened when those there are would need longer than this for the mail that waits"),
    FCT_CONF_KEY(struct relay_conf, silence, "20s", "A destination is silent when no byte came from it for so long"),
    FCT_CONF_KEY(struct relay_conf, idle_keep, "2s", "How long a connection is kept for the next message"),
    FCT_CONF_KEY(struct relay_conf, message_gap, "0s", "Least time between two messages to one destination; 0s: none"),
    FCT_CONF_KEY(struct relay_conf, max_messages, "1000", "Messages over one connection; 0: no limit"),
    FCT_CONF_KEY(struct relay_conf, max_recipients, "100", "Recipients of one transaction (RFC 5321 4.5.3.1.8); more go in further ones"),
    FCT_CONF_KEY(struct relay_conf, dead_first, "1m", "How long a destination that could not be reached is left alone; doubled each time"),
    FCT_CONF_KEY(struct relay_conf, dead_max, "30m", "The longest such time"),
    FCT_CONF_KEY(struct relay_conf, address_delay, "250ms", "A host's next address is tried beside the first when that did not answer within this (RFC 8305)"),
    FCT_CONF_KEY(struct relay_conf, retry, "[\"5m\", \"15m\", \"30m\", \"1h\", \"2h\", \"4h\"]", "Waits between tries; the last one repeats (RFC 5321 4.5.4.1)"),
    FCT_CONF_KEY(struct relay_conf, retry_jitter, "0.1", "Each wait is longer or shorter by up to this share of it; 0 to 0.5"),
    FCT_CONF_KEY(struct relay_conf, delay_warning, "[\"4h\"]", "When the sender is told that the mail still waits, since it came; []: never"),
    FCT_CONF_KEY(struct relay_conf, expire, "5d", "When mail is given up and bounces (RFC 5321 4.5.4.1 asks for 4 to 5 days)"),
    FCT_CONF_KEY(struct relay_conf, expire_null, "2d", "The same of reports, which have no sender"),
    FCT_CONF_KEY(struct relay_conf, suppress, "7d", "An address of which its server said that it does not exist (5.1.1, 5.1.6, 5.1.10): mail that is submitted to it is refused for so long (facteurctl suppress list); 0s: never"),
    FCT_CONF_KEY(struct relay_conf, tls, "may", "none, may (opportunistic, RFC 7435), required (any certificate) or verified (its name must be the host's). DANE and MTA-STS ask for more by themselves"),
    FCT_CONF_KEY(struct relay_conf, trust, "/etc/ssl/certs/ca-certificates.crt", "Authorities that certificates are verified against, a PEM file; empty or not there: none"),
    FCT_CONF_KEY(struct relay_conf, ip, "both", "both, ipv4 or ipv6: addresses that are tried"),
    FCT_CONF_KEY(struct relay_conf, port, "25", "Port of hosts that the DNS names; others are for tests"),
    FCT_CONF_KEY(struct relay_conf, source, "[]", "Addresses that connections come from, one of each family is taken in turn; []: the system's choice"),
    FCT_CONF_KEY(struct relay_conf, down_convert, "yes", "Encode 8-bit mail for servers without 8BITMIME (RFC 6152 3), binary mail for those without BINARYMIME; signatures (DKIM) do not survive it. no: such mail bounces"),
    FCT_CONF_KEY(struct relay_conf, allow_private, "no", "Let an MX lead to loopback, private and other special addresses (RFC 6890). Routes may always"),
    FCT_CONF_KEY(struct relay_conf, routes, "", "File with lines `DOMAIN HOST:PORT`: next hops without MX, before those of `route` blocks"),
    FCT_CONF_KEY(struct relay_conf, report_language, "en", "Language of reports to senders when neither their account (`languages`) nor their message names one: en or fr"),
    FCT_CONF_KEY(struct relay_conf, report_max_original, "50K", "Messages up to this size go back whole with a report when the sender asked for it (RET=FULL); else their header"),
    FCT_CONF_KEY(struct relay_conf, max_reports, "500", "Reports to one address elsewhere in an hour, so that forged senders are not flooded; what is above is only logged. Addresses here get all; 0: no limit"),
    FCT_CONF_END,
};

static const struct fct_conf_key route_keys[] = {
    FCT_CONF_KEY(struct route_conf, domain, "[]", "Domains of recipients: \"example.org\", \".example.org\" (all below it), \"*\""),
    FCT_CONF_KEY(struct route_conf, sender, "[]", "Domains of senders, likewise, or whole addresses; []: any. A route with senders goes before one without"),
    FCT_CONF_KEY(struct route_conf, class, "[]", "Classes that a plugin gave to the mail at queue.in; []: any. As with senders, these routes go before others"),
    FCT_CONF_KEY(struct route_conf, host, "[]", "Next hops in order: NAME, NAME:PORT or [ADDRESS]:PORT; their addresses count, not their MX. []: the MX of the domain, with the settings of this route"),
    FCT_CONF_KEY(struct route_conf, tls, "", "none, may, required, verified, or TLS before the greeting (port 465): implicit (any certificate), implicit_verified; empty: relay.tls"),
    FCT_CONF_KEY(struct route_conf, user, "", "User of a smart host (RFC 4954); AUTH is then required, over TLS only unless tls = none"),
    FCT_CONF_KEY(struct route_conf, password, "", "Its password"),
    FCT_CONF_KEY(struct route_conf, source, "[]", "As relay.source"),
    FCT_CONF_KEY(struct route_conf, max_connections, "0", "As relay.max_destination_connections; 0: as there"),
    FCT_CONF_KEY(struct route_conf, message_gap, "0s", "As relay.message_gap; 0s: as there"),
    FCT_CONF_END,
};
/* clang-format on */

static const char *const tls_words[] = {
    [RELAY_TLS_NONE] = "none",         [RELAY_TLS_MAY] = "may",
    [RELAY_TLS_REQUIRED] = "required", [RELAY_TLS_VERIFIED] = "verified",
    [RELAY_TLS_IMPLICIT] = "implicit", [RELAY_TLS_IMPLICIT_VERIFIED] = "implicit_verified",
};

const char *relay_tls_word(enum relay_tls tls)
{
    return tls_words[tls];
}

bool relay_tls_is_implicit(enum relay_tls tls)
{
    return tls == RELAY_TLS_IMPLICIT || tls == RELAY_TLS_IMPLICIT_VERIFIED;
}

bool relay_tls_is_verified(enum relay_tls tls)
{
    return tls == RELAY_TLS_VERIFIED || tls == RELAY_TLS_IMPLICIT_VERIFIED;
}

bool relay_tls_read(const char *text, enum relay_tls *out, struct fct_err *err)
{
    for (size_t i = 0; i < FCT_COUNT(tls_words); i++)
        if (str_equal(str_from(text), str_from(tls_words[i]))) {
            *out = (enum relay_tls)i;
            return true;
        }
    return fct_fail(err, FCT_SYNTAX,
                    "tls: \"%s\" is none of none, may, required, verified, implicit, "
                    "implicit_verified",
                    text);
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_equal(str_from(text), str_from(words[i])))
            return true;
    return false;
}

static bool check_words(const struct relay_conf *conf, struct fct_err *err)
{
    static const char *const ip[] = {"both", "ipv4", "ipv6"};
    static const char *const language[] = {"en", "fr"};
    enum relay_tls tls;

    if (!relay_tls_read(conf->tls, &tls, err))
        return false;
    if (relay_tls_is_implicit(tls))
        return fct_fail(err, FCT_SYNTAX, "tls: %s is for routes", conf->tls);
    if (!is_one_of(conf->ip, ip, FCT_COUNT(ip)))
        return fct_fail(err, FCT_SYNTAX, "ip: \"%s\" is none of both, ipv4, ipv6", conf->ip);
    if (!is_one_of(conf->report_language, language, FCT_COUNT(language)))
        return fct_fail(err, FCT_SYNTAX, "report_language: \"%s\" is neither en nor fr",
                        conf->report_language);
    return true;
}

static bool relay_check(const void *values, struct fct_err *err)
{
    const struct relay_conf *conf = values;
    struct schedule schedule;

    if (conf->max_connections == 0 || conf->max_destination_connections == 0 ||
        conf->unproven_connections == 0 || conf->max_recipients == 0)
        return fct_fail(err, FCT_SYNTAX,
                        "max_connections, max_destination_connections, unproven_connections and "
                        "max_recipients: must be at least 1");
    if (conf->port == 0 || conf->port > 65535 || conf->max_jobs == 0 || conf->domain_jobs == 0)
        return fct_fail(err, FCT_SYNTAX,
                        "port: must be 1 to 65535, max_jobs and domain_jobs at least 1");
    if (conf->retry_jitter < 0 || conf->retry_jitter > 0.5)
        return fct_fail(err, FCT_SYNTAX, "retry_jitter: must be 0 to 0.5");
    if (conf->dead_first.ms == 0 || conf->dead_max.ms < conf->dead_first.ms)
        return fct_fail(err, FCT_SYNTAX,
                        "dead_max: must be at least dead_first, and that above 0s");
    return check_words(conf, err) &&
           schedule_read(&schedule, &conf->retry, &conf->delay_warning, err) &&
           routes_check_sources(&conf->source, err);
}

static bool route_check(const void *values, struct fct_err *err)
{
    const struct route_conf *conf = values;
    struct route_host host;
    enum relay_tls tls;

    if (conf->domain.n == 0 && conf->sender.n == 0 && conf->class.n == 0)
        return fct_fail(err, FCT_SYNTAX, "domain: must name at least one (\"*\" for all)");
    for (size_t i = 0; i < conf->host.n; i++)
        if (!route_host_read(str_from(conf->host.item[i]), &host, err))
            return false;
    if (conf->tls[0] && !relay_tls_read(conf->tls, &tls, err))
        return false;
    if ((conf->user[0] == '\0') != (conf->password[0] == '\0'))
        return fct_fail(err, FCT_SYNTAX, "user and password: one without the other");
    return routes_check_sources(&conf->source, err);
}

const struct conf_block relay_block = {
    .name = "relay",
    .doc = "Mail that leaves: how other servers are reached, how often, for how long.",
    .keys = relay_keys,
    .size = sizeof(struct relay_conf),
    .file = "24-relay.conf",
    .check = relay_check,
};

const struct conf_block route_block = {
    .name = "route",
    .doc =
        "Where mail for some domains, or of some senders, goes instead of their MX: smart hosts, "
        "internal servers. The first route that fits counts.",
    .keys = route_keys,
    .size = sizeof(struct route_conf),
    .labelled = true,
    .file = "24-relay.conf",
    .check = route_check,
};
