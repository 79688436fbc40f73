/* test_ctl_socket.c - the control socket: its mode, long folders, and what a client without a
 * server hears. */
#include "core/ctl/ctl_socket.h"

#include "core/ctl/ctl.h"

#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], deep[400];

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/facteur-ctl.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    /* longer than sockaddr_un can hold */
    (void)snprintf(deep, sizeof deep, "%s/%0150d", folder, 7);
    ck_assert_int_eq(mkdir(deep, 0700), 0);
}

static void clean_up(void)
{
    ck_assert_int_eq(rmdir(deep), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(a_socket_in_a_long_folder_can_be_reached)
{
    char path[500], before[400], after[400];
    struct fct_err err = {0};
    struct stat st;
    int server, client, again;

    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    ck_assert_msg(ctl_socket_listen(deep, &server, &err), "%s", err.text);
    (void)snprintf(path, sizeof path, "%s/%s", deep, CTL_SOCKET);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_msg(ctl_connect(deep, &client, &err), "%s", err.text);
    again = accept(server, NULL, NULL);
    ck_assert_int_ge(again, 0);
    ck_assert_ptr_nonnull(getcwd(after, sizeof after));
    ck_assert_str_eq(before, after);
    close(again);
    close(client);
    close(server);
    /* the socket of a dead server is in the way of nobody */
    ck_assert(!ctl_connect(deep, &client, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "no server runs in"));
    ck_assert_msg(ctl_socket_listen(deep, &server, &err), "%s", err.text);
    close(server);
    ctl_socket_remove(deep);
    ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

START_TEST(no_server_is_said_clearly)
{
    struct fct_err err = {0};
    int fd = 0;

    ck_assert(!ctl_connect(folder, &fd, &err));
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(err.class, FCT_TEMP);
    ck_assert_ptr_nonnull(strstr(err.text, "no server runs in"));
    ck_assert(!ctl_connect("/nonexistent/folder", &fd, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "no server runs in"));
    ck_assert(!ctl_socket_listen("/nonexistent/folder", &fd, &err));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_socket");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, set_up, clean_up);
    tcase_add_test(tc, a_socket_in_a_long_folder_can_be_reached);
    tcase_add_test(tc, no_server_is_said_clearly);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
