/* redis_rig.h - a loop with fibers, a private redis-server on a Unix socket, or something that only
 * looks like one. */
#ifndef TESTS_REDIS_RIG_H
#define TESTS_REDIS_RIG_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/redis/redis.h"
#include <check.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/types.h>

/* How a false server answers: what it says to every piece of input; NULL: nothing. */
struct redis_false {
    struct evconnlistener *listener;
    const char *says;
};

struct redis_rig {
    struct event_base *base;
    struct arena *arena;
    struct redis *redis;
    struct redis_conf conf;
    pid_t server;
    char dir[64], socket[96], url[128];
};
extern struct redis_rig rig;

void redis_rig_start(void); /* the loop and a folder */
void redis_rig_stop(void);  /* everything */
/* The same with somebody else's loop and fibers. */
void redis_rig_begin(struct event_base *base);
void redis_rig_finish(void);
/* redis-server with more words of its command line (a NULL-terminated list, or NULL). */
void redis_rig_server(const char *const *more);
void redis_rig_kill(void);
void redis_rig_pretend(struct redis_false *server, const char *says);
void redis_rig_end(struct redis_false *server);
/* A client of rig.conf, whose url is the socket's unless it was set. */
void redis_rig_client(void);

/* Run work in a fiber, and the loop until it has ended. */
void redis_rig_run(void (*work)(void *arg), void *arg);

/* One command, words separated by spaces, through redis_call. */
struct redis_asked {
    const char *command;
    const struct fct_redis_reply *reply;
    struct fct_err err;
    bool done;
};
void redis_rig_ask_fiber(void *asked);
struct redis_asked redis_rig_ask(const char *command);

#endif
