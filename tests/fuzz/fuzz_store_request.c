/* fuzz_store_request: a hostile neighbour. The input is a list of requests (kind, descriptor or
 * not, length, payload) sent to a store in this process by an edge and by facteurctl; a valid
 * handle is put in place of the bytes "HNDL". The store answers each, stays alive, and `store
 * check` finds nothing afterwards. */
#define FX_FUZZ
#include "../unit/store/fixture.h"

#include "core/log/log.h"
#include "store/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_n;
static struct store_principal user;
static bool opened;

static void prepare(void)
{
    WANT(store_account_add(fx_admin, FCT_STR("a@b.c"), FCT_STR("x"), &fx_err));
    user = fx_login("a@b.c", "x");
    fx_deliver("a@b.c", "", "Subject: x\r\n\r\nbody", "id");
}

static void stop(void)
{
    fx_close();
    fx_wipe();
}

static void open_once(void)
{
    if (opened)
        return;
    opened = true;
    fx_conf.reserve.bytes = 0;
    fx_conf.max_message.bytes = 1 << 20;
    if (!mkdtemp(fx_dir))
        abort();
    log_setup(-1, "fuzz", FCT_ERROR);
    fx_open();
    fx_in_fiber(prepare);
    atexit(stop);
}

static size_t take(uint8_t *to, size_t n)
{
    if (n > input_n)
        n = input_n;
    memcpy(to, input, n);
    input += n;
    input_n -= n;
    return n;
}

static void put_handle(uint8_t *p, size_t n)
{
    uint32_t handle = user.handle & 0xffffffu;

    for (size_t i = 0; i + 4 <= n; i++)
        if (memcmp(p + i, "HNDL", 4) == 0)
            memcpy(p + i, &handle, 4);
}

static struct ipc_conn *raw[2];

static void ask(struct ipc_conn *conn, uint16_t kind, bool with_fd, struct fct_str payload)
{
    struct buf reply = BUF_INIT(IPC_MAX_MESSAGE);
    int fd = with_fd ? fx_memfd("0123456789", 10) : -1, got[IPC_MAX_FDS];
    struct ipc_out out = {.kind = kind, .payload = payload, .fd = &fd, .fds = with_fd};
    unsigned n = 0;

    if (ipc_call(conn, &out, clock_ms() + 20000, &reply, got, &n, &fx_err))
        for (unsigned i = 0; i < n; i++)
            close(got[i]);
    else if (fx_err.class == FCT_TEMP &&
             (strstr(fx_err.text, "closed") || strstr(fx_err.text, "time")))
        abort(); /* it must answer, and stay */
    if (fd >= 0)
        close(fd);
    buf_free(&reply);
}

/* Slow by design, or would end the run: checked elsewhere. */
static bool left_out(uint16_t kind)
{
    return kind == STORE_ACCOUNT_REMOVE || kind == STORE_CHECK || kind == STORE_LOGOUT ||
           kind == STORE_ACCOUNT_LOAD;
}

static void run(void)
{
    uint8_t head[4], payload[4096];

    for (int requests = 0; requests < 20 && take(head, sizeof head) == sizeof head; requests++) {
        uint16_t kind = (uint16_t)(1 + head[0] % STORE_REQUEST_COUNT);
        size_t n = take(payload, (size_t)head[2] | (size_t)(head[3] & 0xf) << 8);

        put_handle(payload, n);
        if (!left_out(kind))
            ask(raw[head[1] & 1], kind, head[1] & 2, (struct fct_str){(char *)payload, n});
    }
}

static void on_raw_request(void *owner, struct ipc_in *in)
{
    (void)owner, (void)in;
}

static struct ipc_conn *connect_raw(enum role_kind kind)
{
    struct ipc_handler handler = {.request = on_raw_request};
    int fd[2];

    WANT(ipc_pair(fd, &fx_err));
    client_new(fx_server, kind, 7, fd[0]);
    return ipc_conn_new(fx_base, fd[1], &handler);
}

static void check(void)
{
    struct store_check_result r;
    struct buf report = BUF_INIT(1 << 20);

    if (!check_run(fx_server, &r, &report, &fx_err) || r.damaged)
        abort();
    buf_free(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned runs;

    open_once();
    input = data;
    input_n = size;
    raw[0] = connect_raw(ROLE_EDGE);
    raw[1] = connect_raw(ROLE_CTL);
    user.handle = principal_open(fx_server->clients->next, PART_ACCOUNTS);
    fx_in_fiber(run);
    ipc_conn_free(&raw[0]);
    ipc_conn_free(&raw[1]);
    event_base_loop(fx_base, EVLOOP_NONBLOCK);
    if (runs++ % 64 == 0)
        fx_in_fiber(check);
    return 0;
}
