/* role.h - what a process of ours is: one entry in the table of roles in core/main.c.
 *
 * The supervisor forks a role with its configuration, its listening sockets and a control channel;
 * then user, Landlock and seccomp close in (core/supervisor/sandbox.h) and `start` runs,
 * single-threaded, with fibers ready. Connections to other roles arrive by `peer`, now and again
 * after a restart of the other side. */
#ifndef CORE_SUPERVISOR_ROLE_H
#define CORE_SUPERVISOR_ROLE_H

#include "core/conf/conf.h"
#include "core/ipc/ipc.h"

struct event_base;
struct role_process;

enum role_kind {
    ROLE_EDGE,
    ROLE_FILTER,
    ROLE_STORE,
    ROLE_CTL,
    ROLE_MILTER,
    ROLE_RELAY,
    ROLE_IMAGES,
    ROLE_COUNT
};

struct role_listener {
    int fd;
    const char *label;   /* of its `listener` block */
    const void *conf;    /* struct listener_conf (protocols/edge_conf.h) */
    enum role_kind kind; /* who accepts on it */
};

#define ROLE_SHARED_BYTES 4096u      /* env->shared: one filter's crash slot */
#define ROLE_COMMON_BYTES (9u << 20) /* env->shared_common: all filters', mostly the history */

struct role_env {
    struct event_base *base;
    const struct config *conf;
    enum role_kind kind;
    unsigned index;             /* 0 … of this kind */
    unsigned count[ROLE_COUNT]; /* how many of each kind run */
    const char *data_dir;       /* store: where the data is; NULL for roles that may not know */
    const char *run_dir;
    const char *server_name; /* server.name, or the host's name */
    const char *plugin_dir;  /* server.plugin_dir and lua_dir, defaults filled in */
    const char *lua_dir;
    bool for_command; /* lives for one command of facteurctl: nothing happens in the background */
    bool dev;         /* facteur dev: cheap hashes, plain-text login on loopback */
    const char *record, *replay;           /* filter: cassettes of facteurctl scan; else NULL */
    const struct role_listener *listeners; /* those of this kind */
    size_t nlisteners;
    int trusted_fd[2]; /* e.g. TLS files opened before the sandbox; -1 */
    void *role_data;   /* the role's own */
    /* Filled in by `prepare`: folders it goes on reading behind the sandbox (lists of rules). Live
     * as long as the process. */
    const char *const *may_read;
    size_t nmay_read;
    const char *may_write; /* images: the folder of its cache, likewise */
    bool uses_redis;       /* relay: it needs a way to the private Redis, likewise */
    /* Memory shared over restarts, zeroed at first; NULL except for filters. The supervisor never
     * reads what is in it. shared: ROLE_SHARED_BYTES of this index: a filter started after a crash
     * finds what its predecessor wrote (who it was working for when it died) and counts the strike;
     * core/hook/filter_slot.h says what it looks like. shared_common: ROLE_COMMON_BYTES that all
     * filters share and that a reload keeps: strikes. */
    void *shared, *shared_common;
    struct role_process
        *process; /* the supervisor's part of this process; NULL in tests of a role */
};

struct role {
    enum role_kind kind;
    const char *name; /* "edge": process title, log, status */
    const char *doc;
    /* Before the sandbox closes, still with the supervisor's rights: load certificates, dlopen
     * plugins, open the data dir. */
    bool (*prepare)(struct role_env *env, struct fct_err *err);
    /* After it closed; must not block. */
    bool (*start)(struct role_env *env, struct fct_err *err);
    /* A connection to role `kind` number `index`: ours from now on. Replaces an earlier one to the
     * same process. The side that serves gets `kind` of its client; there `index` only tells living
     * clients of a kind apart (after a reload it can be above count[kind], and for ROLE_CTL it is a
     * running number). Comes after `start`. */
    void (*peer)(struct role_env *env, enum role_kind kind, unsigned index, int fd);
    /* Whoever lived when this process was ready has come by `peer`; those who come later were
     * started later. May be NULL. */
    void (*linked)(struct role_env *env);
    /* Stop taking new work; call role_drained(env) when nothing is left (the supervisor waits
     * `grace`, then ends us). */
    void (*drain)(struct role_env *env);
    /* Status as `name value` lines for facteurctl status; may be NULL. */
    void (*status)(struct role_env *env, struct buf *out);
    /* The event loop failed, because somebody closed its descriptors: the process ends. May be
     * NULL. */
    void (*lost)(struct role_env *env);
};

void role_drained(struct role_env *env);

/* Ask the supervisor to kill role `kind` number `index`: it does not answer (a plugin that loops).
 * It is started afresh and comes back by `peer`. Those who are linked to the filters may ask this
 * about them; every other wish is refused and logged. */
void role_kill_peer(struct role_env *env, enum role_kind kind, unsigned index);

/* Who is connected to whom: rows of {client, server}. The supervisor makes every pair and gives
 * each side its end. */
struct role_link {
    enum role_kind client, server;
};

#endif
