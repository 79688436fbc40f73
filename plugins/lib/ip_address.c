/* ip_address.c - see ip_address.h. */
#include "plugins/lib/ip_address.h"

#include <arpa/inet.h>

#define TEXT_MAX         45 /* of an address */
#define NETWORK_BYTES    3
#define NETWORK_BYTES_V6 8

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_address_parse(struct fct_str text, struct ip_address *out)
{
    char copy[TEXT_MAX + 1];
    uint8_t v6[16];

    *out = (struct ip_address){0};
    if (text.n == 0 || text.n > TEXT_MAX || memchr(text.p, 0, text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (inet_pton(AF_INET, copy, out->byte) == 1)
        return true;
    if (inet_pton(AF_INET6, copy, v6) != 1)
        return false;
    out->v6 = memcmp(v6, mapped, sizeof mapped) != 0;
    if (out->v6)
        memcpy(out->byte, v6, sizeof v6);
    else
        memcpy(out->byte, v6 + sizeof mapped, 4);
    return true;
}

bool ip_address_matches(const struct ip_address *a, const struct ip_address *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    unsigned mask = 0xff00u >> rest;

    return a->v6 == net->v6 && memcmp(a->byte, net->byte, whole) == 0 &&
           (rest == 0 || ((unsigned)(a->byte[whole] ^ net->byte[whole]) & mask & 0xffu) == 0);
}

struct fct_str ip_address_text(const struct ip_address *a, char out[IP_ADDRESS_ROOM])
{
    if (!inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->byte, out, IP_ADDRESS_ROOM))
        out[0] = '\0';
    return (struct fct_str){out, strlen(out)};
}

struct fct_str ip_address_network(const struct ip_address *a, char out[IP_ADDRESS_ROOM])
{
    struct ip_address net = {.v6 = a->v6};

    memcpy(net.byte, a->byte, a->v6 ? NETWORK_BYTES_V6 : NETWORK_BYTES);
    return ip_address_text(&net, out);
}

/* Upper case, as the public test suite of RFC 7208 has it; the DNS does not care. */
static const char hex[] = "0123456789ABCDEF";

struct fct_str ip_address_dotted(const struct ip_address *a, char out[IP_ADDRESS_ROOM])
{
    size_t n = 0;

    if (!a->v6)
        return ip_address_text(a, out);
    for (size_t i = 0; i < 16; i++) {
        out[n++] = hex[a->byte[i] >> 4];
        out[n++] = '.';
        out[n++] = hex[a->byte[i] & 15];
        out[n++] = '.';
    }
    return (struct fct_str){out, n - 1};
}

struct fct_str ip_address_reverse(const struct ip_address *a, char out[IP_ADDRESS_ROOM])
{
    const uint8_t *b = a->byte;
    size_t n = 0;

    if (!a->v6) {
        n = (size_t)snprintf(out, IP_ADDRESS_ROOM, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1],
                             b[0]);
        return (struct fct_str){out, n};
    }
    for (size_t i = 16; i-- > 0;) {
        out[n++] = hex[b[i] & 15];
        out[n++] = '.';
        out[n++] = hex[b[i] >> 4];
        out[n++] = '.';
    }
    memcpy(out + n, "ip6.arpa", 8);
    return (struct fct_str){out, n + 8};
}

bool ip_net_parse(struct fct_str text, struct ip_net *out)
{
    const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
    size_t address = slash ? (size_t)(slash - text.p) : text.n;
    unsigned most;

    if (!ip_address_parse((struct fct_str){text.p, address}, &out->address))
        return false;
    most = out->address.v6 ? 128 : 32;
    out->bits = most;
    if (!slash)
        return true;
    out->bits = 0;
    for (size_t i = address + 1; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || out->bits > most)
            return false;
        out->bits = out->bits * 10 + (unsigned)(text.p[i] - '0');
    }
    return address + 1 < text.n && out->bits <= most;
}
