/* fuzz_tls_report.c - any bytes as a report, as a record and as a mailto: what was read is added
 * up, written, and has the same sums when it is read again. */
#include "core/base/str.h"
#include "protocols/relay/policy/tls_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sessions(const struct tls_report_read *r)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < r->policies; i++)
        sum += r->policy[i].successful + r->policy[i].failed;
    return sum;
}

static void write_again(struct arena *arena, const struct tls_report_read *read)
{
    static const struct tls_report_limits limits = {2, 50, 50};
    static const struct tls_report_head head = {{0}, {0}, {0}, 0, 1};
    struct tls_report *t = tls_report_new(&limits);
    struct buf out = BUF_INIT(64u << 20);
    struct tls_report_read again;
    struct fct_err err = {0};

    tls_report_add(t, FCT_STR("example.org"), read);
    FCT_ASSERT(tls_report_write(t, FCT_STR("example.org"), &head, &out));
    if (out.n <= TLS_REPORT_JSON_MAX && sessions(read) < INT32_MAX) {
        FCT_ASSERT(tls_report_parse(arena, buf_str(&out), &again, &err));
        FCT_ASSERT(sessions(&again) + tls_report_left_out(t) == sessions(read));
    }
    buf_free(&out);
    tls_report_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size}, rua[TLS_REPORT_RUA_MAX], address;
    struct fct_dns_record record = {.data = in};
    struct fct_dns_answer answer = {.record = &record, .n = 1};
    struct arena *arena = arena_new(NULL);
    struct tls_report_read read;
    struct fct_err err = {0};
    const char *why = NULL;

    if (tls_report_parse(arena, in, &read, &err))
        write_again(arena, &read);
    FCT_ASSERT(tls_report_addresses(&answer, rua, &why) <= TLS_REPORT_RUA_MAX);
    if (tls_report_mailto(arena, in, &address))
        FCT_ASSERT(address.n < size && str_find_char(address, '\n') < 0);
    arena_free(&arena);
    return 0;
}
