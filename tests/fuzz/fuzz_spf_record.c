/* fuzz_spf_record.c - any bytes as the records of a domain, one a line, and its explanation: the
 * evaluation ends, within its limits, and says only what may stand in a reply. */
#include "core/base/err.h"
#include "plugins/spf/spf.h"
#include "plugins/spf/spf_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUESTIONS_MAX (1 + 10 * 11 + 11 + 1)
#define RECORDS_MAX   12

struct answers {
    struct fct_dns_record record[RECORDS_MAX];
    size_t n;
    unsigned questions;
};

/* The same lines answer everything: as texts, as names, and an address that is the client's at
 * times. */
static bool ask(void *ctx, enum fct_dns_type type, struct fct_str name, struct fct_dns_answer *out)
{
    static const struct fct_dns_record address[] = {{.data = FCT_STR_INIT("192.0.2.1")},
                                                    {.data = FCT_STR_INIT("2001:db8::1")}};
    struct answers *answers = ctx;

    answers->questions++;
    FCT_ASSERT(name.n > 0 && name.n <= SPF_NAME_MAX);
    if (name.n % 7 == 0) {
        out->status = name.n % 2 ? FCT_DNS_NO_NAME : FCT_DNS_FAILED;
        return false;
    }
    out->status = FCT_DNS_OK;
    out->record =
        type == FCT_DNS_A || type == FCT_DNS_AAAA ? &address[name.n % 2] : answers->record;
    out->n = type == FCT_DNS_A || type == FCT_DNS_AAAA ? 1 : answers->n;
    return out->n > 0;
}

static void split(struct answers *answers, struct fct_str text)
{
    while (text.n > 0 && answers->n < RECORDS_MAX) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;

        answers->record[answers->n++].data = (struct fct_str){text.p, n};
        text.p += n + (end != NULL);
        text.n -= n + (end != NULL);
    }
}

static void parse(struct fct_str text)
{
    struct spf_record record;
    struct spf_directive directive;
    struct fct_err err = {0};

    if (!spf_record_is(text) || !spf_record_parse(text, &record, &err))
        return;
    for (struct fct_str rest = record.terms; spf_record_next(&rest, &directive);)
        FCT_ASSERT(directive.text.p >= text.p &&
                   directive.text.p + directive.text.n <= text.p + text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answers answers = {.n = 0};
    struct spf_query query = {
        .helo = FCT_STR("Helo.example"),
        .sender = FCT_STR("some-body.else@sender.example.org"),
        .receiver = FCT_STR("mx.example.net"),
        .now = 1234567890,
        .explain = true,
        .limits = {SPF_LOOKUPS, SPF_VOID_LOOKUPS, SPF_NAMES},
        .dns = {ask, &answers},
    };
    struct spf_outcome outcome;

    split(&answers, (struct fct_str){(const char *)data, size});
    for (size_t i = 0; i < answers.n; i++)
        parse(answers.record[i].data);
    FCT_ASSERT(
        ip_address_parse(size % 2 ? FCT_STR("192.0.2.1") : FCT_STR("2001:db8::1"), &query.client));
    spf_check(&query, &outcome);
    FCT_ASSERT(answers.questions <= QUESTIONS_MAX && outcome.result < SPF_RESULTS);
    FCT_ASSERT(outcome.result == SPF_FAIL || !outcome.explanation[0]);
    for (const char *c = outcome.explanation; *c; c++)
        FCT_ASSERT(*c >= 0x20 && *c < 0x7f);
    return 0;
}
