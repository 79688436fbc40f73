/* schedule.h - when a recipient that could not be reached is tried again, when people are told that
 * it takes long, and when it is over. Times are seconds since 1970; nothing here asks a clock. */
#ifndef PROTOCOLS_RELAY_SCHEDULE_H
#define PROTOCOLS_RELAY_SCHEDULE_H

#include "core/base/err.h"
#include <facteur/conf.h>

#define SCHEDULE_STEPS_MAX 32u

struct schedule {
    uint64_t step_s[SCHEDULE_STEPS_MAX]; /* the last one repeats */
    size_t steps;
    uint64_t warn_s[SCHEDULE_STEPS_MAX]; /* since arrival, ascending */
    size_t warnings;
    double jitter; /* 0 to 0.5: each wait is longer or shorter by up to this share of it */
    uint64_t expire_s, expire_null_s;
};

/* Rows of `relay { retry  delay_warning }` as lists of durations. */
FCT_MUST_CHECK bool schedule_read(struct schedule *s, const struct fct_strings *retry,
                                  const struct fct_strings *warning, struct fct_err *err);

/* attempts: failed ones so far, this one included (1 and more). chance: anything random. Never
 * later than the moment it expires. */
int64_t schedule_next(const struct schedule *s, int64_t arrived, int64_t now, uint32_t attempts,
                      bool null_sender, uint64_t chance);
bool schedule_is_over(const struct schedule *s, int64_t arrived, int64_t now, bool null_sender);
/* Is there a warning due at `now` that was not at the last try? warned: one has been sent; the
 * first one is never lost. */
bool schedule_warns(const struct schedule *s, int64_t arrived, int64_t last_try, bool warned,
                    int64_t now);

#endif
