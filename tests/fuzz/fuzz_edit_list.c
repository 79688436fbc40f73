/* fuzz_edit_list.c - any bytes as a stored edit list: refused, or its view is as long as it says
 * and encodes to the same. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/message/edit_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { UNPACKED = 80 << 20 }; /* a few packed bytes may become 64 MiB */
    static const char message[1000];
    struct fct_str original = {message, sizeof message};
    struct arena *arena = arena_new(NULL);
    struct buf view = BUF_INIT(UNPACKED), again = BUF_INIT(2 * UNPACKED);
    struct edit_list list;
    struct fct_err err;

    if (edit_list_decode(arena, (struct fct_str){(const char *)data, size}, original.n, &list,
                         &err)) {
        struct edit_list twice;

        FCT_ASSERT(edit_list_apply(&list, original, 0, UINT64_MAX, &view));
        FCT_ASSERT(view.n == edit_list_size(&list, original.n));
        FCT_ASSERT(edit_list_to_view(&list, original.n) == view.n);
        edit_list_encode(&list, &again);
        FCT_ASSERT(edit_list_decode(arena, buf_str(&again), original.n, &twice, &err) &&
                   twice.n == list.n);
    }
    buf_free(&view);
    buf_free(&again);
    arena_free(&arena);
    return 0;
}
