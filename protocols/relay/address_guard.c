/* address_guard.c - see address_guard.h. IPv6 that carries IPv4 (RFC 4291 2.5.5.2, 6052, 3056,
 * 4380) is judged by the IPv4 address inside. */
#include "protocols/relay/address_guard.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>

struct block4 {
    uint8_t net[4];
    unsigned bits;
    const char *what;
};
struct block6 {
    uint8_t net[16];
    unsigned bits;
    const char *what;
    unsigned ipv4_at; /* where an IPv4 address is inside; 0: none */
};

/* clang-format off */
static const struct block4 blocks4[] = { /* RFC 6890 */
    {{0},             8,  "no host (RFC 1122)"},
    {{10},            8,  "a private network (RFC 1918)"},
    {{100, 64},       10, "a provider's private network (RFC 6598)"},
    {{127},           8,  "loopback"},
    {{169, 254},      16, "link-local"},
    {{172, 16},       12, "a private network (RFC 1918)"},
    {{192, 0, 0},     24, "reserved (RFC 6890)"},
    {{192, 0, 2},     24, "for documentation (RFC 5737)"},
    {{192, 88, 99},   24, "reserved (RFC 7526)"},
    {{192, 168},      16, "a private network (RFC 1918)"},
    {{198, 18},       15, "for benchmarks (RFC 2544)"},
    {{198, 51, 100},  24, "for documentation (RFC 5737)"},
    {{203, 0, 113},   24, "for documentation (RFC 5737)"},
    {{224},           4,  "multicast"},
    {{240},           4,  "reserved (RFC 1112)"},
};

static const struct block6 blocks6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, NULL, 12},
    {{0, 0x64, 0xff, 0x9b}, 96, NULL, 12},
    {{0x20, 0x02}, 16, NULL, 2},
    {{0}, 8, "loopback or reserved (RFC 4291)", 0},
    {{0x01}, 8, "discard-only (RFC 6666)", 0},
    {{0x20, 0x01, 0x00}, 23, "special (RFC 6890)", 0},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "for documentation (RFC 3849)", 0},
    {{0xfc}, 7, "a private network (RFC 4193)", 0},
    {{0xfe, 0x80}, 10, "link-local", 0},
    {{0xfe, 0xc0}, 10, "a private network (RFC 3879)", 0},
    {{0xff}, 8, "multicast", 0},
    {{0x3f, 0xff}, 20, "for documentation (RFC 9637)", 0},
};
static const struct block6 given_out = {{0x20}, 3, NULL, 0}; /* RFC 4291 2.4; the rest is for later times */
/* clang-format on */

static bool in_block(const uint8_t *address, const uint8_t *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(address, net, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ net[whole]) & (0xff00u >> rest & 0xff)) == 0;
}

static const char *special4(const uint8_t *address)
{
    for (size_t i = 0; i < FCT_COUNT(blocks4); i++)
        if (in_block(address, blocks4[i].net, blocks4[i].bits))
            return blocks4[i].what;
    return NULL;
}

static const struct block6 *block6_of(const uint8_t *address)
{
    for (size_t i = 0; i < FCT_COUNT(blocks6); i++)
        if (in_block(address, blocks6[i].net, blocks6[i].bits))
            return &blocks6[i];
    return NULL;
}

static const char *special6(const uint8_t *address)
{
    const struct block6 *block = block6_of(address);

    if (block)
        return block->ipv4_at ? special4(address + block->ipv4_at) : block->what;
    return in_block(address, given_out.net, given_out.bits) ? NULL : "reserved (RFC 4291)";
}

const char *address_special(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return special4((const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr);
    if (address->ss_family == AF_INET6)
        return special6((const uint8_t *)&((const struct sockaddr_in6 *)address)->sin6_addr);
    return "no Internet address";
}

bool address_is_loopback(const struct sockaddr_storage *address)
{
    static const struct in6_addr one = IN6ADDR_LOOPBACK_INIT;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;

    if (address->ss_family == AF_INET)
        return ((const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr)[0] == 127;
    return address->ss_family == AF_INET6 && (memcmp(v6, &one, sizeof one) == 0 ||
                                              (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127));
}

/* ---- this machine ---- */

void own_addresses_read(struct own_addresses *own)
{
    struct ifaddrs *list, *at;
    size_t room = 0;

    *own = (struct own_addresses){0};
    if (getifaddrs(&list) != 0)
        return;
    for (at = list; at; at = at->ifa_next)
        room++;
    own->address = calloc(room + 1, sizeof *own->address);
    for (at = list; at && own->address; at = at->ifa_next) {
        int family = at->ifa_addr ? at->ifa_addr->sa_family : AF_UNSPEC;

        if (family == AF_INET)
            memcpy(&own->address[own->n++], at->ifa_addr, sizeof(struct sockaddr_in));
        else if (family == AF_INET6)
            memcpy(&own->address[own->n++], at->ifa_addr, sizeof(struct sockaddr_in6));
    }
    freeifaddrs(list);
}

void own_addresses_free(struct own_addresses *own)
{
    free(own->address);
    *own = (struct own_addresses){0};
}

/* The bytes that say which machine it is: of IPv6 that carries IPv4, that. Returns how many. */
static size_t inside(const struct sockaddr_storage *address, const uint8_t **bytes)
{
    const struct block6 *block;

    if (address->ss_family == AF_INET) {
        *bytes = (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
        return sizeof(struct in_addr);
    }
    *bytes = (const uint8_t *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    block = block6_of(*bytes);
    if (!block || !block->ipv4_at)
        return sizeof(struct in6_addr);
    *bytes += block->ipv4_at;
    return sizeof(struct in_addr);
}

static bool same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const uint8_t *x, *y;
    size_t n = inside(a, &x);

    return inside(b, &y) == n && memcmp(x, y, n) == 0;
}

bool own_addresses_have(const struct own_addresses *own, const struct sockaddr_storage *address)
{
    for (size_t i = 0; i < own->n; i++)
        if (same(&own->address[i], address))
            return true;
    return false;
}
