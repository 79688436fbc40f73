/* companion_int.h - the companion's part of the supervisor. */
#ifndef CORE_SUPERVISOR_COMPANION_INT_H
#define CORE_SUPERVISOR_COMPANION_INT_H

#include "core/supervisor/companion.h"
#include "core/supervisor/supervisor_int.h"

/* companion.c. begin: before the first process; end: after the last. Both take a while and then
 * call on. */
void companion_begin(struct supervisor *sup);
bool companion_has_settled(
    const struct supervisor *sup);             /* it is ready, or need not be waited for */
bool companion_end(struct supervisor *sup);    /* true: it is gone already */
void companion_kill(struct supervisor *sup);   /* a hurry */
void companion_replan(struct supervisor *sup); /* another configuration is in force */
bool companion_reaped(struct supervisor *sup, pid_t pid, int wait_status); /* was it that? */
void companion_free(struct supervisor *sup);

/* For status.c; NULL: there is none. */
struct companion_status {
    const char *name;
    enum process_state state;
    pid_t pid;
    uint64_t born_ms;
    unsigned restarts;
    struct fct_str sandbox;
};
bool companion_status(const struct supervisor *sup, struct companion_status *out);

/* companion_exec.c */
struct companion_start {
    const struct companion_plan *plan;
    const char *name;
    const char *user, *group_of; /* "": keep; the group is that user's */
    int log_fd;                  /* its standard output and error */
    pid_t parent;
};
/* The folders and the file of the plan; our lock on its folder (*lock_fd, -1 at first, ours to keep
 * open); and the end of a predecessor that outlived its supervisor, which may take seconds. */
FCT_MUST_CHECK bool companion_make_room(const struct companion_start *start, int *lock_fd,
                                        struct fct_err *err);
/* In a child just forked. What it says first on log_fd is its sandbox. */
FCT_NORETURN void companion_exec(const struct companion_start *start);

#define COMPANION_SANDBOX "sandbox " /* how that line begins */

#endif
