/* edit_rebase.h - edits that were asked of a message, moved to what the message became when others
 * were made in it. */
#ifndef CORE_MESSAGE_EDIT_REBASE_H
#define CORE_MESSAGE_EDIT_REBASE_H

#include "core/message/edit_list.h"

/* `edits` and `made` are both of the original; *out is of the original with `made` applied. Left
 * out is what touches the same bytes as `made`; how many is returned. At one place, what `edits`
 * inserts comes before what `made` inserted. */
size_t edit_rebase(struct arena *arena, const struct edit_list *edits, const struct edit_list *made,
                   struct edit_list *out);

#endif
