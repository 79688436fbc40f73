/* edge.c - what the sessions of all protocols share: the list that a drain ends, and how a
 * connection starts. */
#include "protocols/edge.h"
#include "core/base/str.h"

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
