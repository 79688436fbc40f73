/* supervisor.h - the process that starts, watches and restarts all others. It reads the
 * configuration and opens sockets; it parses no byte from the network and sees no mail.
 *
 * core/main names the roles, the links between them and the configuration blocks in one struct
 * supervisor_setup; the supervisor itself knows none of them. Single-threaded, and without fibers:
 * it forks. */
#ifndef CORE_SUPERVISOR_SUPERVISOR_H
#define CORE_SUPERVISOR_SUPERVISOR_H

#include "core/conf/conf.h"
#include "core/supervisor/role.h"

struct supervisor;

struct companion;

struct supervisor_setup {
    const struct role *const *roles; /* NULL-terminated, in the order they are started */
    const struct role_link *links;
    size_t nlinks;
    const struct conf_block *const *blocks; /* NULL-terminated */
    const struct conf_block
        *listeners; /* the labelled block whose row `address` says where to listen */
    /* Which role accepts on a listener of that block; NULL: edge. A role that only listens runs
     * when there is a listener for it. */
    enum role_kind (*listener_role)(const void *conf);
    const struct conf_block *const
        *fixed;               /* NULL-terminated: changing these needs a restart; may be NULL */
    const char *const *files; /* configuration files, later wins */
    size_t nfiles;
    const char *argv0;
    bool dev;
    const struct companion *companion; /* may be NULL */
    /* Makes what the configuration leaves to the server (a certificate), with the supervisor's
     * rights, before processes start under it. Called again for every reload. May be NULL. */
    bool (*provide)(const struct config *conf, const char *server_name, struct fct_err *err);
    /* The control socket: core/ctl. Called once, before the first process starts; `close` at the
     * end. May be NULL. */
    bool (*control_open)(struct supervisor *sup, struct event_base *base, const char *run_dir,
                         struct fct_err *err);
    void (*control_close)(void);
    /* Everybody is ready and connected: the last step before `running`. May be NULL. It ends by
     * supervisor_started. */
    void (*warm_up)(struct supervisor *sup, void *arg);
    /* Told once, when the server serves. May be NULL. */
    void (*running)(void *arg);
    void *arg;
};

/* Runs until SIGTERM or SIGINT. Returns the exit status of the program: 0, or 1 after an error,
 * which has been printed. */
int supervisor_run(const struct supervisor_setup *setup);

/* ---- for warm_up ---- */

/* Fork a helper that runs work(arg, fd) and ends; fd is its connection to role `kind` number 0, as
 * ROLE_CTL. `done` is told whether it returned true. The helper has no part of the supervisor: no
 * lock, no sockets. */
FCT_MUST_CHECK bool supervisor_help(struct supervisor *sup, enum role_kind kind,
                                    bool (*work)(void *arg, int fd),
                                    void (*done)(struct supervisor *sup, void *arg, bool ok),
                                    void *arg, struct fct_err *err);
void supervisor_started(struct supervisor *sup, bool ok); /* false: stop, exit status 1 */

/* ---- for the control socket ---- */

/* Collect the status of every process, then call done(arg, text) once, within a second. */
void supervisor_status(struct supervisor *sup, bool json,
                       void (*done)(void *arg, struct fct_str text), void *arg);
void supervisor_sandbox(struct supervisor *sup, bool json, struct buf *out);
/* done(arg, NULL) when the new configuration is in force, done(arg, &err) when it was refused.
 * `done` may be NULL. While another reload runs and its old processes drain, this one waits. */
void supervisor_reload(struct supervisor *sup, void (*done)(void *arg, const struct fct_err *err),
                       void *arg);
void supervisor_stop(struct supervisor *sup);
/* One end of a new connection to a running process, which gets the other as ROLE_CTL. */
FCT_MUST_CHECK bool supervisor_attach(struct supervisor *sup, enum role_kind kind, unsigned index,
                                      int *fd, struct fct_err *err);

#endif
