/* store_call.h - inside the store's client: one request on its way. Used by store_client*.c only.
 */
#ifndef STORE_STORE_CALL_H
#define STORE_STORE_CALL_H

#include "store/store_client.h"
#include "store/store_codec.h"

struct map;

#define STORE_CALL_MS 60000u
#define STORE_LONG_MS 3600000u /* check, removal of an account, loading of many */

struct store {
    struct event_base *base;
    struct ipc_conn *conn;
    uint32_t generation;         /* of the connection, 8 bits */
    struct map *watchers;        /* handle → struct store_watcher */
    void (*queue_fn)(void *arg); /* store_queue_watch */
    void *queue_arg;
};

/* Handles as our callers know them carry the generation of the connection in their upper bits. */
uint32_t store_handle_out(const struct store *st, uint32_t handle);
FCT_MUST_CHECK bool store_handle_in(const struct store *st, uint32_t principal, uint32_t *handle,
                                    struct fct_err *err);

/* begin (or as), put into `out`, send, take from `reply`, end. */
struct store_call {
    struct store *st;
    enum store_request kind;
    struct buf out, in;
    struct ipc_reader reply;
    const int *send; /* descriptors to send */
    unsigned nsend;
    int fd;   /* that came back, or -1 */
    int fd_2; /* a second one, or -1 */
    uint64_t deadline_ms;
    struct fct_err *err;
    bool ok; /* so far */
};
struct store_call store_call_begin(struct store *st, enum store_request kind, struct fct_err *err);
/* On behalf of a login: its handle comes first. */
struct store_call store_call_as(struct store *st, enum store_request kind, uint32_t principal,
                                struct fct_err *err);
FCT_MAY_WAIT bool store_call_send(struct store_call *c); /* true: there is a reply to read */
/* Frees; false with err when anything was wrong, the reply included. */
bool store_call_end(struct store_call *c);
/* An answer stays as it is until the arena goes: what was read from it are views. */
void store_keep_reply(struct buf *takes, struct arena *arena);
struct fct_str store_call_copy(struct store_call *c,
                               struct arena *arena); /* a string of the reply, in the arena */
const struct fct_str *store_call_copies(struct store_call *c, struct arena *arena, size_t *n);
/* One that needs no answer. mailbox, on: NULL when it has none. */
void store_call_notify(struct store *st, enum store_request kind, uint32_t principal,
                       const uint64_t *mailbox, const bool *on);

#endif
