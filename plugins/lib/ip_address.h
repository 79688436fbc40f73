/* ip_address.h - IP addresses and networks, compared as SPF compares them. */
#ifndef PLUGINS_LIB_IP_ADDRESS_H
#define PLUGINS_LIB_IP_ADDRESS_H

#include <facteur/base.h>

/* IPv4 in the first four bytes. An IPv4-mapped IPv6 address is an IPv4 address (RFC 7208 5). */
struct ip_address {
    bool v6;
    uint8_t byte[16];
};

FCT_MUST_CHECK bool ip_address_parse(struct fct_str text, struct ip_address *out);
/* The first `bits` are the same, and the family. */
bool ip_address_matches(const struct ip_address *a, const struct ip_address *net, unsigned bits);

#define IP_ADDRESS_ROOM 80
/* 192.0.2.1, 2001:db8::1 */
struct fct_str ip_address_text(const struct ip_address *a, char out[IP_ADDRESS_ROOM]);
/* What one customer has of a provider, and so who has one of these addresses has the others, too:
 * the first 24 bits of an IPv4 address, 64 of IPv6; "192.0.2.0", "2001:db8:1:2::". */
struct fct_str ip_address_network(const struct ip_address *a, char out[IP_ADDRESS_ROOM]);
/* 192.0.2.1, 2.0.0.1.0.D.B.8.…, as macros of SPF write it (RFC 7208 7.3) */
struct fct_str ip_address_dotted(const struct ip_address *a, char out[IP_ADDRESS_ROOM]);
/* The name to ask for its PTR records (RFC 1035 3.5, RFC 3596 2.5). */
struct fct_str ip_address_reverse(const struct ip_address *a, char out[IP_ADDRESS_ROOM]);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. */
struct ip_net {
    struct ip_address address;
    unsigned bits;
};
FCT_MUST_CHECK bool ip_net_parse(struct fct_str text, struct ip_net *out);

#endif
