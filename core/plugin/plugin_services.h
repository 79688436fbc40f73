/* plugin_services.h - what the host functions that go outside work with: the loop, the resolver,
 * the cassette. One per process, made by its owner (the filter role) before plugins start.
 *
 * Reached through struct plugin_set, so that a call finds it by its transaction. A member that is
 * NULL is not there: the functions that need it fail and say so. */
#ifndef CORE_PLUGIN_PLUGIN_SERVICES_H
#define CORE_PLUGIN_PLUGIN_SERVICES_H

#include "core/message/links.h"
#include "core/plugin/plugin_call.h"

struct cassette;
struct dns_resolver;
struct event_base;
struct http_client;
struct redis;
struct state;

struct plugin_services {
    struct event_base *base;
    struct dns_resolver *dns;
    struct cassette *cassette; /* answers are recorded or replayed (facteurctl scan) */
    uint32_t max_streams;      /* of all plugins together */
    struct link_limits links;  /* what plugins see of a message's HTML and URLs */
    size_t max_text;           /* bytes of text(); 0: a default */
    struct redis *redis;       /* NULL: none is configured */
    struct state *state;       /* kv and limit, in Redis or here */
    struct http_client *http;
};

/* NULL: plugins run without a world around them (some tests). */
static inline struct plugin_services *call_services(const struct fct_call *call)
{
    return call->tx->set->services;
}

/* Around everything that may suspend in a host function: the watchdog learns that the call is off
 * the processor, and every wait below ends at the call's deadline. begin: false when the call is
 * over or this is no fiber; end: false when it is over by now. */
struct service_wait {
    uint64_t outer_deadline;
};
FCT_MUST_CHECK bool service_wait_begin(struct fct_call *call, struct service_wait *wait);
bool service_wait_end(struct fct_call *call, const struct service_wait *wait);

/* A service that is configured was away and something worse took its place: once per transaction in
 * the ledger as degraded=`what`, each time in the plugin's figures. */
void service_degraded(struct fct_call *call, const char *what);

/* What a service gave to a plugin counts as its memory, like alloc(). False: its limit is reached.
 */
bool service_charge(struct fct_call *call, size_t bytes);

/* plugin_redis.c */
FCT_MAY_WAIT const struct fct_redis_reply *
service_redis(struct fct_call *call, const struct fct_str *word, size_t n, struct fct_err *err);
FCT_MAY_WAIT const struct fct_redis_reply *
service_redis_script(struct fct_call *call, const struct fct_redis_script *script,
                     const struct fct_str *key, size_t keys, const struct fct_str *arg, size_t args,
                     struct fct_err *err);

/* plugin_state.c */
FCT_MAY_WAIT bool service_kv_get(struct fct_call *call, struct fct_str key, struct fct_str *value);
FCT_MAY_WAIT bool service_kv_set(struct fct_call *call, struct fct_str key, struct fct_str value,
                                 uint32_t ttl_s);
FCT_MAY_WAIT int64_t service_kv_add(struct fct_call *call, struct fct_str key, int64_t by,
                                    uint32_t ttl_s);
FCT_MAY_WAIT bool service_kv_seen(struct fct_call *call, struct fct_str key, uint32_t ttl_s);
FCT_MAY_WAIT bool service_limit_take(struct fct_call *call, struct fct_str key,
                                     const struct fct_rate *rate, uint32_t amount,
                                     uint32_t *wait_ms);

/* plugin_http.c */
FCT_MAY_WAIT bool service_http(struct fct_call *call, const struct fct_http_request *request,
                               struct fct_http_reply *reply, struct fct_err *err);

/* plugin_stream.c: byte streams of plugins. */
FCT_MAY_WAIT struct fct_stream *stream_host_dial(struct fct_call *call, struct fct_str address,
                                                 struct fct_err *err);
FCT_MAY_WAIT bool stream_host_write(struct fct_call *call, struct fct_stream *stream,
                                    struct fct_str bytes);
FCT_MAY_WAIT ssize_t stream_host_read(struct fct_call *call, struct fct_stream *stream, void *to,
                                      size_t max);
void stream_host_close(struct fct_stream *stream);
void stream_host_timeout(struct fct_stream *stream, uint32_t ms);
void plugin_streams_close(const struct fct_self *self); /* the plugin stops */
unsigned plugin_streams_open(void);

/* plugin_dns.c */
FCT_MAY_WAIT bool service_dns(struct fct_call *call, enum fct_dns_type type, struct fct_str name,
                              struct fct_dns_answer *out);

#endif
