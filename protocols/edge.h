/* edge.h - what every protocol session shares inside an edge process: the peers (store, filters),
 * the listener it came from, the list of sessions that a drain has to end, and the counters.
 *
 * A protocol is one `const struct edge_protocol`: edge_role.c finds it by the word in its
 * `listener` block. Its `accepted` makes a session that embeds a struct edge_session, puts it on
 * the list and takes it off when it ends. */
#ifndef PROTOCOLS_EDGE_H
#define PROTOCOLS_EDGE_H

#include "core/conf/conf.h"
#include "core/hook/filter_client.h"
#include "core/net/stream.h"
#include "protocols/edge_conf.h"
#include "store/store_client.h"

struct edge;
struct edge_client;
struct edge_listener;
struct guard;
struct listener;
struct map;

struct edge_protocol {
    const char *name; /* as in `listener x { protocol = … }`, and the scope of its TLS tickets */
    /* A connection arrived; takes fd. Runs in the loop. */
    void (*accepted)(struct edge_listener *listener, int fd);
};
extern const struct edge_protocol smtp_protocol, lmtp_protocol, imap_protocol, pop3_protocol;

struct edge_listener {
    struct edge *edge;
    const char *label; /* of the `listener` block */
    const struct listener_conf *conf;
    const struct edge_protocol *protocol;
    uint32_t role; /* one FCT_ROLE_* bit, for the hooks */
    enum edge_tls tls_mode;
    struct tls_context *tls; /* NULL when tls_mode is NONE */
    struct listener *listener;
    struct map *clients;  /* open connections by client network, for edge_client_enter */
    uint64_t connections; /* accepted since start */
};

/* Embedded in every session, whatever its protocol. */
struct edge_session {
    struct edge_session *next, **link; /* link == NULL: not on the list */
    struct edge_listener *listener;
    struct edge_client *client; /* NULL: not counted */
    /* The process ends soon: say goodbye at the next command boundary (SMTP 421, IMAP BYE) and end.
     * May end the session at once; called from the loop, at most once. */
    void (*drain)(struct edge_session *session);
};

struct edge {
    struct event_base *base;
    const struct config *conf;
    struct fct_str name; /* server { name }: banner, Received by, Authentication-Results id */
    struct store *store;
    struct filter_client *filter;
    struct guard *guard;
    bool dev;
    bool draining; /* no new work */
    struct edge_session *sessions;
    uint32_t session_count;
    struct edge_listener *listener;
    size_t listeners;
    void (*idle)(struct edge *edge); /* draining and the last session has gone */
    struct {
        uint64_t connections, messages, message_bytes, refused, logins, login_failures;
    } count; /* for facteurctl status */
};

void edge_session_add(struct edge_session *session, struct edge_listener *listener,
                      void (*drain)(struct edge_session *session));
void edge_session_remove(struct edge_session *session); /* twice does nothing */

/* The stream of a new connection as its listener wants it: implicit TLS and PROXY header included.
 */
struct stream *edge_stream(struct edge_listener *listener, int fd,
                           const struct stream_limits *limits, const struct stream_owner *owner);
/* Count this session for its client's IPv4 address or IPv6 /64. False: it has `max` already (0: no
 * limit). Clients on this machine are not counted. Undone by edge_session_remove. */
bool edge_client_enter(struct edge_session *session, const struct stream_address *client,
                       uint32_t max);
/* May passwords pass now: under TLS always; without it only where `plain_login` is set and the
 * client is on this machine. */
bool edge_may_login(const struct edge_listener *listener, const struct stream *stream);
bool edge_is_loopback(const struct stream_address *address);
/* Is STARTTLS possible on this connection now? */
bool edge_may_starttls(const struct edge_listener *listener, const struct stream *stream);

#endif
