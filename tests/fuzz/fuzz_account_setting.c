/* fuzz_account_setting.c - checking a setting ends, and what passes as a list of senders can be
 * asked about any address. */
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str item = {(const char *)data, size}, value = item, entry, list;
    struct fct_err err = {0};
    bool good = account_setting_check(item, &err);

    (void)str_split(&value, '=');
    if (!good || !value.p)
        return 0;
    for (list = value; (entry = setting_list_next(&list)).n > 0;)
        if (setting_sender_matches(entry, FCT_STR("ann@mail.example.org")) > 3 ||
            setting_sender_matches(FCT_STR("example.org"), entry) > 3)
            abort();
    return 0;
}
