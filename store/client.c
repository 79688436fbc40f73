/* client.c - connections and the serving of requests, each in a fiber of its own.
 *
 * What arrives is not trusted: the right of each kind is checked here, every length and count where
 * it is read. */
#include "store/client.h"

#include "core/base/str.h"
#include "core/log/log.h"
#include "store/change_feed.h"
#include "store/queue.h"

#include <stdlib.h>
#include <unistd.h>

#define PRINCIPALS_MAX (1u << 20)
#define BACKLOG_MAX    (4u << 20) /* unsent bytes above which notices wait */

static const struct request_kind kinds[STORE_REQUEST_COUNT] = {
#define REQUEST(id, request_name, who, doc) \
    [STORE_##id] = {#request_name, RIGHT_##who, serve_##request_name},
#include "store/store_requests.def"
};

/* ---- principals ---- */

uint32_t principal_open(struct client *client, uint64_t account)
{
    size_t slot = client->first_free;
    struct principal *p;

    while (slot < client->nprincipals && client->principal[slot].account)
        slot++;
    if (slot >= PRINCIPALS_MAX - 1)
        return 0;
    if (slot == client->principal_room) {
        client->principal_room = client->principal_room ? 2 * client->principal_room : 16;
        client->principal =
            realloc(client->principal, client->principal_room * sizeof *client->principal);
        FCT_ASSERT(client->principal);
    }
    p = &client->principal[slot];
    if (slot == client->nprincipals) {
        *p = (struct principal){0};
        client->nprincipals++;
    }
    client->first_free = slot + 1;
    *p = (struct principal){.account = account, .generation = (uint8_t)((p->generation + 1) & 0xf)};
    return (uint32_t)(slot + 1) | (uint32_t)p->generation << 20;
}

struct principal *principal_find(const struct client *client, uint32_t handle)
{
    size_t slot = (handle & (PRINCIPALS_MAX - 1)) - (size_t)1;
    struct principal *p;

    if (slot >= client->nprincipals)
        return NULL;
    p = &client->principal[slot];
    return p->account && p->generation == handle >> 20 ? p : NULL;
}

void principal_close(struct client *client, uint32_t handle)
{
    struct principal *p = principal_find(client, handle);
    size_t slot;

    if (!p)
        return;
    slot = (size_t)(p - client->principal);
    feed_forget_principal(client->s->feed, client, handle, p->account);
    p->account = 0;
    if (slot < client->first_free)
        client->first_free = slot;
}

/* ---- requests ---- */

bool request_read_all(struct request *rq)
{
    return ipc_reader_ok(&rq->in) ||
           fct_fail(rq->err, FCT_BUG, "malformed request %s", rq->kind->name);
}

void request_depends(struct request *rq, const struct account *a)
{
    if (a->seq > rq->seq)
        rq->seq = a->seq;
}

bool request_account(struct request *rq, struct account **a)
{
    if (!account_find(rq->s, rq->account, a, rq->err))
        return false;
    request_depends(rq, *a);
    return true;
}

bool request_mailbox(struct request *rq, struct fct_str path, struct account **a,
                     struct mailbox **m)
{
    if (!request_account(rq, a))
        return false;
    *m = mailbox_find(*a, path);
    return (*m && (*m)->selectable) || fct_fail(rq->err, FCT_DENIED, "no such mailbox");
}

bool request_index(struct request *rq, uint64_t mailbox, struct account **a, struct mailbox **m)
{
    if (mailbox > UINT32_MAX)
        return fct_fail(rq->err, FCT_DENIED, "no such mailbox");
    if (!mailbox_index_open(rq->s, rq->account, (uint32_t)mailbox, a, m, rq->err))
        return false;
    request_depends(rq, *a);
    return true;
}

static bool may_ask(struct request *rq)
{
    const struct principal *p;

    if (rq->kind->right == RIGHT_ADMIN && rq->client->kind != ROLE_CTL)
        return fct_fail(rq->err, FCT_DENIED, "not allowed on this connection");
    if (rq->kind->right == RIGHT_RELAY && rq->client->kind != ROLE_RELAY &&
        rq->client->kind != ROLE_CTL)
        return fct_fail(rq->err, FCT_DENIED, "not allowed on this connection");
    if (rq->kind->right != RIGHT_PRINCIPAL)
        return true;
    rq->principal = ipc_get_u32(&rq->in);
    p = principal_find(rq->client, rq->principal);
    if (!p)
        return fct_fail(rq->err, FCT_DENIED, "not logged in");
    rq->account = p->account;
    return true;
}

static void client_release(struct client *client);

static void request_end(struct request *rq, void *payload)
{
    for (unsigned i = 0; i < rq->fds; i++)
        if (rq->fd[i] >= 0)
            close(rq->fd[i]);
    if (rq->reply_fd >= 0)
        close(rq->reply_fd);
    if (rq->reply_fd_2 >= 0)
        close(rq->reply_fd_2);
    buf_free(&rq->out);
    arena_free(&rq->arena);
    free(payload);
    rq->client->requests--;
    client_release(rq->client);
    free(rq);
}

static void answer(const struct request *rq)
{
    const int fd[] = {rq->reply_fd, rq->reply_fd_2};
    unsigned fds = rq->reply_fd < 0 ? 0 : rq->reply_fd_2 < 0 ? 1 : 2;

    ipc_reply(rq->ticket, buf_str(&rq->out), fd, fds);
}

/* What is answered is on disk. */
static bool wait_durable(struct request *rq)
{
#ifdef FCT_PLANT_EARLY_ANSWER /* a bug on purpose: tests/fault must notice it */
    if (rq->kind->serve == serve_deliver)
        return true;
#endif
    return commit_wait(rq->s->commit, rq->seq, rq->err);
}

static void serve(void *arg)
{
    struct request *rq = arg;
    struct fct_err err = {0};
    void *payload;
    bool ok;

    memcpy(&payload, &rq->in.p, sizeof payload);
    rq->err = &err;
    ok = may_ask(rq) && rq->kind->serve(rq) && wait_durable(rq);
    if (ok && rq->out.overflow)
        ok = fct_fail(&err, FCT_LIMIT, "the answer to %s is too large", rq->kind->name);
    if (rq->silent)
        ok = true;
    else if (ok)
        answer(rq);
    else
        ipc_fail(rq->ticket, &err);
    if (!ok && err.class == FCT_BUG)
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("why", err.text));
    request_end(rq, payload);
}

static void refuse(struct ipc_ticket ticket, enum fct_class class, const char *why)
{
    struct fct_err err;

    fct_fail(&err, class, "%s", why);
    ipc_fail(ticket, &err);
}

static void start(struct client *client, struct ipc_in *in, bool silent)
{
    struct request *rq = calloc(1, sizeof *rq);
    char *payload = malloc(in->payload.n + 1);

    FCT_ASSERT(rq && payload);
    if (in->payload.n)
        memcpy(payload, in->payload.p, in->payload.n);
    *rq = (struct request){.s = client->s,
                           .client = client,
                           .ticket = in->ticket,
                           .kind = &kinds[in->kind],
                           .silent = silent};
    rq->reply_fd = rq->reply_fd_2 = -1;
    rq->in = ipc_reader((struct fct_str){payload, in->payload.n});
    rq->out = BUF_INIT(IPC_MAX_MESSAGE - 4096);
    rq->arena = arena_new(NULL);
    rq->fds = in->fds;
    for (unsigned i = 0; i < in->fds; i++) {
        rq->fd[i] = in->fd[i];
        in->fd[i] = -1;
    }
    client->requests++;
    fiber_start(serve, rq);
}

static void on_request(void *owner, struct ipc_in *in)
{
    struct client *client = owner;

    if (in->kind == STORE_NONE || in->kind >= STORE_REQUEST_COUNT)
        refuse(in->ticket, FCT_BUG, "unknown request");
    else if (client->s->draining)
        refuse(in->ticket, FCT_TEMP, "the store is stopping");
    else
        start(client, in, false);
}

/* Requests whose answer nobody waits for. */
static void on_notice(void *owner, struct ipc_in *in)
{
    struct client *client = owner;

    if ((in->kind == STORE_LOGOUT || in->kind == STORE_UNSELECT || in->kind == STORE_WATCH) &&
        !client->s->draining)
        start(client, in, true);
}

/* ---- connections ---- */

static void unlink_client(struct client *client)
{
    struct client **at = &client->s->clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
}

static void client_release(struct client *client)
{
    if (client->conn || client->requests)
        return;
    unlink_client(client);
    free(client->principal);
    free(client);
}

/* Its logins and leases end with the connection. */
static void forget_connection(struct client *client)
{
    queue_give_up(client->s, client->number);
    client->wants_queue = false;
    if (client->kind == ROLE_RELAY && !client->claimed && client->s->queue)
        queue_wake(client->s); /* others waited for its word */
    for (size_t i = 0; i < client->nprincipals; i++)
        if (client->principal[i].account)
            principal_close(client,
                            (uint32_t)(i + 1) | (uint32_t)client->principal[i].generation << 20);
}

static void on_closed(void *owner, struct ipc_conn *conn)
{
    struct client *client = owner;

    (void)conn;
    client->conn = NULL;
    forget_connection(client);
    client_release(client);
}

static void replace_older(struct server *s, enum role_kind kind, unsigned index)
{
    for (struct client *c = s->clients, *next; c; c = next) {
        next = c->next;
        if (c->kind != kind || c->index != index || !c->conn || kind == ROLE_CTL)
            continue;
        ipc_conn_free(&c->conn);
        forget_connection(c);
        client_release(c);
    }
}

void client_new(struct server *s, enum role_kind kind, unsigned index, int fd)
{
    struct client *client = calloc(1, sizeof *client);
    struct ipc_handler handler = {on_request, on_notice, on_closed, client};

    FCT_ASSERT(client);
    replace_older(s, kind, index);
    *client = (struct client){
        .next = s->clients, .s = s, .kind = kind, .index = index, .number = ++s->connections};
    s->clients = client;
    client->conn = ipc_conn_new(s->base, fd, &handler);
}

void clients_free(struct server *s)
{
    for (struct client *c = s->clients, *next; c; c = next) {
        next = c->next;
        if (c->conn)
            ipc_conn_free(&c->conn);
        forget_connection(c);
        client_release(c);
    }
}

unsigned clients_busy(const struct server *s)
{
    unsigned n = 0;

    for (const struct client *c = s->clients; c; c = c->next)
        n += c->requests;
    return n;
}

bool clients_have_claimed(const struct server *s)
{
    for (const struct client *c = s->clients; c; c = c->next)
        if (c->kind == ROLE_RELAY && c->conn && !c->claimed)
            return false;
    return !s->awaits_links;
}

void clients_are_linked(struct server *s)
{
    s->awaits_links = false;
    queue_wake(s);
}

void clients_tell_queue(struct server *s)
{
    if (!clients_have_claimed(s))
        return;
    for (struct client *c = s->clients; c; c = c->next) {
        if (!c->wants_queue || !c->conn)
            continue;
        c->wants_queue = false;
        ipc_notify(c->conn, &(struct ipc_out){.kind = STORE_NOTICE_QUEUE});
    }
}

bool client_tell(struct client *client, uint32_t principal, uint32_t mailbox, uint64_t mod_seq)
{
    struct buf payload = BUF_INIT(64);

    if (!client->conn || ipc_conn_backlog(client->conn) > BACKLOG_MAX)
        return false;
    ipc_put_u32(&payload, principal);
    ipc_put_u64(&payload, mailbox);
    ipc_put_u64(&payload, mod_seq);
    ipc_notify(client->conn,
               &(struct ipc_out){.kind = STORE_NOTICE_CHANGED, .payload = buf_str(&payload)});
    buf_free(&payload);
    return true;
}
