/* dns_conf.h - the `dns` block: whom to ask, how far to trust, how long to wait. */
#ifndef CORE_DNS_DNS_CONF_H
#define CORE_DNS_DNS_CONF_H

#include "core/conf/conf.h"

struct dns_conf {
    const char *mode;
    struct fct_strings server;
    const char *resolv_conf;
    const char *root_hints;
    const char *dnssec;
    const char *trust_anchor;
    fct_duration timeout;         /* of one question */
    fct_duration message_timeout; /* of all questions of one request to a filter together */
    uint32_t max_queries;         /* the same */
    uint32_t max_records;         /* of one answer */
    uint32_t max_in_flight;       /* questions of a process that are not answered yet */
    fct_size cache_size;
    fct_duration min_ttl, max_ttl;
};
extern const struct conf_block dns_block;

#endif
