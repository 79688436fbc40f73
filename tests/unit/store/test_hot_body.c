#include "store/hot_body.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int sealed(const char *text)
{
    int fd = memfd_create("hot", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

static void keep(struct hot_bodies *h, uint64_t entry, const char *text, uint64_t now)
{
    int fd = sealed(text);

    hot_body_keep(h, entry, fd, strlen(text), now);
    close(fd); /* what is kept is its own */
}

static bool taken(struct hot_bodies *h, uint64_t entry, const char *text)
{
    char got[32] = "";
    int fd = hot_body_take(h, entry);

    if (fd < 0)
        return false;
    ck_assert_int_eq(pread(fd, got, sizeof got - 1, 0), (ssize_t)strlen(text));
    ck_assert_str_eq(got, text);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    return true;
}

START_TEST(test_once)
{
    struct hot_bodies *h = hot_bodies_new(100);

    keep(h, 1, "one", 0);
    keep(h, 2, "two", 0);
    ck_assert(!taken(h, 3, ""));
    ck_assert(taken(h, 2, "two") && !taken(h, 2, "two"));
    ck_assert(taken(h, 1, "one") && !taken(h, 1, "one"));
    keep(h, 1, "again", 0);
    ck_assert(taken(h, 1, "again"));
    hot_bodies_free(&h);
    ck_assert_ptr_null(h);
    hot_bodies_free(&h);
}
END_TEST

START_TEST(test_room)
{
    struct hot_bodies *h = hot_bodies_new(10);

    keep(h, 1, "aaaa", 0);
    keep(h, 2, "bbbb", 0);
    keep(h, 3, "cc", 0);
    ck_assert(taken(h, 2, "bbbb")); /* from the middle */
    keep(h, 4, "dddd", 0);
    keep(h, 5, "e", 0); /* the oldest goes */
    ck_assert(!taken(h, 1, "") && taken(h, 3, "cc") && taken(h, 4, "dddd") && taken(h, 5, "e"));
    keep(h, 6, "0123456789", 0);
    keep(h, 7, "0123456789x", 0); /* never fits, and pushes out nothing */
    ck_assert(taken(h, 6, "0123456789") && !taken(h, 7, ""));
    hot_bodies_free(&h);
    h = hot_bodies_new(0);
    keep(h, 1, "off", 0);
    ck_assert(!taken(h, 1, ""));
    hot_bodies_free(&h);
}
END_TEST

START_TEST(test_age)
{
    struct hot_bodies *h = hot_bodies_new(100);

    keep(h, 1, "one", 1000);
    keep(h, 2, "two", 50000);
    hot_bodies_age(h, 60999);
    ck_assert(taken(h, 1, "one"));
    keep(h, 1, "one", 1000);
    hot_bodies_age(h, 61000);
    ck_assert(taken(h, 2, "two"));
    hot_bodies_age(h, 61000);
    ck_assert(!taken(h, 1, "one"));
    hot_bodies_free(&h);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hot bodies");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, test_once);
    tcase_add_test(tc, test_room);
    tcase_add_test(tc, test_age);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
