/* test_ctl_mail.c - messages in files: their form on the wire, the envelope their header lets
 * guess, the class their folder says. */
#include "core/base/str.h"
#include "core/ctl/ctl_lua.h"
#include "core/ctl/ctl_mail.h"

#include <check.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct arena *arena;

static void set_up(void)
{
    arena = arena_new(NULL);
}

static void tear_down(void)
{
    arena_free(&arena);
}

static bool load(const char *text, struct fct_str *message, struct fct_err *err)
{
    char path[] = "/tmp/test_ctl_mail.XXXXXX";
    int fd = mkstemp(path);
    size_t n = strlen(text);
    bool ok;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
    close(fd);
    ok = ctl_mail_load(arena, path, message, err);
    unlink(path);
    return ok;
}

START_TEST(forms_on_the_wire)
{
    static const struct {
        const char *file, *wire;
    } cases[] = {
        {"A: b\n\nc\n", "A: b\r\n\r\nc\r\n"},
        {"A: b\r\n\r\nc\r\n", "A: b\r\n\r\nc\r\n"},
        {"A: b\r\n\nc", "A: b\r\n\r\nc"},
        {"From a@b Mon Jan  5 10:11:12 2026\nA: b\n\nc\n", "A: b\r\n\r\nc\r\n"},
        {"From: a@b\n\nFrom here on\n", "From: a@b\r\n\r\nFrom here on\r\n"},
        {"\n\n", "\r\n\r\n"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str message;
        struct fct_err err = {0};

        ck_assert_msg(load(cases[i].file, &message, &err), "%zu: %s", i, err.text);
        ck_assert_msg(str_equal(message, str_from(cases[i].wire)), "%zu: got %.*s", i,
                      FCT_FMT(message));
    }
}
END_TEST

START_TEST(files_that_are_no_messages)
{
    struct fct_str message;
    struct fct_err err = {0};

    ck_assert(!load("", &message, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "is empty"));
    ck_assert(!ctl_mail_load(arena, "/nowhere/x.eml", &message, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "No such file"));
    ck_assert(!ctl_mail_load(arena, "/", &message, &err));
}
END_TEST

START_TEST(sealed_copies)
{
    struct fct_err err = {0};
    char back[8];
    int fd;

    ck_assert(ctl_mail_seal(FCT_STR("message"), &fd, &err));
    ck_assert_int_eq(pread(fd, back, sizeof back, 0), 7);
    ck_assert_int_eq(memcmp(back, "message", 7), 0);
    ck_assert_int_lt(pwrite(fd, "x", 1, 0), 0);
    ck_assert_int_ne(ftruncate(fd, 0), 0);
    close(fd);
}
END_TEST

START_TEST(envelopes)
{
    static const struct {
        const char *header, *sender, *recipient;
    } cases[] = {
        {"From: A <a@b>\r\nTo: B <b@c>, d@e\r\n", "a@b", "b@c"},
        {"Return-Path: <r@b>\r\nFrom: a@b\r\nDelivered-To: x@c\r\nTo: b@c\r\n", "r@b", "x@c"},
        {"Return-Path: <>\r\nFrom: a@b\r\n", "a@b", "recipient@example.test"},
        {"To: undisclosed:;\r\n", "", "recipient@example.test"},
        {"To: group: b@c, d@e;\r\n", "", "b@c"},
        {"Subject: x\r\n", "", "recipient@example.test"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct ctl_mail_envelope got;

        ctl_mail_guess(arena, arena_printf(arena, "%s\r\nbody\r\n", cases[i].header), &got);
        ck_assert_msg(str_equal(got.sender, str_from(cases[i].sender)), "%zu: got %.*s", i,
                      FCT_FMT(got.sender));
        ck_assert_msg(str_equal(got.recipient, str_from(cases[i].recipient)), "%zu: got %.*s", i,
                      FCT_FMT(got.recipient));
    }
}
END_TEST

START_TEST(folders)
{
    static const struct {
        const char *path;
        enum mail_class class;
    } cases[] = {
        {"mail/spam/1", MAIL_SPAM},         {"mail/ham/1", MAIL_HAM},
        {"mail/1", MAIL_UNSORTED},          {"spam", MAIL_UNSORTED},
        {"mail/Junk/cur/1", MAIL_SPAM},     {"mail/.Junk/cur/1", MAIL_SPAM},
        {"spam/ham/1", MAIL_HAM},           {"ham/spam/deep/er/1", MAIL_SPAM},
        {"/x/spam/1", MAIL_SPAM},           {"mail/not-spam/1", MAIL_HAM},
        {"mail/spammers/1", MAIL_UNSORTED}, {"", MAIL_UNSORTED},
        {"mail/good/spam", MAIL_HAM},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(mail_class_of(str_from(cases[i].path)) == cases[i].class, "%s",
                      cases[i].path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_mail");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, forms_on_the_wire);
    tcase_add_test(tests, files_that_are_no_messages);
    tcase_add_test(tests, sealed_copies);
    tcase_add_test(tests, envelopes);
    tcase_add_test(tests, folders);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
