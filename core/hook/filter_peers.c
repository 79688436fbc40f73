/* filter_peers.c - see filter_ask.h. A request goes to the living filter with the fewest requests
 * under way, or to the one that keeps state for this connection. */
#include "core/hook/filter_ask.h"

#include "core/base/str.h"
#include "core/log/log.h"

#define STICKY_MAX 65536u

struct filter_client *filter_client_new(struct role_env *env)
{
    struct filter_client *fc = calloc(1, sizeof *fc);

    if (!fc)
        fct_assert_failed("memory for the filter client", __FILE__, __LINE__);
    fc->env = env;
    fc->conf = config_get(env->conf, &filter_block);
    fc->sticky = map_new();
    return fc;
}

void filter_client_free(struct filter_client **fc)
{
    if (!*fc)
        return;
    for (unsigned i = 0; i < (*fc)->peers; i++)
        ipc_conn_free(&(*fc)->peer[i]->conn);
    for (unsigned i = 0; i < (*fc)->peers; i++)
        free((*fc)->peer[i]);
    free((*fc)->peer);
    map_free(&(*fc)->sticky);
    free(*fc);
    *fc = NULL;
}

/* ---- connections ---- */

static void wake_waiters(struct filter_client *fc)
{
    struct waiter *w = fc->waiter;

    fc->waiter = NULL;
    while (w) {
        struct waiter *next = w->next;

        fiber_wake(w->token);
        w = next;
    }
}

static void take_wants(struct filter_client *fc, const struct filter_hello *hello)
{
    memcpy(fc->wants, hello->wants, sizeof fc->wants);
    memcpy(fc->decides, hello->decides, sizeof fc->decides);
    memcpy(fc->may, hello->may, sizeof fc->may);
    fc->greeted = true;
}

static void keep_last_words(struct filter_peer_end *peer, const struct filter_hello *hello)
{
    uint32_t generation = peer->generation - 1;
    struct last_words *words = &peer->words[generation % LAST_WORDS];

    *words = (struct last_words){.generation = generation, .blamed = hello->blamed};
    str_copy_c(words->culprit, sizeof words->culprit, hello->id);
    str_copy_c(words->plugin, sizeof words->plugin, hello->plugin);
}

static void on_hello(struct filter_peer_end *peer, struct fct_str payload)
{
    struct filter_hello hello;
    struct fct_err err = {0};

    if (!filter_hello_decode(payload, &hello, &err)) {
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("from", "filter"), F_STR("why", str_from(err.text)));
        return;
    }
    take_wants(peer->fc, &hello);
    keep_last_words(peer, &hello);
    peer->greeted = true;
    wake_waiters(peer->fc);
}

static void on_notice(void *owner, struct ipc_in *in)
{
    struct filter_peer_end *peer = owner;

    if (in->conn != peer->conn)
        return; /* of an earlier process */
    if (in->kind == FILTER_HELLO)
        on_hello(peer, in->payload);
    else if (in->kind == FILTER_LEAVING) {
        peer->leaving = true;
        ipc_notify(peer->conn, &(struct ipc_out){.kind = FILTER_GOODBYE});
    }
}

/* Those who wait for answers get errors from ipc and find the generation changed. */
static void lose(struct filter_peer_end *peer)
{
    peer->conn = NULL;
    peer->generation++;
    peer->greeted = peer->leaving = false;
    peer->fc->deaths++;
}

static void on_closed(void *owner, struct ipc_conn *conn)
{
    struct filter_peer_end *peer = owner;

    if (peer->conn == conn)
        lose(peer);
}

static struct filter_peer_end *peer_at(struct filter_client *fc, unsigned index)
{
    while (fc->peers <= index) {
        struct filter_peer_end **grown =
            realloc(fc->peer, sizeof(struct filter_peer_end *) * (fc->peers + 1));
        struct filter_peer_end *peer = calloc(1, sizeof *peer);

        if (!grown || !peer)
            fct_assert_failed("memory for a filter", __FILE__, __LINE__);
        fc->peer = grown;
        peer->fc = fc;
        peer->index = fc->peers;
        fc->peer[fc->peers++] = peer;
    }
    return fc->peer[index];
}

void filter_client_peer(struct filter_client *fc, unsigned index, int fd)
{
    struct filter_peer_end *peer = peer_at(fc, index);
    const struct ipc_handler handler = {.notice = on_notice, .closed = on_closed, .owner = peer};
    struct ipc_conn *old = peer->conn;

    if (old) {
        lose(peer);
        ipc_conn_free(&old);
    }
    peer->conn = ipc_conn_new(fc->env->base, fd, &handler);
}

bool peers_in_mask(const uint64_t *mask, enum fct_hook hook, uint32_t role)
{
    for (unsigned r = 0; r < PLAN_ROLES; r++)
        if ((role & (1u << r)) && (mask[r] >> hook & 1))
            return true;
    return false;
}

/* The end of a connection matters to a filter that keeps state for it, hooked or not. */
bool filter_wants(const struct filter_client *fc, enum fct_hook hook, uint32_t role)
{
    return !fc->greeted || (hook == FCT_HOOK_disconnect && map_count(fc->sticky) > 0) ||
           peers_in_mask(fc->wants, hook, role);
}

bool filter_decides(const struct filter_client *fc, enum fct_hook hook, uint32_t role)
{
    return !fc->greeted || peers_in_mask(fc->decides, hook, role);
}

uint32_t filter_may(const struct filter_client *fc, uint32_t role)
{
    uint32_t may = 0;

    if (!fc->greeted)
        return UINT32_MAX & ~FCT_MAY_NOTHING;
    for (unsigned r = 0; r < PLAN_ROLES; r++)
        if (role & (1u << r))
            may |= fc->may[r];
    return may;
}

/* ---- which filter ---- */

bool peer_is_ready(const struct filter_peer_end *peer)
{
    return peer->conn && peer->greeted && !peer->leaving;
}

/* Less to do; among equals the one that died less often, so that a fatal message does not meet the
 * same one twice in a row and the supervisor's growing pauses. */
static bool is_better(const struct filter_peer_end *peer, const struct filter_peer_end *than)
{
    if (!than || peer->under_way != than->under_way)
        return !than || peer->under_way < than->under_way;
    return peer->generation < than->generation;
}

struct filter_peer_end *peers_choose(const struct filter_client *fc, struct fct_str conn_id)
{
    struct filter_peer_end *best = map_get(fc->sticky, conn_id);

    if (best && peer_is_ready(best))
        return best;
    best = NULL;
    for (unsigned i = 0; i < fc->peers; i++)
        if (peer_is_ready(fc->peer[i]) && is_better(fc->peer[i], best))
            best = fc->peer[i];
    return best;
}

static void unlink_waiter(struct filter_client *fc, const struct waiter *gone)
{
    struct waiter **at = &fc->waiter;

    while (*at && *at != gone)
        at = &(*at)->next;
    if (*at)
        *at = gone->next;
}

bool peers_wait(struct filter_client *fc, uint64_t deadline)
{
    struct waiter self = {fiber_token(), fc->waiter};

    fc->waiter = &self;
    if (fiber_park(deadline) == FIBER_WOKEN)
        return true; /* wake_waiters has taken us off the list */
    unlink_waiter(fc, &self);
    return false;
}

struct filter_peer_end *peers_find(struct filter_client *fc, struct fct_str conn_id)
{
    uint64_t deadline = clock_ms() + FRESH_WAIT_MS;
    struct filter_peer_end *peer;

    while (!(peer = peers_choose(fc, conn_id)))
        if (!peers_wait(fc, deadline))
            return NULL;
    return peer;
}

bool filter_ready(struct filter_client *fc, uint64_t deadline_ms)
{
    while (!fc->greeted)
        if (!peers_wait(fc, deadline_ms))
            return fc->greeted;
    return true;
}

void peers_keep(struct filter_client *fc, struct fct_str conn_id, struct filter_peer_end *peer,
                bool sticky)
{
    if (conn_id.n == 0)
        return;
    if (!sticky)
        map_remove(fc->sticky, conn_id);
    else if (map_count(fc->sticky) < STICKY_MAX)
        map_put(fc->sticky, conn_id, peer);
}
