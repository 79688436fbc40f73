/* relay_admin.c - see relay_admin.h. */
#include "protocols/relay/relay_admin.h"

#include "core/ipc/ipc.h"
#include "core/ipc/ipc_codec.h"
#include "protocols/relay/destination.h"
#include "protocols/relay/relay.h"
#include "protocols/relay/report_queue.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX (4u << 20)

/* ---- a report ---- */

struct reporting {
    struct relay *relay;
    struct arena *arena;
    struct relay_report report;
    struct ipc_ticket ticket;
};

static bool read_recipients(struct reporting *p, struct fct_str payload, struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(payload);
    struct fct_str *to;
    uint32_t n;

    p->report.from = arena_str(p->arena, ipc_get_str(&r));
    n = ipc_get_count(&r, sizeof n);
    if (n == 0 || n > RELAY_REPORT_RECIPIENTS)
        return fct_fail(err, FCT_SYNTAX, "a report has 1 to %u recipients",
                        RELAY_REPORT_RECIPIENTS);
    to = ARENA_ARRAY(p->arena, struct fct_str, n);
    for (uint32_t i = 0; i < n; i++)
        to[i] = arena_str(p->arena, ipc_get_str(&r));
    p->report.to = to;
    p->report.n = n;
    p->report.about = FCT_STR("what facteurctl sent");
    return ipc_reader_ok(&r) || fct_fail(err, FCT_SYNTAX, "the request ends too soon");
}

static bool read_message(struct reporting *p, const struct ipc_in *in, struct fct_err *err)
{
    struct stat st;
    char *bytes;

    if (in->fds != 1 || fstat(in->fd[0], &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
        st.st_size > (off_t)RELAY_REPORT_MAX)
        return fct_fail(err, FCT_LIMIT, "a report has 1 to %u bytes", RELAY_REPORT_MAX);
    bytes = arena_alloc(p->arena, (size_t)st.st_size);
    p->report.message = (struct fct_str){bytes, (size_t)st.st_size};
    return pread(in->fd[0], bytes, (size_t)st.st_size, 0) == st.st_size ||
           fct_fail(err, FCT_TEMP, "the report cannot be read");
}

FCT_MAY_WAIT static void send_report(void *arg)
{
    struct reporting *p = arg;
    struct fct_err err = {0};

    if (report_queue(p->relay, p->arena, &p->report, &err))
        ipc_reply(p->ticket, FCT_STR(""), NULL, 0);
    else
        ipc_fail(p->ticket, &err);
    arena_free(&p->arena);
    free(p);
}

static void take_report(struct relay *relay, const struct ipc_in *in)
{
    struct reporting *p = calloc(1, sizeof *p);
    struct fct_err err = {0};

    FCT_ASSERT(p);
    *p = (struct reporting){.relay = relay, .arena = arena_new(NULL), .ticket = in->ticket};
    if (read_recipients(p, in->payload, &err) && read_message(p, in, &err)) {
        (void)fiber_start(send_report, p);
        return;
    }
    ipc_fail(in->ticket, &err);
    arena_free(&p->arena);
    free(p);
}

/* ---- destinations ---- */

static void tell_destinations(const struct relay *relay, const struct ipc_in *in)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(ANSWER_MAX);
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX + 64);

    destinations_describe(relay->destinations, ANSWER_MAX - 4096, &text);
    ipc_put_str(&out, buf_str(&text));
    ipc_reply(in->ticket, buf_str(&out), NULL, 0);
}

static void asked(void *owner, struct ipc_in *in)
{
    struct fct_err err = {0};

    switch (in->kind) {
    case RELAY_DESTINATIONS:
        tell_destinations(owner, in);
        break;
    case RELAY_REPORT:
        take_report(owner, in);
        break;
    default:
        fct_fail(&err, FCT_SYNTAX, "this relay does not know request %u", in->kind);
        ipc_fail(in->ticket, &err);
    }
}

/* The connection frees itself. */
static void left(void *owner, struct ipc_conn *conn)
{
    (void)owner, (void)conn;
}

void relay_admin_peer(struct relay *relay, int fd)
{
    const struct ipc_handler handler = {.request = asked, .closed = left, .owner = relay};

    (void)ipc_conn_new(relay->base, fd, &handler);
}
