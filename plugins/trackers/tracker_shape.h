/* tracker_shape.h - can people see this element? By its size attributes and its own style; style
 * sheets are not looked at. */
#ifndef PLUGINS_TRACKERS_TRACKER_SHAPE_H
#define PLUGINS_TRACKERS_TRACKER_SHAPE_H

#include <facteur/plugin.h>

enum tracker_shape {
    TRACKER_NO_SIZE, /* nothing is said: as large as the image is */
    TRACKER_TINY,    /* at most 2 by 2, or nothing at all */
    TRACKER_HIDDEN,  /* display:none and its like, of whatever size */
    TRACKER_SEEN     /* a size that can be seen */
};

enum tracker_shape tracker_shape_of(const struct fct_html_token *token);

/* Is everything inside such an element kept from people, too? */
bool tracker_hides_content(const struct fct_html_token *token);

const struct fct_html_attribute *tracker_attribute(const struct fct_html_token *token,
                                                   const char *name);

#endif
