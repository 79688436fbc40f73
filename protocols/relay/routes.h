/* routes.h - which way the administrator wants mail to go: `route` blocks and the file of
 * `relay.routes` (facteur dev --route). What none of them names goes to its MX. */
#ifndef PROTOCOLS_RELAY_ROUTES_H
#define PROTOCOLS_RELAY_ROUTES_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "protocols/relay/relay_conf.h"

struct route_host {
    struct fct_str name; /* or an address, without brackets */
    uint16_t port;       /* 25 when none is written */
    bool is_address;
};
/* "mx.example.org", "mx.example.org:587", "192.0.2.1:25", "[2001:db8::1]:25". Views into text. */
FCT_MUST_CHECK bool route_host_read(struct fct_str text, struct route_host *out,
                                    struct fct_err *err);
FCT_MUST_CHECK bool routes_check_sources(const struct fct_strings *source, struct fct_err *err);

struct route {
    const char *name; /* of its block, or of the file's line */
    struct fct_strings domain, sender, class;
    const struct route_host *host;
    size_t hosts; /* 0: the MX of the domain */
    enum relay_tls tls;
    struct fct_str user, password; /* empty: no AUTH */
    struct fct_strings source;
    uint32_t max_connections;
    uint64_t message_gap_ms;
    bool is_standing; /* what no other route names */
    bool by_plugin;   /* one made of another (queue.route, a queue rule) */
};

struct routes;

/* Reads relay.routes; before the sandbox closes. Lives as long as conf. */
FCT_MUST_CHECK bool routes_load(const struct config *conf, struct routes **out,
                                struct fct_err *err);
void routes_free(struct routes **r);

/* domain: in lower case; sender: an address, empty for reports; class: as a plugin gave it
 * (queue.in), or empty. Never NULL: what no route names
 * gets the standing one, without hosts. */
const struct route *routes_find(const struct routes *r, struct fct_str domain,
                                struct fct_str sender, struct fct_str class);
size_t routes_count(const struct routes *r);

#endif
