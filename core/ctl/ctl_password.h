/* ctl_password.h - a password from a person or from standard input; never from the command line,
 * where `ps` shows it. */
#ifndef CORE_CTL_CTL_PASSWORD_H
#define CORE_CTL_CTL_PASSWORD_H

#include "core/base/arena.h"
#include "core/base/err.h"

/* On a terminal: asked for twice, without echo. Otherwise: the first line of standard input. */
FCT_MUST_CHECK bool ctl_password_read(struct arena *arena, const char *account, struct fct_str *out,
                                      struct fct_err *err);
/* "y" or "yes" on a terminal; true without one: a script knows what it asks for. */
bool ctl_confirm(const char *question);

#endif
