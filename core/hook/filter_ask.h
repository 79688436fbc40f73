/* filter_ask.h - inside filter_client: the filters that are there (filter_peers.c) and one request
 * on its way through their deaths (filter_ask.c). */
#ifndef CORE_HOOK_FILTER_ASK_H
#define CORE_HOOK_FILTER_ASK_H

#include "core/base/map.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_codec.h"

/* For a filter to come back: longer than the supervisor's longest pause and a slow start. */
#define FRESH_WAIT_MS 20000u
#define STRIKES_MAX   2u /* deaths that are this request's fault */
#define TRIES_MAX     8u /* deaths that may be somebody else's */

/* What a successor said about the end of the process before it. */
struct last_words {
    uint32_t generation; /* of the connection that ended */
    bool blamed;
    char culprit[64]; /* id of the message or connection */
    char plugin[48];
};
#define LAST_WORDS 8u /* kept per filter */

struct filter_peer_end {
    struct filter_client *fc;
    struct ipc_conn *conn; /* NULL: gone, or not here yet */
    unsigned index;
    unsigned under_way;
    uint32_t generation; /* counts connections */
    bool greeted;        /* it has said which hooks it wants */
    bool leaving;
    struct last_words words[LAST_WORDS]; /* by generation */
};

/* A fiber that waits for a filter to appear. Lives on the fiber's stack. */
struct waiter {
    struct fiber_token token;
    struct waiter *next;
};

struct filter_client {
    struct role_env *env;
    const struct filter_conf *conf;
    struct filter_peer_end **peer;
    unsigned peers;
    uint64_t wants[PLAN_ROLES], decides[PLAN_ROLES];
    uint32_t may[PLAN_ROLES];
    bool greeted;       /* some filter has been here */
    struct map *sticky; /* connection id → peer */
    struct waiter *waiter;
    uint64_t deaths, retries, timeouts;
};

bool peers_in_mask(const uint64_t *mask, enum fct_hook hook, uint32_t role);
bool peer_is_ready(const struct filter_peer_end *peer);
/* The one for this connection now; NULL: none is ready. */
struct filter_peer_end *peers_choose(const struct filter_client *fc, struct fct_str conn_id);
/* The same, waiting for one to come; NULL: none came. */
FCT_MAY_WAIT struct filter_peer_end *peers_find(struct filter_client *fc, struct fct_str conn_id);
/* Until some filter greets; false when the time is over or the caller was cancelled. */
FCT_MAY_WAIT bool peers_wait(struct filter_client *fc, uint64_t deadline);
/* Does that filter keep state for the connection? */
void peers_keep(struct filter_client *fc, struct fct_str conn_id, struct filter_peer_end *peer,
                bool sticky);

/* A filter's end while it had our request. */
struct death {
    struct filter_peer_end *peer;
    uint32_t generation;
    bool settled; /* we know whose fault it was */
};

struct ask {
    struct filter_client *fc;
    struct fct_str conn_id, id; /* id: what the filter's slot names */
    struct buf *request;        /* out's payload */
    const struct ipc_out *out;
    uint64_t timeout_ms;
    struct buf *reply;
    struct filter_peer_end *answered_by;
    struct death death[TRIES_MAX];
    unsigned deaths;
    unsigned strikes; /* deaths that were this request's fault */
    char plugin[48];  /* whose callback it was */
};

struct ask ask_new(struct filter_client *fc, const struct filter_context *ctx, struct buf *request,
                   const struct ipc_out *out, fct_duration timeout, struct buf *reply);
/* Answered, or: two deaths that were our fault (`ask->strikes`), or no filter to be had (err). */
FCT_MAY_WAIT FCT_MUST_CHECK bool ask_filter(struct ask *ask, struct fct_err *err);

#endif
