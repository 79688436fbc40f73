/* summary_int.h - the IMAP texts of a summary (summary_imap.c), for summary.c and its tests. */
#ifndef CORE_MESSAGE_SUMMARY_INT_H
#define CORE_MESSAGE_SUMMARY_INT_H

#include "core/message/mime.h"

/* ENVELOPE with its parentheses (RFC 9051 7.5.2). */
void imap_put_envelope(struct arena *arena, const struct header_list *header, struct buf *out);
/* BODY, or BODYSTRUCTURE when `extended`, with its parentheses. */
void imap_put_body(struct arena *arena, const struct mime_tree *tree, bool extended,
                   struct buf *out);
/* nstring: quoted, or a literal for what may not be quoted (RFC 9051 4.3); NIL when s.p is NULL.
 * NUL becomes 0x80. */
void imap_put_string(struct fct_str s, struct buf *out);

#endif
