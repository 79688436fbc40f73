/* html_value.h - from bytes between tags to what they mean: charset, line ends, NUL and character
 * references undone. For this folder only. */
#ifndef CORE_MESSAGE_HTML_VALUE_H
#define CORE_MESSAGE_HTML_VALUE_H

#include "core/base/arena.h"
#include "core/base/buf.h"

enum {
    HTML_AMPERSAND = 1,
    HTML_RETURN = 2,
    HTML_NUL = 4,
    HTML_HIGH = 8, /* 0x80 and above */
    HTML_UPPER = 16,
    HTML_SPACE = 32,
    HTML_ENDS_NAME = 64, /* '/' and '>' */
    HTML_EQUALS = 128,
};
extern const unsigned char html_class[256];

static inline bool html_is(char c, unsigned classes)
{
    return (html_class[(unsigned char)c] & classes) != 0;
}

struct html_values {
    struct arena *arena;
    struct fct_str charset;
    bool is_utf8;
    struct buf converted, decoded; /* scratch */
    uint64_t steps;                /* bytes looked at */
};

/* room: the length of the longest value. */
void html_values_init(struct html_values *v, struct arena *arena, struct fct_str charset,
                      size_t room);
void html_values_fini(struct html_values *v);

/* What is done besides charset and line ends; without KEEP_NUL, NUL becomes U+FFFD. */
enum { HTML_REFERENCES = 1, HTML_ATTRIBUTE = 2, HTML_KEEP_NUL = 4 };

/* A view of `raw` if it is its own value, else in the arena. */
struct fct_str html_value(struct html_values *v, struct fct_str raw, unsigned how);
/* The same, for `raw` that has a byte that may stand for something else. */
struct fct_str html_special(struct html_values *v, struct fct_str raw, unsigned how);
/* Of a tag or an attribute: lower case. found: html_classes() of it. */
struct fct_str html_name_undone(struct html_values *v, struct fct_str raw, unsigned found);
static inline struct fct_str html_name(struct html_values *v, struct fct_str raw, unsigned found)
{
    return found & (HTML_NUL | HTML_HIGH | HTML_UPPER) ? html_name_undone(v, raw, found) : raw;
}

/* Of a few bytes. */
static inline unsigned html_classes(struct fct_str s)
{
    unsigned found = 0;

    for (size_t i = 0; i < s.n; i++)
        found |= html_class[(unsigned char)s.p[i]];
    return found;
}

#endif
