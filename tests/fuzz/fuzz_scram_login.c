/* fuzz_scram_login.c - any bytes as what a smart host says to SCRAM: first its challenge, behind a
 * NUL its last word. Nobody proves to know a password without it. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "protocols/sasl/scram_login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str last = {(const char *)data, size}, challenge = str_split(&last, '\0'), final;
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};
    struct scram_login l;

    scram_login_first(&l, arena, FCT_STR("u=ser"), FCT_STR("pencil"), FCT_STR("abc"));
    if (scram_login_final(&l, challenge, &final, &err)) {
        FCT_ASSERT(str_starts(final, FCT_STR("c=biws,r=abc")));
        FCT_ASSERT(!scram_login_verify(&l, last, &err));
    }
    arena_free(&arena);
    return 0;
}
