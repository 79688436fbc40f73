/* str.h - work on views (struct fct_str). Nothing here allocates; nothing here needs a NUL.
 *
 * Letters are ASCII letters: mail syntax is ASCII; Unicode case lives in core/base/utf8.h. */
#ifndef CORE_BASE_STR_H
#define CORE_BASE_STR_H

#include <facteur/base.h>

static inline struct fct_str str_from(const char *cstr)
{
    return (struct fct_str){cstr, cstr ? strlen(cstr) : 0};
}
static inline struct fct_str str_between(const char *start, const char *end)
{
    return (struct fct_str){start, (size_t)(end - start)};
}
static inline bool str_is_empty(struct fct_str s)
{
    return s.n == 0;
}
bool str_equal(struct fct_str a, struct fct_str b);
bool str_equal_nocase(struct fct_str a, struct fct_str b);
int str_compare(struct fct_str a, struct fct_str b); /* memcmp order, shorter first */
bool str_starts(struct fct_str s, struct fct_str prefix);
bool str_starts_nocase(struct fct_str s, struct fct_str prefix);
bool str_ends_nocase(struct fct_str s, struct fct_str suffix);
/* Offset of the first c / last c / first occurrence of needle, or -1. */
ptrdiff_t str_find_char(struct fct_str s, char c);
ptrdiff_t str_find_last_char(struct fct_str s, char c);
ptrdiff_t str_find(struct fct_str s, struct fct_str needle);
ptrdiff_t str_find_nocase(struct fct_str s, struct fct_str needle);
struct fct_str str_skip(struct fct_str s, size_t n); /* n is clamped */
struct fct_str str_head(struct fct_str s, size_t n); /* n is clamped */
struct fct_str str_trim(struct fct_str s);           /* spaces and tabs, CR, LF at both ends */
/* Cut at the first `sep`: returns what is before it and moves *rest behind it; the whole when there
 * is none (then rest->p is NULL: a last empty piece can be told from none). Call while rest->p. */
struct fct_str str_split(struct fct_str *rest, char sep);
/* Digits only, no sign, no space; false on overflow or an empty string. */
FCT_MUST_CHECK bool str_to_u64(struct fct_str s, uint64_t *out);
FCT_MUST_CHECK bool str_to_u32(struct fct_str s, uint32_t *out);
void str_lower(char *p, size_t n); /* in place, ASCII */
static inline char char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
/* Copy into a fixed array, cut if needed, always NUL-terminated. For paths and C interfaces only.
 */
void str_copy_c(char *to, size_t size, struct fct_str s);
/* Malloc'd, NUL-terminated copy; the caller frees. Aborts when out of memory. */
char *str_dup_c(struct fct_str s);
/* Keyed hash (SipHash-1-3 with a per-process random key): safe for keys an attacker chooses. */
uint64_t str_hash(struct fct_str s);
/* The same with a key of the caller's: for names that must not be guessed from their hashes. */
uint64_t str_hash_keyed(struct fct_str s, const uint64_t key[2]);

#endif
