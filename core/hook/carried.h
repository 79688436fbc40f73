/* carried.h - what the points of the dialogue leave for those that come later: symbols, verdicts
 * and what else stands in the ledger, as an encoded ledger that the asker keeps unread.
 *
 * Each request may go to another filter process, so nothing is kept here. */
#ifndef CORE_HOOK_CARRIED_H
#define CORE_HOOK_CARRIED_H

#include "core/hook/ledger_log.h"
#include "core/plugin/plugin_call.h"

/* Do later points hear of what this one found? */
bool carried_by(enum fct_hook hook);

/* Into tx: its symbols count, has_symbol() sees them, tx->earlier is all of it. Symbols that no
 * plugin declares any more are left out. False: the bytes are none of ours. */
FCT_MUST_CHECK bool carried_take(struct transaction *tx, struct fct_str bytes, struct fct_err *err);

/* tx->earlier and `log` in one piece; empty when `log` has nothing new. */
struct fct_str carried_give(struct transaction *tx, const struct ledger_log *log);

#endif
