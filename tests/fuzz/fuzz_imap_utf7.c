/* fuzz_imap_utf7.c - a name that is accepted is valid UTF-8 and is written back as the same bytes.
 */
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "protocols/imap/imap_utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size};
    FCT_CLEANUP(buf_free) struct buf utf8 = BUF_INIT(1u << 20), utf7 = BUF_INIT(1u << 20);

    if (imap_utf7_decode(in, &utf8)) {
        FCT_ASSERT(utf8_is_valid(buf_str(&utf8)));
        FCT_ASSERT(imap_utf7_encode(buf_str(&utf8), &utf7));
        FCT_ASSERT(str_equal(buf_str(&utf7), in));
    }
    return 0;
}
