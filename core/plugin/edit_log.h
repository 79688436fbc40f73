/* edit_log.h - edits as they are asked for, against the original: a log per message, per profile
 * and per recipient. The earlier edit wins; one that overlaps it is refused at once, so that its
 * plugin knows. Applied once, when the view is built. */
#ifndef CORE_PLUGIN_EDIT_LOG_H
#define CORE_PLUGIN_EDIT_LOG_H

#include "core/message/edit_list.h"

struct transaction;

enum logged_kind {
    LOGGED_HEADER, /* spans of the message */
    LOGGED_BODY,
    LOGGED_PART, /* a span of the decoded bytes of a part in base64 or quoted-printable */
};

struct logged_edit {
    enum logged_kind kind;
    struct edit edit;
    size_t part;                       /* PART: index in the tree */
    uint64_t body_offset, body_length; /* PART: of its encoded body */
};

struct edit_log {
    struct logged_edit *edit;
    size_t n, cap;
    uint64_t reach; /* no edit so far touches a byte behind this */
    /* The part that the last patch was for: its patches end here, in decoded bytes; all other edits
     * touch no byte behind other_reach. */
    size_t part;
    uint64_t part_end, other_reach;
    bool in_part;
};

/* Would it touch what an edit of the log touches? */
bool edit_log_clashes(const struct edit_log *log, const struct logged_edit *edit);
void edit_log_add(struct arena *arena, struct edit_log *log, const struct logged_edit *edit);
bool edit_log_equals(const struct edit_log *a, const struct edit_log *b);

/* All logs as one list; NULL among them is allowed. What is left out after all (edits of different
 * logs that overlap: the earlier log wins) is logged. Never fails. */
void edit_log_build(struct transaction *tx, const struct edit_log *const *log, size_t n,
                    struct edit_list *out);

#endif
