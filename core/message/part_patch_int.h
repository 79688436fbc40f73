/* part_patch_int.h - what the files of part_patch share. For this folder only. */
#ifndef CORE_MESSAGE_PART_PATCH_INT_H
#define CORE_MESSAGE_PART_PATCH_INT_H

#include "core/message/part_patch.h"

/* A run of encoded bytes that is written anew, and the decoded bytes it stands for. */
struct patch_region {
    size_t from, to;     /* encoded, in the part */
    size_t decoded_from; /* offset of its first decoded byte */
};

struct fct_str patch_part(const struct part_span *span);
/* The region's decoded bytes with the patches applied. */
void patch_text(const struct part_span *span, const struct patch_region *r,
                const struct part_patch *patch, size_t n, struct buf *out);
/* `insert` is copied to the arena; the edit carries the wishes of all `n` patches. */
struct edit patch_edit(struct arena *arena, const struct part_span *span,
                       const struct patch_region *r, struct fct_str insert,
                       const struct part_patch *patch, size_t n);
size_t patch_inserted(const struct part_patch *patch, size_t n); /* bytes */

/* The last known line whose decoded bytes begin before `end`; NULL: none. *passed: how many of
 * span->line were looked at, 0 at first; `end` never goes back. */
static inline const struct transfer_line *part_patch_known_line(const struct part_span *span,
                                                                size_t *passed, size_t end)
{
    while (*passed < span->lines && span->line[*passed].decoded < end)
        ++*passed;
    return *passed > 0 ? &span->line[*passed - 1] : NULL;
}

size_t patch_quoted_printable(struct arena *arena, const struct part_span *span,
                              const struct part_patch *patch, size_t n, struct edit *out);
size_t patch_base64(struct arena *arena, const struct part_span *span,
                    const struct part_patch *patch, size_t n, struct edit *out);

#endif
