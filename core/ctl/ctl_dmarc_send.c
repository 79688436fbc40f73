/* ctl_dmarc_send.c - see ctl_dmarc_send.h. The command has no server until its reports are made: it
 * is looked for here, as for a verb that needs one. */
#include "core/ctl/ctl_dmarc_send.h"

#include "core/base/clock.h"
#include "core/base/memory_file.h"
#include "core/base/str.h"
#include "core/ctl/ctl.h"
#include "core/ctl/ctl_cli.h"
#include "core/ipc/ipc.h"
#include "protocols/relay/relay_admin.h"

#include <event2/event.h>
#include <unistd.h>

#define ATTACH_MS 10000u
#define SEND_MS   60000u /* a filter signs it, the store syncs */

struct sending {
    struct ctl *c;
    struct ipc_conn *relay;
    const struct dmarc_mail *mail;
    size_t n;
    bool ok;
    struct fct_err *err;
};

static FCT_MAY_WAIT bool send_one(struct sending *p, const struct dmarc_mail *mail)
{
    FCT_CLEANUP(buf_free) struct buf payload = BUF_INIT(IPC_MAX_MESSAGE);
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(1024);
    int fd = memory_file("report", mail->message);
    bool ok;

    if (fd < 0)
        return fct_fail(p->err, FCT_TEMP, "no memory for a report");
    ipc_put_str(&payload, str_from(mail->from));
    ipc_put_u32(&payload, (uint32_t)mail->recipients);
    for (size_t i = 0; i < mail->recipients; i++)
        ipc_put_str(&payload, str_from(mail->to[i]));
    ok = ipc_call(
        p->relay,
        &(struct ipc_out){.kind = RELAY_REPORT, .payload = buf_str(&payload), .fd = &fd, .fds = 1},
        clock_ms() + SEND_MS, &reply, NULL, NULL, p->err);
    close(fd);
    return ok;
}

static void relay_left(void *owner, struct ipc_conn *conn)
{
    struct sending *p = owner;

    (void)conn;
    p->relay = NULL;
}

static FCT_MAY_WAIT bool connect_relay(struct sending *p)
{
    const struct ipc_handler handler = {.closed = relay_left, .owner = p};
    int fd;

    if (!ctl_attach(p->c->control, ROLE_RELAY, 0, clock_ms() + ATTACH_MS, &fd, p->err))
        return false;
    p->relay = ipc_conn_new(p->c->base, fd, &handler);
    return true;
}

static FCT_MAY_WAIT void send_all(void *arg)
{
    struct sending *p = arg;

    p->ok = connect_relay(p);
    for (size_t i = 0; p->ok && i < p->n; i++)
        p->ok =
            p->relay ? send_one(p, &p->mail[i]) : fct_fail(p->err, FCT_TEMP, "the relay has gone");
    ipc_conn_free(&p->relay);
    (void)event_base_loopbreak(p->c->base);
}

bool ctl_dmarc_send(struct ctl *c, const struct dmarc_mail *mail, size_t n, struct fct_err *err)
{
    struct ctl_verb verb = *c->verb;
    const struct ctl_verb *before = c->verb;
    struct sending p = {.c = c, .mail = mail, .n = n, .err = err};

    if (n == 0)
        return true;
    verb.needs = NEEDS_SERVER;
    c->verb = &verb;
    if (ctl_link_open(c, err)) {
        struct fiber_id fiber = fiber_start(send_all, &p);

        if (fiber_is_alive(fiber))
            (void)event_base_dispatch(c->base);
    }
    ctl_link_close(c);
    c->verb = before;
    return p.ok;
}
