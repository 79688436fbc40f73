/* ctl_dmarc_send.c - see ctl_dmarc_send.h. The command has no store until its reports are made: it
 * is opened here, as for a verb that needs one. */
#include "core/ctl/ctl_dmarc_send.h"

#include "core/base/id.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "store/store_queue.h"

#include <event2/event.h>
#include <sys/mman.h>
#include <unistd.h>

struct sending {
    struct ctl *c;
    const struct dmarc_mail *mail;
    size_t n;
    bool ok;
    struct fct_err *err;
};

static int message_file(struct fct_str bytes)
{
    int fd = memfd_create("dmarc-report", MFD_CLOEXEC);

    for (size_t at = 0; fd >= 0 && at < bytes.n;) {
        ssize_t n = pwrite(fd, bytes.p + at, bytes.n - at, (off_t)at);

        if (n <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    return fd;
}

static FCT_MAY_WAIT bool send_one(struct sending *p, const struct dmarc_mail *mail)
{
    struct queue_recipient *to =
        ARENA_ARRAY(p->c->arena, struct queue_recipient, mail->recipients + 1);
    struct id id = id_new();
    struct queue_send send = {.recipient = to, .n = mail->recipients};
    struct store_delivery d = {.id = str_from(id.text),
                               .reverse_path = str_from(mail->from),
                               .size = mail->message.n,
                               .send = &send,
                               .fd = message_file(mail->message)};
    struct store_delivered out;
    bool ok;

    if (d.fd < 0)
        return fct_fail(p->err, FCT_TEMP, "no memory for a report");
    for (size_t i = 0; i < mail->recipients; i++)
        to[i] = (struct queue_recipient){.address = str_from(mail->to[i]),
                                         .notify = QUEUE_NOTIFY_NEVER};
    send.envelope =
        (struct queue_envelope){.reverse_path = d.reverse_path, .log_id = d.id, .body = QUEUE_7BIT};
    ok = store_deliver(p->c->store, &d, p->c->arena, &out, p->err);
    close(d.fd);
    return ok;
}

static FCT_MAY_WAIT void send_all(void *arg)
{
    struct sending *p = arg;

    p->ok = ctl_link_connect(p->c, p->err);
    for (size_t i = 0; p->ok && i < p->n; i++)
        p->ok = send_one(p, &p->mail[i]);
    (void)event_base_loopbreak(p->c->base);
}

bool ctl_dmarc_send(struct ctl *c, const struct dmarc_mail *mail, size_t n, struct fct_err *err)
{
    struct ctl_verb verb = *c->verb;
    const struct ctl_verb *before = c->verb;
    struct sending p = {.c = c, .mail = mail, .n = n, .err = err};

    if (n == 0)
        return true;
    verb.needs = NEEDS_STORE;
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
