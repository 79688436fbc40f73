/* shown_look.h - of an element's look, what decides whether people can read its text. For this
 * folder only. */
#ifndef CORE_MESSAGE_SHOWN_LOOK_H
#define CORE_MESSAGE_SHOWN_LOOK_H

#include <facteur/plugin.h>

#define LOOK_NO_COLOR UINT32_MAX /* transparent letters; a background that is not known */

struct shown_look {
    bool gone;                  /* with all that is inside */
    bool tiny;                  /* until an element inside has a size of its own */
    uint32_t color, background; /* 0xRRGGBB, or LOOK_NO_COLOR */
};

/* Black on white, as mail programs begin. */
extern const struct shown_look look_default;

/* From its parent's look to the element's own. */
void look_apply(struct shown_look *look, const struct fct_html_token *tag);

bool look_is_readable(const struct shown_look *look);

#endif
