/* tracker_proxy.h - at level strict, pictures that people see may come from the image proxy
 * (protocols/images) instead of staying empty. For this folder only. */
#ifndef PLUGINS_TRACKERS_TRACKER_PROXY_H
#define PLUGINS_TRACKERS_TRACKER_PROXY_H

#include "plugins/lib/image_link.h"
#include "plugins/trackers/tracker_page.h"

struct tracker_proxy {
    struct fct_str base; /* "https://mail.example" */
    struct image_keys keys;
};

/* base: http or https, a host, perhaps a port or a path; `path`: the key file. `out` refers to
 * `base`. */
FCT_MUST_CHECK bool tracker_proxy_open(struct tracker_proxy *out, const char *base,
                                       const char *path, struct fct_err *err);

/* May what this attribute loads be asked of the proxy? */
bool tracker_proxy_takes(const struct tracker_page *page, const struct fct_html_token *token,
                         const struct fct_html_attribute *a);

/* What is written for `url` in place of `removed` bytes; p is NULL: the proxy would not fetch it,
 * or it is too long. */
struct fct_str tracker_proxy_link(const struct tracker_page *page, const struct fct_url *url,
                                  size_t removed);

#endif
