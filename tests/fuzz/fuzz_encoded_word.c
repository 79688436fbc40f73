/* fuzz_encoded_word.c - any bytes as header text: the result is UTF-8 and not longer than four
 * bytes for each. */
#include "core/base/err.h"
#include "core/base/utf8.h"
#include "core/message/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT(4 * size + 16);

    FCT_ASSERT(encoded_word_decode((struct fct_str){(const char *)data, size}, &out));
    for (size_t i = 0; i < out.n; i++)
        if (out.p[i] == '\0')
            out.p[i] = ' ';
    FCT_ASSERT(out.n == 0 || utf8_is_valid(buf_str(&out)));
    buf_free(&out);
    return 0;
}
