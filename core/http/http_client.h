/* http_client.h - HTTP questions from fibers (libcurl), to hosts that the configuration names.
 *
 * https only, except to `plain` hosts. Names are looked up here, and the connection goes to an
 * address that was looked at first: private, loopback and other special ones are refused unless the
 * host may have them, at every redirect anew, so that no answer of the DNS leads inside. No
 * cookies, no credentials kept, one fixed User-Agent, no proxies from the environment. Bounded in
 * size and time; a question whose fiber is cancelled ends at once.
 *
 * Nothing to fall back to: the caller gets an error and decides. */
#ifndef CORE_HTTP_HTTP_CLIENT_H
#define CORE_HTTP_HTTP_CLIENT_H

#include "core/base/arena.h"
#include "core/http/http_conf.h"
#include <facteur/plugin.h>

struct dns_resolver;
struct event_base;
struct http_client;

/* Reads ca_file, so call it before a sandbox closes. dns may be NULL: only addresses then. */
FCT_MUST_CHECK bool http_client_new(struct event_base *base, const struct http_conf *conf,
                                    struct dns_resolver *dns, struct http_client **out,
                                    struct fct_err *err);
void http_client_free(struct http_client **c); /* when no fiber asks any more */

/* True: there was an answer, whatever its status; it is in `arena`. False: FCT_DENIED, not allowed;
 * FCT_LIMIT, too large; FCT_TEMP, away or too slow; FCT_SYNTAX, no URL or a malformed header. */
FCT_MAY_WAIT bool http_ask(struct http_client *c, struct arena *arena,
                           const struct fct_http_request *request, struct fct_http_reply *reply,
                           struct fct_err *err);

struct http_stats {
    uint64_t asked, failed, refused, bytes;
    uint32_t running;
};
struct http_stats http_client_stats(const struct http_client *c);

/* http_rules.c: may this URL be asked, and may its host have this address (text)? */
FCT_MUST_CHECK bool http_url_allowed(const struct http_conf *conf, const struct fct_url *url,
                                     struct fct_err *err);
FCT_MUST_CHECK bool http_address_allowed(const struct http_conf *conf, const struct fct_url *url,
                                         struct fct_str address, struct fct_err *err);

#endif
