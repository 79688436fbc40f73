/* milter_session.c - see milter_session.h. What an MTA agreed to outlives a session when it keeps
 * its connection for the next client; libmilter tells nobody whether a close is the last one, so
 * the terms stay in a table by connection until they are replaced or the connection is closed
 * twice. */
#include "protocols/milter/milter_session.h"

#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/log/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CARRIED_MAX (1u << 20)

struct milter *milter_role_of_process;

/* ---- terms ---- */

struct kept {
    struct milter_terms terms;
    struct milter_plan mx, submission;
    bool ready;
    bool parked; /* closed once */
};

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *kept_by_connection;

static struct fct_str key_of(SMFICTX *const *ctx)
{
    return (struct fct_str){(const char *)ctx, sizeof *ctx};
}

static void keep_terms(SMFICTX *ctx, const struct milter_session *s)
{
    struct kept *k = malloc(sizeof *k);

    FCT_ASSERT(k);
    *k = (struct kept){s->terms, s->mx, s->submission, s->ready, false};
    (void)pthread_mutex_lock(&kept_lock);
    if (!kept_by_connection)
        kept_by_connection = map_new();
    free(map_put(kept_by_connection, key_of(&ctx), k));
    (void)pthread_mutex_unlock(&kept_lock);
}

static bool find_terms(SMFICTX *ctx, struct kept *out)
{
    const struct kept *k;

    (void)pthread_mutex_lock(&kept_lock);
    k = kept_by_connection ? map_get(kept_by_connection, key_of(&ctx)) : NULL;
    if (k)
        *out = *k;
    (void)pthread_mutex_unlock(&kept_lock);
    return k != NULL;
}

static void park_terms(SMFICTX *ctx)
{
    struct kept *k;

    (void)pthread_mutex_lock(&kept_lock);
    k = kept_by_connection ? map_get(kept_by_connection, key_of(&ctx)) : NULL;
    if (k)
        k->parked = true;
    (void)pthread_mutex_unlock(&kept_lock);
}

/* True: it had been parked, so this is the connection's end and not a session's. */
static bool drop_terms(SMFICTX *ctx)
{
    struct kept *k;

    (void)pthread_mutex_lock(&kept_lock);
    k = kept_by_connection ? map_remove(kept_by_connection, key_of(&ctx)) : NULL;
    (void)pthread_mutex_unlock(&kept_lock);
    free(k);
    return k != NULL;
}

/* ---- begin ---- */

static struct milter_session *session_new(SMFICTX *ctx)
{
    struct milter_session *s = calloc(1, sizeof *s);

    FCT_ASSERT(s);
    s->role = milter_role_of_process;
    s->ctx = ctx;
    s->arena = arena_new(NULL);
    s->call = arena_new(s->arena);
    s->message = arena_new(s->arena);
    s->carried = BUF_INIT(CARRIED_MAX);
    s->hooks.conn = (struct fct_conn){.size = sizeof(struct fct_conn)};
    s->hooks.envelope = (struct fct_envelope){.size = sizeof(struct fct_envelope)};
    (void)smfi_setpriv(ctx, s);
    return s;
}

void milter_session_name(struct milter_session *s)
{
    if (s->id.text[0])
        return;
    s->id = id_new();
    s->hooks.conn.id = str_from(s->id.text);
}

static void name_session(void *arg)
{
    milter_session_name(arg);
}

static void ask_plan(const struct milter *role, uint32_t bit, struct milter_plan *plan)
{
    *plan = (struct milter_plan){.may = filter_may(role->filter, bit)};
    for (unsigned hook = 0; hook < FCT_HOOK_COUNT; hook++) {
        if (filter_wants(role->filter, (enum fct_hook)hook, bit))
            plan->wants |= UINT64_C(1) << hook;
        if (filter_decides(role->filter, (enum fct_hook)hook, bit))
            plan->decides |= UINT64_C(1) << hook;
    }
}

/* In a fiber: once the filters have said what they want, no connection has to ask again. */
static void make_agenda(void *arg)
{
    struct milter *role = arg;
    struct milter_agenda *agenda;

    if (!filter_ready(role->filter, clock_ms() + role->conf->wait.ms) || atomic_load(&role->agenda))
        return;
    agenda = malloc(sizeof *agenda);
    FCT_ASSERT(agenda);
    ask_plan(role, FCT_ROLE_MX, &agenda->mx);
    ask_plan(role, FCT_ROLE_SUBMISSION, &agenda->submission);
    atomic_store(&role->agenda, agenda);
}

struct milter_session *milter_session_negotiate(SMFICTX *ctx)
{
    struct milter_session *s = smfi_getpriv(ctx);
    const struct milter_agenda *agenda;

    if (s)
        return s; /* a second negotiation of the same connection changes nothing */
    s = session_new(ctx);
    if (!atomic_load(&s->role->agenda))
        milter_post_run(s->role->post, make_agenda, s->role, NULL);
    agenda = atomic_load(&s->role->agenda);
    s->ready = agenda != NULL;
    if (agenda) {
        s->mx = agenda->mx;
        s->submission = agenda->submission;
    }
    return s;
}

void milter_session_agree(struct milter_session *s, const struct milter_terms *terms)
{
    s->terms = *terms;
    keep_terms(s->ctx, s);
}

struct milter_session *milter_session_of(SMFICTX *ctx)
{
    struct milter_session *s = smfi_getpriv(ctx);
    struct kept kept;

    if (s || !find_terms(ctx, &kept))
        return s;
    s = session_new(ctx);
    s->terms = kept.terms;
    s->mx = kept.mx;
    s->submission = kept.submission;
    s->ready = kept.ready;
    atomic_fetch_add(&s->role->open, 1);
    return s;
}

/* ---- end ---- */

static void tell_disconnect(struct milter_session *s)
{
    struct fct_ev_disconnect event = {.messages = s->messages, .bytes_in = s->bytes_in};

    filter_tell(s->role->filter, &s->hooks, FCT_HOOK_disconnect, &event);
    log_event(EV_DISCONNECT, s->hooks.conn.id, F_STR("client", s->hooks.conn.client_ip),
              F_C("frontend", "milter"), F_U64("messages", s->messages),
              F_U64("bytes_in", s->bytes_in));
}

static void all_closed(void *arg)
{
    struct milter *role = arg;

    role->closed(role);
}

static void leave(struct milter *role)
{
    if (atomic_fetch_sub(&role->open, 1) == 1 && atomic_load(&role->draining))
        milter_post_send(role->post, all_closed, role);
}

static void end_session(void *arg)
{
    tell_disconnect(arg);
}

void milter_session_close(SMFICTX *ctx)
{
    struct milter_session *s = smfi_getpriv(ctx);

    if (!s) {
        if (!drop_terms(ctx))
            leave(milter_role_of_process);
        return;
    }
    milter_transaction_end(s, "lost");
    (void)smfi_setpriv(ctx, NULL);
    park_terms(ctx);
    if (s->id.text[0])
        milter_post_run(s->role->post, end_session, s, NULL);
    leave(s->role);
    buf_free(&s->carried);
    arena_free(&s->arena);
    free(s);
}

/* ---- one message ---- */

struct milter_transaction *milter_transaction_start(struct milter_session *s)
{
    struct milter_transaction *tx;

    milter_transaction_end(s, "rset");
    if (!s->id.text[0])
        milter_post_run(s->role->post, name_session, s, NULL);
    tx = ARENA_NEW(s->message, struct milter_transaction);
    tx->id = arena_printf(s->message, "%s.%u", s->id.text, ++s->transactions);
    tx->started_ms = clock_ms();
    tx->message.fd = -1;
    s->hooks.envelope = (struct fct_envelope){.size = sizeof(struct fct_envelope), .id = tx->id};
    s->hooks.carried = buf_str(&s->carried);
    s->tx = tx;
    return tx;
}

void milter_transaction_end(struct milter_session *s, const char *why)
{
    struct fct_ev_abort event = {.reason = str_from(why)};

    if (!s->tx)
        return;
    if (why && milter_wants(s, FCT_HOOK_abort))
        milter_tell(s, FCT_HOOK_abort, &event);
    s->bytes_in += s->tx->message.size;
    milter_message_end(&s->tx->message);
    s->tx = NULL;
    s->hooks.envelope = (struct fct_envelope){.size = sizeof(struct fct_envelope)};
    s->hooks.carried = buf_str(&s->carried);
    arena_reset(s->message);
}

void milter_transaction_add(struct milter_session *s, const struct milter_recipient *recipient)
{
    struct milter_transaction *tx = s->tx;

    if (tx->recipients == tx->room) {
        size_t room = tx->room ? 2 * tx->room : 8;

        tx->recipient = arena_grow(s->message, tx->recipient, tx->room * sizeof *tx->recipient,
                                   room * sizeof *tx->recipient);
        tx->address = arena_grow(s->message, tx->address, tx->room * sizeof *tx->address,
                                 room * sizeof *tx->address);
        tx->room = room;
    }
    tx->recipient[tx->recipients++] = *recipient;
    if (!recipient->discarded)
        tx->address[tx->addresses++] = recipient->address;
    s->hooks.envelope.recipient = tx->address;
    s->hooks.envelope.recipients = tx->addresses;
}
