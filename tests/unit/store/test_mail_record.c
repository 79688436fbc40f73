/* Stored forms of e-mails: views of both versions, and the number of an e-mail as text. */
#include "store/mail_record.h"

#include "core/base/str.h"
#include "store/store.h"

#include <check.h>

static const struct mail_view view = {
    .edits = {"edits", 5},
    .ledger = {"ledger", 6},
    .reverse_path = {"a@example.org", 13},
    .log_id = {"id", 2},
    .received = 1234567890,
    .size = 77,
    .origin = {.recipient = {"b@example.org", 13},
               .client_ip = {"192.0.2.1", 9},
               .helo = {"client", 6},
               .login = {"me", 2},
               .role = 4},
};

static void check_common(const struct mail_view *v)
{
    ck_assert(str_equal(v->edits, view.edits));
    ck_assert(str_equal(v->ledger, view.ledger));
    ck_assert(str_equal(v->reverse_path, view.reverse_path));
    ck_assert(str_equal(v->log_id, view.log_id));
    ck_assert_int_eq(v->received, view.received);
    ck_assert_uint_eq(v->size, view.size);
}

START_TEST(a_view_comes_back)
{
    struct buf b = BUF_INIT(1000);
    struct mail_view v;

    mail_view_encode(&view, &b);
    ck_assert(mail_view_decode(buf_str(&b), &v));
    check_common(&v);
    ck_assert(str_equal(v.origin.recipient, view.origin.recipient));
    ck_assert(str_equal(v.origin.client_ip, view.origin.client_ip));
    ck_assert(str_equal(v.origin.helo, view.origin.helo));
    ck_assert(str_equal(v.origin.login, view.origin.login));
    ck_assert_uint_eq(v.origin.role, 4);
    for (size_t n = 0; n < b.n; n++)
        ck_assert(!mail_view_decode((struct fct_str){b.p, n}, &v));
    buf_free(&b);
}
END_TEST

/* As stores wrote it before deliveries kept where a message came from. */
START_TEST(a_view_of_version_1_is_read)
{
    struct buf b = BUF_INIT(1000);
    struct mail_view v;

    record_begin(&b, 1);
    pack_str(&b, view.edits);
    pack_str(&b, view.ledger);
    pack_str(&b, view.reverse_path);
    pack_str(&b, view.log_id);
    pack_uint(&b, (uint64_t)view.received);
    pack_uint(&b, view.size);
    record_end(&b);
    ck_assert(mail_view_decode(buf_str(&b), &v));
    check_common(&v);
    ck_assert_uint_eq(v.origin.recipient.n + v.origin.client_ip.n + v.origin.helo.n, 0);
    ck_assert_uint_eq(v.origin.role, 0);
    buf_free(&b);
    record_begin(&b, 4);
    record_end(&b);
    ck_assert(!mail_view_decode(buf_str(&b), &v));
    buf_free(&b);
}
END_TEST

START_TEST(a_view_that_shows_a_message_anew)
{
    struct buf b = BUF_INIT(1000);
    struct mail_view v, anew = view;

    anew.shown_anew = true;
    anew.aside = FCT_STR("edits as delivered");
    mail_view_encode(&view, &b);
    ck_assert(mail_view_decode(buf_str(&b), &v) && !v.shown_anew && v.aside.n == 0);
    buf_clear(&b);
    mail_view_encode(&anew, &b);
    ck_assert(mail_view_decode(buf_str(&b), &v) && v.shown_anew);
    check_common(&v);
    ck_assert(str_equal(v.aside, anew.aside));
    for (size_t n = 0; n < b.n; n++)
        ck_assert(!mail_view_decode((struct fct_str){b.p, n}, &v));
    buf_free(&b);
}
END_TEST

START_TEST(numbers_of_emails_as_text)
{
    static const struct {
        uint64_t number;
        const char *text;
    } cases[] = {
        {0, "m0"},   {1, "m1"},       {15, "mf"},
        {16, "m10"}, {0xabc, "mabc"}, {UINT64_MAX, "mffffffffffffffff"},
    };
    static const char *const refused[] = {"",   "m",  "1",   "x1",  "M1",
                                          "mA", "m ", "m1 ", "m-1", "m10000000000000000"};
    char room[STORE_EMAIL_TEXT];
    uint64_t number;

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        ck_assert(str_equal(store_email_text(cases[i].number, room), str_from(cases[i].text)));
        ck_assert(store_email_parse(str_from(cases[i].text), &number));
        ck_assert(number == cases[i].number);
    }
    for (size_t i = 0; i < FCT_COUNT(refused); i++)
        ck_assert_msg(!store_email_parse(str_from(refused[i]), &number), "%s", refused[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mail_record");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_add_test(t, a_view_comes_back);
    tcase_add_test(t, a_view_of_version_1_is_read);
    tcase_add_test(t, a_view_that_shows_a_message_anew);
    tcase_add_test(t, numbers_of_emails_as_text);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
