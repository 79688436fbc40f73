/* milter_edits.h - our edits, which are spans of the original, as the changes of the milter
 * protocol: insert, change and remove a field by name and number, replace the body.
 *
 * The changes are listed from the bottom of the header to its top: what is above a field is then
 * still as the MTA sent it, so that "the second Subject" means what it meant there, and the index
 * of an insertion needs no correction. Index 0 is above everything; the MTA's own Received, which
 * milters do not see, counts as the first field. */
#ifndef PROTOCOLS_MILTER_MILTER_EDITS_H
#define PROTOCOLS_MILTER_MILTER_EDITS_H

#include "core/message/edit_list.h"
#include "protocols/milter/milter_message.h"

enum milter_change_kind {
    MILTER_INSERT, /* before the field with this index */
    MILTER_APPEND, /* below all fields */
    MILTER_CHANGE, /* the index-th field of that name, 1 is the topmost */
    MILTER_REMOVE,
};

struct milter_change {
    enum milter_change_kind kind;
    const char *name;
    const char *value; /* what follows the colon, folds as LF */
    uint32_t index;
};

struct milter_changes {
    const struct milter_change *change;
    size_t n;
    bool body; /* it is another one: body_edits, over the bytes from body_at on */
    struct edit_list body_edits;
    size_t lost; /* edits that the protocol cannot express: what they leave is no field */
};

/* bytes: the whole message. Edits of the synthetic Received are passed over. */
void milter_changes_plan(struct arena *arena, const struct milter_message *m, struct fct_str bytes,
                         const struct edit_list *edits, struct milter_changes *out);

/* What all of these lists have: recipients of one message cannot get different ones. */
void milter_edits_common(struct arena *arena, const struct edit_list *const *list, size_t lists,
                         struct edit_list *out);

#endif
