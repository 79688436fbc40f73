/* privacy_note.h - what the plugin trackers says in X-Facteur-Privacy, read back from a view's
 * edits: for the sums that people are shown. A field of that name that came with the message is not
 * asked: anybody can write one. */
#ifndef CORE_MESSAGE_PRIVACY_NOTE_H
#define CORE_MESSAGE_PRIVACY_NOTE_H

#include "core/message/edit_list.h"

#define PRIVACY_ORIGIN    "trackers"         /* of the edits that cleaned */
#define PRIVACY_KEYWORD   "$TrackersRemoved" /* set by the plugin on what was cleaned */
#define PRIVACY_COMPANIES 16

struct privacy_note {
    uint32_t removed, links;
    /* In the order of the note; "unknown" is nobody of the list. Removals of companies that the
     * note has no room for are in `removed` alone. */
    struct privacy_company {
        struct fct_str name;
        uint32_t n;
    } company[PRIVACY_COMPANIES];
    size_t companies;
};

/* note = trackers ["(" company *("," company) ")"] ";" links *(";" more); views into `value`, which
 * is unfolded. False: it says something else. */
FCT_MUST_CHECK bool privacy_note_parse(struct fct_str value, struct privacy_note *out);
/* Of a view; what is returned lives in the arena. False: it was not cleaned. */
FCT_MUST_CHECK bool privacy_note_find(struct arena *arena, const struct edit_list *edits,
                                      struct privacy_note *out);

/* The list without the edits that cleaned: what was taken out is back. */
struct edit_list privacy_restored(struct arena *arena, const struct edit_list *edits);

#endif
