/* landlock.h - which files a process may open, and no TCP, from the kernel's point of view
 * (landlock(7)).
 *
 * The kernel's interface grew by versions (ABI 1 in 5.13 to 6 in 6.12); what this kernel does not
 * know is left out. */
#ifndef CORE_SUPERVISOR_LANDLOCK_H
#define CORE_SUPERVISOR_LANDLOCK_H

#include "core/base/err.h"

enum landlock_access {
    LANDLOCK_READ = 1,
    LANDLOCK_EXECUTE = 2,
    LANDLOCK_WRITE = 4,
    LANDLOCK_MEET = 8, /* make Unix sockets */
};

struct landlock_rule {
    const char
        *path;       /* a folder and all below it, or a file; one that does not exist is left out */
    unsigned access; /* LANDLOCK_… */
};

/* The version this kernel knows, 0 when it has none. */
int landlock_version(void);
/* From now on this thread and those it starts open no file outside the rules, and bind and connect
 * no TCP (version 4; with `connects` they may connect it). Descriptors that are open already stay
 * usable. Needs no_new_privs. */
FCT_MUST_CHECK bool landlock_restrict(const struct landlock_rule *rule, size_t n, bool connects,
                                      struct fct_err *err);

#endif
