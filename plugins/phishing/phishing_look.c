/* phishing_look.c - see phishing_look.h. */
#include "phishing_look.h"

#include <stdlib.h>
#include <unicode/uspoof.h>
#include <unicode/utf8.h>

enum { LABEL_MAX = 63 * 4 }; /* a label has 63 characters at most (RFC 5890 2.3.2.1) */

struct phishing_look {
    USpoofChecker *checker;
};

struct phishing_look *phishing_look_open(struct fct_err *err)
{
    struct phishing_look *look = calloc(1, sizeof *look);
    UErrorCode status = U_ZERO_ERROR;

    if (look)
        look->checker = uspoof_open(&status);
    if (look && U_SUCCESS(status)) {
        uspoof_setRestrictionLevel(look->checker, USPOOF_HIGHLY_RESTRICTIVE);
        uspoof_setChecks(look->checker, USPOOF_RESTRICTION_LEVEL, &status);
        if (U_SUCCESS(status))
            return look;
    }
    err->class = FCT_TEMP;
    (void)snprintf(err->text, sizeof err->text, "ICU: %s",
                   look ? u_errorName(status) : "no memory");
    phishing_look_free(&look);
    return NULL;
}

void phishing_look_free(struct phishing_look **look)
{
    if (*look && (*look)->checker)
        uspoof_close((*look)->checker);
    free(*look);
    *look = NULL;
}

/* What confusables.txt (UTS 39) leaves apart and forgers use all the same. */
static char stands_for(char c)
{
    static const char from[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ01345789|i";
    static const char to[] = "abcdefghljklmnopqrstuvwxyzoleastbgll";
    const char *at = c ? strchr(from, c) : NULL;

    return at ? to[at - from] : c;
}

/* Bytes of a mark on a letter, or of a character that is not seen (soft hyphen, zero width space
 * and joiners, word joiner); 0: it is none. */
static size_t unseen(const char *p, size_t n)
{
    if (n >= 2 && (p[0] == '\xcc' || (p[0] == '\xcd' && (unsigned char)p[1] < 0xb0)))
        return 2;
    if (n >= 2 && memcmp(p, "\xc2\xad", 2) == 0)
        return 2;
    if (n >= 3 && memcmp(p, "\xe2\x80", 2) == 0 && (unsigned char)p[2] >= 0x8b &&
        (unsigned char)p[2] <= 0x8f)
        return 3;
    return n >= 3 && memcmp(p, "\xe2\x81\xa0", 3) == 0 ? 3 : 0;
}

/* In place; returns the new length. */
static size_t fold(char *p, size_t n)
{
    size_t to = 0;

    for (size_t i = 0; i < n; i++) {
        size_t skip = unseen(p + i, n - i);

        if (skip > 0) {
            i += skip - 1;
            continue;
        }
        p[to++] = stands_for(p[i]);
        if (to >= 2 && p[to - 1] == 'v' && p[to - 2] == 'v')
            p[--to - 1] = 'w';
    }
    return to;
}

size_t phishing_skeleton(const struct phishing_look *look, struct fct_str label,
                         char out[PHISHING_SKELETON_MAX])
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t n;

    if (label.n == 0 || label.n > LABEL_MAX)
        return 0;
    n = uspoof_getSkeletonUTF8(look->checker, 0, label.p, (int32_t)label.n, out,
                               PHISHING_SKELETON_MAX, &status);
    if (U_FAILURE(status) || n <= 0 || n > PHISHING_SKELETON_MAX)
        return 0;
    return fold(out, (size_t)n);
}

bool phishing_is_mixed(const struct phishing_look *look, struct fct_str label)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t found;

    if (label.n == 0 || label.n > LABEL_MAX)
        return false;
    found = uspoof_check2UTF8(look->checker, label.p, (int32_t)label.n, NULL, &status);
    return U_SUCCESS(status) && (found & USPOOF_RESTRICTION_LEVEL) != 0;
}

bool phishing_is_typo(struct fct_str a, struct fct_str b)
{
    size_t head = 0, tail = 0, shorter = a.n < b.n ? a.n : b.n;
    size_t rest_a, rest_b;

    while (head < shorter && a.p[head] == b.p[head])
        head++;
    while (tail < shorter - head && a.p[a.n - 1 - tail] == b.p[b.n - 1 - tail])
        tail++;
    rest_a = a.n - head - tail;
    rest_b = b.n - head - tail;
    if (rest_a == 2 && rest_b == 2)
        return a.p[head] == b.p[head + 1] && a.p[head + 1] == b.p[head];
    return rest_a <= 1 && rest_b <= 1 && rest_a + rest_b > 0;
}
