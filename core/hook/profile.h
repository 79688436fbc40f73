/* profile.h - how a recipient's mail is judged: weights, thresholds, whose mail it is for.
 *
 * The message is scanned once; each distinct profile among its recipients gives a score of its own.
 * `profile default` always exists: a named profile says only what differs from it. Symbols that no
 * enabled plugin declares are allowed in its lists (the plugin may be off for a while) and logged.
 */
#ifndef CORE_HOOK_PROFILE_H
#define CORE_HOOK_PROFILE_H

#include "core/plugin/plugin_load.h"

struct profile_conf {
    struct fct_strings match;
    const char *tag, *greylist, *junk, *quarantine, *discard, *reject; /* numbers, or "" */
    const char *shared, *mode;
    struct fct_strings disable, score, group_cap;
};
extern const struct conf_block profile_block; /* labelled */

#define PROFILE_ACTIONS (FCT_REFUSE + 1)

struct profile_cap {
    const char *group;
    int32_t least_milli, most_milli;
    const struct conf_place *place;
};

/* What a profile says of a symbol, and where. */
struct profile_symbol {
    int32_t milli; /* its weight here, unless it is disabled */
    const struct conf_place *place;
};

/* What a shadow would have done, since its process started. */
struct profile_counts {
    uint64_t judged, otherwise; /* otherwise than the live profile beside it */
    uint64_t action[PROFILE_ACTIONS];
    int64_t score_milli;
};

struct profile {
    const char *name;
    struct fct_strings match;
    int32_t threshold_milli[PROFILE_ACTIONS]; /* of an action; 0: never */
    enum fct_action shared; /* where one reply answers for all: instead of REFUSE, JUNK … DROP */
    struct map *weight;     /* symbol → struct profile_symbol; NULL: none differs */
    struct map *disabled;   /* the same */
    const struct profile_cap *cap;
    size_t caps;
    bool shadow;        /* judges beside the live one, for the ledger and the counts only */
    bool own;           /* a copy for one message, with settings of an account on top */
    bool greylists_not; /* no enabled plugin provides it */
    struct profile_counts counts;
};

struct profile_set {
    struct profile *profile; /* [0] is default */
    size_t n;
};

/* Lives in the plugins' arena. An empty set stands for `profile default` as built in. Fails with
 * the profile's name and key. */
FCT_MUST_CHECK bool profile_set_build(struct plugin_set *plugins, const struct config *conf,
                                      struct profile_set *out, struct fct_err *err);

/* What is known of a recipient when a profile is chosen. */
struct profile_wish {
    struct fct_str asked;              /* by a plugin at rcpt, or empty */
    struct fct_str setting;            /* of the account, or empty */
    struct fct_str recipient, account; /* addresses */
    uint32_t role;                     /* FCT_ROLE_* of the listener */
};
/* Asked for, else the account's setting, else the most specific match: the pattern with most
 * letters that are no "*", an address without "*" before all others, role:NAME behind all others;
 * among equals the one that stands first. Else default. *unknown (may be NULL) is set when a name
 * was asked for that no profile has. Never NULL. */
const struct profile *profile_choose(const struct profile_set *set, const struct profile_wish *wish,
                                     bool *unknown);

/* `base` with the thresholds that the account's settings name; lives in the arena. What cannot be
 * read is passed over. */
const struct profile *profile_with_own(struct arena *arena, const struct profile *base,
                                       struct fct_list setting);

/* Is this a shadow that judges such a recipient's mail too? Without `match` everybody's. */
bool profile_shadows(const struct profile *profile, const struct profile_wish *wish);

/* The strictest action whose threshold the score reaches. */
enum fct_action profile_action(const struct profile *profile, int32_t score_milli);

#endif
