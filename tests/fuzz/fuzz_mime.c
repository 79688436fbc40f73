/* fuzz_mime.c - any bytes as a message: the tree stays inside it, and leaves decode. */
#include "core/base/err.h"
#include "core/message/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mime_limits limits = {8, 40, {50, 4096}, 20};
    struct fct_str message = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);
    struct mime_tree tree;

    mime_scan(arena, message, &limits, &tree);
    FCT_ASSERT(tree.n >= 1 && tree.n <= limits.max_parts);
    for (size_t i = 0; i < tree.n; i++) {
        const struct mime_part *p = &tree.part[i];
        struct buf out = BUF_INIT(8 * size + 64);

        FCT_ASSERT(p->is.header_offset + p->is.header_length == p->is.body_offset);
        FCT_ASSERT(p->is.body_offset + p->is.body_length <= size);
        FCT_ASSERT(p->is.parent < (int)i && p->is.depth <= limits.max_depth);
        FCT_ASSERT(mime_part_bytes(message, p, &out));
        buf_clear(&out);
        FCT_ASSERT(mime_part_text(message, p, &out));
        buf_free(&out);
    }
    arena_free(&arena);
    return 0;
}
