/* tracker_link.h - links that say who clicked: parameters that do nothing else are cut, redirects
 * whose target stands in the URL are replaced by it. Nobody is asked, nothing is guessed: what is
 * not in the list stays. */
#ifndef PLUGINS_TRACKERS_TRACKER_LINK_H
#define PLUGINS_TRACKERS_TRACKER_LINK_H

#include "plugins/trackers/tracker_list.h"
#include <facteur/plugin.h>

/* What the library needs of its surroundings. */
struct tracker_tools {
    void *context;
    void *(*alloc)(void *context, size_t bytes); /* NULL: no memory, the URL stays as it is */
    bool (*parse)(void *context, struct fct_str text, struct fct_url *out);
    struct tracker_memo *memo; /* may be NULL */
};

/* Sign-in, confirmation, reset of a password, one click that does something, or covered by a
 * signature: must reach its server as it is. */
bool tracker_link_is_protected(const struct fct_url *url);

/* As that, but also links that end a subscription: their redirects stay. */
bool tracker_link_keeps_redirect(const struct fct_url *url);

struct tracker_span {
    size_t offset, length;
};

/* Spans of `raw`, how the URL `text` stands in its part, that must go; rising, apart from each
 * other. html: "&" may be written as a character reference. Returns how many, at most `room`. */
size_t tracker_link_cut(const struct tracker_list *list, struct tracker_memo *memo,
                        struct fct_str host, struct fct_str raw, bool html,
                        struct tracker_span *cut, size_t room);

/* The target of a redirect, of the redirect in it … two deep at most, its own parameters cut.
 * False: `url` is none. */
bool tracker_link_unwrap(const struct tracker_list *list, const struct tracker_tools *tools,
                         const struct fct_url *url, struct fct_str *target);

/* Path and query in one piece: of the URL, or in `room` if that is large enough; p is NULL without
 * memory. */
struct fct_str tracker_link_target(const struct tracker_tools *tools, const struct fct_url *url,
                                   char *room, size_t bytes);

#endif
