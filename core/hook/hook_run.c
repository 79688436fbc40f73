/* hook_run.c - one point. DECIDE and OBSERVE rows run one after the other in the caller's fiber;
 * SCAN rows run beside each other, each as soon as those it comes after have ended. */
#include "core/hook/hook_run.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_watch.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_personal.h"
#include "core/plugin/plugin_wait.h"

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
    if (other->verdict <= into->verdict || other->verdict == FCT_SKIP)
        return;
    into->verdict = other->verdict;
    into->code = other->code;
    into->enhanced = other->enhanced;
    into->text = other->text;
    into->by = other->by;
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
        .max_tasks = engine->conf->max_tasks,
        .memory_used = ARENA_ARRAY(arena, uint64_t, engine->set.n + 1),
    };
}

const struct filter_change *hook_changes(struct transaction *tx, size_t *n)
{
    struct filter_change *out = ARENA_ARRAY(tx->arena, struct filter_change, tx->changes + 1);

    *n = 0;
    for (const struct call_change *c = tx->change; c; c = c->next)
        out[(*n)++] = (struct filter_change){str_from(c->name), c->value};
    return out;
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

static void note_entry(struct run *run, const struct plugin_row *row, struct ledger_entry entry,
                       uint64_t took_us)
{
    if (!run->log)
        return;
    entry.hook = run->hook;
    entry.by = str_from(row->label);
    entry.took_us = took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us;
    entry.shadow = row->shadow;
    ledger_log_add(run->log, &entry);
}

static void note_word(struct run *run, const struct plugin_row *row, enum ledger_kind kind,
                      const char *name, struct fct_str detail, uint64_t took_us)
{
    note_entry(run, row,
               (struct ledger_entry){.kind = kind, .name = str_from(name), .detail = detail},
               took_us);
}

static void note_call(struct run *run, const struct fct_call *call)
{
    static const enum ledger_kind kinds[] = {
        [NOTE_SYMBOL] = LEDGER_SYMBOL,   [NOTE_EDIT] = LEDGER_EDIT,
        [NOTE_DELIVER] = LEDGER_DELIVER, [NOTE_FORCE] = LEDGER_FORCE,
        [NOTE_CHANGE] = LEDGER_CHANGE,   [NOTE_FAULT] = LEDGER_FAULT,
        [NOTE_PERSONAL] = LEDGER_SYMBOL,
    };
    struct plugin_counts *counts = &call->row->counts;

    for (const struct call_note *n = call->note; n; n = n->next) {
        struct ledger_entry entry = {.kind = kinds[n->kind],
                                     .name = str_from(n->name),
                                     .detail = n->detail,
                                     .score_milli = n->score_milli};

        if (n->symbol) {
            entry.weight_milli = n->symbol->score_milli;
            entry.group = str_from(n->symbol->group);
            counts->symbols++;
            counts->score_milli += n->score_milli;
        }
        counts->edits += n->kind == NOTE_EDIT ? 1 + n->more : 0;
        if (n->more > 0)
            entry.detail = arena_printf(run->tx->arena, "%.*s, and %u more", FCT_FMT(n->detail),
                                        (unsigned)n->more);
        if (n->personal) /* stands in the ledger of its account: message_judge.c */
            n->personal->took_us = (uint32_t)(call->busy_us & UINT32_MAX);
        else
            note_entry(run, call->row, entry, call->busy_us);
    }
}

/* ---- trouble ---- */

static enum fct_verdict policy_verdict(enum plugin_policy policy, enum fct_hook hook)
{
    if (policy == POLICY_PASS || hook_info[hook].kind == HOOK_OBSERVE)
        return FCT_NEXT;
    if (policy == POLICY_HOLD &&
        (hook == FCT_HOOK_headers || hook == FCT_HOOK_scan || hook == FCT_HOOK_verdict ||
         hook == FCT_HOOK_edit || hook == FCT_HOOK_deliver || hook == FCT_HOOK_queue_in))
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

    note_word(run, row, LEDGER_FAULT, fault, detail, took_us);
    if (d.verdict == FCT_NEXT)
        return;
    note_word(run, row, LEDGER_VERDICT, verdict_name(d.verdict), FCT_STR("by policy"), took_us);
    if (!row->shadow)
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

/* ---- figures ---- */

static unsigned log2_bucket(uint64_t us)
{
    unsigned bits = us ? 64u - (unsigned)__builtin_clzll(us) : 0;

    return bits < PLUGIN_TIMES ? bits : PLUGIN_TIMES - 1;
}

/* A new value counts one part in eight. */
static uint32_t average(uint32_t old, uint64_t now)
{
    uint64_t value = now > UINT32_MAX / 2 ? UINT32_MAX / 2 : now;

    return (uint32_t)((uint64_t)old - old / 8 + value / 8);
}

static void count_call(struct plugin_counts *counts, const struct fct_call *call)
{
    uint64_t whole = call->left_us - call->begun_us;

    counts->calls++;
    counts->busy_us += call->busy_us;
    counts->waited_us += whole > call->busy_us ? whole - call->busy_us : 0;
    counts->times[log2_bucket(call->busy_us)]++;
    counts->usual_us = average(counts->usual_us, whole);
    counts->hit_rate = average(counts->hit_rate, call->note ? 65536 : 0);
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
    struct hook_decision d;

    call->row->counts.verdict[verdict]++;
    if (verdict == FCT_NEXT)
        return;
    d = (struct hook_decision){.verdict = verdict,
                               .code = call->code,
                               .enhanced = call->enhanced,
                               .text = call->text,
                               .by = str_from(call->row->label)};
    note_word(run, call->row, LEDGER_VERDICT, verdict_name(verdict), call->text, call->busy_us);
    run->out->skips += verdict == FCT_SKIP;
    if (!call->row->shadow)
        hook_decision_merge(run->out, &d);
}

/* The clock is read twice: by enter and by leave. */
static FCT_MAY_WAIT void call_row(struct run *run, struct plugin_row *row)
{
    struct fct_call *call = call_begin(run->tx, row, 0, run->recipient);
    enum fct_verdict verdict;
    uint64_t stage;
    bool late;

    run->tx->watch->enter(call);
    call->deadline_ms = deadline_of(row, call->begun_us / 1000);
    stage = fiber_set_deadline(call->deadline_ms);
    verdict = call_function(call, run->ev);
    run->tx->watch->leave(call);
    if (call->tasks > 0)
        wait_end(call);
    late = call->left_us / 1000 >= call->deadline_ms;
    if (late && run->hook == FCT_HOOK_scan)
        result_timed_out(call);
    call_end(call);
    fiber_set_deadline(stage);
    count_call(&row->counts, call);
    note_call(run, call);
    if (late)
        passed_deadline(run, row, call->busy_us);
    else if (!verdict_is_allowed(run->hook, (unsigned)verdict))
        returned_nonsense(run, row, (unsigned)verdict, call->busy_us);
    else
        decide(run, call, verdict);
    call_release(call);
}

static FCT_MAY_WAIT void run_any(struct run *run, struct plugin_row *row)
{
    if (plugin_is_off(row->self))
        apply_policy(run, row, row->self->on_error, "disabled", (struct fct_str){"", 0}, 0);
    else
        call_row(run, row);
}

/* It said at an earlier piece of this message that it needs no more. */
static bool has_skipped(const struct transaction *tx, const struct plugin_row *row)
{
    const struct ledger_log *l = tx->earlier;

    for (size_t i = 0; l && i < l->n; i++)
        if (l->entry[i].kind == LEDGER_VERDICT && l->entry[i].hook == FCT_HOOK_chunk &&
            str_equal(l->entry[i].name, FCT_STR("skip")) &&
            str_equal(l->entry[i].by, str_from(row->label)))
            return true;
    return false;
}

static FCT_MAY_WAIT void run_row(struct run *run, const struct plan_row *place)
{
    if (!(place->roles & run->tx->conn->role) || (place->row->shadow && run->tx->without_shadows))
        return;
    run->out->asked++;
    if (run->hook == FCT_HOOK_chunk && has_skipped(run->tx, place->row))
        run->out->skips++;
    else
        run_any(run, place->row);
}

/* ---- scan: side by side ---- */

#define SORT_EVERY 64u /* runs between two looks at the averages */

struct scan;
struct scan_job {
    struct scan *scan;
    size_t place;
    struct run run; /* with a log and a decision of its own: the plan's order is the result's */
    struct ledger_log log;
    struct hook_decision decision;
};
struct scan {
    const struct plan_point *point;
    struct scan_job *job; /* one per row */
    unsigned *needs;
    size_t started; /* of point->start: rows that were looked at */
    uint64_t deadline;
    struct fiber_group group;
};

static FCT_MAY_WAIT void run_job(struct scan_job *job);

static void waiting_fiber(void *arg)
{
    fiber_set_deadline(((struct scan_job *)arg)->scan->deadline);
    run_job(arg);
}

static FCT_MAY_WAIT void run_job(struct scan_job *job)
{
    struct scan *scan = job->scan;
    const struct plan_row *row = &scan->point->row[job->place];

    run_row(&job->run, row);
    for (size_t i = 0; i < row->nleads; i++)
        if (--scan->needs[row->leads[i]] == 0)
            fiber_group_run(&scan->group, waiting_fiber, &scan->job[row->leads[i]]);
}

/* Row after row; when one waits, whoever started this fiber goes on and starts the next with the
 * rest. So rows that never wait share a fiber, and those that do wait beside each other. */
static void starting_fiber(void *arg)
{
    struct scan *scan = arg;

    fiber_set_deadline(scan->deadline);
    while (scan->started < scan->point->n) {
        size_t place = scan->point->start[scan->started++];

        if (scan->point->row[place].needs == 0)
            run_job(&scan->job[place]);
    }
}

/* Cheap ones and those that often find something first; others depend on nobody's order. */
static uint64_t start_cost(const struct plan_row *row)
{
    const struct plugin_counts *c = &row->row->counts;

    return (uint64_t)c->usual_us * 65536u / (c->hit_rate + 4096u);
}

static void sort_starts(struct plan_point *point)
{
    uint32_t *start = point->start;

    for (size_t i = 1; i < point->n; i++) {
        uint32_t place = start[i];
        size_t j = i;

        for (; j > 0 && start_cost(&point->row[start[j - 1]]) > start_cost(&point->row[place]); j--)
            start[j] = start[j - 1];
        start[j] = place;
    }
}

static void init_scan(struct scan *scan, struct run *run)
{
    size_t n = scan->point->n;

    scan->needs = ARENA_ARRAY(run->tx->arena, unsigned, n);
    scan->job = ARENA_ARRAY(run->tx->arena, struct scan_job, n);
    for (size_t i = 0; i < n; i++) {
        struct scan_job *job = &scan->job[i];

        *job = (struct scan_job){.scan = scan, .place = i, .run = *run};
        job->log.arena = run->tx->arena;
        job->run.log = run->log ? &job->log : NULL;
        job->run.out = &job->decision;
        scan->needs[i] = scan->point->row[i].needs;
    }
}

static FCT_MAY_WAIT void run_side_by_side(struct run *run, struct plan_point *point)
{
    struct scan scan = {.point = point, .deadline = fiber_deadline()};

    if (point->n > 0 && point->runs++ % SORT_EVERY == 0)
        sort_starts(point);
    init_scan(&scan, run);
    while (scan.started < point->n)
        fiber_group_run(&scan.group, starting_fiber, &scan);
    fiber_group_wait(&scan.group);
    for (size_t i = 0; i < point->n; i++) {
        if (run->log)
            ledger_log_append(run->log, &scan.job[i].log);
        hook_decision_merge(run->out, &scan.job[i].decision);
    }
}

void hook_run(struct hook_engine *engine, struct transaction *tx, enum fct_hook hook,
              const void *ev, struct call_recipient *recipient, struct ledger_log *log,
              struct hook_decision *out)
{
    struct run run = {engine, tx, hook, ev, recipient, log, out};
    struct plan_point *point = &engine->plan.point[hook];

    *out = (struct hook_decision){.verdict = FCT_NEXT};
    tx->change = tx->last_change = NULL;
    tx->changes = tx->change_bytes = 0;
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

void hook_run_row(struct hook_engine *engine, struct transaction *tx, const struct plan_row *row,
                  const void *ev, struct hook_decision *out)
{
    struct run run = {engine, tx, row->row->is.hook, ev, NULL, NULL, out};

    *out = (struct hook_decision){.verdict = FCT_NEXT};
    run_any(&run, row->row);
}
