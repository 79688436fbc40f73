/* fuzz_ipc.c - a hostile neighbour: any bytes into both ends of a connection, and into the codec's
 * readers. */
#include "core/base/str.h"
#include "core/ipc/ipc.h"
#include "core/ipc/ipc_frame.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says which values are read in which order, as a service reads a payload. */
static void read_values(struct fct_str payload)
{
    struct ipc_reader r = ipc_reader(str_skip(payload, 1));
    unsigned plan = payload.n ? (unsigned char)payload.p[0] : 0;

    for (unsigned i = 0; i < 8 && !r.bad; i++) {
        if (plan >> i & 1) {
            struct fct_str s = ipc_get_str(&r);

            FCT_ASSERT(s.n == 0 || (s.p >= payload.p && s.p + s.n <= payload.p + payload.n));
        } else {
            uint32_t n = ipc_get_count(&r, 4);

            while (n-- > 0)
                ipc_get_u32(&r);
            FCT_ASSERT(!r.bad || r.p <= r.end);
        }
        ipc_get_bool(&r);
        ipc_get_u16(&r);
    }
    (void)ipc_reader_ok(&r);
}

static void serve(void *owner, struct ipc_in *in)
{
    (void)owner;
    read_values(in->payload);
    ipc_reply(in->ticket, in->payload, NULL, 0);
}

static void call_once(void *arg)
{
    struct buf reply = BUF_INIT(1000);
    struct fct_err err;
    int fd[IPC_MAX_FDS];
    unsigned fds;

    if (!ipc_call(arg, &(struct ipc_out){.kind = 1}, CLOCK_NEVER, &reply, fd, &fds, &err))
        FCT_ASSERT(err.class != FCT_OK);
    buf_free(&reply);
}

/* As server (a request handler is there) and as client (a call waits; its request id is 1 << 32).
 */
static void feed(struct event_base *base, const uint8_t *data, size_t size, bool server)
{
    struct ipc_handler handler = {.request = server ? serve : NULL,
                                  .notice = server ? serve : NULL};
    struct ipc_conn *conn;
    int fd[2];

    if (!ipc_pair(fd, NULL))
        abort();
    conn = ipc_conn_new(base, fd[0], &handler);
    if (!server)
        fiber_start(call_once, conn);
    if (write(fd[1], data, size) < 0)
        abort();
    shutdown(fd[1], SHUT_WR);
    event_base_loop(base, EVLOOP_NONBLOCK); /* until it is closed and freed */
    event_base_loop(base, EVLOOP_NONBLOCK);
    close(fd[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event_base *base;
    struct ipc_frame f;
    const char *why;

    if (!base) {
        base = event_base_new();
        if (!fiber_setup(base, 64u << 10, 4, NULL))
            abort();
    }
    if (size > 60000)
        return 0;
    (void)ipc_frame_parse((struct fct_str){(const char *)data, size}, &f, &why);
    read_values((struct fct_str){(const char *)data, size});
    feed(base, data, size, true);
    feed(base, data, size, false);
    return 0;
}
