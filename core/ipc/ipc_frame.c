/* ipc_frame.c - see ipc_frame.h. */
#include "core/ipc/ipc_frame.h"

#include "core/ipc/ipc.h"

void ipc_frame_write(const struct ipc_frame *f, char head[IPC_FRAME_HEAD])
{
    struct buf b = {.p = head, .cap = IPC_FRAME_HEAD, .max = IPC_FRAME_HEAD};

    ipc_put_u32(&b, f->length);
    ipc_put_u16(&b, IPC_VERSION);
    ipc_put_u16(&b, f->kind);
    ipc_put_u64(&b, f->request);
    ipc_put_u8(&b, f->type);
    ipc_put_u8(&b, f->fds);
    ipc_put_u16(&b, 0);
}

int ipc_frame_parse(struct fct_str in, struct ipc_frame *f, const char **why)
{
    struct ipc_reader r = ipc_reader(in);
    uint16_t version, zero;

    if (in.n < IPC_FRAME_HEAD)
        return 0;
    f->length = ipc_get_u32(&r);
    version = ipc_get_u16(&r);
    f->kind = ipc_get_u16(&r);
    f->request = ipc_get_u64(&r);
    f->type = ipc_get_u8(&r);
    f->fds = ipc_get_u8(&r);
    zero = ipc_get_u16(&r);

    if (version != IPC_VERSION)
        *why = "another protocol version";
    else if (f->length > IPC_MAX_MESSAGE)
        *why = "message too long";
    else if (f->type >= IPC_TYPES)
        *why = "unknown type";
    else if (f->fds > IPC_MAX_FDS)
        *why = "too many descriptors";
    else if (zero != 0)
        *why = "reserved bytes in use";
    else
        return 1;
    return -1;
}
