/* test_sendmail_args.c - the command lines of programs that send mail, taken and refused. */
#include "../message/message_test.h"
#include "core/base/str.h"
#include "core/sendmail/sendmail_args.h"
#include <check.h>

#define WORDS 12

static const struct {
    const char *argv[WORDS];
    enum sendmail_mode mode;
    const char *sender, *name;
    bool from_header, whole;
    int recipients;
} good[] = {
    {{"sendmail", "bob"}, SENDMAIL_SEND, NULL, NULL, false, false, 1},
    {{"/usr/sbin/sendmail", "-t"}, SENDMAIL_SEND, NULL, NULL, true, false, 0},
    {{"sendmail", "-oi", "-f", "a@b", "--", "-bob"}, SENDMAIL_SEND, "a@b", NULL, false, true, 1},
    {{"sendmail", "-fa@b", "-i", "x", "y"}, SENDMAIL_SEND, "a@b", NULL, false, true, 2},
    {{"sendmail", "-ti", "-r", ""}, SENDMAIL_SEND, "", NULL, true, true, 0},
    {{"sendmail", "-FCronDaemon", "-odi", "-oem", "-oi", "-t", "-fr"},
     SENDMAIL_SEND,
     "r",
     "CronDaemon",
     true,
     true,
     0},
    {{"sendmail", "-B", "8BITMIME", "-O", "X=y", "-Am", "-v", "x"},
     SENDMAIL_SEND,
     NULL,
     NULL,
     false,
     false,
     1},
    {{"sendmail", "-bs"}, SENDMAIL_SMTP, NULL, NULL, false, false, 0},
    {{"sendmail", "-bp"}, SENDMAIL_QUEUE, NULL, NULL, false, false, 0},
    {{"/usr/bin/mailq"}, SENDMAIL_QUEUE, NULL, NULL, false, false, 0},
    {{"newaliases"}, SENDMAIL_ALIASES, NULL, NULL, false, false, 0},
    {{"sendmail", "-bi"}, SENDMAIL_ALIASES, NULL, NULL, false, false, 0},
    {{"sendmail", "-q30m"}, SENDMAIL_FLUSH, NULL, NULL, false, false, 0},
    {{"sendmail", "-N", "success,delay", "-R", "full", "-V", "1", "x"},
     SENDMAIL_SEND,
     NULL,
     NULL,
     false,
     false,
     1},
};

static bool parse(const char *const *argv, struct sendmail_args *out, struct fct_err *err)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return sendmail_args_parse(argv[0], argc, (char **)(uintptr_t)argv, out, err);
}

START_TEST(takes)
{
    struct sendmail_args a;
    struct fct_err err = {0};

    ck_assert_msg(parse(good[_i].argv, &a, &err), "%s", err.text);
    ck_assert_int_eq(a.mode, good[_i].mode);
    ck_assert_pstr_eq(a.sender, good[_i].sender);
    ck_assert_pstr_eq(a.name, good[_i].name);
    ck_assert(a.from_header == good[_i].from_header && a.whole == good[_i].whole);
    ck_assert_int_eq(a.recipients, good[_i].recipients);
}
END_TEST

static const char *const bad[][WORDS] = {
    {"sendmail", "-f"},
    {"sendmail", "-bd"},
    {"sendmail", "-bz"},
    {"sendmail", "-b"},
    {"sendmail", "-Z", "x"},
    {"sendmail", "-N", "often", "x"},
    {"sendmail", "-N", "delay,delay", "x"},
    {"sendmail", "-N", "never,delay", "x"},
    {"sendmail", "-R", "half"},
    {"sendmail", "-V", ""},
    {"sendmail", "-tx"},
};

START_TEST(refuses)
{
    struct sendmail_args a;
    struct fct_err err = {0};

    ck_assert(!parse(bad[_i], &a, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    ck_assert(err.text[0]);
}
END_TEST

static void add(TCase *c)
{
    tcase_add_loop_test(c, takes, 0, FCT_COUNT(good));
    tcase_add_loop_test(c, refuses, 0, FCT_COUNT(bad));
}

int main(void)
{
    return run_suite("sendmail_args", add);
}
