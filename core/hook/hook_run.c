/* hook_run.c - one point. DECIDE and OBSERVE rows run one after the other in the caller's fiber;
 * SCAN rows run in fibers of their own, each as soon as those it comes after have ended. */
#include "core/hook/hook_run.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_watch.h"
#include "core/log/log.h"

struct run {
    struct hook_engine *engine;
    struct transaction *tx;
    enum fct_hook hook;
    const void *ev;
    struct call_recipient *recipient;
    struct ledger_log *log;
    struct hook_decision *out;
};

void hook_decision_merge(struct hook_decision *into, const struct hook_decision *other)
{
    if (other->verdict > into->verdict && other->verdict != FCT_SKIP)
        *into = *other;
}

void hook_transaction_init(struct hook_engine *engine, struct transaction *tx, struct arena *arena,
                           const struct fct_conn *conn, const struct fct_envelope *envelope)
{
    *tx = (struct transaction){
        .arena = arena,
        .conn = conn,
        .envelope = envelope,
        .id = envelope->id.n > 0 ? envelope->id : conn->id,
        .server_name = str_from(engine->server_name),
        .set = &engine->set,
        .watch = &filter_watch,
        .memory_used = ARENA_ARRAY(arena, uint64_t, engine->set.n + 1),
    };
}

/* ---- the callback itself ---- */

static enum fct_verdict call_function(struct fct_call *call, const void *ev)
{
    const struct fct_hook_row *row = &call->row->is;
    void *state = row->state ? row->state : call->row->self->state;

    if (row->generic)
        return row->fn.any(call, row->hook, ev, state);
    switch (row->hook) {
#define HOOK(name, text, kind, verdicts, doc) \
    case FCT_HOOK_##name:                     \
        return row->fn.name(call, ev, state);
#include <facteur/hooks.def>
    case FCT_HOOK_COUNT:
        break;
    }
    return FCT_NEXT;
}

/* ---- what goes into the ledger ---- */

static void note_one(struct run *run, const struct plugin_row *row, enum ledger_kind kind,
                     const char *name, struct fct_str detail, int32_t score, uint64_t took_us)
{
    if (!run->log)
        return;
    ledger_log_add(run->log, &(struct ledger_entry){
                                 .kind = kind,
                                 .hook = run->hook,
                                 .by = str_from(row->label),
                                 .name = str_from(name),
                                 .detail = detail,
                                 .score_milli = score,
                                 .took_us = took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us,
                             });
}

static void note_call(struct run *run, const struct fct_call *call)
{
    static const enum ledger_kind kinds[] = {
        [NOTE_SYMBOL] = LEDGER_SYMBOL,
        [NOTE_EDIT] = LEDGER_EDIT,
        [NOTE_DELIVER] = LEDGER_DELIVER,
        [NOTE_FORCE] = LEDGER_FORCE,
    };

    for (const struct call_note *n = call->note; n; n = n->next)
        note_one(run, call->row, kinds[n->kind], n->name, n->detail, n->score_milli, call->busy_us);
}

/* ---- trouble ---- */

static enum fct_verdict policy_verdict(enum plugin_policy policy, enum fct_hook hook)
{
    if (policy == POLICY_PASS || hook_info[hook].kind == HOOK_OBSERVE)
        return FCT_NEXT;
    if (policy == POLICY_HOLD &&
        (hook == FCT_HOOK_headers || hook == FCT_HOOK_scan || hook == FCT_HOOK_verdict ||
         hook == FCT_HOOK_edit || hook == FCT_HOOK_deliver))
        return FCT_QUARANTINE;
    return FCT_TEMPFAIL;
}

static void apply_policy(struct run *run, const struct plugin_row *row, enum plugin_policy policy,
                         const char *fault, struct fct_str detail, uint64_t took_us)
{
    struct hook_decision d = {
        .verdict = policy_verdict(policy, run->hook),
        .text = FCT_STR("The server's filter is not available, please try again later"),
        .by = str_from(row->label),
    };

    note_one(run, row, LEDGER_FAULT, fault, detail, 0, took_us);
    if (d.verdict != FCT_NEXT)
        note_one(run, row, LEDGER_VERDICT, verdict_name(d.verdict), FCT_STR("by policy"), 0,
                 took_us);
    hook_decision_merge(run->out, &d);
}

static void passed_deadline(struct run *run, struct plugin_row *row, uint64_t took_us)
{
    struct fct_self *self = row->self;

    row->counts.timeouts++;
    log_event(EV_PLUGIN_TIMEOUT, run->tx->id, F_C("plugin", self->name), F_C("rule", row->label),
              F_C("hook", hook_info[run->hook].name),
              F_C("policy", plugin_policy_name(self->on_timeout)));
    apply_policy(run, row, self->on_timeout, "timeout", (struct fct_str){"", 0}, took_us);
}

static void returned_nonsense(struct run *run, struct plugin_row *row, unsigned verdict,
                              uint64_t took_us)
{
    struct fct_self *self = row->self;
    struct fct_str why = arena_printf(run->tx->arena, "returned verdict %u, not allowed at %s",
                                      verdict, hook_info[run->hook].name);

    row->counts.errors++;
    log_event(EV_PLUGIN_FAILED, run->tx->id, F_C("plugin", self->name), F_C("rule", row->label),
              F_C("hook", hook_info[run->hook].name), F_STR("why", why),
              F_C("policy", plugin_policy_name(self->on_error)));
    apply_policy(run, row, self->on_error, "error", why, took_us);
}

/* ---- one row ---- */

/* Hook within plugin within stage within message: the earliest wins. */
static uint64_t deadline_of(const struct plugin_row *row, uint64_t now)
{
    uint64_t own = row->is.deadline_ms ? row->is.deadline_ms : UINT64_MAX;
    uint64_t plugin = row->self->deadline_ms, stage = fiber_deadline();
    uint64_t mine = now + (own < plugin ? own : plugin);

    return mine < stage ? mine : stage;
}

static bool verdict_is_allowed(enum fct_hook hook, unsigned verdict)
{
    return verdict == FCT_NEXT ||
           (verdict <= FCT_SKIP && (hook_info[hook].verdicts & (1u << verdict)));
}

static void decide(struct run *run, struct fct_call *call, enum fct_verdict verdict)
{
    struct hook_decision d = {verdict, call->code, call->enhanced, call->text,
                              str_from(call->row->label)};

    call->row->counts.verdict[verdict]++;
    if (verdict == FCT_NEXT)
        return;
    note_one(run, call->row, LEDGER_VERDICT, verdict_name(verdict), call->text, 0, call->busy_us);
    hook_decision_merge(run->out, &d);
}

static FCT_MAY_WAIT void call_row(struct run *run, struct plugin_row *row)
{
    uint64_t deadline = deadline_of(row, clock_ms()), stage = fiber_set_deadline(deadline);
    struct fct_call *call = call_begin(run->tx, row, deadline, run->recipient);
    enum fct_verdict verdict;

    row->counts.calls++;
    run->tx->watch->enter(call);
    verdict = call_function(call, run->ev);
    run->tx->watch->leave(call);
    call_end(call);
    fiber_set_deadline(stage);
    row->counts.busy_us += call->busy_us;
    note_call(run, call);
    if (clock_ms() >= deadline)
        passed_deadline(run, row, call->busy_us);
    else if (!verdict_is_allowed(run->hook, (unsigned)verdict))
        returned_nonsense(run, row, (unsigned)verdict, call->busy_us);
    else
        decide(run, call, verdict);
    call_release(call);
}

static FCT_MAY_WAIT void run_row(struct run *run, const struct plan_row *place)
{
    struct plugin_row *row = place->row;

    if (!(place->roles & run->tx->conn->role))
        return;
    if (plugin_is_off(row->self))
        apply_policy(run, row, row->self->on_error, "disabled", (struct fct_str){"", 0}, 0);
    else
        call_row(run, row);
}

/* ---- scan: side by side ---- */

struct scan {
    struct run *run;
    const struct plan_point *point;
    unsigned *needs;
    uint64_t deadline;
    struct fiber_group group;
};
struct scan_job {
    struct scan *scan;
    size_t place;
};

static void scan_fiber(void *arg);

static void start_row(struct scan *scan, size_t place)
{
    struct scan_job *job = ARENA_NEW(scan->run->tx->arena, struct scan_job);

    *job = (struct scan_job){scan, place};
    fiber_group_run(&scan->group, scan_fiber, job);
}

static void scan_fiber(void *arg)
{
    struct scan *scan = ((struct scan_job *)arg)->scan;
    const struct plan_row *row = &scan->point->row[((struct scan_job *)arg)->place];

    fiber_set_deadline(scan->deadline);
    run_row(scan->run, row);
    for (size_t i = 0; i < row->nleads; i++)
        if (--scan->needs[row->leads[i]] == 0)
            start_row(scan, row->leads[i]);
}

static FCT_MAY_WAIT void run_side_by_side(struct run *run, const struct plan_point *point)
{
    struct scan scan = {
        .run = run,
        .point = point,
        .needs = ARENA_ARRAY(run->tx->arena, unsigned, point->n),
        .deadline = fiber_deadline(),
    };

    for (size_t i = 0; i < point->n; i++)
        scan.needs[i] = point->row[i].needs;
    for (size_t i = 0; i < point->n; i++)
        if (point->row[i].needs == 0)
            start_row(&scan, i);
    fiber_group_wait(&scan.group);
}

void hook_run(struct hook_engine *engine, struct transaction *tx, enum fct_hook hook,
              const void *ev, struct call_recipient *recipient, struct ledger_log *log,
              struct hook_decision *out)
{
    struct run run = {engine, tx, hook, ev, recipient, log, out};
    const struct plan_point *point = &engine->plan.point[hook];

    *out = (struct hook_decision){.verdict = FCT_NEXT};
    if (hook_info[hook].kind == HOOK_SCAN) {
        run_side_by_side(&run, point);
        return;
    }
    for (size_t i = 0; i < point->n; i++) {
        run_row(&run, &point->row[i]);
        /* ACCEPT ends the chain (hooks.md 1); nothing is stronger than DISCONNECT. */
        if (out->verdict == FCT_ACCEPT || out->verdict == FCT_DISCONNECT)
            return;
    }
}
