/* The n-th disk call fails, for every n: what was acknowledged before is there after a restart,
 * whole; nothing is there in part; with a full disk the store goes on by itself when there is room
 * again. */
#include "fixture.h"

#include <errno.h>
#include <sys/wait.h>

#define MESSAGES 6

static int fail_at, fail_with, calls;
static int report_fd; /* one byte for each acknowledged message */

/* Called from two threads: the loop while opening, the committer later; never at the same time. */
static int fail_nth(enum io_call call)
{
    (void)call;
    if (__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == fail_at)
        return fail_with;
    return 0;
}

static void text_of(int i, char *text, size_t size)
{
    snprintf(text, size, "Subject: %d\r\n\r\n%0*d\r\n", i, 100 + 700 * i, i);
}

/* Deliver; an answer of success is written down at once. */
static void deliver_some(void)
{
    struct store_resolution r;
    char text[8192];

    if (!store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err))
        return;
    WANT(store_resolve(fx_edge, FCT_STR("alice@example.org"), fx_arena, &r, &fx_err));
    for (int i = 0; i < MESSAGES; i++) {
        struct store_copy_for copy = {.account = r.target[0].account};
        struct store_delivery d = {.copy = &copy, .n = 1};
        struct store_delivered done;
        char byte = (char)i;

        text_of(i, text, sizeof text);
        copy.view_size = (uint32_t)strlen(text);
        d.size = strlen(text);
        d.fd = fx_memfd(text, strlen(text));
        if (store_deliver(fx_edge, &d, fx_arena, &done, &fx_err) && done.class == FCT_OK &&
            write(report_fd, &byte, 1) != 1)
            abort();
        close(d.fd);
    }
}

static bool acknowledged[MESSAGES];

static void all_there(void)
{
    struct store_principal p;
    struct store_view v;
    unsigned seen[MESSAGES] = {0};
    bool any = false;

    for (int i = 0; i < MESSAGES; i++)
        any |= acknowledged[i];
    if (!any)
        return;
    p = fx_login("alice@example.org", "secret");
    v = fx_select(p.handle, "INBOX");
    for (uint32_t i = 0; i < v.info.exists; i++) {
        struct buf out = BUF_INIT(1 << 20);
        char want[8192];
        int number = -1;

        WANT(store_read(fx_edge, p.handle, v.info.id, v.record[i].uid, false, 0, 1 << 20, &out,
                        &fx_err));
        buf_put_char(&out, 0);
        ck_assert_int_eq(sscanf(out.p, "Subject: %d", &number), 1);
        ck_assert(number >= 0 && number < MESSAGES);
        text_of(number, want, sizeof want);
        ck_assert_str_eq(out.p, want);
        seen[number]++;
        buf_free(&out);
    }
    store_view_free(&v);
    for (int i = 0; i < MESSAGES; i++)
        ck_assert_msg(!acknowledged[i] || seen[i] == 1, "message %d: acknowledged, there %u times",
                      i, seen[i]);
    fx_check_clean();
}

/* In a process of its own: the store ends itself when only a restart can tell what is on disk. */
static void run_with_fault(int out)
{
    report_fd = out;
    fx_base = event_base_new();
    if (!fiber_setup(fx_base, 256 << 10, 8, &fx_err))
        abort();
    io_fault = fail_nth;
    if (!server_open(fx_base, &fx_conf, fx_dir, true, &fx_server, &fx_err))
        _exit(0);
    fx_admin = fx_connect(ROLE_CTL, 0);
    fx_edge = fx_connect(ROLE_EDGE, 0);
    fx_in_fiber(deliver_some);
    _exit(calls < fail_at ? 1 : 0); /* 1: the fault lies behind the end */
}

static void verify(void)
{
    fx_open();
    fx_in_fiber(all_there);
    fx_close();
    _exit(0);
}

static int in_child(void (*fn)(int), int fd)
{
    pid_t pid = fork();
    int status;

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        fn(fd);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void verify_fd(int fd)
{
    (void)fd;
    verify();
}

/* False when there is no n-th call any more. */
static bool one_round(int n, int error)
{
    int fd[2], result;
    char byte;

    memcpy(fx_dir + sizeof fx_dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(fx_dir));
    ck_assert_int_eq(pipe(fd), 0);
    fail_at = n;
    fail_with = error;
    calls = 0;
    result = in_child(run_with_fault, fd[1]);
    close(fd[1]);
    ck_assert_msg(result >= 0, "call %d: the store crashed", n);
    memset(acknowledged, 0, sizeof acknowledged);
    while (read(fd[0], &byte, 1) == 1)
        acknowledged[(int)byte] = true;
    close(fd[0]);
    ck_assert_msg(in_child(verify_fd, -1) == 0, "call %d with %s", n, strerror(error));
    fx_wipe();
    return result != 1;
}

static void every_call(int error)
{
    int n = 1;

    while (one_round(n, error) && n < 200)
        n++;
    ck_assert_int_gt(n, 2 * MESSAGES); /* at least a write and a sync for each */
    ck_assert_int_lt(n, 200);
}

START_TEST(test_every_call_fails_with_eio)
{
    every_call(EIO);
}
END_TEST

START_TEST(test_every_call_fails_with_enospc)
{
    every_call(ENOSPC);
}
END_TEST

static int full_from, full_to;

static int disk_full(enum io_call call)
{
    int n = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);

    return call == IO_WRITE && n >= full_from && n < full_to ? ENOSPC : 0;
}

/* Full, then room again: refused with a reason meanwhile, no restart needed, nothing in between is
 * visible. */
static void full_disk(void)
{
    struct store_principal p;
    struct store_view v;
    struct store_copy_for copy = {.view_size = 4};
    struct store_delivery d = {.copy = &copy, .n = 1, .size = 4};
    struct store_delivered done;
    struct store_resolution r;

    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "before", "id"), 1);
    WANT(store_resolve(fx_edge, FCT_STR("alice@example.org"), fx_arena, &r, &fx_err));
    copy.account = r.target[0].account;
    d.fd = fx_memfd("full", 4);
    calls = 0;
    full_from = 0;
    full_to = 1000;
    io_fault = disk_full;
    for (int i = 0; i < 3; i++) {
        ck_assert(!store_deliver(fx_edge, &d, fx_arena, &done, &fx_err));
        ck_assert_int_eq(fx_err.class, FCT_TEMP);
        ck_assert_str_eq(fx_err.text, "disk full");
    }
    io_fault = NULL;
    close(d.fd);
    p = fx_login("alice@example.org", "secret");
    v = fx_select(p.handle, "INBOX");
    ck_assert_uint_eq(v.info.exists, 1);
    ck_assert_uint_eq(v.info.uid_next, 2);
    store_view_free(&v);
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "after", "id"), 2);
    fx_check_clean();
}

START_TEST(test_full_disk)
{
    fx_test(full_disk);
    io_fault = NULL;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("faults");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    fx_conf.segment_size.bytes = 4096; /* segments change on the way */
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_every_call_fails_with_eio);
    tcase_add_test(t, test_every_call_fails_with_enospc);
    tcase_add_test(t, test_full_disk);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
