/* address_guard.h - addresses that mail is never sent to because a name of the DNS led there: this
 * machine, private networks, what is no host (threats.md: SSRF by MX). Routes that the
 * administrator wrote are not asked. */
#ifndef PROTOCOLS_RELAY_ADDRESS_GUARD_H
#define PROTOCOLS_RELAY_ADDRESS_GUARD_H

#include "core/base/arena.h"
#include <sys/socket.h>

/* NULL: an address of the Internet. Else what it is: "loopback", "a private network" … */
const char *address_special(const struct sockaddr_storage *address);

bool address_is_loopback(const struct sockaddr_storage *address);

/* The addresses of this machine's interfaces, read before the sandbox closes. */
struct own_addresses {
    struct sockaddr_storage *address;
    size_t n;
};
void own_addresses_read(struct own_addresses *own);
void own_addresses_free(struct own_addresses *own);
bool own_addresses_have(const struct own_addresses *own, const struct sockaddr_storage *address);

#endif
