/* fuzz_trackers.c - any bytes as a part, at any level: edits lie inside the part and apart from
 * each other, so all other bytes stay. The first byte chooses level, charset and form. */
#include "core/base/err.h"
#include "tests/unit/plugins/trackers/trackers_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const charsets[] = {"utf-8", "windows-1252", "utf-16le", "iso-2022-jp"};
    unsigned how = size > 0 ? data[0] : 0;
    struct fct_str in = {(const char *)data + (size > 0), size - (size > 0)};
    struct fct_str charset = str_from(charsets[how >> 2 & 3]);
    struct rig r;

    FCT_ASSERT(rig_init(&r, (enum tracker_level)(how & 3)));
    rig_clean(&r, in, charset, (how & 128) == 0);
    FCT_ASSERT(rig_apply(&r).p);
    FCT_ASSERT((how & 3) != 0 || r.edits.n == 0);
    rig_free(&r);
    return 0;
}
