/* rfc5322.h - the header section as a list of fields with their original bytes (RFC 5322 2.2).
 * Never fails: a line that is no field belongs to the `raw` of the field before it, but not to its
 * value; in front of the first field it is passed over. Only an empty line ends a header. */
#ifndef CORE_MESSAGE_RFC5322_H
#define CORE_MESSAGE_RFC5322_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include <facteur/plugin.h>

struct header_limits {
    /* Listing stops there, `truncated` is set; the bytes stay in the message. */
    size_t max_fields, max_bytes;
};
struct header_list {
    const struct fct_header *field;
    size_t n;
    size_t end; /* offset of the body: behind the empty line, or the size when there is no body */
    bool truncated;
    bool has_separator; /* an empty line ends the header */
    uint32_t lines;     /* line ends in it, that of the empty line too */
};

void header_list_parse(struct arena *arena, struct fct_str message,
                       const struct header_limits *limits, struct header_list *out);
const struct fct_header *header_find(const struct header_list *list, const char *name, size_t nth);
/* Unfolded: CRLF before white space removed, ends trimmed (RFC 5322 2.2.3). */
struct fct_str header_unfold(struct arena *arena, const struct fct_header *h);
/* Unfolded, encoded words decoded (RFC 2047), UTF-8 for certain. */
struct fct_str header_text(struct arena *arena, const struct fct_header *h);
/* A field that may be added: legal name, value without NUL, folded right, no line over 998 octets.
 */
FCT_MUST_CHECK bool header_field_format(struct fct_str name, struct fct_str value, struct buf *out,
                                        struct fct_err *err);

#endif
