/* reputation_count.h - how much spam and wanted mail a name stands for, and what that says of the
 * next message. Pure.
 *
 * Two pairs of counters for each name: of one half fades in a week, of the other in sixty days.
 * They are kept as if they grew: what is counted at a time t is multiplied by 2^((t - 2040) /
 * half-life), and whoever reads divides by the same for his own time. So nothing must be rewritten
 * while it fades, and what was counted can be taken back exactly, whenever that is. Doubles hold
 * this from 2021 to 2059. */
#ifndef PLUGINS_REPUTATION_REPUTATION_COUNT_H
#define PLUGINS_REPUTATION_REPUTATION_COUNT_H

#include <facteur/base.h>

enum reputation_horizon { REPUTATION_WEEK, REPUTATION_SEASON, REPUTATION_HORIZONS };

/* Messages, faded to now. */
struct reputation_counts {
    double spam[REPUTATION_HORIZONS], ham[REPUTATION_HORIZONS];
};

#define REPUTATION_PACKED 32 /* bytes of a value: four doubles, little-endian */

/* False: it is no such value. */
FCT_MUST_CHECK bool reputation_counts_read(struct fct_str packed, int64_t now,
                                           struct reputation_counts *out);

/* Log odds of spam, from good (negative) to bad, 0 for the unknown; of few messages only a part:
 * half of it from `strength` messages on. */
double reputation_odds(const struct reputation_counts *counts, double strength);

/* The part of a symbol's weight that odds stand for: -1 to 1, 0 where they say next to nothing. */
double reputation_factor(double odds);

#endif
