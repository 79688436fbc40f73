/* fuzz_dmarc_record.c - what strangers publish as a DMARC record. */
#include "plugins/dmarc/dmarc_domain.h"
#include "plugins/dmarc/dmarc_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str text = {(const char *)data, size};
    struct dmarc_record record;
    struct dmarc_domain domain, again;

    if (dmarc_record_is(text)) {
        dmarc_record_parse(text, &record);
        if (record.p > DMARC_POLICY_REJECT || record.sp > DMARC_POLICY_REJECT ||
            record.np > DMARC_POLICY_REJECT || record.psd > DMARC_PSD_NO)
            abort();
        if (!record.usable && record.has_rua)
            abort();
    }
    if (dmarc_domain_parse(text, &domain) &&
        (!dmarc_domain_parse(dmarc_domain_str(&domain), &again) ||
         !dmarc_domain_same(dmarc_domain_str(&domain), dmarc_domain_str(&again))))
        abort();
    return 0;
}
