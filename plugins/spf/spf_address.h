/* spf_address.h - IP addresses and networks as SPF compares them. */
#ifndef PLUGINS_SPF_SPF_ADDRESS_H
#define PLUGINS_SPF_SPF_ADDRESS_H

#include <facteur/base.h>

/* IPv4 in the first four bytes. An IPv4-mapped IPv6 address is an IPv4 address (RFC 7208 5). */
struct spf_address {
    bool v6;
    uint8_t byte[16];
};

FCT_MUST_CHECK bool spf_address_parse(struct fct_str text, struct spf_address *out);
/* The first `bits` are the same, and the family. */
bool spf_address_matches(const struct spf_address *a, const struct spf_address *net, unsigned bits);

#define SPF_ADDRESS_ROOM 80
/* %{c}: 192.0.2.1, 2001:db8::1 */
struct fct_str spf_address_text(const struct spf_address *a, char out[SPF_ADDRESS_ROOM]);
/* %{i}: 192.0.2.1, 2.0.0.1.0.D.B.8.… (RFC 7208 7.3) */
struct fct_str spf_address_dotted(const struct spf_address *a, char out[SPF_ADDRESS_ROOM]);
/* The name to ask for its PTR records (RFC 1035 3.5, RFC 3596 2.5). */
struct fct_str spf_address_reverse(const struct spf_address *a, char out[SPF_ADDRESS_ROOM]);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. */
struct spf_net {
    struct spf_address address;
    unsigned bits;
};
FCT_MUST_CHECK bool spf_net_parse(struct fct_str text, struct spf_net *out);

#endif
