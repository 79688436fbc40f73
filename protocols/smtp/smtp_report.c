/* smtp_report.c - what is said of a message afterwards: to plugins, in the ledger, in the log. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_deliver.h"

#define LEDGER_MAX (64u << 10)

struct fct_str delivery_note(struct delivery *d, struct fct_str ledger, enum fct_hook hook,
                             struct fct_str name, struct fct_str detail)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(LEDGER_MAX);
    struct ledger_entry *entry;
    struct ledger l = {0};
    struct fct_err err = {0};

    if (ledger.n > 0 && !ledger_decode(d->arena, ledger, &l, &err))
        return ledger; /* a newer filter wrote it: better whole than with our line */
    entry = ARENA_ARRAY(d->arena, struct ledger_entry, l.n + 1);
    for (size_t i = 0; i < l.n; i++)
        entry[i] = l.entry[i];
    entry[l.n] = (struct ledger_entry){.kind = LEDGER_DELIVER,
                                       .hook = hook,
                                       .by = FCT_STR("smtp"),
                                       .name = name,
                                       .detail = detail};
    l.entry = entry;
    l.n++;
    ledger_encode(&l, &out);
    return arena_str(d->arena, buf_str(&out));
}

/* ---- plugins ---- */

static void tell_copy(struct delivery *d, size_t i)
{
    const struct smtp_target *target = &d->tx->target[d->copy_target[i]];
    const struct store_delivered *at = &d->delivered[i];
    struct fct_ev_stored stored = {.account = target->name, .mailbox = at->mailbox, .uid = at->uid};
    struct fct_ev_store_commit commit = {.account = target->name,
                                         .change = FCT_STR("deliver"),
                                         .mailbox = at->mailbox,
                                         .uids = arena_printf(d->arena, "%u", at->uid)};

    smtp_tell(d->s, FCT_HOOK_stored, &stored);
    smtp_tell(d->s, FCT_HOOK_store_commit, &commit);
}

void delivery_tell(struct delivery *d)
{
    struct fct_ev_accepted accepted = {.recipients = d->stored + d->remotes, .size = d->message.n};

    smtp_tell(d->s, FCT_HOOK_accepted, &accepted);
    for (size_t i = 0; i < d->copies; i++)
        if (d->delivered[i].class == FCT_OK)
            tell_copy(d, i);
}

/* ---- the log ---- */

/* Recipients who went without although the message was accepted must stand in the log by name. */
static void log_left_out(const struct delivery *d)
{
    for (size_t i = 0; i < d->tx->targets; i++)
        if (d->fate[i].what == FATE_REFUSED || d->fate[i].what == FATE_REPORTED)
            log_event(EV_MESSAGE_REFUSED, d->tx->id, F_STR("rcpt", d->tx->target[i].address),
                      F_U64("code", d->fate[i].reply.code), F_STR("why", d->fate[i].reply.text));
}

void delivery_log(const struct delivery *d, const struct smtp_reply *r)
{
    const struct smtp_session *s = d->s;
    const struct smtp_transaction *tx = d->tx;
    struct edge *edge = s->edge.listener->edge;

    if (d->fate)
        log_left_out(d);
    log_event(smtp_reply_is_error(r) ? EV_MESSAGE_REFUSED : EV_MESSAGE, tx->id,
              F_STR("client", s->hooks.conn.client_ip), F_STR("login", s->hooks.conn.login),
              F_STR("from", s->hooks.envelope.reverse_path), F_STR("to", tx->address[0]),
              F_U64("nrcpt", tx->recipients), F_U64("size", tx->spool.size),
              F_U64("stored", d->stored), F_U64("queued", d->queue_id), F_U64("code", r->code),
              F_STR("why", smtp_reply_is_error(r) ? r->text : FCT_STR("")),
              F_U64("ms", clock_ms() - tx->started_ms));
    if (smtp_reply_is_error(r)) {
        edge->count.refused++;
        return;
    }
    edge->count.messages++;
    edge->count.message_bytes += tx->spool.size;
}
