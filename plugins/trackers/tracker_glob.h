/* tracker_glob.h - patterns with '*' for anything; letters of either case are the same. Time grows
 * with the text, times the pattern's length at worst. */
#ifndef PLUGINS_TRACKERS_TRACKER_GLOB_H
#define PLUGINS_TRACKERS_TRACKER_GLOB_H

#include <facteur/base.h>

/* The whole text. */
bool tracker_glob(struct fct_str pattern, struct fct_str text);

/* The text from its first byte on, up to the end of a word: "/wf/open" fits "/wf/open?upn=1" and
 * not
 * "/wf/opener". A pattern that ends in anything but a letter or a digit fits whatever follows. */
bool tracker_glob_head(struct fct_str pattern, struct fct_str text);

static inline char tracker_lower(char c)
{
    return (unsigned char)(c - 'A') < 26 ? (char)(c | 0x20) : c;
}
static inline bool tracker_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}
static inline bool tracker_is_alnum(char c)
{
    return tracker_is_digit(c) || (unsigned char)((c | 0x20) - 'a') < 26;
}
static inline bool tracker_same(struct fct_str a, struct fct_str b)
{
    size_t i = 0;

    if (a.n != b.n)
        return false;
    for (uint64_t x, y; i + 8 <= a.n; i += 8) { /* mostly they are of one case */
        memcpy(&x, a.p + i, 8);
        memcpy(&y, b.p + i, 8);
        if (x != y)
            break;
    }
    for (; i < a.n; i++)
        if (tracker_lower(a.p[i]) != tracker_lower(b.p[i]))
            return false;
    return true;
}
static inline struct fct_str tracker_part(struct fct_str s, size_t from, size_t to)
{
    return (struct fct_str){s.p + from, to - from};
}
/* Where `needle` (lower case) begins, either case; text.n: nowhere. */
size_t tracker_find(struct fct_str text, struct fct_str needle);

#endif
