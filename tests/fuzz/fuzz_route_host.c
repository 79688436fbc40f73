/* fuzz_route_host.c - hosts as a plugin, a rule or a file of routes names them, and domains that
 * are addresses: what is taken is a name of the DNS or an address with a port, printed as it reads;
 * an address is judged the same however it is spelled. */
#include "core/base/str.h"
#include "protocols/relay/address_guard.h"
#include "protocols/relay/connect.h"
#include "protocols/relay/mx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void try_address(struct fct_str text, uint16_t port)
{
    struct connect_address a, again;
    struct route_host host;
    struct fct_err err = {0};
    char shown[64];

    if (!connect_address_read(text, port, &a))
        return;
    connect_address_show(&a, shown);
    must(route_host_read(str_from(shown), &host, &err) && host.is_address && host.port == port &&
         connect_address_read(host.name, host.port, &again));
    must(address_special(&a.address) == address_special(&again.address));
    must(!address_is_loopback(&a.address) || address_special(&a.address));
}

static void try_host(struct fct_str text)
{
    struct route_host host;
    struct fct_err err = {0};

    if (!route_host_read(text, &host, &err)) {
        must(err.class == FCT_SYNTAX);
        return;
    }
    must(host.port > 0 && host.name.n > 0 && host.name.n <= 253);
    for (size_t i = 0; i < host.name.n; i++)
        must((unsigned char)host.name.p[i] > ' ' && (unsigned char)host.name.p[i] < 0x7f);
    if (host.is_address)
        try_address(host.name, host.port);
}

static void try_domain(struct arena *arena, struct fct_str domain)
{
    static const struct fct_str own[] = {FCT_STR_INIT("me.test")};
    const struct mx_self self = {own, 1, 25};
    struct delivery_result result;
    struct route route = {0};
    struct hops hops;

    if (mx_find(NULL, arena, domain, &route, &self, 0, &hops, &result)) {
        must(hops.n == 1 && hops.hop[0].is_address && !hops.by_route);
        try_address(hops.hop[0].name, hops.hop[0].port);
    } else {
        must(result.outcome == OUTCOME_FAILED || result.outcome == OUTCOME_DEFERRED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);

    try_host(in);
    try_address(in, 25);
    try_domain(arena, in);
    arena_free(&arena);
    return 0;
}
