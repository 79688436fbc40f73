/* score.h - the score of a message: the sum of its symbols, in thousandths. Thresholds and profiles
 * act on it later. */
#ifndef CORE_HOOK_SCORE_H
#define CORE_HOOK_SCORE_H

#include "core/plugin/plugin_call.h"

struct score {
    int32_t milli;
    size_t symbols;
};

struct score score_sum(const struct transaction *tx);

#endif
