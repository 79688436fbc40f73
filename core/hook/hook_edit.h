/* hook_edit.h - the edits that calls asked for, as the immutable list that the store keeps. */
#ifndef CORE_HOOK_HOOK_EDIT_H
#define CORE_HOOK_HOOK_EDIT_H

#include "core/plugin/plugin_call.h"

/* The common edits, then this recipient's own (may be NULL or empty). Never fails: edits that do
 * not fit together were refused when they were asked for; should one be left all the same, it is
 * logged and left out. */
void hook_edit_build(struct transaction *tx, const struct edit_log *own, struct edit_list *out);

#endif
