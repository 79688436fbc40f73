/* tracker_inside.h - a tag inside of a comment that Outlook shows: the host names its URLs, the tag
 * around one is read here. For this folder only. */
#ifndef PLUGINS_TRACKERS_TRACKER_INSIDE_H
#define PLUGINS_TRACKERS_TRACKER_INSIDE_H

#include <facteur/plugin.h>

enum { TRACKER_INSIDE_MAX = 16 }; /* attributes */

struct tracker_inside {
    struct fct_html_token tag;
    struct fct_html_attribute attribute[TRACKER_INSIDE_MAX];
    char name[TRACKER_INSIDE_MAX + 1][24]; /* lower case */
};

/* The tag of bytes[from, to) that byte `at` stands in. Values are as they are written. False: there
 * is none. */
bool tracker_inside(struct fct_str bytes, size_t from, size_t to, size_t at,
                    struct tracker_inside *out);

#endif
