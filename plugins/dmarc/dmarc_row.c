/* dmarc_row.c - the words of RFC 9990. */
#include "dmarc_row.h"

const char *dmarc_disposition_word(enum dmarc_disposition disposition)
{
    static const char *const words[] = {
        [DMARC_DONE_NONE] = "none",
        [DMARC_DONE_PASS] = "pass",
        [DMARC_DONE_QUARANTINE] = "quarantine",
        [DMARC_DONE_REJECT] = "reject",
    };

    return words[disposition];
}

const char *dmarc_override_word(enum dmarc_override override)
{
    static const char *const words[] = {
        [DMARC_LOCAL_POLICY] = "local_policy",
        [DMARC_MAILING_LIST] = "mailing_list",
        [DMARC_POLICY_TEST_MODE] = "policy_test_mode",
        [DMARC_TRUSTED_FORWARDER] = "trusted_forwarder",
        [DMARC_OTHER] = "other",
    };

    return words[override];
}
