/* ledger.h - every step of a verdict, kept with the message: who said what, with which score, after
 * how long.
 *
 * The sum over symbols and adjustments is the score that was acted on: scores are thousandths,
 * integers, so that sums always add up. */
#ifndef CORE_HOOK_LEDGER_H
#define CORE_HOOK_LEDGER_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include <facteur/plugin.h>

enum ledger_kind {
    LEDGER_SYMBOL,
    LEDGER_VERDICT,
    LEDGER_EDIT,
    LEDGER_FAULT,
    LEDGER_DELIVER,
    LEDGER_ADJUST,  /* the profile differs from the symbols as found: its own weight, a symbol it
                       disables, a composite that removed it, a group's cap */
    LEDGER_FORCE,   /* a plugin asked for an action whatever the score says */
    LEDGER_PROFILE, /* who judged, the score, the thresholds, the action */
    LEDGER_CHANGE,  /* a plugin changed what its point offers: set() */
};

struct ledger_entry {
    enum ledger_kind kind;
    enum fct_hook hook;
    struct fct_str by; /* plugin or rule: "headers", "lua:subject_rules" */
    struct fct_str
        name; /* symbol; verdict word; "header_remove" …; fault: timeout, error, crash, disabled */
    int32_t score_milli; /* symbols and adjustments; PROFILE: their sum */
    struct fct_str detail;
    uint32_t took_us;
    bool shadow;          /* it would have: counts nowhere */
    int32_t weight_milli; /* of a symbol: its score is this times the factor it was found with */
    struct fct_str group; /* of a symbol */
};

struct ledger {
    const struct ledger_entry *entry;
    size_t n;
    int32_t score_milli; /* sum of symbols and adjustments */
};

void ledger_encode(
    const struct ledger *l,
    struct buf *out); /* versioned; at most 16 KiB, the rest is counted in a last entry */
FCT_MUST_CHECK bool ledger_decode(struct arena *arena, struct fct_str bytes, struct ledger *out,
                                  struct fct_err *err);
void ledger_print(const struct ledger *l, bool json, struct buf *out);
void ledger_put_milli(int32_t milli, struct buf *out); /* "-1.250" */
const char *hook_name(enum fct_hook hook);
const char *verdict_name(enum fct_verdict verdict);

#endif
