/* ctl_lists.h - `facteurctl lists`: updates of lists that plugins read while they serve. */
#ifndef CORE_CTL_CTL_LISTS_H
#define CORE_CTL_CTL_LISTS_H

#include "core/ctl/ctl_cli.h"

int ctl_lists_update(struct ctl *c);
int ctl_lists_rollback(struct ctl *c);
int ctl_lists_list(struct ctl *c);
int ctl_lists_sign(struct ctl *c);

/* ctl_lists_fetch.c: a path, file:, http: or https: URL, and what it names with ".sig" behind it.
 * signature NULL: it is not wanted. */
FCT_MUST_CHECK bool ctl_lists_fetch(struct ctl *c, const char *from, struct fct_str *text,
                                    struct fct_str *signature, struct fct_err *err);

#endif
