/* test_ctl_mail_files.c - which files a folder has, and which messages a file has. */
#include "core/ctl/ctl_mail_files.h"

#include "core/base/buf.h"
#include "core/base/str.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- messages of a file ---- */

START_TEST(messages)
{
    static const struct {
        const char *name, *file;
        const char *messages; /* with "|" between them */
    } cases[] = {
        {"empty", "", ""},
        {"one", "Subject: a\n\nb\n", "Subject: a\n\nb\n"},
        {"no mbox", "Subject: a\n\nb\n\nFrom here on\n", "Subject: a\n\nb\n\nFrom here on\n"},
        {"a field first", "From : a\n\nFrom b\n", "From : a\n\nFrom b\n"},
        {"mbox of one", "From a@b Thu\nA: 1\n\nx\n", "From a@b Thu\nA: 1\n\nx\n"},
        {"mbox of two", "From a@b Thu\nA: 1\n\nx\n\nFrom c@d Fri\nB: 2\n\ny\n",
         "From a@b Thu\nA: 1\n\nx\n|From c@d Fri\nB: 2\n\ny\n"},
        {"CRLF", "From a@b Thu\r\nA: 1\r\n\r\nx\r\n\r\nFrom c@d Fri\r\nB: 2\r\n",
         "From a@b Thu\r\nA: 1\r\n\r\nx\r\n|From c@d Fri\r\nB: 2\r\n"},
        {"no empty line before", "From a@b Thu\nA: 1\n\nx\nFrom here on\n",
         "From a@b Thu\nA: 1\n\nx\nFrom here on\n"},
        {"its last line is empty", "From a@b Thu\n\nx\n\n\nFrom c\n\ny\n\n",
         "From a@b Thu\n\nx\n\n|From c\n\ny\n"},
        {"no mbox, its last line is empty", "A: 1\n\nx\n\n", "A: 1\n\nx\n\n"},
        {"quoted", "From a@b Thu\n\nx\n\n>From c\n", "From a@b Thu\n\nx\n\n>From c\n"},
        {"three, one empty", "From a\n\nFrom b\n\nFrom c\n", "From a\n|From b\n|From c\n"},
        {"cut", "From ", "From "},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(1000);
        struct fct_str rest = str_from(cases[i].file), message;

        while (mail_files_next(&rest, &message)) {
            buf_put_c(&got, got.n > 0 ? "|" : "");
            buf_put_str(&got, message);
        }
        ck_assert_msg(str_equal(buf_str(&got), str_from(cases[i].messages)), "%s: %.*s",
                      cases[i].name, FCT_FMT(buf_str(&got)));
    }
}
END_TEST

/* ---- files of a folder ---- */

static char folder[] = "/tmp/facteur-files.XXXXXX";

static void make_file(const char *path)
{
    FILE *f = fopen(path, "w");

    ck_assert_msg(f && fputs("Subject: x\n\n", f) >= 0 && fclose(f) == 0, "%s: %s", path,
                  strerror(errno));
}

static void setup(void)
{
    (void)strncpy(folder + sizeof folder - 7, "XXXXXX", 7);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(mkdir("box", 0700) | mkdir("box/new", 0700) | mkdir("box/tmp", 0700), 0);
    make_file("box/new/2");
    make_file("box/new/10");
    make_file("box/tmp/1");
    make_file("box/.hidden");
    make_file("one.eml");
    ck_assert_int_eq(symlink("../one.eml", "box/link") | symlink("..", "box/loop"), 0);
}

static void teardown(void)
{
    static const char *const files[] = {"box/new/2", "box/new/10", "box/tmp/1", "box/.hidden",
                                        "box/link",  "box/loop",   "one.eml"};

    for (size_t i = 0; i < FCT_COUNT(files); i++)
        (void)unlink(files[i]);
    (void)(rmdir("box/new") | rmdir("box/tmp") | rmdir("box") | chdir("/") | rmdir(folder));
}

static void check(const char *const *word, size_t words, const char *want)
{
    FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(1000);
    struct arena *arena = arena_new(NULL);
    struct mail_files files;
    struct fct_err err = {0};

    if (!mail_files_find(arena, word, words, &files, &err))
        buf_put_c(&got, err.text);
    for (size_t i = 0; i < files.n; i++)
        buf_printf(&got, "%s%s", i ? " " : "", files.path[i].p);
    ck_assert_msg(str_equal(buf_str(&got), str_from(want)), "got %.*s, want %s",
                  FCT_FMT(buf_str(&got)), want);
    arena_free(&arena);
}

START_TEST(files)
{
    check((const char *const[]){"box"}, 1, "box/link box/new/10 box/new/2");
    check((const char *const[]){"one.eml", "box/new"}, 2, "one.eml box/new/10 box/new/2");
    check((const char *const[]){"box/loop"}, 1,
          "box/loop/box/link box/loop/box/new/10 box/loop/box/new/2 box/loop/one.eml");
    check((const char *const[]){"none"}, 1, "none: No such file or directory");
    check((const char *const[]){"/dev/null"}, 1, "/dev/null: is no file and no folder");
    check((const char *const[]){"box/tmp"}, 1, "box/tmp/1");
    ck_assert(mail_files_is_folder("box") && !mail_files_is_folder("one.eml") &&
              !mail_files_is_folder("none"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_mail_files");
    TCase *tc = tcase_create("files");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, messages);
    tcase_add_test(tc, files);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
