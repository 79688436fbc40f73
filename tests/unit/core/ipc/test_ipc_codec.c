/* test_ipc_codec.c - what is written is read back; what is missing reads as nothing and is noticed.
 */
#include "core/ipc/ipc_codec.h"

#include <check.h>
#include <stdlib.h>

START_TEST(values_survive)
{
    struct buf b = BUF_INIT(1000);
    struct ipc_reader r;
    struct fct_str s;

    ipc_put_u8(&b, 0xfe);
    ipc_put_u16(&b, 0xfedc);
    ipc_put_u32(&b, 0xfedcba98);
    ipc_put_u64(&b, 0xfedcba9876543210);
    ipc_put_bool(&b, true);
    ipc_put_bool(&b, false);
    ipc_put_str(&b, FCT_STR("a\0b"));
    ipc_put_str(&b, FCT_STR(""));
    ck_assert_uint_eq((unsigned char)b.p[1], 0xdc); /* little-endian on the wire */

    r = ipc_reader(buf_str(&b));
    ck_assert_uint_eq(ipc_get_u8(&r), 0xfe);
    ck_assert_uint_eq(ipc_get_u16(&r), 0xfedc);
    ck_assert_uint_eq(ipc_get_u32(&r), 0xfedcba98);
    ck_assert(ipc_get_u64(&r) == 0xfedcba9876543210);
    ck_assert(ipc_get_bool(&r));
    ck_assert(!ipc_get_bool(&r));
    s = ipc_get_str(&r);
    ck_assert_uint_eq(s.n, 3);
    ck_assert_mem_eq(s.p, "a\0b", 3);
    ck_assert(!ipc_reader_ok(&r)); /* something is left */
    ck_assert_uint_eq(ipc_get_str(&r).n, 0);
    ck_assert(ipc_reader_ok(&r));
    buf_free(&b);
}
END_TEST

START_TEST(every_cut_is_noticed)
{
    struct buf b = BUF_INIT(1000);

    ipc_put_u32(&b, 1);
    ipc_put_str(&b, FCT_STR("hello"));
    ipc_put_u64(&b, 2);
    for (size_t n = 0; n <= b.n; n++) {
        struct ipc_reader r = ipc_reader((struct fct_str){b.p, n});

        ipc_get_u32(&r);
        ipc_get_str(&r);
        ipc_get_u64(&r);
        ck_assert_msg(ipc_reader_ok(&r) == (n == b.n), "cut at %zu", n);
        ck_assert_uint_eq(r.bad ? ipc_get_u8(&r) : 0, 0);
    }
    buf_free(&b);
}
END_TEST

START_TEST(lengths_and_counts_are_bounded_by_what_is_there)
{
    static const struct {
        const char *name, *bytes;
        size_t n, each;
        uint32_t want;
        bool bad;
    } cases[] = {
        {"fits", "\2\0\0\0abcd", 8, 2, 2, false},
        {"one too many", "\3\0\0\0abcd", 8, 2, 0, true},
        {"huge", "\xff\xff\xff\xff", 4, 1, 0, true},
        {"huge times huge", "\xff\xff\xff\xff", 4, SIZE_MAX, 0, true},
        {"things of no size", "\1\0\0\0", 4, 0, 0, true},
        {"none", "\0\0\0\0", 4, 8, 0, false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct ipc_reader r = ipc_reader((struct fct_str){cases[i].bytes, cases[i].n});

        ck_assert_msg(ipc_get_count(&r, cases[i].each) == cases[i].want && r.bad == cases[i].bad,
                      "%s", cases[i].name);
    }
    struct ipc_reader r = ipc_reader(FCT_STR("\xff\xff\xff\xff"
                                             "ab"));
    ck_assert_uint_eq(ipc_get_str(&r).n, 0);
    ck_assert(r.bad);
    r = ipc_reader(FCT_STR("\2"));
    ck_assert(!ipc_get_bool(&r));
    ck_assert(r.bad);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ipc_codec");
    TCase *t = tcase_create("ipc_codec");
    SRunner *r;
    int failed;

    tcase_add_test(t, values_survive);
    tcase_add_test(t, every_cut_is_noticed);
    tcase_add_test(t, lengths_and_counts_are_bounded_by_what_is_there);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
