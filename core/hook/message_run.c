/* message_run.c - the stages of one message, from top to bottom. */
#include "core/hook/message_run.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/hook_edit.h"
#include "core/hook/message_judge.h"
#include "core/hook/verdict_header.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"

#define QUARANTINE_MAILBOX FCT_STR("Quarantine")
#define JUNK_MAILBOX       FCT_STR("Junk") /* the special-use one of every account (RFC 6154) */

struct stages {
    struct hook_engine *engine;
    struct transaction *tx;
    const struct filter_recipient *recipient;
    size_t n;
    struct filter_result *result;
    struct ledger_log found, edited; /* headers and scan; edit */
    struct hook_decision decision;   /* the strongest so far, of the message */
    struct judgements all;
    bool each_answered;
};

static bool each_is_answered(const struct transaction *tx)
{
    return tx->each_answered || (tx->conn->role & (FCT_ROLE_LMTP | FCT_ROLE_REPLAY));
}

static struct filter_answer to_answer(const struct hook_decision *d)
{
    return (struct filter_answer){.verdict = d->verdict,
                                  .code = d->code,
                                  .enhanced = d->enhanced,
                                  .text = d->text,
                                  .by = d->by};
}

static bool is_kept(const struct hook_decision *d)
{
    return d->verdict <= FCT_QUARANTINE;
}

/* ---- the verdict as a header field ---- */

/* On top of what its recipients get, when it is not simply kept. */
static void add_verdict_header(struct stages *s, struct judgement *j)
{
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(2 * VERDICT_HEADER_MAX);
    FCT_CLEANUP(buf_free) struct buf field = BUF_INIT(3 * VERDICT_HEADER_MAX);
    const struct verdict_facts facts = {&s->found, s->tx->id, s->tx->degraded};
    struct logged_edit edit = {.kind = LOGGED_HEADER, .edit.origin = FCT_STR("score")};
    struct fct_err err = {0};

    verdict_header_format(s->tx->arena, j, &facts, &value);
    if (!header_field_format(VERDICT_HEADER_NAME, buf_str(&value), &field, &err)) {
        log_event(EV_BUG, s->tx->id, F_C("what", "verdict header"), F_C("why", err.text));
        return;
    }
    edit.edit.insert = arena_str(s->tx->arena, buf_str(&field));
    edit_log_add(s->tx->arena, &j->results.edits, &edit);
    ledger_log_add(&j->log, &(struct ledger_entry){.kind = LEDGER_EDIT,
                                                   .hook = FCT_HOOK_verdict,
                                                   .by = edit.edit.origin,
                                                   .name = FCT_STR("header_add"),
                                                   .detail = VERDICT_HEADER_NAME});
}

static void add_verdict_headers(struct stages *s)
{
    for (size_t i = 0; i < s->all.n; i++) {
        struct judgement *j = &s->all.judgement[i];

        if (j->action != FCT_KEEP && is_kept(&j->decision))
            add_verdict_header(s, j);
    }
}

/* ---- headers, scan, edit ---- */

/* One point; false when the message goes no further. Quarantine goes on: the message is kept,
 * elsewhere. */
static FCT_MAY_WAIT bool stage(struct stages *s, enum fct_hook hook, const void *ev,
                               struct ledger_log *log)
{
    struct hook_decision d;

    if (s->engine->plan.point[hook].n == 0)
        return true;
    hook_run(s->engine, s->tx, hook, ev, NULL, log, &d);
    if (d.verdict != FCT_ACCEPT) /* ends the chain of its point and says no more */
        hook_decision_merge(&s->decision, &d);
    return is_kept(&s->decision);
}

static FCT_MAY_WAIT bool scan_stage(struct stages *s, uint64_t size)
{
    uint64_t message = fiber_deadline(), scan = clock_ms() + s->engine->conf->scan_timeout.ms;
    bool go_on;

    fiber_set_deadline(scan < message ? scan : message);
    go_on = stage(s, FCT_HOOK_scan, &(struct fct_ev_scan){size}, &s->found);
    fiber_set_deadline(message);
    return go_on;
}

/* What `edit` changed besides the text: sender and recipients. */
static void take_changes(struct stages *s)
{
    struct filter_change *list;
    size_t n = 0;

    for (const struct call_change *c = s->tx->change; c; c = c->next)
        n++;
    list = ARENA_ARRAY(s->tx->arena, struct filter_change, n + 1);
    n = 0;
    for (const struct call_change *c = s->tx->change; c; c = c->next)
        list[n++] = (struct filter_change){str_from(c->name), c->value};
    s->result->change = list;
    s->result->changes = n;
}

static FCT_MAY_WAIT bool edit_stage(struct stages *s, uint64_t size)
{
    bool kept;

    s->tx->change = NULL; /* of the point before, should nobody hook this one */
    kept = stage(s, FCT_HOOK_edit, &(struct fct_ev_edit){size}, &s->edited);
    take_changes(s);
    return kept;
}

/* ---- the ledger of one recipient: what was found, how it was judged, what was done ---- */

static struct fct_str encode_ledger(const struct stages *s, const struct judgement *j,
                                    const struct ledger_log *own)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(64u << 10);
    struct ledger_log all = {.arena = s->tx->arena};
    struct ledger view;

    ledger_log_append(&all, &s->found);
    if (j)
        ledger_log_append(&all, &j->log);
    ledger_log_append(&all, &s->edited);
    if (own)
        ledger_log_append(&all, own);
    view = ledger_log_view(&all);
    ledger_encode(&view, &out);
    return arena_str(s->tx->arena, buf_str(&out));
}

/* ---- deliver ---- */

static struct fct_str mailbox_of(const struct hook_decision *d, enum fct_action action,
                                 struct fct_str asked)
{
    if (d->verdict == FCT_QUARANTINE)
        return QUARANTINE_MAILBOX;
    return asked.n == 0 && action == FCT_JUNK ? JUNK_MAILBOX : asked;
}

/* One recipient on its way. */
struct parcel {
    struct judgement *judgement;
    struct call_recipient results;
    struct ledger_log log;
    struct hook_decision decision;
    enum fct_action action;
};

static FCT_MAY_WAIT void ask_deliver(struct stages *s, const struct filter_recipient *r,
                                     struct parcel *p)
{
    struct fct_ev_deliver ev = {
        .recipient = r->recipient,
        .account = r->account,
        .detail = r->detail,
        .profile = str_from(p->judgement->profile->name),
        .action = str_from(action_name(p->action)),
        .settings = r->setting,
    };
    struct hook_decision d;

    s->tx->hit = p->judgement->hit; /* the account's own symbols among them */
    s->tx->hits = p->judgement->hits;
    hook_run(s->engine, s->tx, FCT_HOOK_deliver, &ev, &p->results, &p->log, &d);
    hook_decision_merge(&p->decision, &d);
}

/* Behind somebody else's MTA there are no accounts, so nothing is delivered here. */
static bool is_local(const struct filter_recipient *r)
{
    return r->account.n > 0;
}

static FCT_MAY_WAIT void pack(struct stages *s, size_t i, struct parcel *p)
{
    p->judgement = &s->all.judgement[s->all.of[i]];
    p->results.setting = s->recipient[i].setting;
    p->log.arena = s->tx->arena;
    p->action = p->judgement->action;
    p->decision = s->decision;
    hook_decision_merge(&p->decision, &p->judgement->decision);
    if (is_kept(&p->decision) && is_local(&s->recipient[i]) &&
        s->engine->plan.point[FCT_HOOK_deliver].n > 0)
        ask_deliver(s, &s->recipient[i], p);
}

/* `deliver` sends the client away for one of them: it comes back for all, so nobody gets a copy now
 * that would be a second one then. */
static bool share_delay(struct parcel *parcel, size_t n)
{
    size_t later = 0;

    while (later < n && parcel[later].decision.verdict != FCT_TEMPFAIL)
        later++;
    for (size_t i = 0; later < n && i < n; i++)
        parcel[i].decision = parcel[later].decision;
    return later < n;
}

/* `deliver` refused some of them: they cannot be told where one reply answers for all. */
static void share_reply(struct parcel *parcel, size_t n)
{
    bool all_refused = true;

    if (share_delay(parcel, n))
        return;
    for (size_t i = 0; i < n; i++)
        all_refused = all_refused && parcel[i].decision.verdict == FCT_REJECT;
    for (size_t i = 0; i < n && !all_refused; i++) {
        struct parcel *p = &parcel[i];

        if (p->decision.verdict != FCT_REJECT)
            continue;
        p->action = p->judgement->profile->shared;
        p->decision = message_shared_decision(p->judgement, &p->log);
        p->results.mailbox = (struct fct_str){"", 0};
    }
}

static void send(struct stages *s, size_t i, const struct parcel *p, struct hook_edits *edits)
{
    struct filter_outcome *out = &s->result->outcome[i];

    out->answer = to_answer(&p->decision);
    out->mailbox = mailbox_of(&p->decision, p->action, p->results.mailbox);
    out->keyword = p->results.keyword;
    out->nkeywords = p->results.nkeywords;
    out->profile = str_from(p->judgement->profile->name);
    out->score_milli = p->judgement->score.milli;
    out->action = p->action;
    if (p->log.n > 0 || p->judgement != s->all.judgement)
        out->ledger = encode_ledger(s, p->judgement, &p->log);
    out->edits = hook_edits_build(edits, &p->judgement->results.edits, &p->results.edits);
}

/* A copy without the edits that were asked for would not be what anybody decided. */
static void refuse_edits(struct stages *s)
{
    log_event(EV_WARNING, s->tx->id,
              F_C("text", "plugins ask for more edits than an answer holds"));
    s->decision = (struct hook_decision){
        .verdict = FCT_TEMPFAIL,
        .text = FCT_STR("The server cannot process this message now, please try again later"),
        .by = FCT_STR("edits"),
    };
    s->result->outcomes = 0;
    s->result->edits = (struct edit_list){0};
}

static FCT_MAY_WAIT void deliver_all(struct stages *s)
{
    struct parcel *parcel = ARENA_ARRAY(s->tx->arena, struct parcel, s->n + 1);
    struct filter_result *result = s->result;
    struct hook_edits edits;

    for (size_t i = 0; i < s->n; i++)
        pack(s, i, &parcel[i]);
    if (!s->each_answered)
        share_reply(parcel, s->n);
    hook_edits_start(&edits, s->tx);
    result->edits = hook_edits_build(&edits, NULL, NULL);
    result->outcome = ARENA_ARRAY(s->tx->arena, struct filter_outcome, s->n + 1);
    result->outcomes = s->n;
    for (size_t i = 0; i < s->n; i++)
        send(s, i, &parcel[i], &edits);
    if (hook_edits_are_too_many(&edits))
        refuse_edits(s);
}

/* ---- the whole ---- */

/* The same for all recipients, and nobody gets a copy: an answer for the message. */
static bool is_settled(struct stages *s)
{
    const struct judgement *first = &s->all.judgement[0];

    for (size_t i = 0; i < s->all.n; i++)
        if (s->all.judgement[i].decision.verdict != first->decision.verdict)
            return false;
    if (is_kept(&first->decision))
        return false;
    s->decision = first->decision;
    return true;
}

/* Whoever reads the ledger can add it up. */
static void check_sums(const struct stages *s)
{
    for (size_t i = 0; i < s->all.n; i++) {
        const struct judgement *j = &s->all.judgement[i];

        if (s->found.score_milli + j->log.score_milli != j->score.milli)
            log_event(EV_BUG, s->tx->id, F_C("what", "the ledger's lines do not make the score"),
                      F_C("profile", j->profile->name));
    }
}

/* Somebody may get a copy. */
static FCT_MAY_WAIT bool judge(struct stages *s)
{
    message_judge(s->engine, s->tx, s->recipient, s->n, &s->all);
    check_sums(s);
    s->result->score_milli = s->all.judgement[0].score.milli;
    s->result->action = s->all.judgement[0].action;
    s->result->profile = s->all.judgement[0].label;
    if (!s->each_answered)
        message_share_reply(&s->all);
    if (is_settled(s))
        return false;
    add_verdict_headers(s);
    return true;
}

static bool quarantined_for_all(const struct stages *s)
{
    for (size_t i = 0; i < s->all.n; i++)
        if (s->all.judgement[i].decision.verdict != FCT_QUARANTINE)
            return false;
    return s->all.n > 0;
}

void message_run(struct hook_engine *engine, struct transaction *tx,
                 const struct filter_recipient *recipient, size_t n, struct filter_result *result)
{
    struct stages s = {
        .engine = engine,
        .tx = tx,
        .recipient = recipient,
        .n = n,
        .result = result,
        .found.arena = tx->arena,
        .edited.arena = tx->arena,
        .each_answered = each_is_answered(tx),
    };
    uint64_t size = tx->message->bytes.n;

    *result = (struct filter_result){0};
    audience_show(tx, recipient, n);
    fiber_set_deadline(clock_ms() + engine->conf->message_timeout.ms);
    if (tx->earlier)
        ledger_log_append(&s.found, tx->earlier);
    if (stage(&s, FCT_HOOK_headers, &(struct fct_ev_headers){size}, &s.found) &&
        scan_stage(&s, size) && judge(&s) && edit_stage(&s, size))
        deliver_all(&s);
    if (quarantined_for_all(&s))
        hook_decision_merge(&s.decision, &s.all.judgement[0].decision);
    result->answer = to_answer(&s.decision);
    result->ledger = encode_ledger(&s, s.all.n > 0 ? &s.all.judgement[0] : NULL, NULL);
}
