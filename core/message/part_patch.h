/* part_patch.h - edits of a part's decoded bytes become edits of the message: the encoded bytes
 * that must change, and no others (RFC 2045 6.7, 6.8).
 *
 * Why: plugins think in what a part says; a view is a list of spans of the message. Decoding the
 * patched part gives exactly the decoded bytes with the patches applied. */
#ifndef CORE_MESSAGE_PART_PATCH_H
#define CORE_MESSAGE_PART_PATCH_H

#include "core/message/edit_list.h"
#include "core/message/transfer.h"

struct part_patch {
    size_t offset, length; /* in the decoded bytes */
    struct fct_str with;
    struct fct_str origin;
};

/* Where the part is in the message. */
struct part_span {
    struct fct_str message;
    size_t offset, length; /* of the encoded body */
    enum transfer encoding;
    const struct transfer_line *line; /* those that are known (transfer.h) */
    size_t lines;
};

/* `patch`: by offset, inside the decoded bytes, none overlaps another. `out` has room for n;
 * returns how many edits there are: quoted-printable is patched by the line, base64 from the line
 * of the first patch to that of the last one, or to the end of the part when its length changes by
 * other than a multiple of three. Texts live in the arena. */
size_t part_patch_edits(struct arena *arena, const struct part_span *span,
                        const struct part_patch *patch, size_t n, struct edit *out);

#endif
