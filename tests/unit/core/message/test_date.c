/* test_date.c - dates of header fields and of IMAP. */
#include "core/message/date.h"
#include "message_test.h"

START_TEST(dates_as_mail_has_them)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        {"Thu, 1 Jan 1970 00:00:00 +0000", true, 0},
        {"Mon, 5 Jan 2026 10:11:12 +0100", true, 1767604272},
        {"5 Jan 2026 10:11:12 +0100", true, 1767604272},
        {"5 Jan 2026 10:11 +0100", true, 1767604260},
        {"Mon, 05 Jan 2026 09:11:12 GMT", true, 1767604272},
        {"Mon, 5 Jan 2026 04:11:12 EST", true, 1767604272},
        {"Mon, 5 Jan 2026 09:11:12", true, 1767604272},
        {"Mon, 5 Jan 2026 09:11:12 Z (Zulu)", true, 1767604272},
        {"Mon,5 Jan 26 09:11:12 -0000", true, 1767604272},
        {"Mon (day) , 5 Jan (month) 2026 09 : 11 : 12 UT", true, 1767604272},
        {"Mon,\r\n 5 Jan 2026\r\n 10:11:12 +0100", true, 1767604272},
        {"5-Jan-2026 10:11:12 +0100", true, 1767604272},
        {"Fri, 21 Nov 97 09:55:06 -0600", true, 880127706},
        {"Fri, 21 Nov 197 09:55:06 -0600", true, 4035887706}, /* three digits count from 1900 */
        {"Sun, 29 Feb 2004 00:00:00 +0000", true, 1078012800},
        {"Thu, 29 Feb 2001 00:00:00 +0000", false, 0},
        {"31 Apr 2026 00:00:00 +0000", false, 0},
        {"31 Dec 2016 23:59:60 +0000", true, 1483228800},
        {"31 Dec 2016 23:60:00 +0000", false, 0},
        {"31 Dec 2016 24:00:00 +0000", false, 0},
        {"31 Dec 1969 23:59:59 +0000", true, -1},
        {"1 Jan 2026 00:00:00 +00", false, 0},
        {"1 Jan 2026 00:00:00 +0060", false, 0},
        {"0 Jan 2026 00:00:00 +0000", false, 0},
        {"1 Foo 2026 00:00:00 +0000", false, 0},
        {"yesterday", false, 0},
        {"", false, 0},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        int64_t got = 0;
        bool ok = date_parse(str_from(cases[i].text), &got);

        ck_assert_msg(ok == cases[i].ok, "\"%s\"", cases[i].text);
        ck_assert_msg(!ok || got == cases[i].want, "\"%s\": %lld", cases[i].text, (long long)got);
    }
}
END_TEST

START_TEST(internal_dates)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        {" 5-Jan-2026 10:11:12 +0100", true, 1767604272},
        {"05-Jan-2026 10:11:12 +0100", true, 1767604272},
        {"17-Jul-1996 02:44:25 -0700", true, 837596665},
        {"5-Jan-2026 10:11:12 +0100", false, 0},
        {" 5-Jan-2026 10:11:12", false, 0},
        {" 5-Jan-2026 10:11:12 +0100 ", false, 0},
        {" 5-Jan-26 10:11:12 +0100", false, 0},
        {"31-Feb-2026 10:11:12 +0100", false, 0},
        {" 5-Jan-2026 1:11:12 +0100", false, 0},
        {"", false, 0},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        int64_t got = 0;
        bool ok = date_parse_imap(str_from(cases[i].text), &got);

        ck_assert_msg(ok == cases[i].ok, "\"%s\"", cases[i].text);
        ck_assert_msg(!ok || got == cases[i].want, "\"%s\": %lld", cases[i].text, (long long)got);
    }
}
END_TEST

START_TEST(what_is_formatted_can_be_parsed)
{
    static const int64_t fixed[] = {0, -1, 951782400, 4102444800, -62135596800, 253402300799};
    struct buf out = BUF_INIT(64);
    uint32_t seed = 3;

    date_format(1767604272, &out);
    assert_text("format", buf_str(&out), FCT_STR("Mon, 5 Jan 2026 09:11:12 +0000"));
    buf_clear(&out);
    date_format_imap(1767604272, &out);
    assert_text("imap", buf_str(&out), FCT_STR(" 5-Jan-2026 09:11:12 +0000"));
    for (unsigned i = 0; i < 2000; i++) {
        int64_t want = i < FCT_COUNT(fixed) ? fixed[i]
                                            : (int64_t)next_random(&seed) * 250 - 1000000000,
                got;

        buf_clear(&out);
        date_format(want, &out);
        ck_assert(date_parse(buf_str(&out), &got));
        ck_assert_int_eq(got, want);
        buf_clear(&out);
        date_format_imap(want, &out);
        ck_assert(date_parse_imap(buf_str(&out), &got));
        ck_assert_int_eq(got, want);
    }
    buf_clear(&out);
    date_format(INT64_MAX, &out); /* clamped to what four digits can say */
    assert_text("last", buf_str(&out), FCT_STR("Fri, 31 Dec 9999 23:59:59 +0000"));
    buf_free(&out);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, dates_as_mail_has_them);
    tcase_add_test(tc, internal_dates);
    tcase_add_test(tc, what_is_formatted_can_be_parsed);
}

int main(void)
{
    return run_suite("date", add);
}
