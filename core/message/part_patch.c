/* part_patch.c - see part_patch.h. Quoted-printable and base64 have files of their own; the rest is
 * patched as it stands. */
#include "core/message/part_patch_int.h"

#include "core/base/str.h"

/* Decoded bytes [start, …) of a region with its patches applied. */
static void apply_patches(struct fct_str decoded, size_t start, const struct part_patch *patch,
                          size_t n, struct buf *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        size_t from = patch[i].offset - start;

        buf_put_str(out, str_head(str_skip(decoded, at), from - at));
        buf_put_str(out, patch[i].with);
        at = from + patch[i].length;
    }
    buf_put_str(out, str_skip(decoded, at));
}

size_t patch_inserted(const struct part_patch *patch, size_t n)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += patch[i].with.n;
    return bytes;
}

struct fct_str patch_part(const struct part_span *span)
{
    return str_head(str_skip(span->message, span->offset), span->length);
}

void patch_text(const struct part_span *span, const struct patch_region *r,
                const struct part_patch *patch, size_t n, struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf decoded = BUF_INIT(r->to - r->from + 1);

    (void)transfer_decode(span->encoding,
                          str_head(str_skip(patch_part(span), r->from), r->to - r->from), &decoded);
    apply_patches(buf_str(&decoded), r->decoded_from, patch, n, out);
}

/* "trackers", or "trackers+lua:rules" where one edit carries the wishes of two. */
static struct fct_str joined_origin(struct arena *arena, const struct part_patch *patch, size_t n)
{
    struct fct_str origin = patch[0].origin;

    for (size_t i = 1; i < n; i++)
        if (patch[i].origin.p != origin.p && str_find(origin, patch[i].origin) < 0)
            origin = arena_printf(arena, "%.*s+%.*s", FCT_FMT(origin), FCT_FMT(patch[i].origin));
    return origin;
}

struct edit patch_edit(struct arena *arena, const struct part_span *span,
                       const struct patch_region *r, struct fct_str insert,
                       const struct part_patch *patch, size_t n)
{
    return (struct edit){.offset = span->offset + r->from,
                         .remove = r->to - r->from,
                         .insert =
                             insert.n > 0 ? arena_str(arena, insert) : (struct fct_str){"", 0},
                         .origin = joined_origin(arena, patch, n)};
}

size_t part_patch_edits(struct arena *arena, const struct part_span *span,
                        const struct part_patch *patch, size_t n, struct edit *out)
{
    if (n == 0)
        return 0;
    switch (span->encoding) {
    case TRANSFER_QUOTED_PRINTABLE:
        return patch_quoted_printable(arena, span, patch, n, out);
    case TRANSFER_BASE64:
        return patch_base64(arena, span, patch, n, out);
    case TRANSFER_IDENTITY:
        break;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (struct edit){.offset = span->offset + patch[i].offset,
                               .remove = patch[i].length,
                               .insert = patch[i].with,
                               .origin = patch[i].origin};
    return n;
}
