/* fuzz_lint.c - any bytes as a message: every check of headers_lint ends, and reads what is there.
 */
#include "plugins/headers_lint/lint.h"
#include "plugins/headers_lint/lint_text.h"

#include "core/base/err.h"
#include "core/dns/psl.h"
#include "core/plugin/plugin_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str text = {(const char *)data, size}, boundary;
    struct fct_trial trial = {.size = sizeof trial, .message = text};
    struct fct_err err = {0};
    struct lint l = {.host = &plugin_host, .now = 1700000000, .us = FCT_STR("ours.example")};
    int64_t date;

    psl_setup();
    if (lint_date(text, &date))
        FCT_ASSERT(date > -200000 && date < INT64_C(260000000000));
    boundary = lint_parameter(text, "boundary");
    FCT_ASSERT(boundary.n <= size);
    (void)lint_is_message_id(text);
    (void)lint_is_utf8(text);
    l.call = plugin_host.trial_begin(NULL, &trial, &err);
    if (!l.call)
        return 0;
    lint_message(&l);
    plugin_host.trial_end(l.call);
    return 0;
}
