/* imap_response.h - bytes that go to the client: strings, flags, sets. No printf: these run a
 * million times an hour.
 *
 * The imap_response functions append to a buffer; the write functions fill memory the caller has
 * reserved and return its end. */
#ifndef PROTOCOLS_IMAP_IMAP_RESPONSE_H
#define PROTOCOLS_IMAP_IMAP_RESPONSE_H

#include "core/base/buf.h"

/* quoted / literal (RFC 9051 4.3). 8-bit text is quoted only when `utf8` (the client enabled
 * IMAP4rev2). */
void imap_response_string(struct buf *out, struct fct_str s, bool utf8);
/* As a string, NIL when s.p is NULL. */
void imap_response_nstring(struct buf *out, struct fct_str s, bool utf8);
/* astring: an atom where that is enough. */
void imap_response_astring(struct buf *out, struct fct_str s, bool utf8);
/* "{n}" CRLF; the caller puts n bytes next. */
void imap_response_literal(struct buf *out, uint64_t n);

/* "1,3:5": `uid` in any order is written in that order, neighbours that rise by one joined. */
void imap_response_uids(struct buf *out, const uint32_t *uid, size_t n);

#define IMAP_WRITE_U32   10
#define IMAP_WRITE_U64   20
#define IMAP_WRITE_FLAGS 64 /* system flags, parentheses and spaces; keywords come on top */
char *imap_write_u32(char *to, uint32_t v);
char *imap_write_u64(char *to, uint64_t v);
/* "(\Seen $Label)". `keyword` is the account's table, bit i of keywords is keyword[i]. Needs
 * IMAP_WRITE_FLAGS and the length of each keyword plus one. */
char *imap_write_flags(char *to, uint16_t flags, uint64_t keywords, const struct fct_str *keyword,
                       size_t nkeywords);
#define IMAP_WRITE_DATE 28 /* "\" 5-Jan-2026 10:11:12 +0000\"" */
char *imap_write_date(char *to, uint32_t seconds);

#endif
