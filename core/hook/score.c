/* score.c - sums; hits are bounded in number and size (plugin_result.c), so that they fit. */
#include "core/hook/score.h"

struct score score_sum(const struct transaction *tx)
{
    struct score score = {0};

    for (const struct symbol_hit *h = tx->hit; h; h = h->next) {
        score.milli += h->score_milli;
        score.symbols++;
    }
    return score;
}
