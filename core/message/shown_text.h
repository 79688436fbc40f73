/* shown_text.h - the text that people see of a message, and what HTML keeps from them.
 *
 * Hidden is what an element's own style says: display:none, no size, moved out of sight, letters in
 * the colour of their background, and the title, which mail programs do not show. Style sheets are
 * not read. Characters that take no room (zero width, soft hyphen, direction marks) are left out of
 * both, so that a word they cut in pieces is a word again; the many kinds of space become one.
 *
 * One pass, no tree: time and memory grow with the input and no faster. */
#ifndef CORE_MESSAGE_SHOWN_TEXT_H
#define CORE_MESSAGE_SHOWN_TEXT_H

#include "core/base/buf.h"
#include "core/message/html_tokens.h"

/* One of the two texts, as it grows. */
struct shown_flow {
    struct buf out;
    bool space, line; /* due before the next word */
};

struct shown_text {
    struct shown_flow shown, hidden;
};

/* max: bytes of each of the two; what does not fit is left out (`out.overflow`). */
void shown_text_init(struct shown_text *t, size_t max);
void shown_text_free(struct shown_text *t);

/* One part after the other, each begins a new line. `text` is UTF-8 whose lines are kept. */
void shown_text_add_plain(struct shown_text *t, struct fct_str text);
void shown_text_add_html(struct shown_text *t, const struct fct_html_token *token, size_t n);

#endif
