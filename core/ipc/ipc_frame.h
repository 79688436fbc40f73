/* ipc_frame.h - the head of a message between our processes. A pure parser: hostile neighbours are
 * tried on it by a fuzzer. */
#ifndef CORE_IPC_IPC_FRAME_H
#define CORE_IPC_IPC_FRAME_H

#include <facteur/base.h>

#define IPC_FRAME_HEAD                                                                           \
    20 /* bytes: u32 length of the payload, u16 version, u16 kind, u64 request, u8 type, u8 fds, \
          u16 zero */

enum ipc_type { IPC_REQUEST, IPC_REPLY, IPC_ERROR, IPC_NOTICE, IPC_TYPES };

struct ipc_frame {
    uint32_t length;
    uint16_t kind;
    uint64_t request;
    uint8_t type, fds;
};

void ipc_frame_write(const struct ipc_frame *f, char head[IPC_FRAME_HEAD]);
/* 1: *f is set (the payload need not be there yet). 0: less than a head. -1: malformed, *why says
 * how. */
int ipc_frame_parse(struct fct_str in, struct ipc_frame *f, const char **why);

#endif
