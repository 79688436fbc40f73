/* imap_parse.h - the productions of RFC 9051 9 that a client may send. Each takes a view of the
 * rest of the command and moves it behind what was read; false leaves it anywhere: the caller
 * answers BAD.
 *
 * A command arrives here whole, its literals inline as they were sent ("{5}\r\nhello"). What must
 * be unescaped is copied into the arena, everything else is a view into the command. Nothing
 * recurses; each repetition is bounded by the command's size. */
#ifndef PROTOCOLS_IMAP_IMAP_PARSE_H
#define PROTOCOLS_IMAP_IMAP_PARSE_H

#include "core/base/arena.h"
#include "core/base/str.h"

#define IMAP_MAX_KEYWORDS 64 /* in one flag list; an account has no more */

bool imap_parse_char(struct fct_str *in, char c);
bool imap_parse_space(struct fct_str *in);
/* `word`, letters in any case, and then the end or something that cannot be part of an atom. */
bool imap_parse_word(struct fct_str *in, const char *word);
bool imap_parse_end(struct fct_str in);

FCT_MUST_CHECK bool imap_parse_tag(struct fct_str *in, struct fct_str *out);
FCT_MUST_CHECK bool imap_parse_atom(struct fct_str *in, struct fct_str *out);
FCT_MUST_CHECK bool imap_parse_string(struct fct_str *in, struct arena *arena, struct fct_str *out);
FCT_MUST_CHECK bool imap_parse_astring(struct fct_str *in, struct arena *arena,
                                       struct fct_str *out);
/* NIL gives an empty view with p == NULL. */
FCT_MUST_CHECK bool imap_parse_nstring(struct fct_str *in, struct arena *arena,
                                       struct fct_str *out);
FCT_MUST_CHECK bool imap_parse_list_mailbox(struct fct_str *in, struct arena *arena,
                                            struct fct_str *out);
FCT_MUST_CHECK bool imap_parse_number(struct fct_str *in, uint32_t *out);
FCT_MUST_CHECK bool imap_parse_nz_number(struct fct_str *in, uint32_t *out);
FCT_MUST_CHECK bool imap_parse_number64(struct fct_str *in, uint64_t *out);

/* A literal's head at the end of a line: "{12}", "{12+}", "~{12}" (RFC 9051 4.3, RFC 7888, RFC
 * 3516 4.4). */
struct imap_literal {
    uint64_t size;
    bool waits;     /* synchronising: the client waits for our continuation */
    bool too_large; /* the number does not fit 63 bits; size is then UINT64_MAX */
    size_t head;    /* bytes of the head at the end of the line, without the line end */
};
/* `line` without its line end. False: no literal follows. */
bool imap_parse_literal_head(struct fct_str line, struct imap_literal *out);

/* sequence-set (RFC 9051 9), as written: not sorted, '*' is 0. "$" (RFC 5182) sets `saved`. */
struct imap_sequence {
    uint32_t first, last;
};
struct imap_sequence_set {
    const struct imap_sequence *range;
    size_t n;
    bool saved;
};
FCT_MUST_CHECK bool imap_parse_sequence_set(struct fct_str *in, struct arena *arena,
                                            struct imap_sequence_set *out);

struct imap_flags {
    uint16_t flags; /* FLAG_* (store/store.h) */
    const struct fct_str *keyword;
    size_t nkeywords;
};
/* flag-list = "(" [flag *(SP flag)] ")"; with `bare` also without parentheses, as STORE allows.
 * \Recent is read and ignored. */
FCT_MUST_CHECK bool imap_parse_flag_list(struct fct_str *in, bool bare, struct arena *arena,
                                         struct imap_flags *out);

/* date = "1-Feb-1994", quoted or not: the day's midnight in UTC as seconds since 1970. */
FCT_MUST_CHECK bool imap_parse_date(struct fct_str *in, int64_t *out);
/* date-time = DQUOTE " 1-Feb-1994 01:02:03 +0100" DQUOTE */
FCT_MUST_CHECK bool imap_parse_date_time(struct fct_str *in, int64_t *out);

/* May the byte stand in an atom, in an astring without quotes? */
bool imap_is_atom_char(char c);
bool imap_is_astring_char(char c);

#endif
