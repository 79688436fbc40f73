/* ctl_server.c - accepts administrators on run_dir/ctl.sock and answers from the supervisor's
 * tables. */
#include "core/ctl/ctl_server.h"

#include "core/base/str.h"
#include "core/ctl/ctl.h"
#include "core/ctl/ctl_socket.h"
#include "core/log/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define TEXT_MAX    (2u << 20)

static struct {
    struct supervisor *sup;
    struct event_base *base;
    struct event *accepting;
    char *run_dir;
    int fd;
    struct ipc_conn *client[CLIENTS_MAX];
} server = {.fd = -1};

/* ---- answers ---- */

static void reply_text(struct ipc_ticket ticket, struct fct_str text)
{
    FCT_CLEANUP(buf_free) struct buf payload = BUF_INIT(TEXT_MAX);

    ipc_put_str(&payload, text);
    ipc_reply(ticket, buf_str(&payload), NULL, 0);
}

/* A ticket outlives its connection: answering a client that has gone does nothing. */
static struct ipc_ticket *keep(struct ipc_ticket ticket)
{
    struct ipc_ticket *kept = malloc(sizeof *kept);

    FCT_ASSERT(kept);
    *kept = ticket;
    return kept;
}

static void status_collected(void *arg, struct fct_str text)
{
    reply_text(*(struct ipc_ticket *)arg, text);
    free(arg);
}

static void reload_done(void *arg, const struct fct_err *err)
{
    if (err)
        ipc_fail(*(struct ipc_ticket *)arg, err);
    else
        reply_text(*(struct ipc_ticket *)arg, FCT_STR("the new configuration is in force\n"));
    free(arg);
}

static void serve_status(struct ipc_ticket ticket, struct ipc_reader *r)
{
    bool json = ipc_get_bool(r);

    supervisor_status(server.sup, json, status_collected, keep(ticket));
}

static void serve_sandbox(struct ipc_ticket ticket, struct ipc_reader *r)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    bool json = ipc_get_bool(r);

    supervisor_sandbox(server.sup, json, &text);
    reply_text(ticket, buf_str(&text));
}

static void serve_reload(struct ipc_ticket ticket, struct ipc_reader *r)
{
    (void)r;
    supervisor_reload(server.sup, reload_done, keep(ticket));
}

static void serve_stop(struct ipc_ticket ticket, struct ipc_reader *r)
{
    (void)r;
    reply_text(ticket, FCT_STR("stopping\n"));
    supervisor_stop(server.sup);
}

static void serve_attach(struct ipc_ticket ticket, struct ipc_reader *r)
{
    uint8_t kind = ipc_get_u8(r);
    uint32_t index = ipc_get_u32(r);
    struct fct_err err = {0};
    int fd;

    if (!ipc_reader_ok(r) || (kind >= ROLE_CTL && kind != ROLE_RELAY)) {
        (void)fct_fail(&err, FCT_SYNTAX, "attach: no such role");
        ipc_fail(ticket, &err);
        return;
    }
    if (!supervisor_attach(server.sup, (enum role_kind)kind, index, &fd, &err)) {
        ipc_fail(ticket, &err);
        return;
    }
    ipc_reply(ticket, FCT_STR(""), &fd, 1);
    close(fd);
}

static void (*const serve[])(struct ipc_ticket ticket, struct ipc_reader *r) = {
    [CTL_STATUS] = serve_status, [CTL_SANDBOX] = serve_sandbox, [CTL_RELOAD] = serve_reload,
    [CTL_STOP] = serve_stop,     [CTL_ATTACH] = serve_attach,
};

static void request(void *owner, struct ipc_in *in)
{
    struct ipc_reader r = ipc_reader(in->payload);
    struct fct_err err = {0};

    (void)owner;
    if (in->kind < FCT_COUNT(serve) && serve[in->kind]) {
        serve[in->kind](in->ticket, &r);
        return;
    }
    (void)fct_fail(&err, FCT_SYNTAX, "this server does not know request %u", in->kind);
    ipc_fail(in->ticket, &err);
}

/* ---- connections ---- */

static void client_left(void *owner, struct ipc_conn *conn)
{
    (void)owner;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (server.client[i] == conn)
            server.client[i] = NULL;
}

/* The mode of the socket keeps others out; the kernel's word on who calls is the second lock. */
static bool may_ask(int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
           (who.uid == 0 || who.uid == geteuid());
}

static void client_came(evutil_socket_t fd, short what, void *arg)
{
    static const struct ipc_handler handler = {.request = request, .closed = client_left};
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    size_t i = 0;

    (void)what;
    (void)arg;
    if (client < 0)
        return;
    while (i < CLIENTS_MAX && server.client[i])
        i++;
    if (i == CLIENTS_MAX || !may_ask(client)) {
        close(client);
        return;
    }
    server.client[i] = ipc_conn_new(server.base, client, &handler);
}

bool ctl_server_open(struct supervisor *sup, struct event_base *base, const char *run_dir,
                     struct fct_err *err)
{
    server.sup = sup;
    server.base = base;
    if (!ctl_socket_listen(run_dir, &server.fd, err))
        return false;
    server.run_dir = str_dup_c(str_from(run_dir));
    server.accepting = event_new(base, server.fd, EV_READ | EV_PERSIST, client_came, NULL);
    if (!server.accepting || event_add(server.accepting, NULL) != 0)
        return fct_fail(err, FCT_TEMP, "control socket: no memory");
    return true;
}

void ctl_server_close(void)
{
    if (server.fd < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        ipc_conn_free(&server.client[i]);
    if (server.accepting)
        event_free(server.accepting);
    server.accepting = NULL;
    close(server.fd);
    server.fd = -1;
    if (server.run_dir)
        ctl_socket_remove(server.run_dir);
    free(server.run_dir);
    server.run_dir = NULL;
}
