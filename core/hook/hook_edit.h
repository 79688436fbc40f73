/* hook_edit.h - the edits that calls asked for, as the immutable lists that the store keeps.
 *
 * Three logs make a recipient's list: the message's, its profile's (of `verdict`, when there are
 * several profiles) and its own (of `deliver`). Recipients with equal logs share one list. */
#ifndef CORE_HOOK_HOOK_EDIT_H
#define CORE_HOOK_HOOK_EDIT_H

#include "core/plugin/plugin_call.h"

struct hook_edit {
    const struct edit_log *profile, *own;
    struct edit_list list;
    struct hook_edit *next;
};
struct hook_edits {
    struct transaction *tx;
    struct hook_edit *first;
    size_t n;
    uint64_t bytes; /* inserted by all lists together */
};
/* More than an answer between processes holds: nothing further is built. */
bool hook_edits_are_too_many(const struct hook_edits *edits);

void hook_edits_start(struct hook_edits *edits, struct transaction *tx);
/* Both may be NULL or empty; they must live as long as `edits`. Never fails; empty when there are
 * too many. */
struct edit_list hook_edits_build(struct hook_edits *edits, const struct edit_log *profile,
                                  const struct edit_log *own);

#endif
