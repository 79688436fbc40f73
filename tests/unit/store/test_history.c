/* Originals as descriptors that nobody can change; the history of deliveries, in pages; another
 * account instead of a login. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

static void add_account(const char *address)
{
    WANT(store_account_add(fx_admin, str_from(address), FCT_STR("x"), &fx_err));
}

static uint64_t email_of(struct store_principal p, const char *mailbox, uint32_t index)
{
    struct store_view v = fx_select(p.handle, mailbox);
    uint64_t email;

    ck_assert(index < v.info.exists);
    email = v.record[index].email_id;
    store_view_free(&v);
    return email;
}

/* Reads as `want`, and cannot be written by whoever holds it. */
static void holds(int fd, uint64_t size, struct fct_str want)
{
    char *bytes = malloc(size + 1);

    ck_assert_uint_eq(size, want.n);
    ck_assert_int_eq(pread(fd, bytes, size + 1, 0), (ssize_t)size);
    ck_assert(memcmp(bytes, want.p, want.n) == 0);
    ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
    ck_assert(ftruncate(fd, 0) != 0);
    free(bytes);
    close(fd);
}

static void small(void)
{
    struct store_principal p;
    const struct uid_range one = {1, 1};
    struct store_copied copied;
    struct store_view v;
    uint64_t size, email;
    int fd;

    add_account("a@example.org");
    add_account("b@example.org");
    fx_deliver("a@example.org", "", "Subject: x\r\n\r\nbody", "id");
    p = fx_login("a@example.org", "x");
    email = email_of(p, "INBOX", 0);
    WANT(store_original(fx_edge, p.handle, email, &fd, &size, &fx_err));
    holds(fd, size, FCT_STR("Subject: x\r\n\r\nbody"));
    /* It keeps its number when it moves. */
    v = fx_select(p.handle, "INBOX");
    WANT(store_copy(fx_edge, p.handle, v.info.id, (struct uid_set){&one, 1}, FCT_STR("Junk"), true,
                    fx_arena, &copied, &fx_err));
    store_view_free(&v);
    ck_assert_uint_eq(email_of(p, "Junk", 0), email);
    WANT(store_original(fx_edge, p.handle, email, &fd, &size, &fx_err));
    holds(fd, size, FCT_STR("Subject: x\r\n\r\nbody"));
    /* Nobody else's, and none that is not there. */
    ck_assert(!store_original(fx_edge, p.handle, email + 1, &fd, &size, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    p = fx_login("b@example.org", "x");
    ck_assert(!store_original(fx_edge, p.handle, email, &fd, &size, &fx_err));
    ck_assert(!store_original_of(fx_edge, 16, email, &fd, &size, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
}

START_TEST(test_small_original)
{
    fx_test(small);
}
END_TEST

static void large(void)
{
    size_t n = (3u << 20) + 5;
    char *text = malloc(n + 1);
    struct store_principal p;
    uint64_t size;
    int fd;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 23);
    text[n] = 0;
    add_account("a@example.org");
    fx_deliver("a@example.org", "", text, "id");
    p = fx_login("a@example.org", "x");
    WANT(store_original(fx_edge, p.handle, email_of(p, "INBOX", 0), &fd, &size, &fx_err));
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    holds(fd, size, (struct fct_str){text, n});
    free(text);
}

START_TEST(test_large_original)
{
    fx_test(large);
}
END_TEST

static void spool(void)
{
    char bytes[8] = "";
    int fd, reader;

    WANT(store_spool_pair(fx_edge, &fd, &reader, &fx_err));
    ck_assert_int_eq(write(fd, "mail", 4), 4);
    ck_assert_int_eq(pread(reader, bytes, 8, 0), 4);
    ck_assert_str_eq(bytes, "mail");
    ck_assert_int_eq(pwrite(reader, "x", 1, 0), -1);
    close(fd);
    close(reader);
}

START_TEST(test_spool_pair)
{
    fx_test(spool);
}
END_TEST

/* ---- history ---- */

static void deliver_from(const char *address, const char *id)
{
    struct store_resolution r;
    struct store_delivered done;
    struct store_copy_for copy = {
        .view_size = 4, .ledger = FCT_STR("ledger"), .recipient = FCT_STR("A+x@example.org")};
    struct store_delivery d = {
        .id = str_from(id),
        .reverse_path = FCT_STR("from@example.net"),
        .client_ip = FCT_STR("192.0.2.1"),
        .helo = FCT_STR("client.example"),
        .login = FCT_STR("me@example.org"),
        .role = 4,
        .size = 4,
        .copy = &copy,
        .n = 1,
    };

    WANT(store_resolve(fx_edge, str_from(address), fx_arena, &r, &fx_err));
    copy.account = r.target[0].account;
    d.fd = fx_memfd("mail", 4);
    WANT(store_deliver(fx_edge, &d, fx_arena, &done, &fx_err));
    close(d.fd);
}

static size_t count_since(int64_t since, const struct store_history_item *last)
{
    struct store_history_place at = {0};
    const struct store_history_item *item;
    size_t n, all = 0;

    do {
        WANT(store_history(fx_admin, since, &at, fx_arena, &item, &n, &fx_err));
        all += n;
        if (n > 0 && last)
            memcpy((void *)(uintptr_t)last, &item[n - 1], sizeof *item);
    } while (n > 0);
    return all;
}

static void pages(void)
{
    struct store_history_item last = {0};
    uint64_t size;
    int fd;

    ck_assert_uint_eq(count_since(0, NULL), 0);
    add_account("z@example.org");
    add_account("empty@example.org");
    add_account("a@example.org");
    for (int i = 0; i < 300; i++)
        deliver_from("z@example.org", "z1");
    deliver_from("a@example.org", "a1");
    ck_assert_uint_eq(count_since(0, &last), 301);
    ck_assert(str_equal(last.account, FCT_STR("a@example.org")));
    ck_assert(str_equal(last.mailbox, FCT_STR("INBOX")));
    ck_assert_uint_eq(last.uid, 1);
    ck_assert(str_equal(last.log_id, FCT_STR("a1")));
    ck_assert(str_equal(last.reverse_path, FCT_STR("from@example.net")));
    ck_assert(str_equal(last.recipient, FCT_STR("A+x@example.org")));
    ck_assert(str_equal(last.client_ip, FCT_STR("192.0.2.1")));
    ck_assert(str_equal(last.helo, FCT_STR("client.example")));
    ck_assert(str_equal(last.login, FCT_STR("me@example.org")));
    ck_assert(str_equal(last.ledger, FCT_STR("ledger")));
    ck_assert_uint_eq(last.role, 4);
    ck_assert_uint_eq(last.size, 4);
    WANT(store_original_of(fx_admin, last.account_id, last.email_id, &fd, &size, &fx_err));
    holds(fd, size, FCT_STR("mail"));
    ck_assert_uint_eq(count_since(last.received + 3600, NULL), 0);
    ck_assert_uint_eq(count_since(last.received - 3600, NULL), 301);
    fx_check_clean();
}

START_TEST(test_history_comes_in_pages)
{
    fx_test(pages);
}
END_TEST

static void not_for_edge(void)
{
    struct store_history_place at = {0};
    const struct store_history_item *item;
    size_t n;

    ck_assert(!store_history(fx_edge, 0, &at, fx_arena, &item, &n, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
}

START_TEST(test_history_is_for_admins)
{
    fx_test(not_for_edge);
}
END_TEST

/* ---- another account ---- */

static void become(void)
{
    struct store_principal p, before;
    struct mailbox_info info;

    add_account("a@example.org");
    add_account("b@example.org");
    fx_deliver("b@example.org", "", "Subject: b\r\n\r\n", "id");
    p = before = fx_login("a@example.org", "x");
    ck_assert(!store_login_as(fx_edge, &p, FCT_STR("c@example.org"), fx_arena, &fx_err));
    ck_assert_uint_eq(p.handle, before.handle);
    WANT(store_login_as(fx_edge, &p, FCT_STR("B@example.org"), fx_arena, &fx_err));
    ck_assert(str_equal(p.name, FCT_STR("b@example.org")));
    WANT(store_mailbox(fx_edge, p.handle, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    ck_assert_uint_eq(info.exists, 1);
    ck_assert(!store_mailbox(fx_edge, before.handle, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    fx_conf.login_as = false;
    ck_assert(!store_login_as(fx_edge, &p, FCT_STR("a@example.org"), fx_arena, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    fx_conf.login_as = true;
}

START_TEST(test_login_as)
{
    fx_test(become);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("history");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_small_original);
    tcase_add_test(t, test_large_original);
    tcase_add_test(t, test_spool_pair);
    tcase_add_test(t, test_history_comes_in_pages);
    tcase_add_test(t, test_history_is_for_admins);
    tcase_add_test(t, test_login_as);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
