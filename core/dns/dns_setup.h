/* dns_setup.h - from the `dns` block to a context of libunbound that needs no file any more. */
#ifndef CORE_DNS_DNS_SETUP_H
#define CORE_DNS_DNS_SETUP_H

#include "core/base/err.h"
#include "core/dns/dns_conf.h"

struct event_base;
struct ub_ctx;

/* NULL with err when the configuration is wrong. The caller ends it with ub_ctx_delete. */
FCT_MUST_CHECK struct ub_ctx *dns_setup(struct event_base *base, const struct dns_conf *conf,
                                        struct fct_err *err);
/* Are answers validated (DNSSEC)? Looks for the trust anchor, so ask before a sandbox closes. */
bool dns_setup_validates(const struct dns_conf *conf);
/* "192.0.2.1", "2001:db8::1@5353": what may stand in dns.server. */
FCT_MUST_CHECK bool dns_server_check(struct fct_str text, struct fct_err *err);

#endif
