/* companion.h - a program that is not ours and that the supervisor keeps beside its processes:
 * started before them, started again with a back-off when it dies, ended after them.
 *
 * It never keeps the server from starting or going on: who needs it has a fall-back. It gets its
 * user, no new privileges, no files (Landlock) but its own and the libraries, and no network but
 * its Unix socket (seccomp); what it prints goes to our log. It ends with the supervisor, also when
 * that is killed: the next one finds a lock in its folder, and first ends who holds it. */
#ifndef CORE_SUPERVISOR_COMPANION_H
#define CORE_SUPERVISOR_COMPANION_H

#include "core/conf/conf.h"

#include <facteur/plugin.h> /* enum fct_level */
#include <limits.h>

/* What to run. Paths are absolute; the folders are made by the supervisor and belong to the
 * program's user. */
struct companion_plan {
    bool wanted;
    char program[PATH_MAX];
    char folder[PATH_MAX];  /* its data, and its working directory */
    char meeting[PATH_MAX]; /* the folder of its socket: open to the group of the filters */
    char socket[PATH_MAX];
    const char *question, *answer; /* what it says there when it is ready */
    char file[PATH_MAX]; /* its configuration, its only argument; written before each start */
    struct buf text;     /* of that file */
};

struct companion {
    const char *name;
    /* In: data_dir and run_dir of the server. *plan is empty. False: it is wanted but cannot be;
     * the log says why and the server does without. */
    bool (*plan)(const struct config *conf, const char *data_dir, const char *run_dir,
                 struct companion_plan *plan, struct fct_err *err);
    /* The level of a line that it printed; *line is moved past what our log says by itself. */
    enum fct_level (*level)(struct fct_str *line);
};

#endif
