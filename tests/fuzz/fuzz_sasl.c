/* fuzz_sasl.c - lines of any bytes as an authentication exchange: mechanism, initial response,
 * responses. */
#include "core/base/str.h"
#include "protocols/sasl/sasl.h"

#include <stdlib.h>

#include "tests/unit/protocols/sasl/fake_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str rest = {(const char *)data, size}, mechanism = str_split(&rest, '\n'), initial;
    struct arena *arena = arena_new(NULL);
    enum sasl_state state;
    struct sasl x;

    initial = rest.p ? str_split(&rest, '\n') : FCT_STR("");
    state = sasl_start(&x, NULL, arena, mechanism, initial.n > 0 ? &initial : NULL);
    while (state == SASL_CHALLENGE && rest.p) {
        struct fct_str line = str_split(&rest, '\n');

        state = sasl_respond(&x, line);
    }
    if ((state == SASL_DONE) != (x.principal.handle != 0) ||
        (state == SASL_FAILED && x.err.class == FCT_OK))
        abort();
    sasl_abort(&x);
    arena_free(&arena);
    return 0;
}
