/* smtp_deliver.c - the end of the data: filters judge, the store makes it durable, then the client
 * gets its 250. */
#include "protocols/smtp/smtp_deliver.h"
#include "core/base/str.h"
#include "core/log/log.h"

#define OFFLOAD_BYTES (1u << 20) /* a larger message is scanned on a pool thread */

/* ---- reading ---- */

static void scan(void *arg)
{
    struct delivery *d = arg;

    mime_scan(d->arena, d->message, &mime_default_limits, &d->tree);
}

/* For the views of copies; mail that only goes on needs no more than its header. */
static FCT_MAY_WAIT void read_structure(struct delivery *d)
{
    if (d->message.n > OFFLOAD_BYTES)
        offload(scan, d);
    else
        scan(d);
}

bool delivery_read(struct delivery *d, struct fct_err *err)
{
    if (!smtp_spool_seal(&d->tx->spool, &d->message, err))
        return false;
    header_list_parse(d->arena, d->message, &mime_default_limits.header, &d->header);
    return true;
}

/* RFC 5321 6.3: a message that has passed so many servers runs in a circle. Ours is the first
 * Received. */
static bool is_loop(const struct delivery *d)
{
    const struct header_list *header = &d->header;
    size_t received = 0;

    for (size_t i = 0; i < header->n; i++)
        received += str_equal_nocase(header->field[i].name, FCT_STR("Received"));
    return received > d->s->conf->max_received;
}

/* ---- judging ---- */

static void ask_filters(struct delivery *d)
{
    struct smtp_transaction *tx = d->tx;
    struct filter_recipient *recipient =
        ARENA_ARRAY(d->arena, struct filter_recipient, tx->targets + 1);

    for (size_t i = 0; i < tx->targets; i++)
        recipient[i] = (struct filter_recipient){
            .recipient = tx->target[i].address,
            .account = tx->target[i].account ? tx->target[i].name : FCT_STR(""),
            .detail = tx->target[i].detail,
            .profile = tx->target[i].profile,
            .setting = tx->target[i].setting};
    d->s->hooks.each_answered = delivery_answers_each(d);
    filter_message(d->s->edge.listener->edge->filter, &d->s->hooks, smtp_spool_reader(&tx->spool),
                   tx->spool.size, recipient, tx->targets, d->arena, &d->result);
    if (d->result.quarantined)
        log_event(EV_QUARANTINED, tx->id, F_STR("from", d->s->hooks.envelope.reverse_path),
                  F_STR("why", FCT_STR("two filters died over it")));
}

/* ---- what `edit` changed ---- */

static void add_recipient(struct delivery *d, struct fct_str address)
{
    struct store_resolution to;
    struct smtp_reply r;

    if (!smtp_resolve(d->s, address, &to, &r)) {
        log_event(EV_RCPT_REFUSED, d->tx->id, F_STR("rcpt", address), F_U64("code", r.code),
                  F_STR("why", r.text), F_STR("by", FCT_STR("add_recipient of a plugin")));
        d->note =
            arena_printf(d->arena, "add_recipient %.*s: %.*s", FCT_FMT(address), FCT_FMT(r.text));
        return;
    }
    for (size_t i = 0; i < to.n; i++)
        smtp_transaction_link(d->s, &d->added,
                              smtp_transaction_target(d->s, arena_str(d->arena, address),
                                                      &to.target[i], &(struct smtp_wish){0}));
}

/* Whom the plugins took off the list is answered as those are whom they put on it: nobody is told
 * 250 while the message is kept nowhere. Nobody put on: it is thrown away for him on purpose. */
static void remove_recipient(struct delivery *d, struct fct_str address)
{
    for (size_t i = 0; i < d->tx->recipients; i++) {
        struct smtp_recipient *r = &d->tx->recipient[i];

        if (!str_equal_nocase(d->tx->address[i], address))
            continue;
        r->first_link = d->added.first_link;
        r->links = d->added.links;
        r->discard = r->discard || r->links == 0;
    }
}

static FCT_MAY_WAIT void apply_changes(struct delivery *d)
{
    struct filter_answer asked = {.change = d->result.change, .changes = d->result.changes};
    struct fct_str text, address;

    d->added.first_link = d->tx->links;
    (void)smtp_changed_path(d->s, &asked, "reverse_path", true, d->arena, &d->reverse_path);
    for (size_t i = 0; filter_changed(&asked, "add_recipient", i, &text); i++)
        if (smtp_plugin_path(d->s, text, false, d->arena, &address))
            add_recipient(d, address);
    for (size_t i = 0; filter_changed(&asked, "remove_recipient", i, &text); i++)
        if (smtp_plugin_path(d->s, text, false, d->arena, &address))
            remove_recipient(d, address);
}

/* ---- copies ---- */

/* Keywords of plugins; those that are system flags (RFC 9051 2.3.2) become bits. */
static void put_keywords(struct delivery *d, const struct filter_outcome *outcome,
                         struct store_copy_for *copy)
{
    static const struct {
        const char *name;
        uint16_t flag;
    } flags[] = {
        {"\\Seen", FLAG_SEEN},       {"\\Answered", FLAG_ANSWERED}, {"\\Flagged", FLAG_FLAGGED},
        {"\\Deleted", FLAG_DELETED}, {"\\Draft", FLAG_DRAFT},
    };
    struct fct_str *keyword = ARENA_ARRAY(d->arena, struct fct_str, outcome->nkeywords + 1);

    for (size_t i = 0; i < outcome->nkeywords; i++) {
        uint16_t flag = 0;

        for (size_t k = 0; k < FCT_COUNT(flags); k++)
            if (str_equal_nocase(outcome->keyword[i], str_from(flags[k].name)))
                flag = flags[k].flag;
        copy->flags = (uint16_t)(copy->flags | flag);
        if (flag == 0)
            keyword[copy->nkeywords++] = outcome->keyword[i];
    }
    copy->keyword = keyword;
}

static struct fct_str mailbox_of(const struct delivery *d, const struct fate *fate)
{
    if (fate->outcome->answer.verdict == FCT_QUARANTINE ||
        d->result.answer.verdict == FCT_QUARANTINE)
        return FCT_STR("Quarantine");
    return fate->softened ? FCT_STR("Junk") : fate->outcome->mailbox;
}

static struct fct_str ledger_of(struct delivery *d, const struct fate *fate)
{
    struct fct_str ledger = fate->outcome->ledger.n > 0 ? fate->outcome->ledger : d->result.ledger;

    if (d->note.n > 0)
        ledger = delivery_note(d, ledger, FCT_HOOK_edit, FCT_STR("unknown"), d->note);
    if (fate->softened)
        ledger = delivery_note(d, ledger, FCT_HOOK_deliver, FCT_STR("softened"), fate->reply.text);
    return ledger;
}

static bool make_copy(struct delivery *d, size_t target, struct store_copy_for *copy,
                      struct fct_err *err)
{
    const struct fate *fate = &d->fate[target];
    const struct view *view = delivery_view(d, &fate->outcome->edits, err);

    if (!view)
        return false;
    *copy = (struct store_copy_for){
        .account = d->tx->target[target].account,
        .mailbox = mailbox_of(d, fate),
        .flags = view->has_attachment ? FLAG_HAS_ATTACHMENT : 0,
        .edits = view->edits,
        .ledger = ledger_of(d, fate),
        .summary = view->summary,
        .view_size = view->size,
        .recipient = d->tx->target[target].address,
        .notify = d->tx->target[target].notify,
        .orcpt = delivery_orcpt(d, &d->tx->target[target]),
    };
    put_keywords(d, fate->outcome, copy);
    return true;
}

static bool add_copy(struct delivery *d, size_t target, struct fct_err *err)
{
    if (!make_copy(d, target, &d->copy[d->copies], err))
        return false;
    d->copy_target[d->copies++] = (uint32_t)target;
    return true;
}

/* It is judged now and kept with its recipient in the queue. */
static bool add_later(struct delivery *d, size_t target, struct fct_err *err)
{
    struct store_copy_for *copy = &d->later[d->laters];

    if (!make_copy(d, target, copy, err))
        return false;
    delivery_add_remote(d, target);
    copy->waits = (uint32_t)d->remotes;
    d->laters++;
    return true;
}

static bool add_target(struct delivery *d, size_t target, struct fct_err *err)
{
    if (d->tx->target[target].account == 0) {
        delivery_add_remote(d, target);
        return true;
    }
    return delivery_holds(d, target) ? add_later(d, target, err) : add_copy(d, target, err);
}

/* Who was put on the list by `edit` is behind those whom the filters judged. */
static void judge_target(struct delivery *d, size_t i)
{
    struct fate *fate = &d->fate[i];

    d->unjudged.edits = d->result.edits;
    fate->outcome = i < d->result.outcomes ? &d->result.outcome[i] : &d->unjudged;
    if (smtp_reply_verdict(&fate->outcome->answer, SMTP_AT_MESSAGE, d->arena, &fate->reply))
        fate->what = FATE_REFUSED;
    else if (fate->outcome->answer.verdict == FCT_DISCARD)
        fate->what = FATE_DISCARDED;
}

FCT_MAY_WAIT static bool judge_targets(struct delivery *d, struct fct_err *err)
{
    size_t n = d->tx->targets;

    d->fate = ARENA_ARRAY(d->arena, struct fate, n + 1);
    for (size_t i = 0; i < n; i++) {
        judge_target(d, i);
        delivery_judge_forward(d, i);
    }
    if (!delivery_enter_queue(d, err))
        return false;
    delivery_settle(d);
    return true;
}

static bool may_get_copies(const struct delivery *d)
{
    for (size_t i = 0; i < d->tx->targets; i++)
        if (d->tx->target[i].account != 0)
            return true;
    return d->wishes.save_sent;
}

FCT_MAY_WAIT static bool make_copies(struct delivery *d, struct fct_err *err)
{
    size_t n = d->tx->targets;
    bool done;

    if (may_get_copies(d))
        read_structure(d);
    d->view = ARENA_ARRAY(d->arena, struct view, n + 1);
    d->copy = ARENA_ARRAY(d->arena, struct store_copy_for, n + 2);
    d->later = ARENA_ARRAY(d->arena, struct store_copy_for, n + 1);
    d->copy_target = ARENA_ARRAY(d->arena, uint32_t, n + 1);
    d->remote = ARENA_ARRAY(d->arena, struct queue_recipient, 2 * n + d->nmore + 1);
    for (size_t i = 0; i < n; i++) {
        if (!d->fate[i].wanted || d->fate[i].what != FATE_COPY)
            continue;
        if (!delivery_take_consent(d, i, &done, err))
            return false;
        if (done || delivery_forward(d, i))
            continue;
        if (!add_target(d, i, err))
            return false;
    }
    delivery_add_more(d);
    return !d->wishes.save_sent || delivery_add_sent(d, err);
}

/* ---- keeping ---- */

/* Why the store did not take this copy: full and gone are final for this recipient, the rest may be
 * tried again. */
static struct smtp_reply store_reply(const struct store_delivered *result)
{
    struct smtp_reply r = {.code = 451, .enhanced = "4.3.0", .text = result->text};

    if (result->class == FCT_LIMIT)
        r.code = 552, r.enhanced = "5.2.2";
    else if (result->class == FCT_DENIED)
        r.code = 550, r.enhanced = "5.2.1";
    if (str_is_empty(r.text))
        r.text = FCT_STR("the mailbox cannot be written");
    return r;
}

static void take_delivered(struct delivery *d, size_t i)
{
    struct fate *fate = &d->fate[d->copy_target[i]];

    if (d->delivered[i].class == FCT_OK) {
        d->stored++;
        return;
    }
    fate->reply = store_reply(&d->delivered[i]);
    fate->what = d->send.report_copies && d->queue_id && fate->reply.code >= 500 ? FATE_REPORTED
                                                                                 : FATE_REFUSED;
}

/* All that the store gets: copies for now, the one in Sent, copies for later. */
static size_t join_copies(struct delivery *d)
{
    size_t n = d->copies + d->wishes.save_sent;

    for (size_t i = 0; i < d->laters; i++)
        d->copy[n++] = d->later[i];
    return n;
}

static bool store_copies(struct delivery *d, struct fct_err *err)
{
    const struct fct_conn *conn = &d->s->hooks.conn;
    struct store_delivery order = {
        .id = d->tx->id,
        .reverse_path = d->reverse_path,
        .client_ip = conn->client_ip,
        .helo = conn->helo,
        .login = conn->login,
        .role = conn->role,
        .fd = d->tx->spool.fd,
        .size = d->message.n,
        .copy = d->copy,
        .n = join_copies(d),
        .send = delivery_send(d),
        .queue_id = &d->queue_id,
    };

    if (d->copies == 0 && d->remotes == 0)
        return true;
    d->delivered = ARENA_ARRAY(d->arena, struct store_delivered, order.n + 1);
    if (!store_deliver(d->s->edge.listener->edge->store, &order, d->arena, d->delivered, err))
        return false;
    for (size_t i = 0; i < d->copies; i++)
        take_delivered(d, i);
    delivery_note_sent(d);
    return true;
}

/* ---- the whole ---- */

/* False: *r is the one answer for all recipients. */
static bool deliver(struct delivery *d, struct smtp_reply *r)
{
    struct fct_err err = {0};

    if (!delivery_read(d, &err))
        goto failed;
    if (is_loop(d)) {
        *r = SMTP_REPLY(554, "5.4.6", "mail loop: the message has too many Received fields");
        return false;
    }
    if (d->tx->discard) {
        *r = delivery_stored_reply(d);
        return false;
    }
    ask_filters(d);
    if (smtp_reply_verdict(&d->result.answer, SMTP_AT_MESSAGE, d->arena, r))
        return false;
    if (d->result.answer.verdict == FCT_DISCARD) {
        *r = delivery_stored_reply(d);
        return false;
    }
    apply_changes(d);
    if (delivery_ask_wishes(d, &err) && judge_targets(d, &err) && make_copies(d, &err) &&
        store_copies(d, &err))
        return true;
failed:
    *r = smtp_reply_error(&err);
    r->text = arena_str(d->arena, r->text);
    return false;
}

void smtp_deliver(struct smtp_session *s)
{
    struct delivery d = {
        .s = s, .tx = s->tx, .arena = s->message, .reverse_path = s->hooks.envelope.reverse_path};
    struct smtp_reply all, r;
    bool each;

    s->uninterruptible =
        true; /* a client that leaves now may get the message twice, never lose it */
    each = deliver(&d, &all);
    r = delivery_answer(&d, each ? NULL : &all);
    delivery_log(&d, &r);
    if (d.stored > 0 || d.queue_id) {
        s->messages++;
        delivery_tell(&d);
    }
    s->uninterruptible = false;
    smtp_transaction_end(s, smtp_reply_is_error(&r) ? "limit" : NULL);
}
