/* mime.h - one pass over a message gives the tree of its parts with offsets (RFC 2045, 2046, 2231).
 * Never fails, never recurses: a part below max_depth is not opened, behind max_parts the rest of
 * the message belongs to the parts that are open; `truncated` is set then. */
#ifndef CORE_MESSAGE_MIME_H
#define CORE_MESSAGE_MIME_H

#include "core/message/rfc5322.h"
#include "core/message/transfer.h"

struct mime_limits {
    unsigned max_depth, max_parts;
    struct header_limits header; /* of each part */
    unsigned max_parameters;     /* of a field */
};
extern const struct mime_limits mime_default_limits; /* depth 100, parts 2000, header 10,000 fields
                                                        and 1 MiB, parameters 1000 */

struct mime_parameter {
    struct fct_str name, value; /* name lower case; value unquoted, RFC 2231 continuations joined
                                   and decoded to UTF-8 */
};

struct mime_part {
    struct fct_part is; /* type, charset …: what plugins see */
    struct header_list header;
    struct fct_str major, minor;            /* as written */
    const struct mime_parameter *parameter; /* of Content-Type */
    size_t nparameters;
    struct fct_str disposition; /* token as written, or empty */
    const struct mime_parameter *disposition_parameter;
    size_t ndisposition_parameters;
    enum transfer transfer;
    bool is_multipart;
    bool is_message; /* message/rfc822 or message/global: its one child is the enclosed message */
    int first_child, next_sibling; /* index or -1 */
    uint32_t body_lines;
    uint32_t number; /* 1, 2 … among its siblings: the IMAP section number */
};

struct mime_tree {
    const struct mime_part *part; /* [0] is the message itself */
    size_t n;
    bool truncated;
    unsigned defects; /* MIME_DEFECT_* bits */
};
#define MIME_DEFECT_NO_END       1u /* a multipart without its closing boundary */
#define MIME_DEFECT_NO_BOUNDARY  2u
#define MIME_DEFECT_BAD_TYPE     4u
#define MIME_DEFECT_BAD_ENCODING 8u
#define MIME_DEFECT_TWICE        16u /* Content-Type or Content-Transfer-Encoding given twice */

/* Empty when there is none; `name` in lower case. */
struct fct_str mime_parameter_value(const struct mime_parameter *list, size_t n, const char *name);
/* `message` must outlive the tree. */
void mime_scan(struct arena *arena, struct fct_str message, const struct mime_limits *limits,
               struct mime_tree *out);
/* Decoded bytes, or text in UTF-8, of a leaf. */
bool mime_part_bytes(struct fct_str message, const struct mime_part *part, struct buf *out);
bool mime_part_text(struct fct_str message, const struct mime_part *part, struct buf *out);

#endif
