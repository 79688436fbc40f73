/* redis.h - commands to Redis from fibers: one connection per process (and server of a cluster),
 * shared by all, pipelined. One server, the master that Sentinels know, or a cluster: nobody behind
 * this header sees a difference, but that the keys of one script or command must lie in one slot of
 * a cluster ("{tag}" in all of them).
 *
 * Never a reason for mail to stop: a Redis that fails max_errors times in a row or lets one answer
 * take longer than `timeout` is away, and every call fails at once (FCT_TEMP) until a try in the
 * background, every `retry`, finds it again. What to do meanwhile is the caller's decision; it is
 * documented with each service.
 *
 * Because the connection is shared, commands that block it or change it for others are refused:
 * BLPOP, SUBSCRIBE, MULTI, SELECT and their like (redis_command.c). */
#ifndef CORE_REDIS_REDIS_H
#define CORE_REDIS_REDIS_H

#include "core/base/arena.h"
#include "core/redis/redis_conf.h"
#include <facteur/plugin.h>

struct dns_resolver;
struct event_base;
struct redis;

/* NULL without an error when there is to be none: no conf->url and no private server. Reads files,
 * so call it before a sandbox closes; connects only when started. conf must stay.
 * run_dir  of the server whose private Redis is meant; NULL: there is no such server
 * dns      for a server given by name; may be NULL */
FCT_MUST_CHECK bool redis_new(struct event_base *base, const struct redis_conf *conf,
                              const char *run_dir, struct dns_resolver *dns, struct redis **out,
                              struct fct_err *err);
void redis_start(struct redis *r); /* begin to connect */
void redis_free(struct redis **r); /* who still waits gets an error from the loop */

/* False: a call would fail at once; also for NULL. */
bool redis_is_there(const struct redis *r);

/* The reply, in `arena`. NULL: FCT_DENIED, Redis refused the command or we did; FCT_TEMP, it is
 * away; FCT_LIMIT, too many wait. */
FCT_MAY_WAIT const struct fct_redis_reply *redis_call(struct redis *r, struct arena *arena,
                                                      const struct fct_str *word, size_t n,
                                                      struct fct_err *err);
/* By its hash, sent once where Redis does not know it. The script's address names it: it must stay
 * as it is for the life of the process. */
FCT_MAY_WAIT const struct fct_redis_reply *redis_script(struct redis *r, struct arena *arena,
                                                        const struct fct_redis_script *script,
                                                        const struct fct_str *key, size_t keys,
                                                        const struct fct_str *arg, size_t args,
                                                        struct fct_err *err);

struct redis_stats {
    uint64_t commands, errors, timeouts, connections, refused; /* refused: while away */
    uint32_t pending;
    bool there, away; /* away: calls fail at once. Neither: it is being connected to */
};
struct redis_stats redis_stats(const struct redis *r);

/* redis_command.c: may this command use a connection that others share? */
FCT_MUST_CHECK bool redis_command_allowed(const struct fct_str *word, size_t n,
                                          struct fct_err *err);

#endif
