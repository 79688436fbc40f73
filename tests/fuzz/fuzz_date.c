/* fuzz_date.c - any bytes as a date; what was understood is understood again after formatting. */
#include "core/base/err.h"
#include "core/message/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str text = {(const char *)data, size};
    struct buf out = BUF_INIT(64);
    int64_t first, second;

    if (date_parse(text, &first) && first >= -62135596800 && first <= 253402300799) {
        date_format(first, &out);
        FCT_ASSERT(date_parse(buf_str(&out), &second) && second == first);
    }
    buf_clear(&out);
    if (date_parse_imap(text, &first) && first >= -62135596800 && first <= 253402300799) {
        date_format_imap(first, &out);
        FCT_ASSERT(date_parse_imap(buf_str(&out), &second) && second == first);
    }
    buf_free(&out);
    return 0;
}
