/* test_transfer_encode.c - bytes into quoted-printable and base64: the rules of the lines, and that
 * decoding gives what went in. */
#include "convert_check.h"
#include "core/message/transfer.h"
#include "core/message/transfer_encode.h"
#include "message_test.h"

START_TEST(quoted_printable_keeps_its_rules)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", ""},
        {"a=b", "a=3Db"},
        {"end \r\ntab\t\r\n \r\n", "end=20\r\ntab=09\r\n=20\r\n"},
        {"a b\tc", "a b\tc"},
        {"last ", "last=20"},
        {"a\rb\nc", "a=0Db=0Ac"},
        {" \r", " =0D"},
        {"--b\r\n-- \r\n- item\r\n", "-=2Db\r\n-=2D=20\r\n- item\r\n"},
        {"\x7F\x01\xFF", "=7F=01=FF"},
        {"123456789012345678901234567890123456789012345678901234567890123456789012345",
         "123456789012345678901234567890123456789012345678901234567890123456789012345"},
        {"1234567890123456789012345678901234567890123456789012345678901234567890123456",
         "123456789012345678901234567890123456789012345678901234567890123456789012345=\r\n6"},
        {"1234567890123456789012345678901234567890123456789012345678901234567890123=",
         "1234567890123456789012345678901234567890123456789012345678901234567890123=\r\n=3D"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t piece = 1; piece < 4; piece++) {
            struct fct_str in = str_from(cases[i].in);
            struct transfer_encoder e = {0};
            struct buf out = BUF_INIT(4096);

            transfer_encoder_start(&e, ENCODE_QUOTED_PRINTABLE);
            for (size_t at = 0; at < in.n; at += piece)
                transfer_encoder_put(&e, str_head(str_skip(in, at), piece), &out);
            transfer_encoder_end(&e, false, &out);
            assert_text(cases[i].in, buf_str(&out), str_from(cases[i].want));
            ck_assert_uint_eq(e.size, out.n);
            transfer_encoder_free(&e);
            buf_free(&out);
        }
}
END_TEST

/* Any bytes, in any pieces, of any length: what decodes is what went in, in lines of 76. */
START_TEST(encoders_lose_nothing)
{
    uint32_t seed = 7;

    for (size_t n = 0; n < 400; n++) {
        enum encoding encoding = n % 2 ? ENCODE_BASE64 : ENCODE_QUOTED_PRINTABLE;
        struct transfer_encoder e = {0};
        struct buf in = BUF_INIT(4096), out = BUF_INIT(16384), back = BUF_INIT(16384);

        for (size_t i = 0; i < n; i++)
            buf_put_char(&in, "\r\n =-a.\xE9"[next_random(&seed) % 8]);
        transfer_encoder_start(&e, encoding);
        for (size_t at = 0, step; at < n; at += step) {
            step = 1 + next_random(&seed) % 70;
            transfer_encoder_put(&e, str_head(str_skip(buf_str(&in), at), step), &out);
        }
        transfer_encoder_end(&e, true, &out);
        ck_assert(transfer_decode(n % 2 ? TRANSFER_BASE64 : TRANSFER_QUOTED_PRINTABLE,
                                  buf_str(&out), &back));
        assert_text("decoded", buf_str(&back), buf_str(&in));
        ck_assert_uint_le(lines_of(buf_str(&out)).longest, 76);
        ck_assert(!lines_of(buf_str(&out)).has_high && !lines_of(buf_str(&out)).has_lone);
        ck_assert(out.n == 0 || str_ends_nocase(buf_str(&out), FCT_STR("\r\n")));
        transfer_encoder_free(&e);
        buf_free(&in);
        buf_free(&out);
        buf_free(&back);
    }
}
END_TEST

/* What the reader makes of broken encodings stays the same. */
START_TEST(repairs_say_the_same)
{
    static const struct {
        enum encoding encoding;
        const char *in, *want;
    } cases[] = {
        {ENCODE_REPAIR_QUOTED_PRINTABLE, "a=3D\xE9", "a=3D=E9"},
        {ENCODE_REPAIR_QUOTED_PRINTABLE, "soft= \r\nbreak \xE9 \r\n", "softbreak =E9\r\n"},
        {ENCODE_REPAIR_QUOTED_PRINTABLE, "=E", "=3DE"},
        {ENCODE_REPAIR_QUOTED_PRINTABLE, "a=\r\n", "a"},
        {ENCODE_REPAIR_QUOTED_PRINTABLE, "", ""},
        {ENCODE_REPAIR_BASE64, "aGVs\xE9 bG8=\r\naGk=", "aGVsbG8=aGk="},
        {ENCODE_REPAIR_BASE64, "\xE9", ""},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t piece = 1; piece < 8; piece += 3) {
            enum transfer transfer = cases[i].encoding == ENCODE_REPAIR_BASE64
                                         ? TRANSFER_BASE64
                                         : TRANSFER_QUOTED_PRINTABLE;
            struct fct_str in = str_from(cases[i].in);
            struct transfer_encoder e = {0};
            struct buf out = BUF_INIT(4096), before = BUF_INIT(4096), after = BUF_INIT(4096);

            transfer_encoder_start(&e, cases[i].encoding);
            for (size_t at = 0; at < in.n; at += piece)
                transfer_encoder_put(&e, str_head(str_skip(in, at), piece), &out);
            transfer_encoder_end(&e, false, &out);
            assert_text(cases[i].in, buf_str(&out), str_from(cases[i].want));
            ck_assert(transfer_decode(transfer, in, &before) &&
                      transfer_decode(transfer, buf_str(&out), &after));
            assert_text(cases[i].in, buf_str(&after), buf_str(&before));
            transfer_encoder_free(&e);
            buf_free(&out);
            buf_free(&before);
            buf_free(&after);
        }
}
END_TEST

START_TEST(a_line_that_never_ends_is_not_repaired)
{
    struct transfer_encoder e = {0};
    struct buf in = BUF_INIT(1 << 20);

    put_times(&in, "abcdefgh", 10000);
    transfer_encoder_start(&e, ENCODE_REPAIR_QUOTED_PRINTABLE);
    transfer_encoder_put(&e, buf_str(&in), NULL);
    transfer_encoder_end(&e, false, NULL);
    ck_assert(e.failed);
    transfer_encoder_free(&e);
    buf_free(&in);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, quoted_printable_keeps_its_rules);
    tcase_add_test(tc, encoders_lose_nothing);
    tcase_add_test(tc, repairs_say_the_same);
    tcase_add_test(tc, a_line_that_never_ends_is_not_repaired);
}

int main(void)
{
    return run_suite("transfer_encode", add);
}
