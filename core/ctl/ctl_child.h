/* ctl_child.h - a role for one command, when no server runs: the same code in a child process of
 * facteurctl, closed in by the same sandbox, reached over a socket pair. The store's own lock keeps
 * a second store from the data. */
#ifndef CORE_CTL_CTL_CHILD_H
#define CORE_CTL_CTL_CHILD_H

#include "core/ctl/ctl_cli.h"
#include "core/supervisor/role.h"

/* Before any fiber or event loop of ours exists. *fd: a connection to the role, which sees
 * ROLE_CTL. The child ends when it is closed, or with us. At most one child of a kind; a later one
 * cannot reach an earlier one. */
FCT_MUST_CHECK bool ctl_child_start(struct ctl *c, const struct role *role, int *fd,
                                    struct fct_err *err);
/* Has the child of that kind ended before its time? */
bool ctl_child_died(enum role_kind kind);
/* Waits for the end of all. */
void ctl_child_wait(void);
/* In a throw-away child: would the role start with this configuration? */
FCT_MUST_CHECK bool ctl_child_try(struct ctl *c, const struct role *role, struct fct_err *err);

#endif
