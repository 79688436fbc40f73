/* smtp_queue_in.c - somebody elsewhere will get this message: plugins are asked before it is stored
 * (queue.in). What they edit is edited in the message itself, so that the bytes in the queue are
 * those in the mailboxes here, and a signature covers what leaves. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/edit_rebase.h"
#include "protocols/smtp/smtp_deliver.h"

#define CARRIED_MAX (20u << 10) /* a ledger as filters take it */

/* Where a target's mail goes besides here; empty: nowhere. */
static struct fct_str elsewhere(const struct delivery *d, size_t i)
{
    return d->fate[i].what == FATE_COPY && !d->fate[i].stays ? delivery_elsewhere(d, i)
                                                             : FCT_STR("");
}

/* ---- asking ---- */

static struct fct_list remote_of(struct delivery *d, size_t *first)
{
    struct fct_str *address = ARENA_ARRAY(d->arena, struct fct_str, d->tx->targets + 1);
    size_t n = 0;

    for (size_t i = 0; i < d->tx->targets; i++) {
        address[n] = elsewhere(d, i);
        if (address[n].n > 0 && n++ == 0)
            *first = i;
    }
    return (struct fct_list){address, n};
}

static struct fct_str action_word(enum fct_action action)
{
    static const char *const words[] = {
        [FCT_KEEP] = "keep",     [FCT_TAG] = "tag",         [FCT_GREYLIST] = "greylist",
        [FCT_JUNK] = "junk",     [FCT_HOLD] = "quarantine", [FCT_DROP] = "discard",
        [FCT_REFUSE] = "reject",
    };

    return str_from(words[action]);
}

static struct fct_str score_words(struct arena *arena, int32_t milli)
{
    unsigned size = milli < 0 ? 0u - (unsigned)milli : (unsigned)milli;

    return arena_printf(arena, "%s%u.%02u", milli < 0 ? "-" : "", size / 1000, size % 1000 / 10);
}

/* They know what was found so far: the ledger carries it. */
FCT_MAY_WAIT static void ask(struct delivery *d, const struct fct_ev_queue_in *ev,
                             struct filter_answer *answer)
{
    struct filter_context ctx = d->s->hooks;

    ctx.envelope.reverse_path = d->reverse_path;
    if (d->result.ledger.n > 0 && d->result.ledger.n <= CARRIED_MAX)
        ctx.carried = d->result.ledger;
    filter_hook_message(d->s->edge.listener->edge->filter, &ctx, FCT_HOOK_queue_in, ev,
                        smtp_spool_reader(&d->tx->spool), d->message.n, d->arena, answer);
}

/* ---- the edits ---- */

FCT_MAY_WAIT static bool add_bytes(struct delivery *d, struct smtp_spool *spool,
                                   struct fct_str bytes, struct fct_err *err)
{
    while (bytes.n > 0) {
        size_t n = bytes.n < 65536 ? bytes.n : 65536;

        smtp_spool_add(spool, bytes.p, n);
        bytes = str_skip(bytes, n);
        if (smtp_spool_must_move(spool) &&
            !smtp_spool_move(spool, d->s->edge.listener->edge->store, err))
            return false;
    }
    return true;
}

FCT_MAY_WAIT static bool write_edited(struct delivery *d, const struct edit_list *made,
                                      struct smtp_spool *spool, struct fct_err *err)
{
    struct edit_walk walk = edit_walk_start(made, d->message.n, 0, UINT64_MAX);
    struct edit_piece piece;

    smtp_spool_start(spool, d->s->conf->spool_memory.bytes, d->s->conf->receive_memory.bytes);
    while (edit_walk_next(&walk, &piece)) {
        struct fct_str bytes = piece.bytes;

        if (piece.original)
            bytes = str_head(str_skip(d->message, (size_t)piece.offset), piece.bytes.n);
        if (!add_bytes(d, spool, bytes, err))
            return false;
    }
    return true;
}

/* What recipients here asked for is made in what the message is now. */
static void rebase_views(struct delivery *d, const struct edit_list *made)
{
    size_t lost = edit_rebase(d->arena, &d->result.edits, made, &d->result.edits);

    for (size_t i = 0; i < d->result.outcomes; i++)
        lost +=
            edit_rebase(d->arena, &d->result.outcome[i].edits, made, &d->result.outcome[i].edits);
    if (lost > 0)
        log_event(EV_NOTE, d->tx->id,
                  F_C("text", "edits were left out: queue.in edited the same bytes"),
                  F_U64("edits", lost));
}

/* Fields stand above our Received now, or a plugin hides it. */
static void find_received(struct delivery *d, const struct edit_list *made)
{
    d->received_at = edit_list_to_view(made, 0);
    for (size_t i = 0; i < made->n && made->edit[i].offset < d->tx->received_size; i++)
        if (made->edit[i].remove > 0)
            d->tx->received_size = 0;
}

/* Strings of the header go with the message that they are of: it is read anew. */
FCT_MAY_WAIT static bool apply_edits(struct delivery *d, const struct edit_list *made,
                                     struct fct_err *err)
{
    struct smtp_spool spool;

    if (made->n == 0)
        return true;
    if (!write_edited(d, made, &spool, err)) {
        smtp_spool_end(&spool);
        return false;
    }
    smtp_spool_end(&d->tx->spool);
    d->tx->spool = spool;
    rebase_views(d, made);
    find_received(d, made);
    d->unjudged.edits = d->result.edits;
    return delivery_read(d, err);
}

/* ---- who gets it ---- */

/* Who has a mailbox here keeps his copy. */
static void keep_from_leaving(struct delivery *d, size_t i)
{
    if (d->tx->target[i].account != 0)
        d->fate[i].stays = true;
    else
        d->fate[i].what = FATE_DISCARDED;
}

static void remove_recipient(struct delivery *d, struct fct_str address)
{
    for (size_t i = 0; i < d->tx->targets; i++)
        if (str_equal_nocase(elsewhere(d, i), address))
            keep_from_leaving(d, i);
}

static void take_changes(struct delivery *d, const struct filter_answer *answer)
{
    struct fct_str text, address;

    (void)smtp_changed_path(d->s, answer, "reverse_path", true, d->arena, &d->reverse_path);
    (void)smtp_changed(answer, "route", &d->class);
    for (size_t i = 0; filter_changed(answer, "remove_recipient", i, &text); i++)
        if (smtp_plugin_path(d->s, text, false, d->arena, &address))
            remove_recipient(d, address);
    d->more = ARENA_ARRAY(d->arena, struct fct_str, answer->changes + 1);
    for (size_t i = 0; filter_changed(answer, "add_recipient", i, &text); i++)
        if (smtp_plugin_path(d->s, text, false, d->arena, &address))
            d->more[d->nmore++] = address;
}

static void take_verdict(struct delivery *d, const struct filter_answer *answer)
{
    struct smtp_reply reply;
    bool refused = smtp_reply_verdict(answer, SMTP_AT_MESSAGE, d->arena, &reply);

    for (size_t i = 0; i < d->tx->targets; i++) {
        if (elsewhere(d, i).n == 0)
            continue;
        if (!refused || (d->tx->target[i].account != 0 && reply.code >= 500)) {
            keep_from_leaving(d, i);
            continue;
        }
        d->fate[i].reply = reply;
        d->fate[i].what = FATE_REFUSED;
    }
}

static void hold(struct delivery *d, const struct filter_answer *answer)
{
    d->send.held = true;
    log_event(EV_QUARANTINED, d->tx->id, F_STR("from", d->reverse_path), F_STR("why", answer->text),
              F_STR("by", answer->by), F_C("where", "held in the queue"));
}

bool delivery_enter_queue(struct delivery *d, struct fct_err *err)
{
    size_t first = 0;
    struct fct_ev_queue_in ev = {.size = d->message.n};
    struct filter_answer answer;

    if (!smtp_is_hooked(d->s, FCT_HOOK_queue_in))
        return true;
    ev.remote = remote_of(d, &first);
    ev.recipients = ev.remote.n;
    if (ev.recipients == 0)
        return true;
    ev.origin = smtp_may_relay(d->s) ? FCT_STR("submission") : FCT_STR("forward");
    ev.score = score_words(d->arena, d->fate[first].outcome->score_milli);
    ev.action = action_word(d->fate[first].outcome->action);
    ask(d, &ev, &answer);
    if (answer.verdict >= FCT_DISCARD) {
        take_verdict(d, &answer);
        return true;
    }
    if (answer.verdict == FCT_QUARANTINE)
        hold(d, &answer);
    take_changes(d, &answer);
    return apply_edits(d, &answer.edits, err);
}
