/* score.h - the score of a message under one profile: the sum over groups of their symbols' sum,
 * held within the group's cap; thousandths, integers, so that sums always add up. */
#ifndef CORE_HOOK_SCORE_H
#define CORE_HOOK_SCORE_H

#include "core/hook/composite.h"
#include "core/hook/ledger_log.h"
#include "core/hook/profile.h"
#include "core/plugin/plugin_call.h"

/* What judges: made once, when all plugins have started. All zero: the built-in default. */
struct judging {
    struct profile_set profiles;
    struct composite_set composites;
};
FCT_MUST_CHECK bool judging_build(struct plugin_set *plugins, const struct config *conf,
                                  struct judging *out, struct fct_err *err);

struct score {
    int32_t milli;
    size_t symbols;
    struct symbol_hit *hit; /* what this profile counts, composites among them */
};

/* Writes into `log` all that lies between the symbols as found and the score: added to their sum,
 * the lines of `log` make score.milli. */
struct score score_judge(const struct transaction *tx, const struct composite_set *composites,
                         const struct profile *profile, struct ledger_log *log);

/* How the detail of an adjustment by a group's cap begins; its name is the group's. */
#define SCORE_CAP_DETAIL "group: "

#define SCORE_TEXT_MAX 16
/* "-1.25", "6", for people and for fct_ev_verdict.score; `to` has SCORE_TEXT_MAX bytes. */
struct fct_str score_text(int32_t milli, char *to);

#endif
