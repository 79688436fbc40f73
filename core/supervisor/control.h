/* control.h - notices on the channel between the supervisor and each of its processes (core/ipc).
 * For this folder only. */
#ifndef CORE_SUPERVISOR_CONTROL_H
#define CORE_SUPERVISOR_CONTROL_H

/* clang-format off */
enum control_kind {
    /* supervisor → process */
    CONTROL_PEER   = 1,  /* u8 role kind, u32 index; one descriptor: role.peer */
    CONTROL_DRAIN  = 2,  /* nothing: role.drain; the process ends when it is drained */
    CONTROL_STATUS = 3,  /* nothing: answered by CONTROL_STATUS_IS */
    CONTROL_LOG    = 4,  /* one descriptor: the log goes there from now on (the file was rotated) */
    CONTROL_PING   = 5,  /* nothing: answered by CONTROL_PONG */
    CONTROL_LINKED = 6,  /* nothing: role.linked */
    /* process → supervisor */
    CONTROL_READY     = 17, /* str what protects it: role.start has returned */
    CONTROL_FAILED    = 18, /* str why it cannot start; it then ends */
    CONTROL_STATUS_IS = 19, /* str `name value` lines */
    CONTROL_KILL      = 20, /* u8 role kind, u32 index: role_kill_peer */
    CONTROL_PONG      = 21, /* nothing: the event loop turns */
};
/* clang-format on */

#define CONTROL_STATUS_MAX (64u << 10)

#endif
