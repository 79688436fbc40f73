/* links.c - who is connected to whom: a fresh socket pair for every living client and every server
 * that is ready.
 *
 * A client gets its end as early as possible (it waits in the channel until the process reads it);
 * a server only when it is ready, so that a request never dies in a process that could not start.
 * Clients meet the servers of their own generation; the store, which outlives generations, meets
 * all. */
#include "core/log/log.h"
#include "core/supervisor/control.h"
#include "core/supervisor/supervisor_int.h"

#include <unistd.h>

static bool linked(const struct supervisor *sup, enum role_kind client, enum role_kind server)
{
    for (size_t i = 0; i < sup->setup->nlinks; i++)
        if (sup->setup->links[i].client == client && sup->setup->links[i].server == server)
            return true;
    return false;
}

static bool belong_together(const struct process *client, const struct process *server)
{
    return client->pid && client->state != PROCESS_NONE && client->state != PROCESS_WAITING &&
           server->state == PROCESS_READY &&
           linked(client->sup, client->role->kind, server->role->kind) &&
           (server->role->kind == ROLE_STORE || client->generation == server->generation);
}

bool links_has_clients(const struct process *server)
{
    for (struct process *client = NULL; (client = process_next(server->sup, client));)
        if (client->pid && linked(server->sup, client->role->kind, server->role->kind))
            return true;
    return false;
}

static void give(struct process *to, enum role_kind kind, unsigned index, int fd)
{
    FCT_CLEANUP(buf_free) struct buf payload = BUF_INIT(16);

    ipc_put_u8(&payload, (uint8_t)kind);
    ipc_put_u32(&payload, index);
    process_tell(to, CONTROL_PEER, buf_str(&payload), fd);
    close(fd);
}

static void connect_them(struct process *client, struct process *server)
{
    struct fct_err err = {0};
    int pair[2];

    if (!ipc_pair(pair, &err)) {
        log_event(EV_WARNING, FCT_STR(""), F_C("text", err.text), F_C("client", client->role->name),
                  F_C("server", server->role->name));
        return;
    }
    give(client, server->role->kind, server->index, pair[0]);
    give(server, client->role->kind, client->slot, pair[1]);
}

void links_for_client(struct process *client)
{
    for (struct process *server = NULL; (server = process_next(client->sup, server));)
        if (belong_together(client, server))
            connect_them(client, server);
}

void links_for_server(struct process *server)
{
    for (struct process *client = NULL; (client = process_next(server->sup, client));)
        if (belong_together(client, server))
            connect_them(client, server);
    process_tell(server, CONTROL_LINKED, FCT_STR(""), -1);
}

bool supervisor_attach(struct supervisor *sup, enum role_kind kind, unsigned index, int *fd,
                       struct fct_err *err)
{
    for (struct process *p = NULL; (p = process_next(sup, p));) {
        int pair[2];

        if (p->role->kind != kind || p->index != index || p->state != PROCESS_READY ||
            (kind != ROLE_STORE && p->generation != sup->now.generation))
            continue;
        if (!ipc_pair(pair, err))
            return false;
        give(p, ROLE_CTL, sup->attached++, pair[1]);
        *fd = pair[0];
        return true;
    }
    return fct_fail(err, FCT_TEMP, "no such process runs now");
}
