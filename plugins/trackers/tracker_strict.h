/* tracker_strict.h - at the level strict: what loads without being a link, and what another reader
 * of the page might take for markup where we did not. For this folder only. */
#ifndef PLUGINS_TRACKERS_TRACKER_STRICT_H
#define PLUGINS_TRACKERS_TRACKER_STRICT_H

#include "plugins/trackers/tracker_page.h"

struct tracker_strict {
    size_t drawn;        /* tokens before this one are dealt with, with the drawing around them */
    bool in_style;       /* behind the start tag of a style element … */
    unsigned style_text; /* … and texts in it so far */
};

/* page->token[i], in order. */
void tracker_strict_token(const struct tracker_page *page, struct tracker_strict *s, size_t i,
                          struct tracker_edits *out);

#endif
