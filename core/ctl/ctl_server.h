/* ctl_server.h - the supervisor's side of the control socket (core/ctl/ctl.h says what can be
 * asked). */
#ifndef CORE_CTL_CTL_SERVER_H
#define CORE_CTL_CTL_SERVER_H

#include "core/supervisor/supervisor.h"

/* For struct supervisor_setup. One server per process. An old socket of a dead server is replaced:
 * the caller holds the lock of run_dir. */
FCT_MUST_CHECK bool ctl_server_open(struct supervisor *sup, struct event_base *base,
                                    const char *run_dir, struct fct_err *err);
void ctl_server_close(void);

#endif
