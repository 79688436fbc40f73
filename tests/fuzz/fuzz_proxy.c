/* fuzz_proxy.c - the PROXY header parser: total, never past its input, and of one opinion however
 * the bytes are cut. */
#include "core/net/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole, cut;
    size_t used, used_cut;
    const char *why;
    int result = proxy_parse((struct fct_str){(const char *)data, size}, &whole, &used, &why);

    FCT_ASSERT(result <= 0 || (used > 0 && used <= size && used <= PROXY_V2_MAX));
    FCT_ASSERT(result <= 0 || !whole.has_addresses ||
               strnlen(whole.peer.text, sizeof whole.peer.text) < sizeof whole.peer.text);
    for (size_t n = 0; n < size && n < 200; n++) {
        int early = proxy_parse((struct fct_str){(const char *)data, n}, &cut, &used_cut, &why);

        FCT_ASSERT(early == 0 ||
                   early == result); /* refused or taken early: the rest changes nothing */
        FCT_ASSERT(early <= 0 || used_cut == used);
    }
    return 0;
}
