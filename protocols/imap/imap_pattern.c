/* imap_pattern.c - LIST's wildcards (RFC 9051 6.3.9). */
#include "protocols/imap/imap_pattern.h"

/* list-mailbox against a name: '*' any characters, '%' any but '/'. Linear in the name for each
 * star: after a '*' only the last one needs to be tried again, after a '%' only until the next '/'.
 */
bool imap_pattern_match(struct fct_str pattern, struct fct_str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, star_at = 0, percent = SIZE_MAX, percent_at = 0;

    while (n < name.n || p < pattern.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            star_at = n;
            percent = SIZE_MAX;
        } else if (p < pattern.n && pattern.p[p] == '%') {
            percent = ++p;
            percent_at = n;
        } else if (p < pattern.n && n < name.n && pattern.p[p] == name.p[n]) {
            p++;
            n++;
        } else if (percent != SIZE_MAX && percent_at < name.n && name.p[percent_at] != '/') {
            p = percent;
            n = ++percent_at;
        } else if (star != SIZE_MAX && star_at < name.n) {
            p = star;
            n = ++star_at;
            percent = SIZE_MAX;
        } else {
            return false;
        }
    }
    return true;
}
