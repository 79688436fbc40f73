/* edge.c - what the sessions of all protocols share: the list that a drain ends, and how a
 * connection starts. */
#include "protocols/edge.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include <arpa/inet.h>

/* Connections of one client network to one listener. */
struct edge_client {
    uint32_t count;
    size_t length;
    unsigned char network[8];
};

void edge_session_add(struct edge_session *session, struct edge_listener *listener,
                      void (*drain)(struct edge_session *session))
{
    struct edge *edge = listener->edge;

    session->listener = listener;
    session->drain = drain;
    session->next = edge->sessions;
    session->link = &edge->sessions;
    if (session->next)
        session->next->link = &session->next;
    edge->sessions = session;
    edge->session_count++;
    edge->count.connections++;
    listener->connections++;
}

/* The whole of an IPv4 address, the first 64 bits of an IPv6 address (what one customer gets). */
static bool client_network(const struct stream_address *client, struct edge_client *out)
{
    unsigned char bytes[16];

    out->length = 4;
    if (inet_pton(AF_INET, client->text, bytes) != 1) {
        out->length = 8;
        if (inet_pton(AF_INET6, client->text, bytes) != 1)
            return false;
    }
    memcpy(out->network, bytes, out->length);
    return true;
}

static struct fct_str client_key(const struct edge_client *c)
{
    return (struct fct_str){(const char *)c->network, c->length};
}

bool edge_client_enter(struct edge_session *session, const struct stream_address *address,
                       uint32_t max)
{
    struct edge_listener *listener = session->listener;
    struct edge_client network = {0}, *client;

    if (max == 0 || edge_is_loopback(address) || !client_network(address, &network))
        return true;
    if (!listener->clients)
        listener->clients = map_new();
    client = map_get(listener->clients, client_key(&network));
    if (client && client->count >= max)
        return false;
    if (!client) {
        client = malloc(sizeof *client);
        if (!client)
            return false;
        *client = network;
        map_put(listener->clients, client_key(client), client);
    }
    client->count++;
    session->client = client;
    return true;
}

static void client_leave(struct edge_session *session)
{
    struct edge_client *client = session->client;

    session->client = NULL;
    if (!client || --client->count > 0)
        return;
    map_remove(session->listener->clients, client_key(client));
    free(client);
}

void edge_session_remove(struct edge_session *session)
{
    struct edge *edge;

    if (!session->link)
        return;
    edge = session->listener->edge;
    *session->link = session->next;
    if (session->next)
        session->next->link = session->link;
    session->link = NULL;
    client_leave(session);
    edge->session_count--;
    if (edge->draining && edge->session_count == 0 && edge->idle)
        edge->idle(edge);
}

struct stream *edge_stream(struct edge_listener *listener, int fd,
                           const struct stream_limits *limits, const struct stream_owner *owner)
{
    struct tls_context *tls = listener->tls_mode == EDGE_TLS_IMPLICIT ? listener->tls : NULL;
    struct stream *stream = stream_new(listener->edge->base, fd, tls, limits, owner);

    if (listener->conf->proxy)
        stream_expect_proxy(stream);
    return stream;
}

/* 127.0.0.0/8 and ::1; stream.h shows v4-mapped addresses as IPv4. */
bool edge_is_loopback(const struct stream_address *address)
{
    struct fct_str text = str_from(address->text);

    return str_starts(text, FCT_STR("127.")) || str_equal(text, FCT_STR("::1"));
}

bool edge_may_login(const struct edge_listener *listener, const struct stream *stream)
{
    return stream_has_tls(stream) ||
           (listener->conf->plain_login && edge_is_loopback(stream_peer(stream)));
}

bool edge_may_starttls(const struct edge_listener *listener, const struct stream *stream)
{
    return listener->tls_mode == EDGE_TLS_STARTTLS && !stream_has_tls(stream);
}
