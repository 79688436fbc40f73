/* test_imap_decode.c - decoding by pieces gives what decoding the whole gives, wherever the pieces
 * end. */
#include "imap_test.h"
#include "protocols/imap/imap_decode.h"

static uint32_t rnd(uint32_t below)
{
    static uint64_t x = 1181783497276652981u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 32) % below;
}

static void check_pieces(enum transfer transfer, struct fct_str in)
{
    FCT_CLEANUP(buf_free) struct buf want = BUF_INIT(1u << 20), got = BUF_INIT(1u << 20);
    struct imap_decoder d = IMAP_DECODER(transfer, 1000);
    size_t step;

    ck_assert(transfer_decode(transfer, in, &want));
    for (size_t at = 0; at < in.n; at += step) {
        step = 1 + rnd(9);
        buf_put_str(&d.carry, str_head(str_skip(in, at), step));
        ck_assert(imap_decode(&d, at + step >= in.n, &got));
    }
    ck_assert_uint_eq(d.carry.n, 0);
    ck_assert_msg(str_equal(buf_str(&got), buf_str(&want)), "%.*s", FCT_FMT(in));
    buf_free(&d.carry);
}

START_TEST(broken_and_whole)
{
    static const char *const base64[] = {"",     "QUJD",  "QUI=", "QQ==QUJD", "Q U\r\nJ\tD!QQ",
                                         "====", "A=BC=D"};
    static const char *const quoted[] = {"",           "a=\r\nb",   "a =\r\n b \r\n", "=41=4",
                                         "=\r\n=\r\n", "a=ZZ\r\n=", "tail  \t",       "x\n\ny\r"};

    for (size_t i = 0; i < FCT_COUNT(base64); i++)
        for (int k = 0; k < 20; k++)
            check_pieces(TRANSFER_BASE64, str_from(base64[i]));
    for (size_t i = 0; i < FCT_COUNT(quoted); i++)
        for (int k = 0; k < 20; k++)
            check_pieces(TRANSFER_QUOTED_PRINTABLE, str_from(quoted[i]));
    check_pieces(TRANSFER_IDENTITY, FCT_STR("as it is =\r\n"));
}
END_TEST

START_TEST(at_random)
{
    static const char letters[] = "ABab01+/== \r\n\t!=4";
    char text[400];

    for (int round = 0; round < 3000; round++) {
        size_t n = rnd(sizeof text);

        for (size_t i = 0; i < n; i++)
            text[i] = letters[rnd(sizeof letters - 1)];
        check_pieces(round % 2 ? TRANSFER_BASE64 : TRANSFER_QUOTED_PRINTABLE,
                     (struct fct_str){text, n});
    }
}
END_TEST

/* A line without an end does not fill memory. */
START_TEST(the_carry_is_bounded)
{
    struct imap_decoder d = IMAP_DECODER(TRANSFER_QUOTED_PRINTABLE, 65536);
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(16u << 20);
    static char piece[65536];

    memset(piece, 'x', sizeof piece);
    for (int i = 0; i < 100; i++) {
        ck_assert(buf_put(&d.carry, piece, sizeof piece));
        ck_assert(imap_decode(&d, i == 99, &out));
        ck_assert_uint_le(d.carry.n, IMAP_DECODE_CARRY);
    }
    ck_assert_uint_eq(out.n, 100 * sizeof piece);
    buf_free(&d.carry);
}
END_TEST

IMAP_TESTS("imap_decode", broken_and_whole, at_random, the_carry_is_bounded)
