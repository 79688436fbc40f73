/* test_imap_response.c - strings, flags, sets and dates as they are sent. */
#include "core/message/date.h"
#include "imap_test.h"
#include "protocols/imap/imap_response.h"
#include "store/store.h"

START_TEST(strings)
{
    static const struct {
        const char *in;
        bool utf8;
        const char *string, *astring;
    } cases[] = {
        {"abc", false, "\"abc\"", "abc"},
        {"", false, "\"\"", "\"\""},
        {"a b", false, "\"a b\"", "\"a b\""},
        {"a\"b\\", false, "\"a\\\"b\\\\\"", "\"a\\\"b\\\\\""},
        {"nil", false, "\"nil\"", "\"nil\""},
        {"a]b", false, "\"a]b\"", "a]b"},
        {"a%", false, "\"a%\"", "\"a%\""},
        {"a\r\nb", false, "{4}\r\na\r\nb", "{4}\r\na\r\nb"},
        {"\xc3\xa9", false, "{2}\r\n\xc3\xa9", "{2}\r\n\xc3\xa9"},
        {"\xc3\xa9", true, "\"\xc3\xa9\"", "\"\xc3\xa9\""},
        {"\xc3", true, "{1}\r\n\xc3", "{1}\r\n\xc3"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);

        imap_response_string(&out, str_from(cases[i].in), cases[i].utf8);
        ck_assert_msg(str_equal(buf_str(&out), str_from(cases[i].string)), "%s", cases[i].in);
        buf_clear(&out);
        imap_response_astring(&out, str_from(cases[i].in), cases[i].utf8);
        ck_assert_msg(str_equal(buf_str(&out), str_from(cases[i].astring)), "%s", cases[i].in);
    }
}
END_TEST

START_TEST(nul_goes_as_a_literal)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(100);

    imap_response_string(&out, FCT_STR("a\0b"), true);
    ck_assert(str_equal(buf_str(&out), FCT_STR("{3}\r\na\0b")));
    buf_clear(&out);
    imap_response_nstring(&out, (struct fct_str){0}, false);
    ck_assert(str_equal(buf_str(&out), FCT_STR("NIL")));
}
END_TEST

START_TEST(sets_of_uids)
{
    static const struct {
        uint32_t uid[8];
        size_t n;
        const char *want;
    } cases[] = {
        {{0}, 0, ""},
        {{7}, 1, "7"},
        {{1, 2, 3}, 3, "1:3"},
        {{1, 3, 4, 9}, 4, "1,3:4,9"},
        {{5, 4, 3}, 3, "5,4,3"}, /* COPYUID keeps the order */
        {{4294967294, 4294967295}, 2, "4294967294:4294967295"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);

        imap_response_uids(&out, cases[i].uid, cases[i].n);
        ck_assert_msg(str_equal(buf_str(&out), str_from(cases[i].want)), "%s", cases[i].want);
    }
}
END_TEST

START_TEST(flags)
{
    static const struct fct_str keyword[] = {{"$Label", 6}, {"Junk", 4}};
    static const struct {
        uint16_t flags;
        uint64_t keywords;
        const char *want;
    } cases[] = {
        {0, 0, "()"},
        {FLAG_SEEN, 0, "(\\Seen)"},
        {FLAG_SEEN | FLAG_DRAFT | FLAG_HAS_ATTACHMENT, 0, "(\\Seen \\Draft)"},
        {FLAGS_CLIENT, 3, "(\\Seen \\Answered \\Flagged \\Deleted \\Draft $Label Junk)"},
        {0, 2, "(Junk)"},
        {0, 4, "()"}, /* a bit the table does not have */
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        char room[IMAP_WRITE_FLAGS + 12], *end;

        end = imap_write_flags(room, cases[i].flags, cases[i].keywords, keyword, 2);
        ck_assert_msg(str_equal(str_between(room, end), str_from(cases[i].want)), "%s",
                      cases[i].want);
    }
}
END_TEST

/* What is written is read back, over the whole range; leap days included. */
START_TEST(dates_come_back)
{
    for (uint64_t at = 0; at <= UINT32_MAX; at += 86400 * 13 + 12345) {
        char room[IMAP_WRITE_DATE], *end = imap_write_date(room, (uint32_t)at);
        int64_t back = -1;

        ck_assert_int_eq(end - room, IMAP_WRITE_DATE);
        ck_assert(date_parse_imap(str_between(room + 1, end - 1), &back));
        ck_assert_int_eq(back, (int64_t)at);
    }
}
END_TEST

START_TEST(numbers)
{
    char room[IMAP_WRITE_U64];

    ck_assert(str_equal(str_between(room, imap_write_u32(room, 0)), FCT_STR("0")));
    ck_assert(
        str_equal(str_between(room, imap_write_u32(room, UINT32_MAX)), FCT_STR("4294967295")));
    ck_assert(str_equal(str_between(room, imap_write_u64(room, UINT64_MAX)),
                        FCT_STR("18446744073709551615")));
}
END_TEST

IMAP_TESTS("imap_response", strings, nul_goes_as_a_literal, sets_of_uids, flags, dates_come_back,
           numbers)
