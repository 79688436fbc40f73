/* redis_int.h - what the files of this folder share.
 *
 *   redis.c           the client: one server, or a cluster of them
 *   redis_node.c      one server: its breaker, and a connection made anew in the background
 *   redis_conn.c      one connection: commands out, answers in, in order
 *   redis_link.c      the way there: addresses, TLS
 *   redis_sentinel.c  who is the master?
 *   redis_cluster.c   which server has a key? */
#ifndef CORE_REDIS_REDIS_INT_H
#define CORE_REDIS_REDIS_INT_H

#include "core/fiber/fiber.h"
#include "core/net/dial.h"
#include "core/redis/redis.h"
#include "core/redis/redis_reply.h"
#include <event2/event.h>
#include <event2/event_struct.h>

struct bufferevent;
struct ssl_ctx_st;

/* ---- redis_place.c: redis.url taken apart ---- */

enum redis_kind { REDIS_SINGLE, REDIS_SENTINEL, REDIS_CLUSTER };
enum { REDIS_HOSTS_MAX = 16 };

struct redis_login {
    struct fct_str user, password; /* user empty: the default user */
};
struct redis_place {
    enum redis_kind kind;
    bool tls;
    struct dial_address address[REDIS_HOSTS_MAX]; /* the server; Sentinels; some of a cluster */
    size_t n;
    struct fct_str master; /* what Sentinels call it */
    struct redis_login login, sentinel_login;
    uint32_t database;
};
/* conf->url, or the private server of run_dir when there is none. Views live in `arena`. */
FCT_MUST_CHECK bool redis_place_parse(struct arena *arena, const struct redis_conf *conf,
                                      const char *run_dir, struct redis_place *out,
                                      struct fct_err *err);
/* "host:port", "[::1]:port" or a path. */
struct fct_str redis_address_name(struct arena *arena, const struct dial_address *address);
/* For the log: without user and password. */
struct fct_str redis_place_name(struct arena *arena, const struct redis_place *place);

/* ---- redis_script.c: hashes of the scripts seen so far ---- */

enum { REDIS_SHA_HEX = 40, REDIS_SCRIPTS_MAX = 256 };
struct redis_scripts {
    struct {
        const struct fct_redis_script *script;
        char sha[REDIS_SHA_HEX + 1];
    } script[REDIS_SCRIPTS_MAX];
    size_t n;
};

/* ---- redis.c ---- */

struct redis_node;
struct redis_cluster;

struct redis {
    struct event_base *base;
    const struct redis_conf *conf;
    struct dns_resolver *dns;
    struct arena *arena;
    struct redis_place place;
    struct fct_str name; /* of the place, for the log */
    struct ssl_ctx_st *tls;
    struct redis_node *node;       /* of a cluster: NULL */
    struct redis_cluster *cluster; /* else: NULL */
    unsigned users;                /* nodes and fibers that still need this */
    struct redis_scripts scripts;
    struct redis_stats stats;
    uint64_t complained_ms; /* when EV_REDIS_REFUSES was logged */
};

/* Any command, also one that redis_command_allowed refuses. */
FCT_MAY_WAIT const struct fct_redis_reply *redis_send(struct redis *r, struct arena *arena,
                                                      const struct fct_str *word, size_t n,
                                                      struct fct_err *err);
void redis_unref(struct redis *r);

/* redis_command.c: the place of a command's first key among its words; 0: it has none. A guess for
 * commands it does not know; a cluster puts us right. */
size_t redis_command_key(const struct fct_str *word, size_t n);

/* ---- redis_link.c: TLS towards Redis, and a connection before deadline_ms ---- */

FCT_MUST_CHECK bool redis_tls_new(const char *ca_file, struct ssl_ctx_st **out,
                                  struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool redis_dial(struct redis *r, const struct dial_address *address,
                                            uint64_t deadline_ms, struct bufferevent **out,
                                            struct fct_err *err);

/* ---- redis_conn.c ---- */

struct redis_pending;

struct redis_conn {
    struct redis *redis;
    struct bufferevent *io; /* NULL: no connection */
    struct event turn;      /* its end: what was asked during it is written */
    bool plain;             /* no TLS: written without asking the loop whether there is room */
    redisReader *reader;
    struct redis_reply_limit limit;
    struct redis_pending *first, **end;
    struct redis_pending *unwritten; /* the first that Redis has not got yet; NULL: none */
    uint32_t pending;
    /* It is of no more use, and whoever waited has been told; late: because one answer took too
     * long. */
    void (*lost)(void *owner, bool late, const char *why);
    void *owner;
};

void redis_conn_init(struct redis_conn *c, struct redis *r,
                     void (*lost)(void *owner, bool late, const char *why), void *owner);
/* Connects and logs in. False: it is closed, and `lost` may have been called. */
FCT_MAY_WAIT FCT_MUST_CHECK bool redis_conn_open(struct redis_conn *c,
                                                 const struct dial_address *address,
                                                 const struct redis_login *login, uint32_t database,
                                                 struct fct_err *err);
/* asking: for a slot that is on its way to this server (a cluster's ASK). */
FCT_MAY_WAIT const struct fct_redis_reply *redis_conn_ask(struct redis_conn *c, struct arena *arena,
                                                          const struct fct_str *word, size_t n,
                                                          bool asking, struct fct_err *err);
void redis_conn_close(struct redis_conn *c, const char *why);

/* ---- redis_node.c ---- */

/* address: NULL: the master of which Sentinels know. */
struct redis_node *redis_node_new(struct redis *r, const struct dial_address *address);
/* Connect now, and again whenever it is lost. */
void redis_node_start(struct redis_node *n);
/* Nobody needs it: it is not connected again before it is started again. */
void redis_node_rest(struct redis_node *n);
void redis_node_free(struct redis_node **n);
FCT_MAY_WAIT const struct fct_redis_reply *redis_node_ask(struct redis_node *n, struct arena *arena,
                                                          const struct fct_str *word, size_t words,
                                                          bool asking, struct fct_err *err);
bool redis_node_is_there(const struct redis_node *n);
bool redis_node_is_away(const struct redis_node *n);
const struct dial_address *redis_node_address(const struct redis_node *n);

/* ---- redis_sentinel.c ---- */

/* The master's address, from the first Sentinel that knows it. Views in `arena`. */
FCT_MAY_WAIT FCT_MUST_CHECK bool redis_sentinel_ask(struct redis *r, struct arena *arena,
                                                    struct dial_address *out, struct fct_err *err);
/* Is this server a master, or a replica that Sentinels have not told yet? */
FCT_MAY_WAIT FCT_MUST_CHECK bool redis_sentinel_confirm(struct redis_conn *c, struct arena *arena,
                                                        struct fct_err *err);

/* ---- redis_cluster.c, redis_slot.c ---- */

struct redis_cluster *redis_cluster_new(struct redis *r);
void redis_cluster_start(struct redis_cluster *c);
void redis_cluster_free(struct redis_cluster **c);
FCT_MAY_WAIT const struct fct_redis_reply *redis_cluster_ask(struct redis_cluster *c,
                                                             struct arena *arena,
                                                             const struct fct_str *word, size_t n,
                                                             struct fct_err *err);
bool redis_cluster_is_there(const struct redis_cluster *c); /* every slot has a server that is */
bool redis_cluster_is_away(const struct redis_cluster *c);  /* every server is */

/* The slot of a key: CRC16 of what stands between the first { and the next }, else of all of it. */
enum { REDIS_SLOTS = 16384 };
unsigned redis_slot_of(struct fct_str key);
/* "MOVED 3999 127.0.0.1:6381" or "ASK …". An empty host: that of the server that said it. */
struct redis_redirection {
    bool ask;
    unsigned slot;
    struct dial_address to;
};
FCT_MUST_CHECK bool redis_redirection_parse(struct fct_str text, struct redis_redirection *out);
/* One row of CLUSTER SLOTS: first, last, {host, port, …} of the master, then its replicas. An empty
 * host: that of the server that was asked. */
struct redis_slot_range {
    unsigned first, last;
    struct dial_address at;
};
FCT_MUST_CHECK bool redis_slot_range_parse(const struct fct_redis_reply *row,
                                           struct redis_slot_range *out);

#define REDIS_SAYS "Redis: " /* how an error begins that the server sent */

#endif
