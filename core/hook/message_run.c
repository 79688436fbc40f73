/* message_run.c - the stages of one message, from top to bottom. */
#include "core/hook/message_run.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/hook_edit.h"
#include "core/hook/score.h"

#define QUARANTINE_MAILBOX FCT_STR("Quarantine")

struct stages {
    struct hook_engine *engine;
    struct transaction *tx;
    struct ledger_log log;
    struct hook_decision decision; /* the strongest so far, of the message */
};

static struct filter_answer to_answer(const struct hook_decision *d)
{
    return (struct filter_answer){.verdict = d->verdict,
                                  .code = d->code,
                                  .enhanced = d->enhanced,
                                  .text = d->text,
                                  .by = d->by};
}

/* One point; false when the message goes no further. Quarantine goes on: the message is kept,
 * elsewhere. */
static FCT_MAY_WAIT bool stage(struct stages *s, enum fct_hook hook, const void *ev)
{
    struct hook_decision d;

    if (s->engine->plan.point[hook].n == 0)
        return true;
    hook_run(s->engine, s->tx, hook, ev, NULL, &s->log, &d);
    if (d.verdict != FCT_ACCEPT) /* ends the chain of its point and says no more */
        hook_decision_merge(&s->decision, &d);
    return s->decision.verdict <= FCT_QUARANTINE;
}

static FCT_MAY_WAIT bool scan_stage(struct stages *s, uint64_t size)
{
    uint64_t message = fiber_deadline(), scan = clock_ms() + s->engine->conf->scan_timeout.ms;
    bool go_on;

    fiber_set_deadline(scan < message ? scan : message);
    go_on = stage(s, FCT_HOOK_scan, &(struct fct_ev_scan){size});
    fiber_set_deadline(message);
    return go_on;
}

static FCT_MAY_WAIT bool common_stages(struct stages *s, int32_t *score_milli)
{
    uint64_t size = s->tx->message->bytes.n;
    struct score score;

    if (!stage(s, FCT_HOOK_headers, &(struct fct_ev_headers){size}) || !scan_stage(s, size))
        return false;
    score = score_sum(s->tx);
    *score_milli = score.milli;
    return stage(
               s, FCT_HOOK_verdict,
               &(struct fct_ev_verdict){.score_milli = score.milli > 0 ? (uint64_t)score.milli : 0,
                                        .symbols = score.symbols}) &&
           stage(s, FCT_HOOK_edit, &(struct fct_ev_edit){size});
}

static struct fct_str encode_ledger(struct arena *arena, const struct ledger_log *log)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(64u << 10);
    struct ledger view = ledger_log_view(log);

    ledger_encode(&view, &out);
    return arena_str(arena, buf_str(&out));
}

static FCT_MAY_WAIT void deliver(struct stages *s, const struct filter_recipient *r,
                                 const struct edit_list *common, struct filter_outcome *out)
{
    struct transaction *tx = s->tx;
    struct call_recipient results = {0};
    struct ledger_log log = {.arena = tx->arena};
    struct hook_decision d = s->decision;

    if (s->engine->plan.point[FCT_HOOK_deliver].n > 0) {
        struct hook_decision mine;

        hook_run(s->engine, tx, FCT_HOOK_deliver,
                 &(struct fct_ev_deliver){
                     .recipient = r->recipient, .account = r->account, .detail = r->detail},
                 &results, &log, &mine);
        hook_decision_merge(&d, &mine);
        out->ledger = encode_ledger(tx->arena, &log);
    }
    out->answer = to_answer(&d);
    out->mailbox = d.verdict == FCT_QUARANTINE ? QUARANTINE_MAILBOX : results.mailbox;
    out->keyword = results.keyword;
    out->nkeywords = results.nkeywords;
    if (results.edits.n > 0)
        hook_edit_build(tx, &results.edits, &out->edits);
    else
        out->edits = *common;
}

void message_run(struct hook_engine *engine, struct transaction *tx,
                 const struct filter_recipient *recipient, size_t n, struct filter_result *result)
{
    struct stages s = {.engine = engine, .tx = tx, .log = {.arena = tx->arena}};
    struct edit_list common;
    bool kept;

    *result = (struct filter_result){0};
    fiber_set_deadline(clock_ms() + engine->conf->message_timeout.ms);
    kept = common_stages(&s, &result->score_milli);
    if (kept) {
        hook_edit_build(tx, NULL, &common);
        result->outcome = ARENA_ARRAY(tx->arena, struct filter_outcome, n + 1);
        result->outcomes = n;
        for (size_t i = 0; i < n; i++)
            deliver(&s, &recipient[i], &common, &result->outcome[i]);
    }
    result->answer = to_answer(&s.decision);
    result->ledger = encode_ledger(tx->arena, &s.log);
}
