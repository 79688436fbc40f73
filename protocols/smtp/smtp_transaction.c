/* smtp_transaction.c - what belongs to one message: made at MAIL, destroyed at its end whatever
 * that was. */
#include "core/base/str.h"
#include "protocols/smtp/smtp_session.h"

struct smtp_transaction *smtp_transaction_start(struct smtp_session *s)
{
    struct smtp_transaction *tx;

    FCT_ASSERT(!s->tx);
    arena_reset(s->message);
    tx = ARENA_NEW(s->message, struct smtp_transaction);
    tx->id = arena_printf(s->message, "%s.%u", s->id.text, ++s->transactions);
    tx->started_ms = clock_ms();
    tx->deadline_ms = tx->started_ms + s->conf->transaction_timeout.ms;
    tx->spool.fd = -1;
    s->hooks.envelope = (struct fct_envelope){.size = sizeof(struct fct_envelope), .id = tx->id};
    s->tx = tx;
    return tx;
}

static void tell_abort(struct smtp_session *s, const char *why)
{
    struct edge_listener *listener = s->edge.listener;
    struct fct_ev_abort event = {.reason = str_from(why)};

    if (filter_wants(listener->edge->filter, FCT_HOOK_abort, listener->role))
        filter_tell(listener->edge->filter, &s->hooks, FCT_HOOK_abort, &event);
}

void smtp_transaction_end(struct smtp_session *s, const char *why)
{
    if (!s->tx)
        return;
    if (why)
        tell_abort(s, why);
    smtp_spool_end(&s->tx->spool);
    s->tx = NULL;
    s->hooks.envelope = (struct fct_envelope){.size = sizeof(struct fct_envelope)};
    arena_reset(s->message);
    if (s->state != SMTP_NEW)
        s->state = SMTP_READY;
}

/* Room for one more: doubles an array in the arena. */
#define MAKE_ROOM(arena, array, n, room)                                                        \
    do {                                                                                        \
        if ((n) == (room)) {                                                                    \
            size_t more = (room) ? 2 * (room) : 4;                                              \
            (array) =                                                                           \
                arena_grow((arena), (array), (room) * sizeof *(array), more * sizeof *(array)); \
            (room) = more;                                                                      \
        }                                                                                       \
    } while (0)

/* Two recipients that lead to the same account and detail make one copy. */
static uint32_t target_index(struct smtp_session *s, struct fct_str address,
                             const struct store_target *to)
{
    struct smtp_transaction *tx = s->tx;

    for (size_t i = 0; i < tx->targets; i++)
        if (tx->target[i].account == to->account && str_equal(tx->target[i].detail, to->detail))
            return (uint32_t)i;
    MAKE_ROOM(s->message, tx->target, tx->targets, tx->targets_room);
    tx->target[tx->targets] = (struct smtp_target){
        .account = to->account,
        .address = address,
        .name = arena_str(s->message, to->name),
        .detail = arena_str(s->message, to->detail),
    };
    return (uint32_t)tx->targets++;
}

void smtp_transaction_add(struct smtp_session *s, struct fct_str address,
                          const struct store_resolution *to, bool discard)
{
    struct smtp_transaction *tx = s->tx;
    struct smtp_recipient *r;
    size_t address_room = tx->recipients_room;

    MAKE_ROOM(s->message, tx->address, tx->recipients, address_room);
    MAKE_ROOM(s->message, tx->recipient, tx->recipients, tx->recipients_room);
    tx->address[tx->recipients] = address;
    r = &tx->recipient[tx->recipients++];
    *r = (struct smtp_recipient){.discard = discard, .first_link = tx->links};
    for (size_t i = 0; i < to->n && !discard; i++) {
        MAKE_ROOM(s->message, tx->link, tx->links, tx->links_room);
        tx->link[tx->links++] = target_index(s, address, &to->target[i]);
        r->links++;
    }
    s->hooks.envelope.recipient = tx->address;
    s->hooks.envelope.recipients = tx->recipients;
}
