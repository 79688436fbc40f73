/* ctl_socket.h - the control socket as a file. A Unix socket's path may have 107 bytes, a run_dir
 * more: the last step is done from inside the folder. */
#ifndef CORE_CTL_CTL_SOCKET_H
#define CORE_CTL_CTL_SOCKET_H

#include "core/base/err.h"

/* Mode 0600, non-blocking, close-on-exec. Replaces what is there. Changes the working folder for a
 * moment: before threads only. */
FCT_MUST_CHECK bool ctl_socket_listen(const char *run_dir, int *fd, struct fct_err *err);
void ctl_socket_remove(const char *run_dir);

#endif
