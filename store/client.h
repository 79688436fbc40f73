/* client.h - a process that is connected to the store, its principals, and one request of it being
 * served. */
#ifndef STORE_CLIENT_H
#define STORE_CLIENT_H

#include "core/supervisor/role.h"
#include "store/account.h"
#include "store/store_codec.h"

/* A login: bound to this connection and this account. */
struct principal {
    uint64_t account; /* 0: free */
    uint8_t generation;
    bool watches_list;
};

struct client {
    struct client *next;
    struct server *s;
    struct ipc_conn *conn; /* NULL: gone, requests still run */
    enum role_kind kind;
    unsigned index, requests;
    uint32_t number;  /* of the connection: lessee in the queue */
    bool wants_queue; /* to be told when something is ready there */
    bool claimed;     /* it said what it has in hand (store_queue_claim) */
    struct principal *principal;
    size_t nprincipals, principal_room, first_free;
};

struct request {
    struct server *s;
    struct client *client;
    struct ipc_ticket ticket;
    const struct request_kind *kind;
    struct ipc_reader in; /* the payload, behind the handle */
    struct buf out;
    int fd[IPC_MAX_FDS]; /* came with it; closed at the end */
    unsigned fds;
    int reply_fd;   /* -1 or ours */
    int reply_fd_2; /* a second one, likewise; only with the first */
    bool silent;    /* nobody waits for the answer */
    struct arena *arena;
    uint64_t account; /* of the principal; 0 for other requests */
    uint32_t principal;
    uint64_t seq; /* the reply waits until this is durable */
    struct fct_err *err;
};

struct request_kind {
    const char *name;
    enum request_right { RIGHT_ANYONE, RIGHT_PRINCIPAL, RIGHT_RELAY, RIGHT_ADMIN } right;
    bool (*serve)(struct request *rq); /* false: rq->err says why */
};

/* serve_*.c: one function per row of store_requests.def. */
#define REQUEST(id, name, right, doc) bool serve_##name(struct request *rq);
#include "store/store_requests.def"

/* Takes fd. */
void client_new(struct server *s, enum role_kind kind, unsigned index, int fd);
void clients_free(struct server *s);
unsigned clients_busy(const struct server *s); /* requests being served */
/* Have all relays come and said what they have in hand? Before that nothing of the queue is lent.
 */
bool clients_have_claimed(const struct server *s);
/* Whoever lived when the store began has come (role.linked). */
void clients_are_linked(struct server *s);
/* Something is ready in the queue: those who wait for it are told, once each. */
void clients_tell_queue(struct server *s);
bool client_tell(struct client *client, uint32_t principal, uint32_t mailbox, uint64_t mod_seq);

/* Everything of the payload was there and nothing is left: FCT_BUG otherwise. */
FCT_MUST_CHECK bool request_read_all(struct request *rq);
/* The reply says something about this account: it leaves when all of its changes so far are
 * durable. */
void request_depends(struct request *rq, const struct account *a);
FCT_MUST_CHECK bool request_account(struct request *rq, struct account **a);
FCT_MUST_CHECK bool request_mailbox(struct request *rq, struct fct_str path, struct account **a,
                                    struct mailbox **m);
FCT_MAY_WAIT FCT_MUST_CHECK bool request_index(struct request *rq, uint64_t mailbox,
                                               struct account **a, struct mailbox **m);

/* u32 length, then the bytes or a memfd with them (store_read_collect). */
FCT_MUST_CHECK bool request_put_bytes(struct request *rq, struct buf *bytes);

/* A new principal; 0 when there are too many. */
uint32_t principal_open(struct client *client, uint64_t account);
void principal_close(struct client *client, uint32_t handle);
struct principal *principal_find(const struct client *client, uint32_t handle);

#endif
