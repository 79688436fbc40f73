/* fuzz_address.c - any bytes as an address list: bounded, and groups come in pairs. */
#include "core/base/err.h"
#include "core/message/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(NULL);
    struct address list[64];
    size_t n = address_list_parse(arena, (struct fct_str){(const char *)data, size}, list,
                                  FCT_COUNT(list));
    bool in_group = false;

    FCT_ASSERT(n <= FCT_COUNT(list));
    for (size_t i = 0; i < n; i++) {
        FCT_ASSERT(list[i].local.n <= size && list[i].domain.n <= size &&
                   list[i].name.n <= 2 * size);
        FCT_ASSERT(list[i].kind != ADDRESS_GROUP_START || !in_group);
        FCT_ASSERT(list[i].kind != ADDRESS_GROUP_END || in_group);
        if (list[i].kind != ADDRESS_MAILBOX)
            in_group = list[i].kind == ADDRESS_GROUP_START;
    }
    FCT_ASSERT(!in_group || n == FCT_COUNT(list));
    arena_free(&arena);
    return 0;
}
