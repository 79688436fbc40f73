/* tracker_glob.c - see tracker_glob.h. Only the last star is ever tried again: what an earlier one
 * stands for need not be known. */
#include "plugins/trackers/tracker_glob.h"

static bool ends_well(struct fct_str pattern, struct fct_str text, size_t at, bool whole)
{
    if (at == text.n)
        return true;
    if (whole)
        return false;
    return pattern.n == 0 || !tracker_is_alnum(pattern.p[pattern.n - 1]) ||
           !tracker_is_alnum(text.p[at]);
}

/* From `at` on, the first byte that can be the one behind a star; text.n: none. */
static size_t next_start(struct fct_str text, size_t at, char first)
{
    char lower = tracker_lower(first);

    while (at < text.n && first != '*' && tracker_lower(text.p[at]) != lower)
        at++;
    return at;
}

static bool fits(struct fct_str pattern, struct fct_str text, bool whole)
{
    size_t p = 0, t = 0, star = SIZE_MAX, again = 0;

    for (;;) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            again = t;
            if (p == pattern.n)
                return true;
        } else if (p < pattern.n && t < text.n &&
                   tracker_lower(pattern.p[p]) == tracker_lower(text.p[t])) {
            p++;
            t++;
        } else if (p == pattern.n && ends_well(pattern, text, t, whole)) {
            return true;
        } else if (star == SIZE_MAX || again >= text.n) {
            return false;
        } else {
            p = star;
            t = again = next_start(text, again + 1, pattern.p[star]);
        }
    }
}

bool tracker_glob(struct fct_str pattern, struct fct_str text)
{
    return fits(pattern, text, true);
}

bool tracker_glob_head(struct fct_str pattern, struct fct_str text)
{
    return fits(pattern, text, false);
}

size_t tracker_find(struct fct_str text, struct fct_str needle)
{
    if (needle.n == 0)
        return 0;
    for (size_t i = 0; i + needle.n <= text.n; i++) {
        size_t n = 0;

        if (tracker_lower(text.p[i]) != needle.p[0])
            continue;
        while (n < needle.n && tracker_lower(text.p[i + n]) == needle.p[n])
            n++;
        if (n == needle.n)
            return i;
    }
    return text.n;
}
