/* ctl_client.c - the requests of ctl.h, from the asking side. */
#include "core/ctl/ctl.h"

#include <unistd.h>

#define TEXT_MAX (2u << 20)

bool ctl_text(struct ipc_conn *c, enum ctl_kind kind, bool json, uint64_t deadline_ms,
              struct buf *out, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf ask = BUF_INIT(16);
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(TEXT_MAX);
    struct ipc_reader r;
    struct fct_str text;

    if (kind == CTL_STATUS || kind == CTL_SANDBOX)
        ipc_put_bool(&ask, json);
    if (!ipc_call(c, &(struct ipc_out){.kind = (uint16_t)kind, .payload = buf_str(&ask)},
                  deadline_ms, &reply, NULL, NULL, err))
        return false;
    r = ipc_reader(buf_str(&reply));
    text = ipc_get_str(&r);
    if (!ipc_reader_ok(&r))
        return fct_fail(err, FCT_BUG, "the server's answer cannot be read");
    buf_put_str(out, text);
    return true;
}

bool ctl_attach(struct ipc_conn *c, enum role_kind kind, unsigned index, uint64_t deadline_ms,
                int *fd, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf ask = BUF_INIT(16);
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(16);
    int got[IPC_MAX_FDS];
    unsigned n = 0;

    ipc_put_u8(&ask, (uint8_t)kind);
    ipc_put_u32(&ask, index);
    if (!ipc_call(c, &(struct ipc_out){.kind = CTL_ATTACH, .payload = buf_str(&ask)}, deadline_ms,
                  &reply, got, &n, err))
        return false;
    for (unsigned i = 1; i < n; i++)
        close(got[i]);
    if (n == 0)
        return fct_fail(err, FCT_BUG, "the server sent no connection");
    *fd = got[0];
    return true;
}
