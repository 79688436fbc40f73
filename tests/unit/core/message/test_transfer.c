/* test_transfer.c - transfer encodings and charsets. */
#include "core/base/base64.h"
#include "core/base/utf8.h"
#include "core/message/transfer.h"
#include "message_test.h"

#define REPLACEMENT "\xEF\xBF\xBD"

START_TEST(encodings_are_known_by_name)
{
    ck_assert_int_eq(transfer_from_name(FCT_STR("Base64")), TRANSFER_BASE64);
    ck_assert_int_eq(transfer_from_name(FCT_STR("QUOTED-printable")), TRANSFER_QUOTED_PRINTABLE);
    ck_assert_int_eq(transfer_from_name(FCT_STR("7bit")), TRANSFER_IDENTITY);
    ck_assert_int_eq(transfer_from_name(FCT_STR("x-uuencode")), TRANSFER_IDENTITY);
    ck_assert_int_eq(transfer_from_name(FCT_STR("")), TRANSFER_IDENTITY);
}
END_TEST

START_TEST(broken_input_decodes_as_far_as_it_goes)
{
    static const struct {
        enum transfer encoding;
        const char *in, *want;
    } cases[] = {
        {TRANSFER_BASE64, "aGVsbG8=", "hello"},
        {TRANSFER_BASE64, "aGVs\r\nbG8=\r\n", "hello"},
        {TRANSFER_BASE64, "aGVsbG8", "hello"},
        {TRANSFER_BASE64, "aG Vs*b!G8=", "hello"},
        {TRANSFER_BASE64, "aGVsbG8=IHdvcmxk", "hello world"},
        {TRANSFER_BASE64, "aGk=aGk=", "hihi"},
        {TRANSFER_BASE64, "a", ""},
        {TRANSFER_BASE64, "====", ""},
        {TRANSFER_BASE64, "", ""},
        {TRANSFER_QUOTED_PRINTABLE, "a=3Db", "a=b"},
        {TRANSFER_QUOTED_PRINTABLE, "a=3db", "a=b"},
        {TRANSFER_QUOTED_PRINTABLE, "soft=\r\nbreak", "softbreak"},
        {TRANSFER_QUOTED_PRINTABLE, "soft= \t\r\nbreak", "softbreak"},
        {TRANSFER_QUOTED_PRINTABLE, "soft=\nbreak", "softbreak"},
        {TRANSFER_QUOTED_PRINTABLE, "end  \r\nnext\t\n", "end\r\nnext\n"},
        {TRANSFER_QUOTED_PRINTABLE, "50=% =ZZ =A", "50=% =ZZ =A"},
        {TRANSFER_QUOTED_PRINTABLE, "last=", "last"},
        {TRANSFER_QUOTED_PRINTABLE, "=3D=", "="},
        {TRANSFER_IDENTITY, "as=20is \r\n", "as=20is \r\n"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf out = BUF_INIT(4096);

        ck_assert(transfer_decode(cases[i].encoding, str_from(cases[i].in), &out));
        assert_text(cases[i].in, buf_str(&out), str_from(cases[i].want));
        buf_free(&out);
    }
}
END_TEST

START_TEST(a_full_buffer_is_the_only_failure)
{
    struct buf out = BUF_INIT(8);

    ck_assert(!transfer_decode(TRANSFER_IDENTITY, FCT_STR("123456789"), &out));
    ck_assert(out.overflow);
    buf_clear(&out);
    ck_assert(transfer_decode(TRANSFER_BASE64, FCT_STR("MTIzNDU2Nzg="), &out));
    assert_text("exactly full", buf_str(&out), FCT_STR("12345678"));
    ck_assert(!transfer_decode(TRANSFER_BASE64, FCT_STR("MQ=="), &out));
    buf_clear(&out);
    ck_assert(charset_to_utf8(FCT_STR("iso-8859-1"), FCT_STR("\xF6\xF6\xF6\xF6"), &out));
    ck_assert_uint_eq(out.n, 8);
    buf_clear(&out);
    ck_assert(!charset_to_utf8(FCT_STR("iso-8859-1"), FCT_STR("\xF6\xF6\xF6\xF6\xF6"), &out));
    buf_free(&out);
}
END_TEST

/* What is in front of a line decodes to what is said to be in front of it. */
static void check_lines(enum transfer encoding, struct fct_str text)
{
    struct transfer_line line[4000 / TRANSFER_LINES_APART + 1];
    struct buf out = BUF_INIT(8192), head = BUF_INIT(8192);
    size_t n, before = 0;

    ck_assert_uint_le(text.n, 4000);
    ck_assert(transfer_decode_lines(encoding, text, &out, line, &n));
    ck_assert(transfer_decode(encoding, text, &head));
    ck_assert(str_equal(buf_str(&out), buf_str(&head)));
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_ge(line[i].encoded, before + TRANSFER_LINES_APART);
        ck_assert_int_eq(text.p[line[i].encoded - 1], '\n');
        before = line[i].encoded;
        buf_clear(&head);
        ck_assert(transfer_decode(encoding, str_head(text, before), &head));
        ck_assert_uint_eq(head.n, line[i].decoded);
    }
    buf_free(&out);
    buf_free(&head);
}

START_TEST(lines_are_where_they_are_said_to_be)
{
    static const struct {
        enum transfer encoding;
        const char *pieces[10];
        size_t usual; /* the first ones make clean text */
    } rows[] = {
        {TRANSFER_QUOTED_PRINTABLE,
         {"word", "=3D", "=\r\n", "= \r\n", "\r\n", " \r\n", "\n", "=", "=\n", "\t"},
         5},
        {TRANSFER_BASE64,
         {"abcdEFGH0189+/xyabcdEFGH0189+/xy", "AAAA", "\r\n", "bbbb", "abcdefgh", "\n", "=", "x",
          "yz==\r\n", "-"},
         5},
    };
    struct buf text = BUF_INIT(4000);
    uint32_t seed = 3;

    for (unsigned round = 0; round < 1000; round++) {
        size_t row = round / 2 % 2, pieces = round % 2 ? 10 : rows[row].usual;

        buf_clear(&text);
        while (text.n < 3900)
            buf_put_c(&text, rows[row].pieces[next_random(&seed) % pieces]);
        check_lines(rows[row].encoding, buf_str(&text));
    }
    buf_free(&text);
}
END_TEST

static void encode_qp(struct fct_str in, struct buf *out)
{
    for (size_t i = 0; i < in.n; i++) {
        if (i % 20 == 19)
            buf_put_c(out, "=\r\n");
        buf_printf(out, "=%02X", (unsigned char)in.p[i]);
    }
}

START_TEST(decoding_undoes_encoding)
{
    uint32_t seed = 1;

    for (unsigned round = 0; round < 300; round++) {
        struct buf in = BUF_INIT(4096), encoded = BUF_INIT(65536), out = BUF_INIT(65536);
        size_t n = next_random(&seed) % 400;

        for (size_t i = 0; i < n; i++)
            buf_put_char(&in, (char)next_random(&seed));
        base64_encode(buf_str(&in), &encoded);
        ck_assert(transfer_decode(TRANSFER_BASE64, buf_str(&encoded), &out));
        ck_assert(str_equal(buf_str(&in), buf_str(&out)));
        buf_clear(&encoded);
        buf_clear(&out);
        encode_qp(buf_str(&in), &encoded);
        ck_assert(transfer_decode(TRANSFER_QUOTED_PRINTABLE, buf_str(&encoded), &out));
        ck_assert(str_equal(buf_str(&in), buf_str(&out)));
        buf_free(&in);
        buf_free(&encoded);
        buf_free(&out);
    }
}
END_TEST

/* One character at a time, as RFC 2045 says it. */
static void put_naively(struct fct_str in, struct buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned sextets = 0;
    uint32_t bits = 0;

    for (size_t i = 0; i <= in.n; i++) {
        const char *at = i < in.n && in.p[i] ? strchr(alphabet, in.p[i]) : NULL;

        if (at) {
            bits = bits << 6 | (uint32_t)(at - alphabet);
            sextets++;
        }
        if (sextets < 4 && i < in.n && in.p[i] != '=')
            continue;
        for (unsigned k = 0, have = 6 * sextets; have >= 8; k++, have -= 8)
            buf_put_char(out, (char)(bits >> (have - 8)));
        sextets = 0;
        bits = 0;
    }
}

START_TEST(base64_in_blocks_equals_base64_by_the_character)
{
    static const char pieces[] = "ABYZabyz0189+/ABYZabyz0189+/ABYZabyz0189+/=\r\n \x80";
    uint32_t seed = 7;

    for (size_t round = 0; round < 20000; round++) {
        struct buf out = BUF_INIT(200), want = BUF_INIT(200);
        char text[120];
        size_t n = round % sizeof text, kinds = round % 3 ? sizeof pieces - 1 : 42;

        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = pieces[(seed >> 16) % kinds];
        }
        put_naively((struct fct_str){text, n}, &want);
        ck_assert(transfer_decode(TRANSFER_BASE64, (struct fct_str){text, n}, &out));
        assert_text("decoded", buf_str(&out), buf_str(&want));
        buf_free(&out);
        buf_free(&want);
    }
}
END_TEST

/* Each byte at each place of two blocks, behind a line end. */
START_TEST(each_byte_ends_a_block_of_base64_or_is_in_it)
{
    char text[2 + 76];

    for (unsigned c = 0; c < 256; c++)
        for (size_t at = 2; at < sizeof text; at++) {
            struct buf out = BUF_INIT(200), want = BUF_INIT(200);

            memset(text, 'k', sizeof text);
            memcpy(text, "\r\n", 2);
            text[at] = (char)c;
            put_naively((struct fct_str){text, sizeof text}, &want);
            ck_assert(transfer_decode(TRANSFER_BASE64, (struct fct_str){text, sizeof text}, &out));
            assert_text("decoded", buf_str(&out), buf_str(&want));
            buf_free(&out);
            buf_free(&want);
        }
}
END_TEST

START_TEST(charsets_become_utf8)
{
    static const struct {
        const char *charset, *in, *want;
    } cases[] = {
        {"utf-8", "J\xC3\xB6rg", "J\xC3\xB6rg"},
        {"UTF-8", "J\xF6rg", "J" REPLACEMENT "rg"},
        {"utf-8", "\xE2\x82", REPLACEMENT REPLACEMENT},
        {"utf-8", "\xED\xA0\x80", REPLACEMENT REPLACEMENT REPLACEMENT},
        {"iso-8859-1", "J\xF6rg", "J\xC3\xB6rg"},
        {"ISO-8859-1", "\x80", "\xE2\x82\xAC"}, /* senders mean Windows-1252 */
        {"iso-8859-15", "\xA4", "\xE2\x82\xAC"},
        {"koi8-r", "\xD4\xC5\xD3\xD4", "\xD1\x82\xD0\xB5\xD1\x81\xD1\x82"},
        {"gb2312", "\xB2\xE2\xCA\xD4", "\xE6\xB5\x8B\xE8\xAF\x95"},
        {"shift_jis", "\x83\x65\x83\x58\x83\x67", "\xE3\x83\x86\xE3\x82\xB9\xE3\x83\x88"},
        {"iso-2022-jp", "\x1B$B%F%9%H\x1B(B", "\xE3\x83\x86\xE3\x82\xB9\xE3\x83\x88"},
        {"utf-7", "Fr+APY-sche", "Fr\xC3\xB6sche"},
        {"us-ascii", "plain", "plain"},
        {"us-ascii", "J\xC3\xB6rg", "J\xC3\xB6rg"},
        {"us-ascii", "J\xF6rg", "J\xC3\xB6rg"},
        {"", "J\xF6rg", "J\xC3\xB6rg"},
        {"x-nobody-knows", "J\xC3\xB6rg", "J\xC3\xB6rg"},
        {"utf-8//IGNORE", "J\xF6rg", "J\xC3\xB6rg"}, /* no name: never handed on */
        {"../../evil", "x", "x"},
        {"koi8-r", "", ""},
        {"shift_jis", "a\x83", "a" REPLACEMENT},
    };

    charset_preload();
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf out = BUF_INIT(4096);

        ck_assert(charset_to_utf8(str_from(cases[i].charset), str_from(cases[i].in), &out));
        assert_text(cases[i].charset, buf_str(&out), str_from(cases[i].want));
        buf_free(&out);
    }
}
END_TEST

/* Every byte value in every charset we know gives UTF-8 and ends. */
START_TEST(any_bytes_become_utf8)
{
    static const char *const charsets[] = {"utf-8",    "utf-16",    "utf-7",  "gb18030",
                                           "big5",     "shift_jis", "euc-kr", "iso-2022-jp",
                                           "us-ascii", "ibm437"};
    uint32_t seed = 7;

    for (unsigned round = 0; round < 400; round++) {
        struct buf in = BUF_INIT(4096), out = BUF_INIT(65536);
        size_t n = next_random(&seed) % 300;

        for (size_t i = 0; i < n; i++)
            buf_put_char(&in, (char)(1 + next_random(&seed) % 255));
        ck_assert(
            charset_to_utf8(str_from(charsets[round % FCT_COUNT(charsets)]), buf_str(&in), &out));
        for (size_t i = 0; i < out.n;
             i++) /* UTF-16 may well hold NUL, which utf8_is_valid refuses */
            if (out.p[i] == '\0')
                out.p[i] = ' ';
        ck_assert_msg(utf8_is_valid(buf_str(&out)) || out.n == 0, "%s",
                      charsets[round % FCT_COUNT(charsets)]);
        buf_free(&in);
        buf_free(&out);
    }
}
END_TEST

START_TEST(encoded_words)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"plain text", "plain text"},
        {"", ""},
        {"=?utf-8?q?a_b?=", "a b"},
        {"=?utf-8?Q?J=C3=B6rg?= M", "J\xC3\xB6rg M"},
        {"=?ISO-8859-1?B?SvZyZw==?=", "J\xC3\xB6rg"},
        {"=?iso-8859-1*de?q?J=F6rg?=", "J\xC3\xB6rg"},
        {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?a?=\r\n\t=?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"},
        {"x =?utf-8?q?a?=", "x a"},
        {"=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?=", "J\xC3\xB6rg"}, /* cut inside a character */
        {"=?utf-8?b?SsM=?= =?utf-8?b?tnJn?=", "J\xC3\xB6rg"},
        {"=?utf-8?q?a?= =?iso-8859-1?q?=F6?=", "a\xC3\xB6"},
        {"(=?utf-8?q?a?=)", "(a)"},
        {"=?utf-8?q?sp ace?=", "sp ace"},
        {"=?utf-8?x?a?=", "=?utf-8?x?a?="},
        {"=?utf-8?q?a", "=?utf-8?q?a"},
        {"=?utf-8?q?a?", "=?utf-8?q?a?"},
        {"=??q?a?=", "=??q?a?="},
        {"=?", "=?"},
        {"=?=?=?=", "=?=?=?="},
        {"a = b", "a = b"},
        {"=?utf-8?q?"
         "?=",
         ""},
        {"=?bad charset?q?a?=", "=?bad charset?q?a?="},
        {"=?utf-8?q?=ZZ=3?=", "=ZZ=3"},
        {"J\xF6rg =?utf-8?q?a?=", "J\xC3\xB6rg a"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf out = BUF_INIT(4096);

        ck_assert(encoded_word_decode(str_from(cases[i].in), &out));
        assert_text(cases[i].in, buf_str(&out), str_from(cases[i].want));
        buf_free(&out);
    }
}
END_TEST

START_TEST(twenty_thousand_encoded_words)
{
    struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

    put_times(&in, "=?utf-8?q?ab?= ", 20000);
    ck_assert(encoded_word_decode(buf_str(&in), &out));
    ck_assert_uint_eq(out.n, 2 * 20000 + 1); /* the last space stays */
    buf_free(&in);
    buf_free(&out);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, encodings_are_known_by_name);
    tcase_add_test(tc, broken_input_decodes_as_far_as_it_goes);
    tcase_add_test(tc, a_full_buffer_is_the_only_failure);
    tcase_add_test(tc, decoding_undoes_encoding);
    tcase_add_test(tc, base64_in_blocks_equals_base64_by_the_character);
    tcase_add_test(tc, each_byte_ends_a_block_of_base64_or_is_in_it);
    tcase_add_test(tc, lines_are_where_they_are_said_to_be);
    tcase_add_test(tc, charsets_become_utf8);
    tcase_add_test(tc, any_bytes_become_utf8);
    tcase_add_test(tc, encoded_words);
    tcase_add_test(tc, twenty_thousand_encoded_words);
}

int main(void)
{
    return run_suite("transfer", add);
}
