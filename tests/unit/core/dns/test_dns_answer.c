/* test_dns_answer.c - what is read out of a message, and what is not believed. */
#include "core/dns/dns_answer.h"
#include "tests/unit/core/dns/dns_packet.h"

#include <check.h>
#include <stdlib.h>

static struct arena *arena;
static struct buf packet;
static struct fct_dns_answer answer;

static void setup(void)
{
    arena = arena_new(NULL);
    packet = BUF_INIT(70000);
    answer = (struct fct_dns_answer){.size = sizeof answer};
}

static void teardown(void)
{
    arena_free(&arena);
    buf_free(&packet);
}

/* As an answer to `name`. */
static bool parse_as(const char *name, enum fct_dns_type type)
{
    struct dns_name asked;

    ck_assert(dns_name_parse(str_from(name), &asked, NULL));
    return dns_answer_parse(arena, buf_str(&packet), &asked, type, 100, &answer);
}

static bool parse(enum fct_dns_type type)
{
    bool a = packet.p[12] == 1; /* "a.example" or "example" */

    return parse_as(a ? "a.example" : "example", type);
}

#define ck_str(got, want)                                                             \
    do {                                                                              \
        struct fct_str ck_got = (got);                                                \
        ck_assert_msg(str_equal(ck_got, str_from(want)), "got \"%.*s\", want \"%s\"", \
                      FCT_FMT(ck_got), want);                                         \
    } while (0)

/* ---- every type ---- */

static const struct {
    const char *name;
    unsigned type;
    struct fct_str data;
    const char *want;
    uint32_t preference;
} records[] = {
    {"A", FCT_DNS_A, FCT_STR_INIT("\300\0\2\1"), "192.0.2.1", 0},
    {"AAAA", FCT_DNS_AAAA, FCT_STR_INIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1",
     0},
    {"MX", FCT_DNS_MX, FCT_STR_INIT("\0\012\2Mx\7EXAMPLE\0"), "mx.example", 10},
    {"the null MX", FCT_DNS_MX, FCT_STR_INIT("\0\0\0"), "", 0},
    {"PTR", FCT_DNS_PTR, FCT_STR_INIT("\4host\7example\0"), "host.example", 0},
    {"NS", FCT_DNS_NS, FCT_STR_INIT("\2ns\7example\0"), "ns.example", 0},
    {"a dot, a space and a NUL in a label", FCT_DNS_PTR, FCT_STR_INIT("\5a.b \0\1c\0"),
     "a\\046b\\032\\000.c", 0},
    {"TXT in two strings", FCT_DNS_TXT, FCT_STR_INIT("\6v=spf1\5 -all"), "v=spf1 -all", 0},
    {"an empty TXT", FCT_DNS_TXT, FCT_STR_INIT("\0"), "", 0},
    {"TLSA", FCT_DNS_TLSA, FCT_STR_INIT("\3\1\1abc"), "\3\1\1abc", 0},
};

START_TEST(test_record)
{
    put_start(&packet, 0, "Example", records[_i].type);
    put_rr_bytes(&packet, "EXAMPLE", records[_i].type, 300, records[_i].data);
    set_counts(&packet, 1, 0);
    ck_assert_msg(parse((enum fct_dns_type)records[_i].type), "%s: %.*s", records[_i].name,
                  FCT_FMT(answer.why));
    ck_assert_uint_eq(answer.status, FCT_DNS_OK);
    ck_assert_uint_eq(answer.n, 1);
    ck_str(answer.record[0].data, records[_i].want);
    ck_assert_uint_eq(answer.record[0].preference, records[_i].preference);
    ck_assert_uint_eq(answer.ttl, 300);
    ck_str(answer.canonical, "example");
}
END_TEST

START_TEST(test_soa_is_written_out)
{
    put_start(&packet, 0, "example", FCT_DNS_SOA);
    /* both names point to the question's */
    put_rr_bytes(&packet, "example", FCT_DNS_SOA, 60,
                 FCT_STR("\300\014\4post\300\014\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"));
    set_counts(&packet, 1, 0);
    ck_assert(parse(FCT_DNS_SOA));
    ck_assert_uint_eq(answer.n, 1);
    ck_assert_uint_eq(answer.record[0].data.n, 9 + 14 + 20);
    ck_str(dns_record_show(arena, FCT_DNS_SOA, &answer.record[0]),
           "example. post.example. 1 2 3 4 5");
}
END_TEST

/* As in a zone file (RFC 1035 5.1). */
static const struct {
    unsigned type;
    struct fct_str data;
    const char *want;
} shown[] = {
    {FCT_DNS_TXT, FCT_STR_INIT("v=spf1 -all"), "\"v=spf1 -all\""},
    {FCT_DNS_TXT, FCT_STR_INIT(""), "\"\""},
    {FCT_DNS_TXT, FCT_STR_INIT("a\"b\\c\nd\303\274"), "\"a\\\"b\\\\c\\010d\303\274\""},
    {FCT_DNS_SRV, FCT_STR_INIT("\0\1\0\2\3\341\4mail\7example\0"), "1 2 993 mail.example."},
    {FCT_DNS_SRV, FCT_STR_INIT("\0\1\0\2\3\341\0"), "1 2 993 ."},
    {FCT_DNS_SRV, FCT_STR_INIT("\0\1\0\2\3\341\4mai"), "0001000203e1046d6169"},
    {FCT_DNS_TLSA, FCT_STR_INIT("\3\1\1\253\315"), "3 1 1 abcd"},
    {FCT_DNS_TLSA, FCT_STR_INIT("\3\1"), "0301"},
};

START_TEST(test_as_in_a_zone_file)
{
    struct fct_dns_record record = {.data = shown[_i].data};

    ck_str(dns_record_show(arena, shown[_i].type, &record), shown[_i].want);
}
END_TEST

START_TEST(test_long_text_in_pieces)
{
    char text[300];
    struct fct_str got;

    memset(text, 'x', sizeof text);
    got = dns_text_show(arena, (struct fct_str){text, 255});
    ck_assert_uint_eq(got.n, 257);
    got = dns_text_show(arena, (struct fct_str){text, 300});
    ck_assert_uint_eq(got.n, 300 + 5);
    ck_assert(str_equal(str_head(str_skip(got, 255), 5), FCT_STR("x\" \"x")));
}
END_TEST

/* ---- data whose length lies ---- */

static const struct {
    const char *name;
    unsigned type;
    struct fct_str data;
} wrong[] = {
    {"A of three bytes", FCT_DNS_A, FCT_STR_INIT("\300\0\2")},
    {"A of five bytes", FCT_DNS_A, FCT_STR_INIT("\300\0\2\1\1")},
    {"AAAA of four bytes", FCT_DNS_AAAA, FCT_STR_INIT("\300\0\2\1")},
    {"MX without a name", FCT_DNS_MX, FCT_STR_INIT("\0\12")},
    {"MX of one byte", FCT_DNS_MX, FCT_STR_INIT("\0")},
    {"MX with bytes behind its name", FCT_DNS_MX, FCT_STR_INIT("\0\12\1a\0x")},
    {"a name that goes on behind its data", FCT_DNS_PTR, FCT_STR_INIT("\4host\77exam")},
    {"a name that points to itself", FCT_DNS_PTR, FCT_STR_INIT("\300\054")},
    {"a name that points forward", FCT_DNS_PTR, FCT_STR_INIT("\300\060")},
    {"a name that points behind the message", FCT_DNS_PTR, FCT_STR_INIT("\377\377")},
    {"a label kind that does not exist", FCT_DNS_PTR, FCT_STR_INIT("\201a\0")},
    {"half a pointer", FCT_DNS_PTR, FCT_STR_INIT("\300")},
    {"an empty name", FCT_DNS_PTR, FCT_STR_INIT("")},
    {"TXT without a string", FCT_DNS_TXT, FCT_STR_INIT("")},
    {"a string that is longer than its data", FCT_DNS_TXT, FCT_STR_INIT("\5abcd")},
    {"a second string that is", FCT_DNS_TXT, FCT_STR_INIT("\1a\2b")},
    {"SOA without its numbers", FCT_DNS_SOA, FCT_STR_INIT("\0\0\0\0\0\1")},
};

START_TEST(test_wrong_data)
{
    put_start(&packet, 0, "example", wrong[_i].type);
    put_rr_bytes(&packet, "example", wrong[_i].type, 300, wrong[_i].data);
    set_counts(&packet, 1, 0);
    ck_assert_msg(!parse((enum fct_dns_type)wrong[_i].type), "%s", wrong[_i].name);
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert_uint_eq(answer.n, 0);
    ck_assert_uint_gt(answer.why.n, 0);
}
END_TEST

/* Cut after every byte: never believed, never read beyond. */
START_TEST(test_cut_off)
{
    struct dns_name asked;

    ck_assert(dns_name_parse(FCT_STR("example"), &asked, NULL));
    put_start(&packet, 0, "example", FCT_DNS_MX);
    put_rr_bytes(&packet, "example", FCT_DNS_MX, 300, FCT_STR("\0\012\2mx\300\014"));
    set_counts(&packet, 1, 0);
    for (size_t n = 0; n < packet.n; n++) {
        char *copy = malloc(n + 1); /* the sanitizer watches its end */

        memcpy(copy, packet.p, n);
        copy = realloc(copy, n > 0 ? n : 1);
        ck_assert_msg(
            !dns_answer_parse(arena, (struct fct_str){copy, n}, &asked, FCT_DNS_MX, 100, &answer),
            "%zu bytes", n);
        free(copy);
    }
    ck_assert(parse(FCT_DNS_MX));
    ck_str(answer.record[0].data, "mx.example");
}
END_TEST

/* ---- CNAMEs ---- */

static void put_alias(const char *from, const char *to, uint32_t ttl)
{
    FCT_CLEANUP(buf_free) struct buf data = BUF_INIT(300);

    put_name(&data, to);
    put_rr(&packet, from, FCT_DNS_CNAME, ttl, &data);
}

START_TEST(test_chain_in_any_order)
{
    put_start(&packet, 0, "a.example", FCT_DNS_A);
    put_rr_bytes(&packet, "c.example", FCT_DNS_A, 300, FCT_STR("\300\0\2\1"));
    put_alias("b.example", "C.example", 20);
    put_rr_bytes(&packet, "other.example", FCT_DNS_A, 1, FCT_STR("\300\0\2\2"));
    put_alias("A.example", "b.example", 60);
    set_counts(&packet, 4, 0);
    ck_assert(parse(FCT_DNS_A));
    ck_assert_uint_eq(answer.n, 1);
    ck_str(answer.record[0].data, "192.0.2.1");
    ck_str(answer.canonical, "c.example");
    ck_assert_uint_eq(answer.ttl, 20);
}
END_TEST

START_TEST(test_cname_itself)
{
    put_start(&packet, 0, "a.example", FCT_DNS_CNAME);
    put_alias("a.example", "b.example", 60);
    set_counts(&packet, 1, 0);
    ck_assert(parse(FCT_DNS_CNAME));
    ck_assert_uint_eq(answer.n, 1);
    ck_str(answer.record[0].data, "b.example");
    ck_str(answer.canonical, "a.example");
}
END_TEST

START_TEST(test_chain_without_end)
{
    put_start(&packet, 0, "a.example", FCT_DNS_A);
    put_alias("a.example", "b.example", 60);
    put_alias("b.example", "a.example", 60);
    set_counts(&packet, 2, 0);
    ck_assert(!parse(FCT_DNS_A));
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert_ptr_nonnull(strstr(answer.why.p, "CNAME"));
}
END_TEST

START_TEST(test_chain_into_nothing)
{
    put_start(&packet, 3, "a.example", FCT_DNS_A);
    put_alias("a.example", "b.example", 60);
    set_counts(&packet, 1, 0);
    ck_assert(parse(FCT_DNS_A));
    ck_assert_uint_eq(answer.status, FCT_DNS_NO_NAME);
    ck_str(answer.canonical, "b.example");
}
END_TEST

/* ---- answers without records ---- */

static const struct {
    unsigned rcode, status;
    bool soa;
    uint32_t ttl;
} empty[] = {
    {0, FCT_DNS_NO_DATA, false, 0}, {0, FCT_DNS_NO_DATA, true, 5}, {3, FCT_DNS_NO_NAME, true, 5},
    {2, FCT_DNS_FAILED, false, 0},  {5, FCT_DNS_FAILED, true, 0},  {15, FCT_DNS_FAILED, false, 0},
};

START_TEST(test_empty)
{
    put_start(&packet, empty[_i].rcode, "a.example", FCT_DNS_TXT);
    if (empty[_i].soa)
        put_rr_bytes(&packet, "example", FCT_DNS_SOA, 60,
                     FCT_STR("\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"));
    set_counts(&packet, 0, empty[_i].soa);
    ck_assert(parse(FCT_DNS_TXT));
    ck_assert_uint_eq(answer.status, empty[_i].status);
    ck_assert_uint_eq(answer.n, 0);
    ck_assert_uint_eq(answer.ttl, empty[_i].ttl);
}
END_TEST

/* ---- too much ---- */

START_TEST(test_too_many_records)
{
    put_start(&packet, 0, "a.example", FCT_DNS_TXT);
    for (unsigned i = 0; i < 101; i++)
        put_rr_bytes(&packet, "a.example", FCT_DNS_TXT, 60, FCT_STR("\1a"));
    set_counts(&packet, 101, 0);
    ck_assert(!parse(FCT_DNS_TXT));
    ck_assert_ptr_nonnull(strstr(answer.why.p, "dns.max_records"));
    set_counts(&packet, 100, 0);
    ck_assert(parse(FCT_DNS_TXT));
    ck_assert_uint_eq(answer.n, 100);
}
END_TEST

START_TEST(test_huge_text)
{
    FCT_CLEANUP(buf_free) struct buf data = BUF_INIT(65536);

    for (unsigned i = 0; i < 250; i++) {
        buf_put_char(&data, (char)255);
        for (unsigned j = 0; j < 255; j++)
            buf_put_char(&data, 'x');
    }
    put_start(&packet, 0, "a.example", FCT_DNS_TXT);
    put_rr(&packet, "a.example", FCT_DNS_TXT, 60, &data);
    set_counts(&packet, 1, 0);
    ck_assert(parse(FCT_DNS_TXT));
    ck_assert_uint_eq(answer.record[0].data.n, 250 * 255);
}
END_TEST

START_TEST(test_other_class_and_high_ttl)
{
    put_start(&packet, 0, "a.example", FCT_DNS_A);
    put_rr_bytes(&packet, "a.example", FCT_DNS_A, 0x80000001, FCT_STR("\300\0\2\1"));
    set_counts(&packet, 1, 0);
    ck_assert(parse(FCT_DNS_A));
    ck_assert_uint_eq(answer.ttl, 0); /* RFC 2181 8 */
    packet.p[packet.n - 11] = 3;      /* CHAOS */
    ck_assert(parse(FCT_DNS_A));
    ck_assert_uint_eq(answer.status, FCT_DNS_NO_DATA);
}
END_TEST

START_TEST(test_another_question)
{
    put_start(&packet, 0, "a.example", FCT_DNS_A);
    put_rr_bytes(&packet, "a.example", FCT_DNS_A, 60, FCT_STR("\300\0\2\1"));
    set_counts(&packet, 1, 0);
    ck_assert(parse_as("A.Example.", FCT_DNS_A));
    ck_assert(!parse_as("b.example", FCT_DNS_A));
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert(!parse_as("a.example", FCT_DNS_AAAA));
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
}
END_TEST

START_TEST(test_words)
{
    enum fct_dns_status status;

    for (unsigned i = 0; i <= FCT_DNS_REFUSED; i++) {
        ck_assert(dns_status_from_word(str_from(dns_status_word((enum fct_dns_status)i)), &status));
        ck_assert_uint_eq(status, i);
    }
    ck_assert(!dns_status_from_word(FCT_STR("perhaps"), &status));
    ck_assert_str_eq(dns_type_name(FCT_DNS_TLSA), "TLSA");
    ck_assert_ptr_null(dns_type_name(99));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("dns_answer");
    Suite *suite = suite_create("dns_answer");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, test_record, 0, FCT_COUNT(records));
    tcase_add_test(tc, test_soa_is_written_out);
    tcase_add_loop_test(tc, test_as_in_a_zone_file, 0, FCT_COUNT(shown));
    tcase_add_test(tc, test_long_text_in_pieces);
    tcase_add_loop_test(tc, test_wrong_data, 0, FCT_COUNT(wrong));
    tcase_add_test(tc, test_cut_off);
    tcase_add_test(tc, test_chain_in_any_order);
    tcase_add_test(tc, test_cname_itself);
    tcase_add_test(tc, test_chain_without_end);
    tcase_add_test(tc, test_chain_into_nothing);
    tcase_add_loop_test(tc, test_empty, 0, FCT_COUNT(empty));
    tcase_add_test(tc, test_too_many_records);
    tcase_add_test(tc, test_huge_text);
    tcase_add_test(tc, test_other_class_and_high_ttl);
    tcase_add_test(tc, test_another_question);
    tcase_add_test(tc, test_words);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
