/* test_sendmail_message.c - what comes in on standard input, as it goes out: line ends, the end,
 * the header, the recipients. */
#include "../message/message_test.h"
#include "core/base/str.h"
#include "core/sendmail/sendmail_message.h"
#include <check.h>
#include <unistd.h>

static const struct {
    const char *in;
    bool whole;
    const char *out;
} reads[] = {
    {"a\nb\n", false, "a\r\nb\r\n"},         {"a\r\nb", false, "a\r\nb\r\n"},
    {"a\n.\nb\n", false, "a\r\n"},           {"a\n.\r\nb\n", false, "a\r\n"},
    {"a\n.\nb\n", true, "a\r\n.\r\nb\r\n"},  {".a\n..\n.", false, ".a\r\n..\r\n"},
    {"a.\n.\rb\n", false, "a.\r\n.\rb\r\n"}, {"", false, ""},
};

static void read_text(const char *text, bool whole, struct buf *out)
{
    struct fct_err err = {0};
    int fd[2];

    ck_assert(pipe(fd) == 0);
    ck_assert(write(fd[1], text, strlen(text)) == (ssize_t)strlen(text));
    close(fd[1]);
    ck_assert(sendmail_message_read(fd[0], whole, out, &err));
    close(fd[0]);
}

START_TEST(reading)
{
    struct buf out;

    read_text(reads[_i].in, reads[_i].whole, &out);
    ck_assert_msg(str_equal(buf_str(&out), str_from(reads[_i].out)), "%.*s",
                  FCT_FMT(buf_str(&out)));
    buf_free(&out);
}
END_TEST

static const struct {
    const char *in;
    const char *recipients; /* with a space between; NULL: refused */
    const char *has, *has_not;
} makes[] = {
    {"To: bob\r\n\r\nx\r\n", "bob@host.example", "From: \"Al\" <al@host.example>\r\n", NULL},
    {"To: a@b.example, \"c d\"@e.example\r\nCc: G: f@g;\r\n\r\n",
     "a@b.example \"c d\"@e.example f@g", "Message-ID: <", NULL},
    {"Bcc: z@y.example\r\n\r\nx", "z@y.example", "\r\nx", "Bcc"},
    {"To: a@b\r\nResent-To: c@d\r\nResent-Bcc: e@f\r\n\r\n", "c@d e@f", "Resent-To: c@d",
     "Resent-Bcc"},
    {"From: me@x\r\nDate: now\r\nMessage-ID: <1>\r\nTo: a@b\r\n\r\n", "a@b",
     "From: me@x\r\nDate: now", "al@host"},
    {"no header\r\n", "", "\r\n\r\nno header\r\n", NULL},
    {"From al Mon\r\nSubject: s\r\n\r\nx", "", "Subject: s\r\n\r\nx", "Mon"},
    {"Subject: only a header\r\n", "", "only a header\r\n\r\n", NULL},
    {"To: <broken\r\n\r\n", NULL, NULL, NULL},
};

START_TEST(making)
{
    const struct sendmail_author author = {FCT_STR("al@host.example"), FCT_STR("Al"),
                                           FCT_STR("host.example")};
    struct arena *arena = arena_new(NULL);
    FCT_CLEANUP(buf_free) struct buf all = BUF_INIT(4096);
    struct sendmail_made made;
    struct fct_err err = {0};
    bool ok = sendmail_message_make(arena, str_from(makes[_i].in), true, &author, &made, &err);

    ck_assert_msg(ok == (makes[_i].recipients != NULL), "%s", err.text);
    for (size_t i = 0; ok && i < made.recipients; i++)
        buf_printf(&all, "%s%.*s", i ? " " : "", FCT_FMT(made.recipient[i]));
    if (ok) {
        ck_assert_msg(str_equal(buf_str(&all), str_from(makes[_i].recipients)), "%.*s",
                      FCT_FMT(buf_str(&all)));
        ck_assert(str_find(buf_str(&made.message), str_from(makes[_i].has)) >= 0);
        ck_assert(!makes[_i].has_not ||
                  str_find(buf_str(&made.message), str_from(makes[_i].has_not)) < 0);
    }
    buf_free(&made.message);
    arena_free(&arena);
}
END_TEST

START_TEST(addresses)
{
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};
    struct fct_str out;

    ck_assert(sendmail_address(arena, FCT_STR("root"), FCT_STR("h.example"), &out, &err));
    ck_assert(str_equal(out, FCT_STR("root@h.example")));
    ck_assert(sendmail_address(arena, FCT_STR(" <a@b> "), FCT_STR("h"), &out, &err));
    ck_assert(str_equal(out, FCT_STR("a@b")));
    ck_assert(!sendmail_address(arena, FCT_STR("a b@c"), FCT_STR("h"), &out, &err));
    ck_assert(!sendmail_address(arena, FCT_STR("a\r\nRCPT TO:<x>"), FCT_STR("h"), &out, &err));
    ck_assert(!sendmail_address(arena, FCT_STR(""), FCT_STR("h"), &out, &err));
    ck_assert(!sendmail_address(arena, FCT_STR("\"a\r\nQUIT\"@b"), FCT_STR("h"), &out, &err));
    arena_free(&arena);
}
END_TEST

static void add(TCase *c)
{
    tcase_add_loop_test(c, reading, 0, FCT_COUNT(reads));
    tcase_add_loop_test(c, making, 0, FCT_COUNT(makes));
    tcase_add_test(c, addresses);
}

int main(void)
{
    return run_suite("sendmail_message", add);
}
