/* ctl.h - the supervisor's control socket, run_dir/ctl.sock: what facteurctl can ask (core/ipc
 * messages, version IPC_VERSION).
 *
 * The supervisor answers about processes only. For everything else facteurctl asks for a connection
 * of its own to a role (CTL_ATTACH) and then speaks that role's normal protocol over it:
 * store_client_peer() takes a store's descriptor, filter_client_peer() a filter's. The role sees
 * the client as ROLE_CTL and serves admin calls to it.
 *
 * Who may connect: the socket has mode 0600, and the supervisor asks the kernel who calls: root or
 * the user it runs as. */
#ifndef CORE_CTL_CTL_H
#define CORE_CTL_CTL_H

#include "core/base/err.h"
#include "core/supervisor/role.h"

#define CTL_SOCKET "ctl.sock" /* in server.run_dir */

/* Request kinds, payload → reply payload (core/ipc/ipc_codec.h). The numbers are the protocol:
 * append only. */
/* clang-format off */
enum ctl_kind {
    CTL_STATUS  = 1, /* u8 json → text: every process with pid, uptime, restarts, memory and what its role says */
    CTL_SANDBOX = 2, /* u8 json → text: what protects each process, as it reported at its start */
    CTL_RELOAD  = 3, /* nothing → text, when the reload is done; fails with the errors of the new configuration */
    CTL_STOP    = 4, /* nothing → text, at once; the server then drains and ends */
    CTL_ATTACH  = 5, /* u8 enum role_kind, u32 index → nothing, one descriptor; fails when that process does not run */
};
/* clang-format on */

/* Connect to the control socket in run_dir: a descriptor for ipc_conn_new, the caller's. Paths of
 * any length work. Fails TEMP when no server runs there ("no server runs in DIR"), DENIED when the
 * socket is not ours to use. */
FCT_MUST_CHECK bool ctl_connect(const char *run_dir, int *fd, struct fct_err *err);

/* Client calls; c is an ipc_conn over ctl_connect's descriptor. Inside a fiber. */
FCT_MAY_WAIT FCT_MUST_CHECK bool
ctl_text(struct ipc_conn *c, enum ctl_kind kind, bool json, uint64_t deadline_ms, struct buf *out,
         struct fct_err *err); /* CTL_STATUS, CTL_SANDBOX, CTL_RELOAD, CTL_STOP */
FCT_MAY_WAIT FCT_MUST_CHECK bool ctl_attach(struct ipc_conn *c, enum role_kind kind, unsigned index,
                                            uint64_t deadline_ms, int *fd, struct fct_err *err);

#endif
