/* fuzz_history_entry.c - an entry of the history that decodes encodes again, within its bytes, to
 * the same entry or one with shorter texts; a query from anybody is answered. */
#include "core/base/str.h"
#include "core/hook/history_entry.h"
#include "core/ipc/ipc_codec.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(struct fct_str bytes, const struct history_query *query)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(HISTORY_BYTES);
    struct history_entry e, again;

    if (!history_decode(bytes, &e))
        return;
    (void)history_matches(query, &e);
    history_encode(&e, &out);
    if (out.overflow || !history_decode(buf_str(&out), &again) || again.at_ms != e.at_ms ||
        again.score_milli != e.score_milli || !str_starts(e.symbols, again.symbols) ||
        !str_starts(e.from, again.from))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str all = {(const char *)data, size};
    struct ipc_reader r = ipc_reader(all);
    struct history_query query;

    history_query_get(&r, &query);
    if (r.bad)
        query = (struct history_query){.symbol = str_head(all, 4), .from = str_head(all, 9)};
    check_entry(all, &query);
    check_entry(r.bad ? all : (struct fct_str){r.p, (size_t)(r.end - r.p)}, &query);
    return 0;
}
