/* test_gzip.c - packed and unpacked, broken, and a bomb. */
#include "core/message/gzip.h"
#include "message_test.h"

START_TEST(there_and_back)
{
    static const size_t sizes[] = {0, 1, 100, 65536, 300000};

    for (size_t i = 0; i < FCT_COUNT(sizes); i++) {
        struct buf in = BUF_INIT(1u << 20), packed = BUF_INIT(1u << 20), out = BUF_INIT(1u << 20);
        struct fct_err err = {0};
        uint32_t seed = 7;

        while (in.n < sizes[i])
            buf_put_char(&in, (char)next_random(&seed));
        ck_assert(gzip_pack(buf_str(&in), &packed));
        ck_assert(gzip_is(buf_str(&packed)));
        ck_assert_msg(gzip_unpack(buf_str(&packed), &out, &err), "%s", err.text);
        ck_assert(str_equal(buf_str(&in), buf_str(&out)));
        buf_free(&in);
        buf_free(&packed);
        buf_free(&out);
    }
}
END_TEST

START_TEST(members_in_a_row)
{
    struct buf packed = BUF_INIT(1000), out = BUF_INIT(1000);
    struct fct_err err = {0};

    ck_assert(gzip_pack(FCT_STR("one"), &packed) && gzip_pack(FCT_STR("two"), &packed));
    ck_assert(gzip_unpack(buf_str(&packed), &out, &err));
    assert_text("both", buf_str(&out), FCT_STR("onetwo"));
    buf_free(&packed);
    buf_free(&out);
}
END_TEST

START_TEST(broken_and_bombs)
{
    struct buf in = BUF_INIT(1u << 20), packed = BUF_INIT(1u << 20), out = BUF_INIT(1000);
    struct fct_err err = {0};

    put_times(&in, "0123456789", 100000);
    ck_assert(gzip_pack(buf_str(&in), &packed));
    ck_assert(!gzip_unpack(buf_str(&packed), &out, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    buf_free(&out);
    out = BUF_INIT(2u << 20);
    ck_assert(!gzip_unpack(str_head(buf_str(&packed), packed.n - 9), &out, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    packed.p[packed.n - 6] ^= 1; /* the checksum */
    buf_clear(&out);
    ck_assert(!gzip_unpack(buf_str(&packed), &out, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    buf_clear(&out);
    ck_assert(!gzip_unpack(FCT_STR("{\"a\":1}"), &out, &err));
    ck_assert(!gzip_is(FCT_STR("{\"a\":1}")) && !gzip_is(FCT_STR("\x1f")));
    buf_free(&in);
    buf_free(&packed);
    buf_free(&out);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, there_and_back);
    tcase_add_test(tc, members_in_a_row);
    tcase_add_test(tc, broken_and_bombs);
}

int main(void)
{
    return run_suite("gzip", add);
}
