/* smtp_deliver.c - the end of the data: filters judge, the store makes it durable, then the client
 * gets its 250. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/edit_list.h"
#include "core/message/mime.h"
#include "core/message/summary.h"
#include "protocols/smtp/smtp_session.h"

#define OFFLOAD_BYTES (1u << 20) /* a larger message is scanned on a pool thread */
#define SUMMARY_MAX   (2u << 20)

/* What happens to one target. */
struct fate {
    enum { FATE_STORED, FATE_DISCARDED, FATE_REFUSED } what;
    struct smtp_reply reply; /* when refused */
};

/* A view: one edit list and what is derived from it; recipients mostly share one. */
struct view {
    const struct edit_list *asked; /* by the filters */
    struct fct_str edits, summary; /* encoded */
    uint32_t size;
    bool has_attachment;
};

struct delivery {
    struct smtp_session *s;
    struct smtp_transaction *tx;
    struct arena *arena;
    struct fct_str message;
    struct mime_tree tree;
    struct filter_result result;
    struct fate *fate; /* per target */
    struct view *view;
    size_t views;
    struct store_copy_for *copy;
    uint32_t *copy_target; /* copy[i] is for target[copy_target[i]] */
    size_t copies;
    size_t stored;
    struct store_delivered *delivered;
};

/* ---- reading ---- */

static void scan(void *arg)
{
    struct delivery *d = arg;

    mime_scan(d->arena, d->message, &mime_default_limits, &d->tree);
}

static bool read_message(struct delivery *d, struct fct_err *err)
{
    if (!smtp_spool_seal(&d->tx->spool, &d->message, err))
        return false;
    if (d->message.n > OFFLOAD_BYTES)
        offload(scan, d);
    else
        scan(d);
    return true;
}

/* RFC 5321 6.3: a message that has passed so many servers runs in a circle. Ours is the first
 * Received. */
static bool is_loop(const struct delivery *d)
{
    const struct header_list *header = &d->tree.part[0].header;
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
        recipient[i] = (struct filter_recipient){.recipient = tx->target[i].address,
                                                 .account = tx->target[i].name,
                                                 .detail = tx->target[i].detail};
    filter_message(d->s->edge.listener->edge->filter, &d->s->hooks, tx->spool.fd, tx->spool.size,
                   recipient, tx->targets, d->arena, &d->result);
    if (d->result.quarantined)
        log_event(EV_QUARANTINED, tx->id, F_STR("from", d->s->hooks.envelope.reverse_path),
                  F_STR("why", FCT_STR("two filters died over it")));
}

static bool same_edits(const struct edit_list *a, const struct edit_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n && a->edit != b->edit; i++)
        if (a->edit[i].offset != b->edit[i].offset || a->edit[i].remove != b->edit[i].remove ||
            !str_equal(a->edit[i].insert, b->edit[i].insert) ||
            !str_equal(a->edit[i].origin, b->edit[i].origin))
            return false;
    return true;
}

/* Return-Path goes above everything (RFC 5321 4.4), then what the filters asked for. */
static bool build_edits(struct delivery *d, const struct edit_list *asked, struct edit_list *out,
                        struct fct_err *err)
{
    struct edit *edit = ARENA_ARRAY(d->arena, struct edit, asked->n + 1);

    edit[0] = (struct edit){
        .insert = arena_printf(d->arena, "Return-Path: <%.*s>\r\n",
                               FCT_FMT(d->s->hooks.envelope.reverse_path)),
        .origin = FCT_STR("smtp"),
    };
    for (size_t i = 0; i < asked->n; i++)
        edit[i + 1] = asked->edit[i];
    return edit_list_build(d->arena, edit, asked->n + 1, d->message.n, out, NULL, NULL, err);
}

/* The cold record. A message whose structure is so large that it does not fit is described as one
 * part. */
static struct fct_str build_summary(struct delivery *d, const struct edit_list *edits)
{
    static const struct mime_limits flat = {
        .max_depth = 1, .max_parts = 1, .header = {1000, 64u << 10}, .max_parameters = 100};
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(SUMMARY_MAX);
    struct mime_tree tree;

    if (!summary_build(d->arena, d->message, &d->tree, edits, &out)) {
        buf_free(&out);
        out = BUF_INIT(SUMMARY_MAX);
        mime_scan(d->arena, d->message, &flat, &tree);
        (void)summary_build(d->arena, d->message, &tree, edits, &out);
    }
    return arena_str(d->arena, buf_str(&out));
}

static bool make_view(struct delivery *d, const struct edit_list *asked, struct view *out,
                      struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(IPC_MAX_MESSAGE);
    struct edit_list edits;
    struct summary summary;

    if (!build_edits(d, asked, &edits, err))
        return false;
    edit_list_encode(&edits, &encoded);
    if (encoded.overflow)
        return fct_fail(err, FCT_BUG, "the edits of this message are too large");
    out->asked = asked;
    out->edits = arena_str(d->arena, buf_str(&encoded));
    out->summary = build_summary(d, &edits);
    out->size = (uint32_t)edit_list_size(&edits, d->message.n);
    if (!summary_decode(d->arena, out->summary, &summary, err))
        return false;
    out->has_attachment = summary.has_attachment;
    return true;
}

static const struct view *find_view(struct delivery *d, const struct edit_list *asked,
                                    struct fct_err *err)
{
    for (size_t i = 0; i < d->views; i++)
        if (same_edits(d->view[i].asked, asked))
            return &d->view[i];
    if (!make_view(d, asked, &d->view[d->views], err))
        return NULL;
    return &d->view[d->views++];
}

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

static void add_copy(struct delivery *d, size_t target, const struct filter_outcome *outcome,
                     const struct view *view)
{
    bool quarantine =
        outcome->answer.verdict == FCT_QUARANTINE || d->result.answer.verdict == FCT_QUARANTINE;
    struct store_copy_for *copy = &d->copy[d->copies];

    *copy = (struct store_copy_for){
        .account = d->tx->target[target].account,
        .mailbox = quarantine ? FCT_STR("Quarantine") : outcome->mailbox,
        .flags = view->has_attachment ? FLAG_HAS_ATTACHMENT : 0,
        .edits = view->edits,
        .ledger = outcome->ledger.n > 0 ? outcome->ledger : d->result.ledger,
        .summary = view->summary,
        .view_size = view->size,
    };
    put_keywords(d, outcome, copy);
    d->copy_target[d->copies++] = (uint32_t)target;
}

/* The outcome of one target: refused, discarded, or a copy for the store. */
static bool judge_target(struct delivery *d, size_t i, struct fct_err *err)
{
    static const struct filter_outcome plain;
    const struct filter_outcome *outcome = i < d->result.outcomes ? &d->result.outcome[i] : &plain;
    struct fate *fate = &d->fate[i];
    const struct view *view;

    if (smtp_reply_verdict(&outcome->answer, SMTP_AT_MESSAGE, d->arena, &fate->reply)) {
        fate->what = FATE_REFUSED;
        return true;
    }
    if (outcome->answer.verdict == FCT_DISCARD) {
        fate->what = FATE_DISCARDED;
        return true;
    }
    view = find_view(d, &outcome->edits, err);
    if (!view)
        return false;
    add_copy(d, i, outcome, view);
    return true;
}

static bool judge_targets(struct delivery *d, struct fct_err *err)
{
    size_t n = d->tx->targets;

    d->fate = ARENA_ARRAY(d->arena, struct fate, n + 1);
    d->view = ARENA_ARRAY(d->arena, struct view, n + 1);
    d->copy = ARENA_ARRAY(d->arena, struct store_copy_for, n + 1);
    d->copy_target = ARENA_ARRAY(d->arena, uint32_t, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!judge_target(d, i, err))
            return false;
    return true;
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
    fate->what = FATE_REFUSED;
    fate->reply = store_reply(&d->delivered[i]);
}

static bool store_copies(struct delivery *d, struct fct_err *err)
{
    struct store_delivery order = {
        .id = d->tx->id,
        .reverse_path = d->s->hooks.envelope.reverse_path,
        .fd = d->tx->spool.fd,
        .size = d->message.n,
        .copy = d->copy,
        .n = d->copies,
    };

    if (d->copies == 0)
        return true;
    d->delivered = ARENA_ARRAY(d->arena, struct store_delivered, d->copies);
    if (!store_deliver(d->s->edge.listener->edge->store, &order, d->arena, d->delivered, err))
        return false;
    for (size_t i = 0; i < d->copies; i++)
        take_delivered(d, i);
    return true;
}

/* ---- answering ---- */

static struct smtp_reply stored_reply(const struct delivery *d)
{
    return (struct smtp_reply){.code = 250,
                               .enhanced = "2.0.0",
                               .text =
                                   arena_printf(d->arena, "stored as %.*s", FCT_FMT(d->tx->id))};
}

/* One answer for several fates: a temporary failure wins, since only a second try can mend it (at
 * worst others get the message twice); else one good copy is success, else the refusal is told. */
static void combine(const struct fate *fate, struct smtp_reply *worst, bool *good)
{
    if (fate->what != FATE_REFUSED)
        *good = true;
    else if (worst->code == 0 || (worst->code >= 500 && fate->reply.code < 500))
        *worst = fate->reply;
}

static struct smtp_reply decide(const struct delivery *d, struct smtp_reply worst, bool good)
{
    if (worst.code != 0 && (worst.code < 500 || !good))
        return worst;
    return stored_reply(d);
}

static struct smtp_reply recipient_reply(const struct delivery *d, const struct smtp_recipient *r)
{
    struct smtp_reply worst = SMTP_NO_REPLY;
    bool good = r->discard;

    for (size_t i = 0; i < r->links; i++)
        combine(&d->fate[d->tx->link[r->first_link + i]], &worst, &good);
    return decide(d, worst, good);
}

static struct smtp_reply message_reply(const struct delivery *d)
{
    struct smtp_reply worst = SMTP_NO_REPLY;
    bool good = false;

    for (size_t i = 0; i < d->tx->recipients; i++)
        good = good || d->tx->recipient[i].discard;
    for (size_t i = 0; i < d->tx->targets; i++)
        combine(&d->fate[i], &worst, &good);
    return decide(d, worst, good);
}

/* SMTP answers once, LMTP once per recipient in the order of RCPT (RFC 2033 4.2). Returns the
 * answer that counts for the log. */
static struct smtp_reply answer(struct delivery *d, const struct smtp_reply *all)
{
    struct smtp_session *s = d->s;
    struct smtp_reply r = all ? *all : message_reply(d);

    if (s->kind == SMTP_KIND) {
        smtp_send(s, &r);
        return r;
    }
    for (size_t i = 0; i < d->tx->recipients; i++) {
        struct smtp_reply one = all ? *all : recipient_reply(d, &d->tx->recipient[i]);

        smtp_send(s, &one);
    }
    return r;
}

/* ---- telling ---- */

static void tell_plugins(struct delivery *d)
{
    struct edge_listener *listener = d->s->edge.listener;
    struct filter_client *filter = listener->edge->filter;
    struct fct_ev_accepted accepted = {.recipients = d->stored, .size = d->message.n};

    if (filter_wants(filter, FCT_HOOK_accepted, listener->role))
        filter_tell(filter, &d->s->hooks, FCT_HOOK_accepted, &accepted);
    for (size_t i = 0; i < d->copies && filter_wants(filter, FCT_HOOK_stored, listener->role);
         i++) {
        struct fct_ev_stored stored = {.account = d->tx->target[d->copy_target[i]].name,
                                       .mailbox = d->delivered[i].mailbox,
                                       .uid = d->delivered[i].uid};

        if (d->delivered[i].class == FCT_OK)
            filter_tell(filter, &d->s->hooks, FCT_HOOK_stored, &stored);
    }
}

/* Recipients who went without although the message was accepted must stand in the log by name. */
static void log_left_out(const struct delivery *d)
{
    for (size_t i = 0; i < d->tx->targets; i++)
        if (d->fate[i].what == FATE_REFUSED)
            log_event(EV_MESSAGE_REFUSED, d->tx->id, F_STR("rcpt", d->tx->target[i].address),
                      F_U64("code", d->fate[i].reply.code), F_STR("why", d->fate[i].reply.text));
}

static void log_message(const struct delivery *d, const struct smtp_reply *r)
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
              F_U64("stored", d->stored), F_U64("code", r->code),
              F_STR("why", smtp_reply_is_error(r) ? r->text : FCT_STR("")),
              F_U64("ms", clock_ms() - tx->started_ms));
    if (smtp_reply_is_error(r)) {
        edge->count.refused++;
        return;
    }
    edge->count.messages++;
    edge->count.message_bytes += tx->spool.size;
}

/* ---- the whole ---- */

/* False: *r is the one answer for all recipients. */
static bool deliver(struct delivery *d, struct smtp_reply *r)
{
    struct fct_err err = {0};

    if (!read_message(d, &err))
        goto failed;
    if (is_loop(d)) {
        *r = SMTP_REPLY(554, "5.4.6", "mail loop: the message has too many Received fields");
        return false;
    }
    if (d->tx->discard) {
        *r = stored_reply(d);
        return false;
    }
    ask_filters(d);
    if (smtp_reply_verdict(&d->result.answer, SMTP_AT_MESSAGE, d->arena, r))
        return false;
    if (d->result.answer.verdict == FCT_DISCARD) {
        *r = stored_reply(d);
        return false;
    }
    if (judge_targets(d, &err) && store_copies(d, &err))
        return true;
failed:
    *r = smtp_reply_error(&err);
    r->text = arena_str(d->arena, r->text);
    return false;
}

void smtp_deliver(struct smtp_session *s)
{
    struct delivery d = {.s = s, .tx = s->tx, .arena = s->message};
    struct smtp_reply all, r;
    bool each;

    s->uninterruptible =
        true; /* a client that leaves now may get the message twice, never lose it */
    each = deliver(&d, &all);
    r = answer(&d, each ? NULL : &all);
    log_message(&d, &r);
    if (d.stored > 0) {
        s->messages++;
        tell_plugins(&d);
    }
    s->uninterruptible = false;
    smtp_transaction_end(s, smtp_reply_is_error(&r) ? "limit" : NULL);
}
