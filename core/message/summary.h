/* summary.h - the cold record of a message: what IMAP needs without opening it, made once at
 * delivery, of the view.
 *
 * Made in edge (the store never parses mail), kept by the store as bytes, read again by IMAP.
 * Version 1. */
#ifndef CORE_MESSAGE_SUMMARY_H
#define CORE_MESSAGE_SUMMARY_H

#include "core/message/edit_list.h"
#include "core/message/mime.h"

/* One addressable body part, in the order of the tree. */
struct summary_part {
    uint32_t header_offset, header_length, body_offset, body_length; /* in the view */
    int32_t parent;
    uint32_t number;  /* section number among its siblings */
    uint8_t transfer; /* enum transfer */
    bool is_multipart, is_message;
};

struct summary {
    uint32_t size;           /* of the view */
    uint32_t header_length;  /* with the empty line */
    int64_t sent;            /* Date:, 0 when absent or unreadable */
    struct fct_str envelope; /* ready to send: ("date" "subject" …) (RFC 9051 7.5.2) */
    struct fct_str body;     /* BODY, ready to send */
    struct fct_str bodystructure;
    struct fct_str message_id;            /* with brackets, or empty */
    struct fct_str subject, from, to, cc; /* decoded UTF-8, for SEARCH and display; cut at 1 KiB */
    bool has_attachment;
    const struct summary_part *part;
    size_t nparts;
};

/* Build from the original and its tree, as seen through `edits`. Edits inside the top header cost a
 * copy of the header only; others make a copy of the view. Encodes into `out`. Never fails on the
 * message; false when out overflows. */
bool summary_build(struct arena *arena, struct fct_str original, const struct mime_tree *tree,
                   const struct edit_list *edits, struct buf *out);
/* Views point into bytes. Every offset is checked against size. */
FCT_MUST_CHECK bool summary_decode(struct arena *arena, struct fct_str bytes, struct summary *out,
                                   struct fct_err *err);

#endif
