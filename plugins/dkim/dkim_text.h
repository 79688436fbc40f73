/* dkim_text.h - the little that DKIM needs of text: memory of the caller's, comparing, domains,
 * base64.
 *
 * The engine is used in plugins and in facteurctl, links to nothing of ours and frees nothing that
 * it took from dkim_memory: that belongs to the message. */
#ifndef DKIM_TEXT_H
#define DKIM_TEXT_H

#include <facteur/base.h>

/* NULL: there is no more. */
struct dkim_memory {
    void *(*take)(void *arg, size_t bytes);
    void *arg;
};

/* Returns false, so that failing is one statement. */
bool dkim_fail(struct fct_err *err, enum fct_class class, const char *fmt, ...) FCT_PRINTF(3, 4);

/* Of FWS (RFC 6376 2.8). */
static inline bool dkim_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline char dkim_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline struct fct_str dkim_trim(struct fct_str s)
{
    while (s.n > 0 && dkim_is_space(s.p[s.n - 1]))
        s.n--;
    while (s.n > 0 && dkim_is_space(*s.p)) {
        s.p++;
        s.n--;
    }
    return s;
}

/* What stands before the next `mark`, trimmed; *rest moves behind it. False: nothing is left. */
bool dkim_split(struct fct_str *rest, char mark, struct fct_str *out);
bool dkim_same_nocase(struct fct_str a, struct fct_str b);
/* Exactly; here, so that the length of a literal is known when compiling. */
static inline bool dkim_is(struct fct_str a, const char *word)
{
    return a.n == strlen(word) && memcmp(a.p, word, a.n) == 0;
}

/* For hash tables. `nocase`: the same for names that differ by case only. */
uint64_t dkim_hash(struct fct_str s, uint64_t seed, bool nocase);

/* Lower case, in memory of the message. False: no memory. */
FCT_MUST_CHECK bool dkim_lower_copy(const struct dkim_memory *memory, struct fct_str s,
                                    struct fct_str *out);

/* domain-name = sub-domain 1*("." sub-domain)                     RFC 6376 2.5, 3.5
 * One label is enough for `least` 1 (selectors). Underscores and UTF-8 (RFC 8616) are taken. */
bool dkim_is_domain(struct fct_str s, unsigned least);
/* `domain` itself, or something below it; both in lower case. */
bool dkim_is_below(struct fct_str name, struct fct_str domain);

/* base64string with FWS between its letters (RFC 6376 2.10). False: a foreign byte, wrong padding,
 * or more than `max` bytes. */
FCT_MUST_CHECK bool dkim_base64_decode(struct fct_str text, uint8_t *out, size_t max, size_t *n);
/* Needs room for 4 * ((n + 2) / 3) bytes; returns how many were written. */
size_t dkim_base64_encode(const uint8_t *bytes, size_t n, char *out);

/* 1*76DIGIT; a number that does not fit is UINT64_MAX. False: no digits, or something else. */
FCT_MUST_CHECK bool dkim_number(struct fct_str text, uint64_t *out);

#endif
