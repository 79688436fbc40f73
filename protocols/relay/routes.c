/* routes.c - see routes.h. */
#include "protocols/relay/routes.h"

#include "core/base/map.h"
#include "core/base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MAX  (16u << 20)
#define SMTP_PORT 25

struct routes {
    struct arena *arena;
    struct map *by_domain; /* of the file: domain → struct route */
    struct route *route;   /* of the blocks */
    size_t n;
    struct route standing;
};

/* ---- one host ---- */

static bool is_address(struct fct_str text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    char c[INET6_ADDRSTRLEN];

    if (text.n == 0 || text.n >= sizeof c || str_find_char(text, '\0') >= 0)
        return false;
    str_copy_c(c, sizeof c, text);
    return inet_pton(AF_INET, c, bytes) == 1 || inet_pton(AF_INET6, c, bytes) == 1;
}

static bool bad_host(struct fct_str text, struct fct_err *err)
{
    return fct_fail(err, FCT_SYNTAX,
                    "\"%.*s\" is no host: NAME, NAME:PORT, ADDRESS:PORT or [IPV6]:PORT",
                    FCT_FMT(str_head(text, 100)));
}

static bool read_port(struct fct_str text, uint16_t *port)
{
    uint32_t n;

    if (!str_to_u32(text, &n) || n == 0 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

static bool is_name(struct fct_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = char_lower(text.p[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'))
            return false;
    }
    return text.n > 0 && text.n <= 253;
}

bool route_host_read(struct fct_str text, struct route_host *out, struct fct_err *err)
{
    struct fct_str rest = {0};
    ptrdiff_t end;

    *out = (struct route_host){.name = text, .port = SMTP_PORT};
    if (text.n > 0 && text.p[0] == '[') {
        end = str_find_char(text, ']');
        if (end < 0)
            return bad_host(text, err);
        out->name = str_head(str_skip(text, 1), (size_t)end - 1);
        rest = str_skip(text, (size_t)end + 1);
        if (!is_address(out->name) || (rest.n > 0 && rest.p[0] != ':'))
            return bad_host(text, err);
        rest = str_skip(rest, 1);
    } else if ((end = str_find_last_char(text, ':')) >= 0 && !is_address(text)) {
        out->name = str_head(text, (size_t)end);
        rest = str_skip(text, (size_t)end + 1);
        if (rest.n == 0)
            return bad_host(text, err);
    }
    out->is_address = is_address(out->name);
    if (!out->is_address && !is_name(out->name))
        return bad_host(text, err);
    return rest.n == 0 || read_port(rest, &out->port) || bad_host(text, err);
}

bool routes_check_sources(const struct fct_strings *source, struct fct_err *err)
{
    for (size_t i = 0; i < source->n; i++)
        if (!is_address(str_from(source->item[i])))
            return fct_fail(err, FCT_SYNTAX, "source: \"%s\" is no IP address", source->item[i]);
    return true;
}

/* ---- the blocks ---- */

static bool take_block(struct routes *r, const struct relay_conf *relay,
                       const struct route_conf *conf, const char *label, struct fct_err *err)
{
    struct route *route = &r->route[r->n++];
    struct route_host *host = ARENA_ARRAY(r->arena, struct route_host, conf->host.n + 1);

    for (size_t i = 0; i < conf->host.n; i++)
        if (!route_host_read(str_from(conf->host.item[i]), &host[i], err))
            return fct_fail_in(err, "route %s", label);
    *route = (struct route){
        .name = label,
        .domain = conf->domain,
        .sender = conf->sender,
        .class = conf->class,
        .host = host,
        .hosts = conf->host.n,
        .user = str_from(conf->user),
        .password = str_from(conf->password),
        .source = conf->source.n > 0 ? conf->source : relay->source,
        .max_connections =
            conf->max_connections ? conf->max_connections : relay->max_destination_connections,
        .message_gap_ms = conf->message_gap.ms ? conf->message_gap.ms : relay->message_gap.ms,
    };
    return relay_tls_read(conf->tls[0] ? conf->tls : relay->tls, &route->tls, err);
}

static bool take_blocks(struct routes *r, const struct config *conf, const struct relay_conf *relay,
                        struct fct_err *err)
{
    const struct route_conf *block;
    const char *label;
    size_t n = 0;

    while (config_each(conf, &route_block, n, NULL))
        n++;
    r->route = ARENA_ARRAY(r->arena, struct route, n + 1);
    for (size_t i = 0; (block = config_each(conf, &route_block, i, &label)); i++)
        if (!take_block(r, relay, block, label, err))
            return false;
    return true;
}

/* ---- the file ---- */

static bool read_file(const char *path, struct buf *out, struct fct_err *err)
{
    char block[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return fct_fail(err, FCT_SYNTAX, "relay.routes: %s: %s", path, strerror(errno));
    while ((n = read(fd, block, sizeof block)) > 0)
        buf_put(out, block, (size_t)n);
    close(fd);
    if (n < 0 || out->overflow)
        return fct_fail(err, FCT_SYNTAX, "relay.routes: %s: cannot be read, or is over %u bytes",
                        path, FILE_MAX);
    return true;
}

static bool take_line(struct routes *r, struct fct_str line, struct fct_err *err)
{
    struct fct_str rest = arena_str(r->arena, line), domain;
    struct route_host *host = ARENA_NEW(r->arena, struct route_host);
    struct route *route = ARENA_NEW(r->arena, struct route);
    size_t n = 0;

    while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != '\t')
        n++;
    domain = str_head(rest, n);
    rest = str_trim(str_skip(rest, n));
    if (rest.n == 0)
        return fct_fail(err, FCT_SYNTAX, "must be DOMAIN HOST:PORT");
    if (!route_host_read(rest, host, err))
        return false;
    char *lower = arena_alloc(r->arena, domain.n + 1);

    memcpy(lower, domain.p, domain.n);
    str_lower(lower, domain.n);
    *route = r->standing;
    route->is_standing = false;
    route->name = arena_cstr(r->arena, domain);
    route->host = host;
    route->hosts = 1;
    (void)map_put(r->by_domain, (struct fct_str){lower, domain.n}, route);
    return true;
}

static bool take_file(struct routes *r, const char *path, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX);
    struct fct_str rest;

    if (!path[0])
        return true;
    if (!read_file(path, &text, err))
        return false;
    rest = (struct fct_str){text.p ? text.p : "", text.n};
    for (unsigned number = 1; rest.p; number++) {
        struct fct_str line = str_trim(str_split(&rest, '\n'));

        if (line.n > 0 && line.p[0] != '#' && !take_line(r, line, err))
            return fct_fail_in(err, "%s:%u", path, number);
    }
    return true;
}

bool routes_load(const struct config *conf, struct routes **out, struct fct_err *err)
{
    const struct relay_conf *relay = config_get(conf, &relay_block);
    struct routes *r = calloc(1, sizeof *r);

    FCT_ASSERT(r);
    r->arena = arena_new(NULL);
    r->by_domain = map_new();
    r->standing = (struct route){
        .name = "mx",
        .source = relay->source,
        .max_connections = relay->max_destination_connections,
        .message_gap_ms = relay->message_gap.ms,
        .is_standing = true,
    };
    *out = r;
    if (relay_tls_read(relay->tls, &r->standing.tls, err) && take_blocks(r, conf, relay, err) &&
        take_file(r, relay->routes, err))
        return true;
    routes_free(out);
    return false;
}

void routes_free(struct routes **p)
{
    struct routes *r = *p;

    *p = NULL;
    if (!r)
        return;
    map_free(&r->by_domain);
    arena_free(&r->arena);
    free(r);
}

size_t routes_count(const struct routes *r)
{
    return r->n + map_count(r->by_domain);
}

/* ---- finding ---- */

/* "example.org", ".example.org" for what is below, "*". */
static bool domain_fits(const char *pattern, struct fct_str domain)
{
    struct fct_str p = str_from(pattern);

    if (str_equal(p, FCT_STR("*")))
        return true;
    if (p.n > 0 && p.p[0] == '.')
        return str_ends_nocase(domain, p) && domain.n > p.n;
    return str_equal_nocase(domain, p);
}

static bool any_domain_fits(const struct fct_strings *patterns, struct fct_str domain)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (domain_fits(patterns->item[i], domain))
            return true;
    return false;
}

static bool any_sender_fits(const struct fct_strings *patterns, struct fct_str sender)
{
    ptrdiff_t at = str_find_last_char(sender, '@');
    struct fct_str domain = at >= 0 ? str_skip(sender, (size_t)at + 1) : FCT_STR("");

    for (size_t i = 0; i < patterns->n; i++)
        if (strchr(patterns->item[i], '@') ? str_equal_nocase(str_from(patterns->item[i]), sender)
                                           : domain_fits(patterns->item[i], domain))
            return true;
    return false;
}

static bool class_fits(const struct fct_strings *classes, struct fct_str class)
{
    for (size_t i = 0; i < classes->n; i++)
        if (str_equal_nocase(str_from(classes->item[i]), class))
            return true;
    return false;
}

const struct route *routes_find(const struct routes *r, struct fct_str domain,
                                struct fct_str sender, struct fct_str class)
{
    const struct route *found = map_get(r->by_domain, domain);

    if (found)
        return found;
    for (int pass = 0; pass < 2; pass++) /* routes with senders or classes first */
        for (size_t i = 0; i < r->n; i++) {
            const struct route *route = &r->route[i];

            if ((route->sender.n > 0 || route->class.n > 0) != (pass == 0))
                continue;
            if ((route->domain.n == 0 || any_domain_fits(&route->domain, domain)) &&
                (route->sender.n == 0 || any_sender_fits(&route->sender, sender)) &&
                (route->class.n == 0 || class_fits(&route->class, class)))
                return route;
        }
    return &r->standing;
}
