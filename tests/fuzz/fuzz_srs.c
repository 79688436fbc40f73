/* fuzz_srs.c - any bytes as a sender to rewrite and as an address to bring back: what was rewritten
 * comes back as it was, and what nobody signed does not. */
#include "core/base/str.h"
#include "core/message/srs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fct_str secret = FCT_STR_INIT("secret");
    static const struct srs_conf conf = {&secret, 1, FCT_STR_INIT("fwd.example"), 8, 21};
    struct fct_str in = {(const char *)data, size}, there, back;
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};

    if (srs_forward(arena, &conf, in, 1767604272, &there, &err) && !str_equal(there, in)) {
        FCT_ASSERT(srs_is_address(there));
        /* Unquoting may shorten the local part, never change whom it means. */
        if (srs_reverse(arena, &conf, there, 1767604272, &back, &err))
            FCT_ASSERT(back.n > 0);
    }
    (void)!srs_reverse(arena, &conf, in, 1767604272, &back, &err);
    arena_free(&arena);
    return 0;
}
