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
    tx->spool.fd = tx->spool.reader = -1;
    s->hooks.envelope = (struct fct_envelope){.size = sizeof(struct fct_envelope), .id = tx->id};
    s->tx = tx;
    smtp_stretch_enter(s, STRETCH_MESSAGE);
    return tx;
}

void smtp_transaction_end(struct smtp_session *s, const char *why)
{
    if (!s->tx)
        return;
    if (why)
        smtp_tell(s, FCT_HOOK_abort, &(struct fct_ev_abort){.reason = str_from(why)});
    smtp_chunk_end(s->tx);
    smtp_spool_end(&s->tx->spool);
    s->tx = NULL;
    smtp_stretch_leave(s, STRETCH_GREETING);
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

static struct fct_list copy_list(struct arena *arena, const struct fct_str *item, size_t n)
{
    struct fct_str *copy = ARENA_ARRAY(arena, struct fct_str, n + 1);

    for (size_t i = 0; i < n; i++)
        copy[i] = arena_str(arena, item[i]);
    return (struct fct_list){copy, n};
}

static bool is_same(const struct smtp_target *a, const struct store_target *b)
{
    return a->account == b->account && str_equal(a->detail, b->detail) &&
           (a->account != 0 || str_equal(a->name, b->name));
}

size_t smtp_transaction_new_targets(const struct smtp_transaction *tx,
                                    const struct store_resolution *to)
{
    size_t n = 0;

    for (size_t k = 0; k < to->n; k++) {
        size_t i = 0;

        while (i < tx->targets && !is_same(&tx->target[i], &to->target[k]))
            i++;
        n += i == tx->targets;
    }
    return n;
}

/* Two recipients that lead to the same account and detail make one copy; a profile that was asked
 * for wins over none. */
uint32_t smtp_transaction_target(struct smtp_session *s, struct fct_str address,
                                 const struct store_target *to, const struct smtp_wish *wish)
{
    struct smtp_transaction *tx = s->tx;

    for (size_t i = 0; i < tx->targets; i++)
        if (is_same(&tx->target[i], to)) {
            if (str_is_empty(tx->target[i].profile))
                tx->target[i].profile = arena_str(s->message, wish->profile);
            return (uint32_t)i;
        }
    MAKE_ROOM(s->message, tx->target, tx->targets, tx->targets_room);
    tx->target[tx->targets] = (struct smtp_target){
        .account = to->account,
        .address = address,
        .name = arena_str(s->message, to->name),
        .detail = arena_str(s->message, to->detail),
        .profile = arena_str(s->message, wish->profile),
        .setting = copy_list(s->message, to->setting, to->nsettings),
        .notify = wish->params.notify,
        .orcpt = arena_str(s->message, wish->params.orcpt),
    };
    return (uint32_t)tx->targets++;
}

void smtp_transaction_link(struct smtp_session *s, struct smtp_recipient *r, uint32_t target)
{
    struct smtp_transaction *tx = s->tx;

    MAKE_ROOM(s->message, tx->link, tx->links, tx->links_room);
    tx->link[tx->links++] = target;
    r->links++;
}

void smtp_transaction_add(struct smtp_session *s, struct fct_str address,
                          const struct store_resolution *to, const struct smtp_wish *wish)
{
    struct smtp_transaction *tx = s->tx;
    struct smtp_recipient *r;
    size_t address_room = tx->recipients_room;

    MAKE_ROOM(s->message, tx->address, tx->recipients, address_room);
    MAKE_ROOM(s->message, tx->recipient, tx->recipients, tx->recipients_room);
    tx->address[tx->recipients] = address;
    r = &tx->recipient[tx->recipients++];
    *r = (struct smtp_recipient){.discard = wish->discard, .first_link = tx->links};
    for (size_t i = 0; i < to->n && !wish->discard; i++)
        smtp_transaction_link(s, r, smtp_transaction_target(s, address, &to->target[i], wish));
    s->hooks.envelope.recipient = tx->address;
    s->hooks.envelope.recipients = tx->recipients;
}
