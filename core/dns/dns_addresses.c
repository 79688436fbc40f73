/* dns_addresses.c - see dns_addresses.h. */
#include "core/dns/dns_addresses.h"

#include "core/base/str.h"
#include "core/dns/resolver.h"
#include <arpa/inet.h>

static bool is_address(struct fct_str host)
{
    unsigned char address[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];

    if (host.n >= sizeof text)
        return false;
    str_copy_c(text, sizeof text, host);
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

size_t dns_addresses(struct dns_resolver *r, struct arena *arena, struct fct_str host,
                     uint64_t deadline_ms, struct fct_str *address, size_t max)
{
    static const enum fct_dns_type types[] = {FCT_DNS_A, FCT_DNS_AAAA};
    size_t n = 0;

    if (is_address(host) && max > 0) {
        address[0] = host;
        return 1;
    }
    for (size_t t = 0; r && t < FCT_COUNT(types); t++) {
        struct fct_dns_answer answer = {0};

        if (!dns_resolve(r, arena, types[t], host, deadline_ms, &answer))
            continue;
        for (size_t i = 0; i < answer.n && n < max; i++)
            address[n++] = answer.record[i].data;
    }
    return n;
}
