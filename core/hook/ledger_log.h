/* ledger_log.h - a ledger being written, in the transaction's arena. */
#ifndef CORE_HOOK_LEDGER_LOG_H
#define CORE_HOOK_LEDGER_LOG_H

#include "core/hook/ledger.h"

struct ledger_log {
    struct arena *arena;
    struct ledger_entry *entry;
    size_t n, cap;
    int32_t score_milli;
};

#define LEDGER_LOG_MAX \
    20000 /* more than edits and symbols of any plan; later entries are dropped */

void ledger_log_add(struct ledger_log *log, const struct ledger_entry *entry);
void ledger_log_append(struct ledger_log *log, const struct ledger_log *more);
static inline struct ledger ledger_log_view(const struct ledger_log *log)
{
    return (struct ledger){log->entry, log->n, log->score_milli};
}

#endif
