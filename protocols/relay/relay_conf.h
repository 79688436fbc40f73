/* relay_conf.h - the blocks `relay { … }`, how mail leaves, and `route NAME { … }`, where it goes
 * instead of the MX that the DNS names. */
#ifndef PROTOCOLS_RELAY_RELAY_CONF_H
#define PROTOCOLS_RELAY_RELAY_CONF_H

#include "core/conf/conf.h"

struct relay_conf {
    const char *helo;
    fct_duration connect_timeout, greeting_timeout, ehlo_timeout, mail_timeout, rcpt_timeout;
    fct_duration data_timeout, block_timeout, dot_timeout;
    uint32_t max_jobs, domain_jobs, max_connections, max_destination_connections,
        unproven_connections;
    fct_duration patience, silence, idle_keep, message_gap;
    uint32_t max_messages, max_recipients;
    fct_duration dead_first, dead_max, address_delay;
    struct fct_strings retry, delay_warning;
    double retry_jitter;
    fct_duration expire, expire_null, suppress;
    const char *tls, *trust;
    const char *ip;
    uint32_t port;
    struct fct_strings source;
    bool allow_private, down_convert;
    const char *routes;
    const char *report_language;
    fct_size report_max_original, body_memory;
    uint32_t max_reports;
};
extern const struct conf_block relay_block;

/* route NAME { domain = ["example.org", ".example.net"]  host = ["smtp.example.com:587"] … } */
struct route_conf {
    struct fct_strings domain, sender, class, host;
    const char *tls;
    const char *user, *password;
    struct fct_strings source;
    uint32_t max_connections;
    fct_duration message_gap;
};
extern const struct conf_block route_block;

enum relay_tls {
    RELAY_TLS_NONE,
    RELAY_TLS_MAY,
    RELAY_TLS_REQUIRED,
    RELAY_TLS_VERIFIED,
    RELAY_TLS_IMPLICIT,
    RELAY_TLS_IMPLICIT_VERIFIED
};
const char *relay_tls_word(enum relay_tls tls);
bool relay_tls_is_implicit(enum relay_tls tls); /* it begins before the greeting */
bool relay_tls_is_verified(enum relay_tls tls); /* the certificate must be the host's */
FCT_MUST_CHECK bool relay_tls_read(const char *text, enum relay_tls *out, struct fct_err *err);

#endif
