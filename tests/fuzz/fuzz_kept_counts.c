/* fuzz_kept_counts.c - any bytes as the counts that the store kept over a restart: bounded, and
 * what is written of them is read as the same. */
#include "core/base/str.h"
#include "protocols/relay/kept_counts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tls_report_limits limits = {3, 4, 5};

static size_t domains(const struct tls_report *t)
{
    struct fct_str domain;
    size_t at = 0, n = 0;

    while (tls_report_next(t, &at, &domain))
        n++;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(64u << 20);
    struct tls_report *first = tls_report_new(&limits), *second = tls_report_new(&limits);
    struct fct_str text = {(const char *)data, size};
    int64_t begin = 0, again;

    if (kept_counts_begin(&text, &begin)) {
        kept_counts_add(text, first);
        if (begin < 0 || domains(first) > limits.domains)
            abort();
    }
    kept_counts_write(first, begin, &out);
    text = buf_str(&out);
    if (!kept_counts_begin(&text, &again) || again != begin)
        abort();
    kept_counts_add(text, second);
    if (!out.overflow && domains(second) != domains(first))
        abort();
    tls_report_free(&first);
    tls_report_free(&second);
    return 0;
}
