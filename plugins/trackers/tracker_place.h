/* tracker_place.h - what is around a tag: an element that hides its content, a link. Followed from
 * front to back, without a tree and only as far as somebody asks: most pages never do, as their
 * pictures have sizes or names. */
#ifndef PLUGINS_TRACKERS_TRACKER_PLACE_H
#define PLUGINS_TRACKERS_TRACKER_PLACE_H

#include <facteur/plugin.h>

/* Zeros at first, but for `token`. */
struct tracker_place {
    const struct fct_html_token *token; /* of the page */
    size_t followed;                    /* so many of them */
    struct fct_str hidden_name;         /* of the element we are in that hides its content … */
    size_t hidden_depth;                /* … and how many of that name are open; 0: in none */
    bool in_anchor;
};

/* at: index of a token, never less than that of a question before. */
bool tracker_place_is_hidden(struct tracker_place *p, size_t at);
bool tracker_place_is_anchor(struct tracker_place *p, size_t at);

#endif
