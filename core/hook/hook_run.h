/* hook_run.h - run one point: its callbacks in the order of the plan, their verdicts combined,
 * deadlines and policies applied. */
#ifndef CORE_HOOK_HOOK_RUN_H
#define CORE_HOOK_HOOK_RUN_H

#include "core/hook/filter_client.h"
#include "core/hook/filter_conf.h"
#include "core/hook/hook_plan.h"
#include "core/hook/ledger_log.h"
#include "core/hook/score.h"
#include "core/plugin/plugin_call.h"

/* What a point decided: the strongest verdict and who gave it; the first in the plan among equals.
 */
struct hook_decision {
    enum fct_verdict verdict;
    unsigned code; /* 0: the protocol's default */
    struct fct_str enhanced, text, by;
    unsigned asked, skips; /* rows of the point; those that said SKIP, now or at an earlier piece */
};

struct hook_engine {
    struct plugin_set set;
    struct hook_plan plan;
    const struct filter_conf *conf;
    const char *server_name;
    struct judging judging;
};

/* `ev` is the point's struct fct_ev_*. `log` gets what the callbacks did; may be NULL. `recipient`
 * at deliver only. Inside a fiber, under the deadline that it carries. What the callbacks changed
 * is in tx->change until the next point runs. */
FCT_MAY_WAIT void hook_run(struct hook_engine *engine, struct transaction *tx, enum fct_hook hook,
                           const void *ev, struct call_recipient *recipient, struct ledger_log *log,
                           struct hook_decision *out);

/* One row of a point alone, whatever its roles: ticks. */
FCT_MAY_WAIT void hook_run_row(struct hook_engine *engine, struct transaction *tx,
                               const struct plan_row *row, const void *ev,
                               struct hook_decision *out);

/* Fill what every transaction of this engine has: memory accounts, watchdog, server name. */
void hook_transaction_init(struct hook_engine *engine, struct transaction *tx, struct arena *arena,
                           const struct fct_conn *conn, const struct fct_envelope *envelope);

/* What set() changed at the point that ran last. */
const struct filter_change *hook_changes(struct transaction *tx, size_t *n);

/* The stronger of two decisions; the first among equals. */
void hook_decision_merge(struct hook_decision *into, const struct hook_decision *other);

#endif
