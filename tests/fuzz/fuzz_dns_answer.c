/* fuzz_dns_answer.c - the first byte is the type, the rest a message: whatever a resolver sends,
 * nothing outside it is read, and what comes out is well formed. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/dns/dns_answer.h"
#include "core/dns/dns_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(struct arena *arena, uint32_t type, const struct fct_dns_record *record)
{
    FCT_ASSERT(record->data.p || record->data.n == 0);
    FCT_ASSERT(record->data.n <= 65535);
    (void)dns_record_show(arena, type, record);
}

static void parse(struct arena *arena, struct fct_str message, uint32_t type)
{
    struct fct_dns_answer answer = {.size = sizeof answer};
    struct dns_name asked = {.n = 0};
    size_t at = 12;
    bool ok;

    if (message.n > at) /* the question it answers, so that it is looked at */
        (void)!dns_name_read(message, &at, &asked, NULL);
    ok = dns_answer_parse(arena, message, &asked, (enum fct_dns_type)type, 200, &answer);
    FCT_ASSERT(ok || answer.status == FCT_DNS_FAILED);
    FCT_ASSERT((answer.status == FCT_DNS_OK) == (answer.n > 0));
    FCT_ASSERT(answer.status != FCT_DNS_FAILED || answer.why.n > 0);
    FCT_ASSERT(answer.canonical.n <= DNS_NAME_MAX);
    for (size_t i = 0; i < answer.n; i++)
        check_record(arena, type, &answer.record[i]);
}

static void ask(struct fct_str text)
{
    struct dns_name name, again;
    struct fct_err err = {0};

    if (!dns_name_parse(text, &name, &err))
        return;
    FCT_ASSERT(name.n <= DNS_NAME_MAX && strlen(name.text) == name.n);
    /* Names without escapes are in their normal form. */
    if (!strchr(name.text, '\\') && name.n > 0)
        FCT_ASSERT(dns_name_parse(dns_name_str(&name), &again, &err) &&
                   strcmp(name.text, again.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t types[] = {FCT_DNS_A,   FCT_DNS_NS,   FCT_DNS_CNAME,
                                     FCT_DNS_SOA, FCT_DNS_PTR,  FCT_DNS_MX,
                                     FCT_DNS_TXT, FCT_DNS_AAAA, FCT_DNS_TLSA};
    struct arena *arena;

    if (size == 0)
        return 0;
    arena = arena_new(NULL);
    if (data[0] == 'n')
        ask((struct fct_str){(const char *)data + 1, size - 1});
    else
        parse(arena, (struct fct_str){(const char *)data + 1, size - 1},
              types[data[0] % FCT_COUNT(types)]);
    arena_free(&arena);
    return 0;
}
