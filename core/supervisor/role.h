/* role.h - what a process of ours is: one entry in the table of roles in core/main.c.
 *
 * The supervisor forks a role with its configuration, its listening sockets and a control channel; then user, Landlock and
 * seccomp close in (core/supervisor/sandbox.h) and `start` runs, single-threaded, with fibers ready. Connections to other
 * roles arrive by `peer`, now and again after a restart of the other side. */
#ifndef CORE_SUPERVISOR_ROLE_H
#define CORE_SUPERVISOR_ROLE_H

#include "core/conf/conf.h"
#include "core/ipc/ipc.h"

struct event_base;

enum role_kind { ROLE_EDGE, ROLE_FILTER, ROLE_STORE, ROLE_CTL, ROLE_COUNT };

struct role_listener {
    int fd;
    const char *label;   /* of its `listener` block */
    const void *conf;    /* struct listener_conf (protocols/edge_conf.h) */
};

struct role_env {
    struct event_base *base;
    const struct config *conf;
    enum role_kind kind;
    unsigned index;                    /* 0 … of this kind */
    unsigned count[ROLE_COUNT];        /* how many of each kind run */
    const char *data_dir;              /* store: where the data is; NULL for roles that may not know */
    const char *run_dir;
    bool dev;                          /* facteur dev: cheap hashes, plain-text login on loopback */
    const struct role_listener *listeners;
    size_t nlisteners;
    int trusted_fd[2];                 /* e.g. TLS files opened before the sandbox; -1 */
    void *role_data;                   /* the role's own */
    const void *shared;                /* crash slots shared with the supervisor (struct filter_slot[]), see core/hook/filter_role.h */
};

struct role {
    enum role_kind kind;
    const char *name; /* "edge": process title, log, status */
    const char *doc;
    /* Before the sandbox closes, still with the supervisor's rights: load certificates, dlopen plugins, open the data dir. */
    bool (*prepare)(struct role_env *env, struct fct_err *err);
    /* After it closed; must not block. */
    bool (*start)(struct role_env *env, struct fct_err *err);
    /* A connection to role `kind` number `index`: ours from now on. Replaces an earlier one to the same process. The side that
     * serves gets `kind` of its client. */
    void (*peer)(struct role_env *env, enum role_kind kind, unsigned index, int fd);
    /* Stop taking new work; call role_drained(env) when nothing is left (the supervisor waits `grace`, then ends us). */
    void (*drain)(struct role_env *env);
    /* Status as `name value` lines for facteurctl status; may be NULL. */
    void (*status)(struct role_env *env, struct buf *out);
};

void role_drained(struct role_env *env);

/* Who is connected to whom: rows of {client, server}. The supervisor makes every pair and gives each side its end. */
struct role_link {
    enum role_kind client, server;
};

#endif
