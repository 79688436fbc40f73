/* redis_int.h - what the files of this folder share: where the server is, and the way there. */
#ifndef CORE_REDIS_REDIS_INT_H
#define CORE_REDIS_REDIS_INT_H

#include "core/net/dial.h"
#include "core/redis/redis.h"

struct bufferevent;
struct ssl_ctx_st;

struct redis_place {
    bool tls;
    struct dial_address address;
    struct fct_str user, password; /* user empty: the default user */
    uint32_t database;
};
/* conf->url, or the private server of run_dir when there is none. Views live in `arena`. */
FCT_MUST_CHECK bool redis_place_parse(struct arena *arena, const struct redis_conf *conf,
                                      const char *run_dir, struct redis_place *out,
                                      struct fct_err *err);

/* As in the URL, without user and password: for the log. */
struct fct_str redis_place_name(struct arena *arena, const struct redis_place *place);

/* redis.c: any command, also one that redis_command_allowed refuses. */
FCT_MAY_WAIT const struct fct_redis_reply *redis_send(struct redis *r, struct arena *arena,
                                                      const struct fct_str *word, size_t n,
                                                      struct fct_err *err);

/* redis_script.c: hashes of the scripts seen so far. */
enum { REDIS_SHA_HEX = 40, REDIS_SCRIPTS_MAX = 256 };
struct redis_scripts {
    struct {
        const struct fct_redis_script *script;
        char sha[REDIS_SHA_HEX + 1];
    } script[REDIS_SCRIPTS_MAX];
    size_t n;
};
struct redis_scripts *redis_scripts_of(struct redis *r);

/* redis_link.c: TLS towards Redis, and a connection, ready to use, before deadline_ms. */
FCT_MUST_CHECK bool redis_tls_new(const char *ca_file, struct ssl_ctx_st **out,
                                  struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool redis_dial(struct event_base *base,
                                            const struct redis_place *place, struct ssl_ctx_st *tls,
                                            struct dns_resolver *dns, uint64_t deadline_ms,
                                            struct bufferevent **out, struct fct_err *err);

#endif
