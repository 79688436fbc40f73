/* dns_addresses.h - where a host is, for those who connect: itself when it is an address, else what
 * the DNS and the hosts file say. */
#ifndef CORE_DNS_DNS_ADDRESSES_H
#define CORE_DNS_DNS_ADDRESSES_H

#include "core/base/arena.h"

struct dns_resolver;

/* Up to `max` addresses as text, IPv4 first; how many. 0: none, or no resolver (r may be NULL) and
 * no answer before deadline_ms. */
FCT_MAY_WAIT size_t dns_addresses(struct dns_resolver *r, struct arena *arena, struct fct_str host,
                                  uint64_t deadline_ms, struct fct_str *address, size_t max);

#endif
