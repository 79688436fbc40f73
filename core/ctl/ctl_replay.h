/* ctl_replay.h - `facteurctl replay`: stored mail judged again by another configuration, and what
 * would have become of it. ctl_replay.c goes through the mail, ctl_replay_verdict.c reads ledgers,
 * ctl_replay_show.c prints.
 *
 * Then and now are both read from ledgers, so that an unchanged configuration changes nothing. What
 * the dialogue of then said is known: it let the message in. DNS, Redis and HTTP are asked as the
 * configuration says, unless --replay answers for them. */
#ifndef CORE_CTL_CTL_REPLAY_H
#define CORE_CTL_CTL_REPLAY_H

#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_judge.h"
#include "core/ctl/ctl_output.h"
#include "store/store_client.h"

/* Weakest first. */
enum replay_fate {
    REPLAY_KEEP,
    REPLAY_TAG,
    REPLAY_JUNK,
    REPLAY_QUARANTINE,
    REPLAY_DISCARD,
    REPLAY_GREYLIST,
    REPLAY_TEMPFAIL,
    REPLAY_REJECT,
    REPLAY_FATES
};
extern const char *const replay_fate_name[REPLAY_FATES];

struct replay_verdict {
    enum replay_fate fate;
    struct fct_str by;      /* the profile, or whoever refused */
    struct fct_str mailbox; /* a rule's wish, or empty */
    int32_t score_milli;
    struct ledger ledger;
};

/* As the ledger tells it: the profile's action, unless somebody answered more. Where one reply
 * answers for several recipients a refusal becomes something milder; the wish counts here. False:
 * it cannot be read. */
FCT_MUST_CHECK bool replay_verdict_of(struct arena *arena, struct fct_str ledger,
                                      struct replay_verdict *out, struct fct_err *err);
/* The same for a message that has just been judged. */
FCT_MUST_CHECK bool replay_verdict_now(const struct judge *j, struct replay_verdict *out,
                                       struct fct_err *err);
bool replay_same(const struct replay_verdict *then, const struct replay_verdict *now);

/* "7d", "12h", "30m", "2w": so long before `now`; "2026-01-05" or "2026-01-05 10:11": local time.
 */
FCT_MUST_CHECK bool replay_since_parse(struct fct_str text, int64_t now, int64_t *since,
                                       struct fct_err *err);

/* What is known so far. */
struct replay_sums {
    uint64_t total;                 /* 0: not counted */
    uint64_t judged, changed, lost; /* lost: the original is gone, or the ledger unreadable */
    uint64_t moved[REPLAY_FATES][REPLAY_FATES];
    uint64_t score_differs;
    int64_t score_milli; /* sum of all differences */
    int32_t least_milli, most_milli;
    uint64_t began_ms;
};
void replay_sums_add(struct replay_sums *sums, const struct replay_verdict *then,
                     const struct replay_verdict *now);

/* One changed verdict; `first` of them. */
void replay_show_change(struct ctl *c, const struct store_history_item *item,
                        const struct replay_verdict *then, const struct replay_verdict *now,
                        bool first);
void replay_show_begin(struct ctl *c);
void replay_show_end(struct ctl *c, const struct replay_sums *sums);
/* On a terminal, now and then; `last` wipes it away. */
bool replay_shows_progress(void);
void replay_show_progress(const struct replay_sums *sums, bool last);

int ctl_replay(struct ctl *c);

#endif
