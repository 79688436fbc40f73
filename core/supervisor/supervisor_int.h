/* supervisor_int.h - what the files of the supervisor share: the table of processes, the setting
 * they run under. */
#ifndef CORE_SUPERVISOR_SUPERVISOR_INT_H
#define CORE_SUPERVISOR_SUPERVISOR_INT_H

#include "core/supervisor/backoff.h"
#include "core/supervisor/server_conf.h"
#include "core/supervisor/supervisor.h"

#include <facteur/plugin.h> /* enum fct_level */
#include <sys/types.h>

struct event;

/* Old and new processes of a kind live side by side during a reload. */
#define SUPERVISOR_SLOTS (2 * SERVER_MAX_PROCESSES)

enum process_state {
    PROCESS_NONE,     /* free slot */
    PROCESS_STARTING, /* forked; not ready */
    PROCESS_READY,
    PROCESS_DRAINING, /* will end; not started again */
    PROCESS_WAITING,  /* died; its timer starts it again */
};

struct process {
    struct supervisor *sup;
    const struct role *role;
    unsigned slot;       /* in supervisor.process[kind]: tells living processes of a kind apart */
    unsigned index;      /* 0 … within its generation */
    unsigned generation; /* of the configuration; the store outlives generations */
    enum process_state state;
    pid_t pid; /* 0: none */
    struct ipc_conn *control;
    struct event *timer; /* restart, or the end of patience */
    struct backoff backoff;
    uint64_t born_ms;
    unsigned restarts, unanswered; /* unanswered: questions of hang.c */
    bool killed_by_us;             /* patience ended: no surprise */
    struct fct_err why;            /* CONTROL_FAILED */
    struct buf sandbox, status;
    bool status_wanted;
};

/* One configuration and what follows from it. */
struct setting {
    struct config *conf;
    const struct server_conf *server;
    struct server_paths paths;
    struct role_listener *listener;
    size_t listeners;
    unsigned generation;
};

/* An open address. Kept over reloads as long as a setting names it, so that no client is refused.
 */
struct open_socket {
    char *address;
    int fd[2];
    unsigned n;
};

struct helper {
    struct helper *next;
    pid_t pid;
    void (*ended)(struct supervisor *sup, void *arg, int wait_status);
    void *arg;
};

enum supervisor_phase { PHASE_STARTING, PHASE_WARMING, PHASE_RUNNING, PHASE_STOPPING, PHASE_ENDED };

struct reload;         /* reload.c */
struct companion_life; /* companion.c */
struct status_round;

struct supervisor {
    const struct supervisor_setup *setup;
    struct event_base *base;
    struct setting now;
    struct process process[ROLE_COUNT][SUPERVISOR_SLOTS];
    struct open_socket *socket;
    size_t sockets;
    struct helper *helpers;
    struct reload *reload;
    struct status_round *status;
    struct companion_life *companion; /* NULL: none, or not yet */
    enum supervisor_phase phase;
    unsigned generations, attached;
    int exit_status;
    pid_t pid; /* the supervisor's */
    int signal_fd, log_fd, lock_fd;
    char *shared;        /* SUPERVISOR_SLOTS × ROLE_SHARED_BYTES */
    char *shared_common; /* ROLE_COMMON_BYTES */
    struct event *signals, *watchdog, *hang_timer;
    uint64_t born_ms;
};

/* for (struct process *p = NULL; (p = process_next(sup, p));) every slot that is not PROCESS_NONE.
 */
struct process *process_next(struct supervisor *sup, struct process *p);

/* process.c: one process from fork to end. */
struct process *process_add(struct supervisor *sup, const struct role *role,
                            const struct setting *set,
                            unsigned index); /* starts it; NULL: no slot */
void process_drain(struct process *p, uint64_t patience_ms);
void process_kill(struct process *p); /* not started again */
void process_ended(struct process *p, int wait_status);
void process_tell(struct process *p, uint16_t kind, struct fct_str payload, int fd);
const struct setting *process_setting(const struct process *p);
unsigned process_count(struct supervisor *sup, enum role_kind kind, unsigned generation,
                       enum process_state state); /* generation 0: any; state NONE: any living */

/* links.c */
void links_for_client(
    struct process *client); /* just forked: connect it to every server that is ready */
void links_for_server(struct process *server); /* just ready: connect every living client to it */
bool links_has_clients(const struct process *server); /* somebody lives who asks it */

/* supervisor_role.c: the phases. */
void supervisor_process_ready(struct supervisor *sup, struct process *p);
void supervisor_process_gone(struct supervisor *sup);
void supervisor_process_failed(struct supervisor *sup, struct process *p);
void supervisor_companion_settled(struct supervisor *sup);
unsigned supervisor_wanted(const struct setting *set, enum role_kind kind);
void supervisor_watch_helper(struct supervisor *sup, pid_t pid,
                             void (*ended)(struct supervisor *sup, void *arg, int wait_status),
                             void *arg);

/* run_dir.c: the folder of the control socket, its lock, the pid file, the log file. */
FCT_MUST_CHECK bool run_dir_take(struct supervisor *sup, struct fct_err *err);
void run_dir_release(struct supervisor *sup);
FCT_MUST_CHECK bool run_dir_open_log(struct supervisor *sup, const struct server_conf *server,
                                     struct fct_err *err);

/* setting.c */
FCT_MUST_CHECK bool setting_load(struct supervisor *sup, struct setting *set, struct buf *errors,
                                 struct fct_err *err); /* configuration only */
FCT_MUST_CHECK bool setting_provide(const struct supervisor *sup, const struct setting *set,
                                    struct fct_err *err); /* supervisor_setup.provide */
FCT_MUST_CHECK bool setting_open_sockets(struct supervisor *sup, struct setting *set,
                                         struct fct_err *err);
void setting_name_listeners(const struct supervisor *sup,
                            struct setting *set);          /* for a check: without sockets */
void setting_close_unused_sockets(struct supervisor *sup); /* those that sup->now does not name */
void setting_free(struct setting *set);

/* reload.c */
void reload_process_ready(struct supervisor *sup, struct process *p);
bool reload_process_lost(struct supervisor *sup,
                         struct process *p); /* was it of the new generation? */
void reload_process_gone(struct supervisor *sup);
void reload_tell_stop(struct supervisor *sup); /* those who wait for a reload get none */
void reload_forget(struct supervisor *sup);    /* the server ends meanwhile */
const struct setting *reload_setting(const struct supervisor *sup,
                                     unsigned generation); /* NULL: not of it */

/* hang.c */
FCT_MUST_CHECK bool hang_watch(struct supervisor *sup, struct fct_err *err);

/* status.c */
void status_arrived(struct supervisor *sup, struct process *p);

/* leave.c: in a child just forked: default signals, none of the supervisor's descriptors but
 * `keep`. */
void supervisor_leave(const int *keep, size_t n);

/* role_process.c: the child's side; never returns. */
struct role_start {
    const struct role *role;
    const struct setting *set;
    unsigned index, count[ROLE_COUNT];
    int control_fd, log_fd;
    pid_t parent; /* the supervisor */
    void *shared, *shared_common;
    bool dev;
};
FCT_NORETURN void role_process_run(const struct role_start *start);
/* A throw-away child: would this role start under this setting? Nothing is served. */
FCT_MUST_CHECK bool role_process_check(const struct role_start *start, struct fct_err *err);
enum fct_level role_log_level(const struct server_conf *conf);

#endif
