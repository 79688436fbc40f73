/* Mailboxes: the set made with an account, names, creating, renaming, deleting, subscribing;
 * appending; quota. */
#include "fixture.h"

static struct store_principal alice;

static void one_account(void)
{
    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    alice = fx_login("alice@example.org", "secret");
}

/* All names in order of creation, with a mark for those that are only parents. */
static void list_is(const char *want)
{
    const struct mailbox_info *info;
    struct buf names = BUF_INIT(10000);
    size_t n;

    WANT(store_mailboxes(fx_edge, alice.handle, fx_arena, &info, &n, &fx_err));
    for (size_t i = 6; i < n; i++) /* behind the default set */
        buf_printf(&names, "%.*s%s ", FCT_FMT(info[i].name), info[i].selectable ? "" : "(no)");
    ck_assert_msg(str_equal(buf_str(&names), str_from(want)), "got %.*s want %s", (int)names.n,
                  names.p, want);
    buf_free(&names);
}

static bool create(const char *name)
{
    uint64_t id;

    return store_mailbox_create(fx_edge, alice.handle, str_from(name), MAILBOX_PLAIN, &id, &fx_err);
}

static void default_set(void)
{
    static const struct {
        const char *name;
        enum mailbox_role role;
    } want[] = {{"INBOX", MAILBOX_INBOX}, {"Drafts", MAILBOX_DRAFTS}, {"Sent", MAILBOX_SENT},
                {"Junk", MAILBOX_JUNK},   {"Trash", MAILBOX_TRASH},   {"Archive", MAILBOX_ARCHIVE}};
    const struct mailbox_info *info;
    uint64_t id;
    size_t n;

    one_account();
    WANT(store_mailboxes(fx_edge, alice.handle, fx_arena, &info, &n, &fx_err));
    ck_assert_uint_eq(n, FCT_COUNT(want));
    for (size_t i = 0; i < n; i++) {
        ck_assert(str_equal(info[i].name, str_from(want[i].name)));
        ck_assert_int_eq(info[i].role, want[i].role);
        ck_assert(info[i].subscribed && info[i].selectable && !info[i].has_children);
        ck_assert_uint_eq(info[i].uid_next, 1);
        ck_assert(i == 0 || info[i].uid_validity > info[i - 1].uid_validity);
    }
    ck_assert(!store_mailbox_create(fx_edge, alice.handle, FCT_STR("More"), MAILBOX_JUNK, &id,
                                    &fx_err)); /* taken */
    ck_assert_uint_ne(fx_deliver("alice@example.org", "Quarantine", "x", "q"),
                      0); /* made on demand, with its role */
    WANT(store_mailboxes(fx_edge, alice.handle, fx_arena, &info, &n, &fx_err));
    ck_assert_int_eq(info[6].role, MAILBOX_QUARANTINE);
}

START_TEST(test_default_set)
{
    fx_test(default_set);
}
END_TEST

static void tree(void)
{
    static const char *const bad[] = {"",    "/",    "a//b",  "/a",    "a/",    "a*",
                                      "a%b", "a\tb", "a\xff", "INBOX", "inbox", "Sent"};
    struct mailbox_info info;
    uint32_t old_validity;

    one_account();
    for (size_t i = 0; i < FCT_COUNT(bad); i++)
        ck_assert_msg(!create(bad[i]), "%s", bad[i]);
    WANT(create("a/b/c"));
    WANT(create("a/ü"));
    list_is("a a/b a/b/c a/ü ");
    ck_assert(!create("a/b"));
    /* renaming a parent carries its children along */
    WANT(store_mailbox_rename(fx_edge, alice.handle, FCT_STR("a"), FCT_STR("x/y"), &fx_err));
    list_is("x/y x/y/b x/y/b/c x/y/ü x ");
    ck_assert(!store_mailbox_rename(fx_edge, alice.handle, FCT_STR("x"), FCT_STR("x/y/b/z"),
                                    &fx_err)); /* into itself */
    ck_assert(!store_mailbox_rename(fx_edge, alice.handle, FCT_STR("x"), FCT_STR("Sent"), &fx_err));
    ck_assert(!store_mailbox_rename(fx_edge, alice.handle, FCT_STR("none"), FCT_STR("n"), &fx_err));
    /* RFC 9051 6.3.5: with children the name stays, and may be made again with another UIDVALIDITY
     */
    WANT(store_mailbox(fx_edge, alice.handle, FCT_STR("x/y"), fx_arena, &info, &fx_err));
    old_validity = info.uid_validity;
    WANT(store_mailbox_delete(fx_edge, alice.handle, FCT_STR("x/y"), &fx_err));
    list_is("x/y(no) x/y/b x/y/b/c x/y/ü x ");
    WANT(create("x/y"));
    WANT(store_mailbox(fx_edge, alice.handle, FCT_STR("x/y"), fx_arena, &info, &fx_err));
    ck_assert_uint_gt(info.uid_validity, old_validity);
    WANT(store_mailbox_delete(fx_edge, alice.handle, FCT_STR("x/y/b/c"), &fx_err));
    ck_assert(!store_mailbox_delete(fx_edge, alice.handle, FCT_STR("x/y/b/c"), &fx_err));
    ck_assert(!store_mailbox_delete(fx_edge, alice.handle, FCT_STR("Inbox"), &fx_err));
    WANT(store_mailbox_subscribe(fx_edge, alice.handle, FCT_STR("x"), true, &fx_err));
    WANT(store_mailbox(fx_edge, alice.handle, FCT_STR("x"), fx_arena, &info, &fx_err));
    ck_assert(info.subscribed && info.has_children);
    for (int i = 0; i < 60; i++) {
        char name[20];

        snprintf(name, sizeof name, "m%d", i);
        if (!create(name))
            break;
    }
    ck_assert(!create("one more"));
    ck_assert_int_eq(fx_err.class, FCT_LIMIT);
    fx_check_clean();
}

START_TEST(test_tree)
{
    fx_test(tree);
}
END_TEST

/* RFC 9051 6.3.6 */
static void rename_inbox(void)
{
    struct mailbox_info info;

    one_account();
    for (int i = 0; i < 3; i++)
        fx_deliver("alice@example.org", "", "x", "id");
    WANT(store_mailbox_rename(fx_edge, alice.handle, FCT_STR("INBOX"), FCT_STR("old mail"),
                              &fx_err));
    WANT(store_mailbox(fx_edge, alice.handle, FCT_STR("old mail"), fx_arena, &info, &fx_err));
    ck_assert_uint_eq(info.exists, 3);
    WANT(store_mailbox(fx_edge, alice.handle, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    ck_assert_uint_eq(info.exists, 0);
    ck_assert_uint_eq(info.uid_next, 4); /* UIDs are not used again */
    fx_check_clean();
}

START_TEST(test_rename_inbox)
{
    fx_test(rename_inbox);
}
END_TEST

static void append(void)
{
    const char *text[] = {"first", "second, longer", ""};
    const struct fct_str keyword[] = {FCT_STR("$Forwarded")}, wrong[] = {FCT_STR("a b")};
    struct store_new m[3] = {0};
    uint32_t uid[3], validity;
    struct store_view v;
    struct buf out = BUF_INIT(100);

    one_account();
    for (int i = 0; i < 3; i++)
        m[i] = (struct store_new){.fd = fx_memfd(text[i], strlen(text[i])),
                                  .size = strlen(text[i]),
                                  .internal_date = 1000 + i,
                                  .flags = FLAG_SEEN};
    m[1].keyword = keyword;
    m[1].nkeywords = 1;
    WANT(store_append(fx_edge, alice.handle, FCT_STR("Sent"), m, 3, &validity, uid, &fx_err));
    ck_assert_uint_eq(uid[2], 3);
    v = fx_select(alice.handle, "Sent");
    ck_assert_uint_eq(v.info.exists, 3);
    ck_assert_uint_eq(v.info.unseen, 0);
    ck_assert_uint_eq(v.record[1].internal_date, 1001);
    ck_assert_uint_eq(v.record[1].keywords, 1);
    WANT(store_read(fx_edge, alice.handle, v.info.id, 2, false, 0, 100, &out, &fx_err));
    ck_assert(str_equal(buf_str(&out), FCT_STR("second, longer")));
    /* all or none */
    m[2].keyword = wrong;
    m[2].nkeywords = 1;
    ck_assert(!store_append(fx_edge, alice.handle, FCT_STR("Sent"), m, 3, &validity, uid, &fx_err));
    m[2].nkeywords = 0;
    m[1].size = 1000; /* more than there is */
    ck_assert(
        !store_append(fx_edge, alice.handle, FCT_STR("Sent"), m + 1, 1, &validity, uid, &fx_err));
    ck_assert(
        !store_append(fx_edge, alice.handle, FCT_STR("Nowhere"), m, 1, &validity, uid, &fx_err));
    store_view_free(&v);
    v = fx_select(alice.handle, "Sent");
    ck_assert_uint_eq(v.info.exists, 3);
    store_view_free(&v);
    for (int i = 0; i < 3; i++)
        close(m[i].fd);
    buf_free(&out);
    fx_check_clean();
}

START_TEST(test_append)
{
    fx_test(append);
}
END_TEST

static void quota(void)
{
    uint64_t mod_seq;
    struct store_view v;

    one_account();
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "12345678", "id"), 1);
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "12345678", "id"), 2);
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "12345", "id"), 0); /* 16 + 5 > 20 */
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "1234", "id"), 3);
    v = fx_select(alice.handle, "INBOX");
    WANT(store_expunge(fx_edge, alice.handle, v.info.id,
                       (struct uid_set){&(struct uid_range){1, 1}, 1}, false, &mod_seq, &fx_err));
    store_view_free(&v);
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "12345", "id"), 4);
    fx_check_clean();
}

START_TEST(test_quota)
{
    fx_conf.quota.bytes = 20;
    fx_test(quota);
    fx_conf.quota.bytes = 0;
}
END_TEST

/* More messages than go inline: the records come as shared memory that this side may change and the
 * store does not see. */
static void large_mailbox(void)
{
    struct store_new m = {.size = 1, .fd = fx_memfd("x", 1)};
    struct store_view v, w;
    uint32_t uid, validity;

    one_account();
    for (int i = 0; i < 300; i++)
        WANT(
            store_append(fx_edge, alice.handle, FCT_STR("INBOX"), &m, 1, &validity, &uid, &fx_err));
    close(m.fd);
    v = fx_select(alice.handle, "INBOX");
    ck_assert_uint_eq(v.info.exists, 300);
    ck_assert_uint_gt(v.mapped, 0);
    v.record[299].flags = 7;
    w = fx_select(alice.handle, "INBOX");
    ck_assert_uint_eq(w.record[299].flags, 0);
    ck_assert_uint_eq(w.record[299].uid, 300);
    store_view_free(&v);
    store_view_free(&w);
}

START_TEST(test_large_mailbox)
{
    fx_test(large_mailbox);
}
END_TEST

/* ---- names that are subscribed without a mailbox ---- */

/* Its entry among the mailboxes; NULL: none. */
static const struct mailbox_info *entry(uint32_t principal, const char *name)
{
    const struct mailbox_info *all;
    size_t n;

    WANT(store_mailboxes(fx_edge, principal, fx_arena, &all, &n, &fx_err));
    for (size_t i = 0; i < n; i++)
        if (str_equal(all[i].name, str_from(name)))
            return &all[i];
    return NULL;
}

static void subscribe(uint32_t principal, const char *name, bool on)
{
    WANT(store_mailbox_subscribe(fx_edge, principal, str_from(name), on, &fx_err));
}

static void names_first(void)
{
    struct store_principal p;
    uint64_t id;

    WANT(store_account_add(fx_admin, FCT_STR("names@example.org"), FCT_STR("x"), &fx_err));
    p = fx_login("names@example.org", "x");
    subscribe(p.handle, "no/where", true);
    subscribe(p.handle, "no/where", true);
    ck_assert_uint_eq(entry(p.handle, "no/where")->id, 0);
    ck_assert(!entry(p.handle, "no/where")->selectable);
    ck_assert_ptr_null(entry(p.handle, "no"));
    WANT(store_mailbox_create(fx_edge, p.handle, FCT_STR("short"), MAILBOX_PLAIN, &id, &fx_err));
    subscribe(p.handle, "short", true);
    WANT(store_mailbox_delete(fx_edge, p.handle, FCT_STR("short"), &fx_err));
    subscribe(p.handle, "gone", true);
    subscribe(p.handle, "gone", false);
    ck_assert_ptr_null(entry(p.handle, "gone"));
    ck_assert(!store_mailbox_subscribe(fx_edge, p.handle, FCT_STR("gone"), false, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    ck_assert(!store_mailbox_subscribe(fx_edge, p.handle, FCT_STR("a//b"), true, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_SYNTAX);
}

static void names_later(void)
{
    struct store_principal p = fx_login("names@example.org", "x");
    uint64_t id;

    ck_assert_uint_eq(entry(p.handle, "no/where")->id, 0);
    ck_assert_uint_eq(entry(p.handle, "short")->id, 0);
    WANT(store_mailbox_create(fx_edge, p.handle, FCT_STR("no/where"), MAILBOX_PLAIN, &id, &fx_err));
    ck_assert_uint_eq(entry(p.handle, "no/where")->id, id);
    ck_assert(entry(p.handle, "no/where")->subscribed);
    subscribe(p.handle, "no/where", false);
    ck_assert(!entry(p.handle, "no/where")->subscribed);
    subscribe(p.handle, "short", false);
    ck_assert_ptr_null(entry(p.handle, "short"));
    fx_check_clean();
}

START_TEST(test_names_stay_subscribed)
{
    memcpy(fx_dir + sizeof fx_dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(fx_dir));
    fx_open();
    fx_in_fiber(names_first);
    fx_close();
    fx_open();
    fx_in_fiber(names_later);
    fx_close();
    fx_wipe();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mailbox");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_names_stay_subscribed);
    tcase_add_test(t, test_default_set);
    tcase_add_test(t, test_tree);
    tcase_add_test(t, test_rename_inbox);
    tcase_add_test(t, test_append);
    tcase_add_test(t, test_quota);
    tcase_add_test(t, test_large_mailbox);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
