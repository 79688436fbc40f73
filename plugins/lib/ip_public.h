/* ip_public.h - addresses that mean the same machine to everybody. */
#ifndef PLUGINS_LIB_IP_PUBLIC_H
#define PLUGINS_LIB_IP_PUBLIC_H

#include "plugins/lib/ip_address.h"

/* Not loopback, private, link-local, multicast or reserved (RFC 6890); of IPv6 only 2000::/3. The
 * networks of examples (RFC 5737, RFC 3849) count. */
bool ip_address_is_public(const struct ip_address *a);

#endif
