/* ctl_dns_host.c - what can be said about this server from here: its addresses and its certificate.
 */
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_dns_int.h"
#include "plugins/lib/ip_public.h"
#include "protocols/edge_conf.h"
#include "protocols/relay/policy/dane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* ---- addresses ---- */

static bool is_public(const char *text)
{
    struct ip_address address;

    return ip_address_parse(str_from(text), &address) && ip_address_is_public(&address);
}

static void add_address(struct dns_records *r, const char *text)
{
    for (size_t i = 0; i < r->addresses; i++)
        if (strcmp(r->address[i], text) == 0)
            return;
    if (r->addresses < ADDRESSES_MAX)
        r->address[r->addresses++] = arena_cstr(r->arena, str_from(text));
}

static bool add_given(struct dns_records *r, struct fct_err *err)
{
    const struct ctl *c = r->ctl;
    struct ip_address address;

    for (unsigned i = 0; i < c->ngiven; i++) {
        if (strcmp(c->given[i].option->name, "--address") != 0)
            continue;
        if (!ip_address_parse(str_from(c->given[i].value), &address))
            return fct_fail(err, FCT_SYNTAX, "--address %s: not an IP address", c->given[i].value);
        add_address(r, c->given[i].value);
    }
    return true;
}

static void add_interfaces(struct dns_records *r)
{
    struct ifaddrs *all = NULL;
    char text[INET6_ADDRSTRLEN];

    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        bool v6 = i->ifa_addr && i->ifa_addr->sa_family == AF_INET6;
        socklen_t size = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

        if (i->ifa_addr && (v6 || i->ifa_addr->sa_family == AF_INET) &&
            getnameinfo(i->ifa_addr, size, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0 &&
            is_public(text))
            add_address(r, text);
    }
    freeifaddrs(all);
}

/* "192.0.2.1:25", "[2001:db8::1]:25", "*:25" */
static void add_listening(struct dns_records *r, const char *at)
{
    struct fct_str text = str_from(at);
    const char *colon = strrchr(at, ':');
    const char *host;

    if (!colon || strncmp(at, "unix:", 5) == 0)
        return;
    text.n = (size_t)(colon - at);
    if (text.n > 2 && text.p[0] == '[')
        text = (struct fct_str){text.p + 1, text.n - 2};
    host = arena_cstr(r->arena, text);
    if (strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
        add_interfaces(r);
    else if (is_public(host))
        add_address(r, host);
}

bool dns_host_addresses(struct dns_records *r, struct fct_err *err)
{
    const struct listener_conf *l;

    if (!add_given(r, err))
        return false;
    if (r->addresses > 0)
        return true;
    for (size_t i = 0; (l = config_each(r->ctl->config, &listener_block, i, NULL)); i++)
        for (size_t k = 0; k < l->address.n && listener_kind(l) == LISTENER_MX; k++)
            add_listening(r, l->address.item[k]);
    return true;
}

/* ---- the certificate ---- */

static X509 *read_certificate(const char *path)
{
    FILE *f = fopen(path, "re");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    if (f)
        fclose(f);
    return x;
}

/* Of the certificate's public key, so that a renewal with the same key changes nothing. */
const char *dns_host_tlsa(struct dns_records *r)
{
    const struct tls_block_conf *conf = config_get(r->ctl->config, &tls_block);
    X509 *x = conf->certificate[0] ? read_certificate(conf->certificate) : NULL;
    struct tlsa_record record;
    bool ok = x && tlsa_record_of(r->arena, x, &record);

    X509_free(x);
    return ok ? arena_cstr(r->arena, tlsa_record_show(r->arena, &record)) : NULL;
}
