/* test_plugin_text.c - the host function text on a message. */
#include "tests/unit/core/plugin/service_rig.h"

#include "core/base/str.h"
#include "core/message/links.h"

#define api  plugin_host
#define call service_rig.call

static const char text[] = "From: a@b.example\r\n"
                           "Content-Type: multipart/mixed; boundary=x\r\n"
                           "\r\n"
                           "--x\r\n"
                           "Content-Type: text/plain; charset=iso-8859-1\r\n"
                           "\r\n"
                           "plain \xE9\r\n"
                           "--x\r\n"
                           "Content-Type: text/html\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "\r\n"
                           "<p>shown</p><p style=3D\"display:none\">hidden</p>\r\n"
                           "--x\r\n"
                           "Content-Type: text/calendar\r\n"
                           "\r\n"
                           "BEGIN:VCALENDAR\r\n"
                           "--x--\r\n";

static struct call_message message;

static void setup(void)
{
    service_rig_start();
    message = (struct call_message){.bytes = {text, sizeof text - 1},
                                    .header_limits = &mime_default_limits.header,
                                    .mime_limits = &mime_default_limits};
    service_rig.tx.message = &message;
    service_rig.services.links = link_default_limits;
    service_rig.services.max_text = 0;
}

START_TEST(both_texts)
{
    struct fct_str shown = api.text(call, FCT_TEXT_SHOWN);

    ck_assert_msg(str_equal(shown, FCT_STR("plain \xC3\xA9\nshown")), "%.*s", FCT_FMT(shown));
    ck_assert(str_equal(api.text(call, FCT_TEXT_HIDDEN), FCT_STR("hidden")));
    ck_assert_ptr_eq(api.text(call, FCT_TEXT_SHOWN).p, shown.p);
    ck_assert_uint_eq(api.text(call, 2).n, 0);
}
END_TEST

START_TEST(the_limit)
{
    service_rig.services.max_text = 8;
    ck_assert_uint_le(api.text(call, FCT_TEXT_SHOWN).n, 8);
}
END_TEST

START_TEST(no_message)
{
    service_rig.tx.message = NULL;
    ck_assert_uint_eq(api.text(call, FCT_TEXT_SHOWN).n, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin_text");
    TCase *tc = tcase_create("text");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, service_rig_stop);
    tcase_add_test(tc, both_texts);
    tcase_add_test(tc, the_limit);
    tcase_add_test(tc, no_message);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
