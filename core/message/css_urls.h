/* css_urls.h - the URLs that a style sheet or a style attribute would load (CSS Syntax 3): url(…),
 * @import "…", image-set("…"). Escapes count, comments and other strings do not; linear, allocates
 * nothing but decoded URLs. For this folder only. */
#ifndef CORE_MESSAGE_CSS_URLS_H
#define CORE_MESSAGE_CSS_URLS_H

#include "core/base/arena.h"

struct css_scanner {
    struct arena *arena;
    struct fct_str text;
    size_t at;
    bool wants_string;  /* the next string is a URL: behind @import */
    unsigned depth;     /* of brackets, … */
    unsigned set_depth; /* … and of the image-set we are in; 0: in none */
};

struct css_url {
    struct fct_str url;    /* escapes undone */
    size_t offset, length; /* in the text, without quotes */
};

/* False: there is no other one. */
bool css_next_url(struct css_scanner *s, struct css_url *out);

#endif
