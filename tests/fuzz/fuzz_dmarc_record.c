/* fuzz_dmarc_record.c - what strangers publish as a DMARC record, alone and where a walk finds it.
 */
#include "plugins/dmarc/dmarc_domain.h"
#include "plugins/dmarc/dmarc_eval.h"
#include "plugins/dmarc/dmarc_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text stands at some of the names that a walk asks for. */
static bool ask(void *ctx, enum fct_dns_type type, struct fct_str name, struct fct_dns_answer *out)
{
    const struct fct_dns_record *record = ctx;
    bool there = type == FCT_DNS_TXT && name.n % 3 != (record->data.n & 3);

    *out = (struct fct_dns_answer){.size = sizeof *out, .status = FCT_DNS_NO_NAME};
    if (there) {
        out->status = FCT_DNS_OK;
        out->record = record;
        out->n = 1;
    }
    return there;
}

static struct fct_str org(void *ctx, struct fct_str name)
{
    (void)ctx;
    return dmarc_domain_last(name, 2);
}

static void evaluate(struct fct_str text, enum dmarc_discovery discovery)
{
    static struct dmarc_search search;
    static const struct dmarc_identifier identifier[] = {{FCT_STR_INIT("example.org"), true, false},
                                                         {FCT_STR_INIT("a.example"), false, true}};
    const struct dmarc_query query = {FCT_STR("a.news.example.org"), identifier, 2};
    struct fct_dns_record record = {.data = text};
    struct dmarc_outcome out;

    search.n = 0;
    search.discovery = discovery;
    search.dns = (struct dmarc_dns){ask, org, &record};
    dmarc_evaluate(&search, &query, &out);
    if (out.result > DMARC_PERMERROR || out.policy > DMARC_POLICY_REJECT)
        abort();
    if (out.result == DMARC_PASS && out.aligned.n == 0)
        abort();
}

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
    evaluate(text, DMARC_BY_WALK);
    evaluate(text, DMARC_BY_LIST);
    if (dmarc_domain_parse(text, &domain) &&
        (!dmarc_domain_parse(dmarc_domain_str(&domain), &again) ||
         !dmarc_domain_same(dmarc_domain_str(&domain), dmarc_domain_str(&again))))
        abort();
    return 0;
}
