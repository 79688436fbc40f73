/* fuzz_image_request.c - a request at the image proxy never breaks its reader; one that is accepted
 * is small and clean. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "protocols/images/image_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str rest = {(const char *)data, size};
    struct image_request r = {0};
    bool more = true;

    while (more && rest.n > 0) {
        ptrdiff_t lf = str_find_char(rest, '\n');
        struct fct_str line = lf < 0 ? rest : str_head(rest, (size_t)lf + 1);

        rest = str_skip(rest, line.n);
        if (!image_request_strip(&line))
            return 0;
        more = image_request_line(&r, line);
    }
    if (more || r.refused)
        return 0;
    FCT_ASSERT(r.target_length > 0 && r.target_length <= IMAGE_TARGET_MAX && r.target[0] == '/');
    FCT_ASSERT(r.fields <= IMAGE_FIELDS_MAX && (r.has_host || !r.is_11));
    for (size_t i = 0; i < r.target_length; i++)
        FCT_ASSERT((unsigned char)r.target[i] > ' ' && (unsigned char)r.target[i] < 0x7f);
    return 0;
}
