/* dns_setup.c - see dns_setup.h. */
#include "core/dns/dns_setup.h"

#include "core/base/str.h"
#include "core/log/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#define SYSTEM_SERVERS 3           /* resolv.conf(5): the rest of them is ignored there too */
#define FALLBACK       "127.0.0.1" /* the same page: without a nameserver line */
#define CLASS_IN       1

/* Names and values as in unbound.conf(5). */
static bool set_option(struct ub_ctx *unbound, const char *name, const char *value,
                       struct fct_err *err)
{
    int code = ub_ctx_set_option(unbound, name, value);

    return code == UB_NOERROR ||
           fct_fail(err, FCT_BUG, "libunbound refuses %s %s: %s", name, value, ub_strerror(code));
}

/* ---- whom to ask ---- */

bool dns_server_check(struct fct_str text, struct fct_err *err)
{
    ptrdiff_t at = str_find_char(text, '@');
    struct fct_str host = at < 0 ? text : str_head(text, (size_t)at);
    char address[INET6_ADDRSTRLEN] = "";
    struct in6_addr binary;
    uint32_t port = 53;

    if (host.n < sizeof address)
        str_copy_c(address, sizeof address, host);
    if ((inet_pton(AF_INET, address, &binary) != 1 && inet_pton(AF_INET6, address, &binary) != 1) ||
        (at >= 0 &&
         (!str_to_u32(str_skip(text, (size_t)at + 1), &port) || port == 0 || port > 65535)))
        return fct_fail(err, FCT_SYNTAX,
                        "dns.server: \"%.*s\" must be ADDRESS or ADDRESS@PORT, as in 127.0.0.1@53",
                        FCT_FMT(str_head(text, 80)));
    return true;
}

static bool forward_to(struct ub_ctx *unbound, const char *server, struct fct_err *err)
{
    int code = ub_ctx_set_fwd(unbound, server);

    return code == UB_NOERROR ||
           fct_fail(err, FCT_SYNTAX, "dns.server %s: %s", server, ub_strerror(code));
}

/* "nameserver ADDRESS" lines; an address with a scope (fe80::1%eth0) as it stands. */
static unsigned system_servers(const char *path, char server[SYSTEM_SERVERS][80])
{
    FILE *f = fopen(path, "re");
    char line[512];
    unsigned n = 0;

    while (f && n < SYSTEM_SERVERS && fgets(line, sizeof line, f)) {
        struct fct_str rest = str_trim(str_from(line)), address;

        if (!str_starts(rest, FCT_STR("nameserver")))
            continue;
        address = str_trim(str_skip(rest, sizeof "nameserver" - 1));
        if (address.n > 0 && address.n < 80 && address.p != rest.p + sizeof "nameserver" - 1)
            str_copy_c(server[n++], 80, address);
    }
    if (f)
        fclose(f);
    return n;
}

static bool forward_to_system(struct ub_ctx *unbound, const char *path, struct fct_err *err)
{
    char server[SYSTEM_SERVERS][80];
    unsigned n = system_servers(path, server), good = 0;

    for (unsigned i = 0; i < n; i++)
        if (ub_ctx_set_fwd(unbound, server[i]) == UB_NOERROR)
            good++;
        else
            log_event(EV_WARNING, FCT_STR(""), F_C("text", "a nameserver is left out"),
                      F_C("file", path), F_C("nameserver", server[i]));
    return good > 0 || forward_to(unbound, FALLBACK, err);
}

static bool start_at_root(struct ub_ctx *unbound, const struct dns_conf *conf, struct fct_err *err)
{
    if (conf->server.n > 0)
        return fct_fail(err, FCT_SYNTAX, "dns.server is for dns.mode = forward");
    if (!conf->root_hints[0])
        return true;
    if (access(conf->root_hints, R_OK) != 0)
        return fct_fail(err, FCT_DENIED, "dns.root_hints %s: %s", conf->root_hints,
                        strerror(errno));
    return set_option(unbound, "root-hints:", conf->root_hints, err);
}

static bool set_servers(struct ub_ctx *unbound, const struct dns_conf *conf, struct fct_err *err)
{
    if (strcmp(conf->mode, "recurse") == 0)
        return start_at_root(unbound, conf, err);
    if (strcmp(conf->mode, "forward") != 0)
        return fct_fail(err, FCT_SYNTAX, "dns.mode must be forward or recurse");
    if (conf->server.n == 0)
        return forward_to_system(unbound, conf->resolv_conf, err);
    for (size_t i = 0; i < conf->server.n; i++)
        if (!dns_server_check(str_from(conf->server.item[i]), err) ||
            !forward_to(unbound, conf->server.item[i], err))
            return false;
    return true;
}

/* ---- how far to trust ---- */

static bool wants_validation(const struct dns_conf *conf, bool *out, struct fct_err *err)
{
    bool recurses = strcmp(conf->mode, "recurse") == 0;

    if (strcmp(conf->dnssec, "auto") == 0)
        *out = recurses && access(conf->trust_anchor, R_OK) == 0;
    else if (strcmp(conf->dnssec, "yes") == 0)
        *out = true;
    else if (strcmp(conf->dnssec, "no") == 0)
        *out = false;
    else
        return fct_fail(err, FCT_SYNTAX, "dns.dnssec must be yes, no or auto");
    return true;
}

bool dns_setup_validates(const struct dns_conf *conf)
{
    struct fct_err ignored = {0};
    bool yes = false;

    return wants_validation(conf, &yes, &ignored) && yes;
}

static bool set_anchor(struct ub_ctx *unbound, const char *path, struct fct_err *err)
{
    int code;

    if (access(path, R_OK) != 0)
        return fct_fail(err, FCT_DENIED, "dns.trust_anchor %s: %s", path, strerror(errno));
    code = ub_ctx_add_ta_file(unbound, path);
    return code == UB_NOERROR ||
           fct_fail(err, FCT_SYNTAX, "dns.trust_anchor %s: %s", path, ub_strerror(code));
}

/* ---- everything else ---- */

static bool set_number(struct ub_ctx *unbound, const char *name, uint64_t value,
                       struct fct_err *err)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return set_option(unbound, name, text, err);
}

static bool set_options(struct ub_ctx *unbound, const struct dns_conf *conf, bool validate,
                        struct fct_err *err)
{
    static const struct {
        const char *name, *value;
    } fixed[] = {
        {"use-syslog:", "no"},
        {"do-not-query-localhost:", "no"}, /* a resolver on this machine is the usual thing */
        {"unblock-lan-zones:", "yes"},     /* PTR of private addresses, where a resolver has them */
        {"insecure-lan-zones:", "yes"},
        {"edns-buffer-size:", "1232"}, /* no fragments (DNS flag day 2020) */
        {"qname-minimisation:", "yes"},
        {"outgoing-range:", "512"}, /* descriptors; further questions wait for one */
        {"unwanted-reply-threshold:", "1000000"},
    };

    for (size_t i = 0; i < FCT_COUNT(fixed); i++)
        if (!set_option(unbound, fixed[i].name, fixed[i].value, err))
            return false;
    /* One slow domain must not make the resolver behind it look dead for long. */
    if (strcmp(conf->mode, "forward") == 0 &&
        (!set_option(unbound, "infra-host-ttl:", "5", err) ||
         !set_option(unbound, "infra-keep-probing:", "yes", err)))
        return false;
    return set_option(unbound, "module-config:", validate ? "validator iterator" : "iterator",
                      err) &&
           set_number(unbound, "num-queries-per-thread:", conf->max_in_flight, err) &&
           set_number(unbound, "msg-cache-size:", conf->cache_size.bytes / 3, err) &&
           set_number(unbound, "rrset-cache-size:", conf->cache_size.bytes / 3 * 2, err) &&
           set_number(unbound, "cache-min-ttl:", conf->min_ttl.ms / 1000, err) &&
           set_number(unbound, "cache-max-ttl:", conf->max_ttl.ms / 1000, err);
}

/* A resolver that we forward to knows which names are not for the public tree. Only after the
 * first question: it ends the time of settings. */
static bool open_special_zones(struct ub_ctx *unbound, const struct dns_conf *conf,
                               struct fct_err *err)
{
    int code = strcmp(conf->mode, "forward") == 0 ? ub_ctx_zone_add(unbound, "test.", "nodefault")
                                                  : UB_NOERROR;

    return code == UB_NOERROR || fct_fail(err, FCT_BUG, "libunbound: %s", ub_strerror(code));
}

static void first_answer(void *arg, int rcode, void *packet, int length, int security,
                         char *why_bogus, int rate_limited)
{
    (void)packet, (void)length, (void)security, (void)why_bogus, (void)rate_limited;
    *(bool *)arg = rcode == 0;
}

/* The first question makes libunbound read its files; this one is answered without asking anybody
 * (RFC 6761 6.3). */
static bool read_files(struct ub_ctx *unbound, struct fct_err *err)
{
    bool answered = false;
    int id,
        code = ub_resolve_event(unbound, "localhost.", 1, CLASS_IN, &answered, first_answer, &id);

    if (code != UB_NOERROR)
        return fct_fail(err, FCT_DENIED, "libunbound: %s (is dns.trust_anchor right?)",
                        ub_strerror(code));
    return answered || fct_fail(err, FCT_BUG, "libunbound does not know localhost");
}

static bool check(const struct dns_conf *conf, struct fct_err *err)
{
    if (conf->timeout.ms == 0 || conf->max_in_flight == 0 || conf->max_in_flight > 65536)
        return fct_fail(err, FCT_SYNTAX,
                        "dns.timeout and dns.max_in_flight (at most 65536) must be above 0");
    return true;
}

struct ub_ctx *dns_setup(struct event_base *base, const struct dns_conf *conf, struct fct_err *err)
{
    struct ub_ctx *unbound;
    bool validate = false;

    if (!check(conf, err) || !wants_validation(conf, &validate, err))
        return NULL;
    unbound = ub_ctx_create_event(base);
    if (!unbound) {
        fct_fail(err, FCT_TEMP, "libunbound cannot use the event loop");
        return NULL;
    }
    (void)ub_ctx_debugout(unbound, NULL);
    if (set_servers(unbound, conf, err) && set_options(unbound, conf, validate, err) &&
        (!validate || set_anchor(unbound, conf->trust_anchor, err)) && read_files(unbound, err) &&
        open_special_zones(unbound, conf, err))
        return unbound;
    ub_ctx_delete(unbound);
    return NULL;
}
