/* audience.h - the recipients of one message in groups that are judged alike: the same profile, the
 * same settings of their own, no symbols of their own. An account for which a plugin found
 * something has a group to itself. */
#ifndef CORE_HOOK_AUDIENCE_H
#define CORE_HOOK_AUDIENCE_H

#include "core/hook/filter_client.h"
#include "core/hook/profile.h"
#include "core/plugin/plugin_personal.h"

/* queue.in: recipients elsewhere have no account. */
void audience_of_queue(struct transaction *tx, const struct fct_list *remote);

struct audience_group {
    const struct profile *profile;
    struct fct_str label;             /* "default", or "default+own" with settings of its own */
    struct fct_list setting;          /* of the first account, when `profile->own` */
    const struct call_person *person; /* for whom something was found, or NULL */
};

struct audience {
    struct audience_group *group; /* [0]: of the first recipient, or default when there is none */
    size_t n;
    uint32_t *of; /* per recipient: its group */
};

/* Before `headers`: what plugins may know of the recipients. */
void audience_show(struct transaction *tx, const struct filter_recipient *recipient, size_t n);
/* When all symbols were found. In the transaction's arena. */
struct audience audience_group(const struct profile_set *profiles, struct transaction *tx,
                               const struct filter_recipient *recipient, size_t n);

/* What is known of a recipient when a profile is chosen. */
struct profile_wish audience_wish(const struct transaction *tx, const struct filter_recipient *r);

#endif
