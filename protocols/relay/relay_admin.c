/* relay_admin.c - see relay_admin.h. */
#include "protocols/relay/relay_admin.h"

#include "core/ipc/ipc.h"
#include "core/ipc/ipc_codec.h"
#include "protocols/relay/destination.h"
#include "protocols/relay/relay.h"

#define ANSWER_MAX (4u << 20)

static void asked(void *owner, struct ipc_in *in)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(ANSWER_MAX);
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX + 64);
    struct relay *relay = owner;
    struct fct_err err = {0};

    if (in->kind != RELAY_DESTINATIONS) {
        fct_fail(&err, FCT_SYNTAX, "this relay does not know request %u", in->kind);
        ipc_fail(in->ticket, &err);
        return;
    }
    destinations_describe(relay->destinations, ANSWER_MAX - 4096, &text);
    ipc_put_str(&out, buf_str(&text));
    ipc_reply(in->ticket, buf_str(&out), NULL, 0);
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
