/* fuzz_ledger.c - a ledger that decodes prints, encodes again and keeps its sum. */
#include "core/hook/ledger.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 24);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 24);
    struct arena *arena = arena_new(NULL);
    struct ledger ledger, again;
    struct fct_err err = {0};

    if (ledger_decode(arena, (struct fct_str){(const char *)data, size}, &ledger, &err)) {
        ledger_print(&ledger, true, &text);
        ledger_print(&ledger, false, &text);
        ledger_encode(&ledger, &out);
        if (!ledger_decode(arena, buf_str(&out), &again, &err) ||
            again.score_milli != ledger.score_milli)
            abort();
    }
    arena_free(&arena);
    return 0;
}
