/* sandbox.h - what a role's process may touch: user, capabilities, Landlock, seccomp, limits. One
 * table in sandbox.c says it.
 *
 * Two steps, because files must often be opened in between:
 *   sandbox_drop   user and Landlock: no more files than the table allows
 *   sandbox_seal   capabilities, limits and seccomp: no more system calls than the table allows
 * A protection that this machine does not have costs one word in the report and a line in the log,
 * never the start. A user that exists but cannot be taken is an error: we never run with more
 * rights than the configuration says. */
#ifndef CORE_SUPERVISOR_SANDBOX_H
#define CORE_SUPERVISOR_SANDBOX_H

#include "core/base/err.h"
#include "core/supervisor/role.h"

enum sandbox_place { PLACE_DATA, PLACE_PLUGINS, PLACE_LUA, PLACE_COUNT };

struct sandbox_request {
    enum role_kind kind;
    const char *user;               /* NULL or "": keep the user */
    const char *group_of;           /* also into this user's group; NULL: none */
    const char *place[PLACE_COUNT]; /* folders; those the role may not use are ignored */
    const char *const *may_read;    /* more folders, to be read; what is not there is left out */
    size_t nmay_read;
    const char *may_write; /* one folder to be read and filled; NULL: none */
    bool traceable;        /* facteur dev: core files, gdb, strace and /proc/PID stay possible */
    /* No Landlock and no seccomp: sanitizer builds, whose reports read files and start a
     * symbolizer. The report says so. */
    bool relaxed;
};

struct sandbox_report {
    char text[320];   /* "user=facteur-edge landlock=7 caps=none seccomp=on …" */
    unsigned missing; /* protections this machine does not have */
};

/* Does this role drop before its `prepare`? (The store: its engine starts threads there, and
 * Landlock binds the calling thread only.) */
bool sandbox_drops_first(enum role_kind kind);

FCT_MUST_CHECK bool sandbox_drop(const struct sandbox_request *req, struct sandbox_report *report,
                                 struct fct_err *err);
void sandbox_seal(const struct sandbox_request *req, struct sandbox_report *report);

/* For a program that is not ours and is about to be executed: no network but Unix sockets, none of
 * the calls that only an attacker makes. False: this kernel has no seccomp. Needs no_new_privs. */
FCT_MUST_CHECK bool sandbox_seal_foreign(void);

/* The table as text, for documentation: role, user key, folders, system calls. */
void sandbox_print_markdown(struct buf *out);

#endif
