/* tracker_page.h - one text part: what in it watches the reader, and the edits that end that.
 *
 * Points say how sure we are: a row of the list 3 (one for any host, on an image that people see:
 * 2), the reader's address in the URL 3, nothing to see 2, a number of somebody 1, on a host that
 * also counts clicks without being a picture's name 1; the same picture twice is layout, -1. Three
 * are enough at `standard`. */
#ifndef PLUGINS_TRACKERS_TRACKER_PAGE_H
#define PLUGINS_TRACKERS_TRACKER_PAGE_H

#include "plugins/trackers/tracker_id.h"
#include "plugins/trackers/tracker_link.h"
#include "plugins/trackers/tracker_list.h"

enum tracker_level { TRACKER_OFF, TRACKER_KNOWN, TRACKER_STANDARD, TRACKER_STRICT };

/* Each heuristic can be switched off. */
struct tracker_rules {
    bool shape, reader, redirects; /* images: hidden; the reader's address; hosts of clicks */
    bool parameters, unwrap;       /* links */
};

enum tracker_why {
    TRACKER_WHY_LIST,
    TRACKER_WHY_READER,
    TRACKER_WHY_SHAPE,
    TRACKER_WHY_HOST,
    TRACKER_WHY_REMOTE, /* strict: somebody else's server would be asked */
    TRACKER_WHY_PARAMETER,
    TRACKER_WHY_REDIRECT,
    TRACKER_WHY_PROXY, /* strict: comes by way of the image proxy */
};
extern const char *const tracker_why_names[];

struct tracker_edit {
    size_t offset, length; /* in part_bytes() */
    struct fct_str with;
    struct fct_str otherwise; /* when `with` finds no room in its line; p is NULL: nothing */
    enum tracker_why why;
    struct fct_str company, host; /* company: empty when nobody in the list */
    bool more;                    /* another span of the same link: counted with the one before */
    bool shown;                   /* a picture that people see, and nothing against it */
};

struct tracker_edits {
    struct tracker_edit *edit;
    size_t n, room, max;
    bool full; /* there was more to do */
};

struct tracker_proxy;

struct tracker_page {
    const struct tracker_list *list;
    const struct tracker_tools *tools;
    struct tracker_reader *reader;
    size_t readers;
    enum tracker_level level;
    struct tracker_rules rules;
    const struct tracker_proxy *proxy; /* NULL: none */
    struct fct_str bytes;
    bool thirds;                        /* keep lengths modulo three: the part is in base64 */
    const struct fct_html_token *token; /* none: plain text */
    size_t tokens;
    const struct fct_link *link; /* of this part, in order */
    size_t links;
    const struct fct_str *spared; /* URLs of List-Unsubscribe */
    size_t spareds;
};

/* Rising, never one inside another. */
void tracker_page_clean(const struct tracker_page *page, struct tracker_edits *out);

#endif
