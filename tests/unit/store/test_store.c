/* The store as its clients see it: deliver, select, read, flags, sync, copy, move, expunge. */
#include "fixture.h"

static struct store_principal alice;

static void two_accounts(void)
{
    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    WANT(store_account_add(fx_admin, FCT_STR("bob@example.org"), FCT_STR("hidden"), &fx_err));
    alice = fx_login("alice@example.org", "secret");
}

static void read_is(struct store_principal p, uint64_t mailbox, uint32_t uid, const char *want)
{
    struct buf out = BUF_INIT(1 << 20);

    WANT(store_read(fx_edge, p.handle, mailbox, uid, false, 0, 1 << 20, &out, &fx_err));
    ck_assert_uint_eq(out.n, strlen(want));
    ck_assert_mem_eq(out.p, want, out.n);
    buf_free(&out);
}

static void deliver_and_read(void)
{
    struct store_view v;

    two_accounts();
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "Subject: one\r\n\r\nhello\r\n", "id1"),
                      1);
    ck_assert_uint_eq(fx_deliver("Alice+news@Example.ORG", "", "Subject: two\r\n\r\n", "id2"), 2);
    v = fx_select(alice.handle, "inbox");
    ck_assert_uint_eq(v.info.exists, 2);
    ck_assert_uint_eq(v.info.unseen, 2);
    ck_assert_uint_eq(v.info.uid_next, 3);
    ck_assert_uint_eq(v.record[1].uid, 2);
    read_is(alice, v.info.id, 1, "Subject: one\r\n\r\nhello\r\n");
    read_is(alice, v.info.id, 2, "Subject: two\r\n\r\n");
    store_view_free(&v);
    fx_check_clean();
}

START_TEST(test_deliver_and_read)
{
    fx_test(deliver_and_read);
}
END_TEST

static void flags(void)
{
    const struct fct_str keyword[] = {FCT_STR("$Junk"), FCT_STR("work")};
    struct store_changes changes;
    struct store_view v;
    const uint32_t *failed;
    size_t nfailed;
    uint64_t mod_seq, before;

    two_accounts();
    for (int i = 0; i < 5; i++)
        fx_deliver("alice@example.org", "", "x", "id");
    v = fx_select(alice.handle, "INBOX");
    before = v.info.highest_mod_seq;
    WANT(store_flags(
        fx_edge, alice.handle, v.info.id, (struct uid_set){&(struct uid_range){2, 3}, 1}, FLAGS_ADD,
        FLAG_SEEN | FLAG_DELETED, keyword, 2, 0, fx_arena, &failed, &nfailed, &mod_seq, &fx_err));
    ck_assert_uint_gt(mod_seq, before);
    ck_assert_uint_eq(nfailed, 0);
    WANT(store_sync(fx_edge, alice.handle, v.info.id, before, fx_arena, &changes, &fx_err));
    ck_assert_uint_eq(changes.n, 2);
    ck_assert_uint_eq(changes.record[0].uid, 2);
    ck_assert_uint_eq(changes.record[0].flags, FLAG_SEEN | FLAG_DELETED);
    ck_assert_uint_eq(changes.record[0].keywords, 3);
    ck_assert_uint_eq(changes.nkeywords, 2);
    ck_assert(str_equal(changes.keyword[1], FCT_STR("work")));

    /* the same again changes nothing */
    WANT(store_flags(fx_edge, alice.handle, v.info.id,
                     (struct uid_set){&(struct uid_range){2, 3}, 1}, FLAGS_ADD, FLAG_SEEN, NULL, 0,
                     0, fx_arena, &failed, &nfailed, &mod_seq, &fx_err));
    ck_assert_uint_eq(mod_seq, 0);
    /* RFC 7162 3.1.3: 2 and 3 changed since */
    WANT(store_flags(fx_edge, alice.handle, v.info.id, ALL_UIDS, FLAGS_SET, FLAG_FLAGGED, NULL, 0,
                     before, fx_arena, &failed, &nfailed, &mod_seq, &fx_err));
    ck_assert_uint_eq(nfailed, 2);
    ck_assert_uint_eq(failed[0], 2);
    /* server's own bits cannot be set */
    WANT(store_flags(fx_edge, alice.handle, v.info.id,
                     (struct uid_set){&(struct uid_range){1, 1}, 1}, FLAGS_SET, 0xffff, NULL, 0, 0,
                     fx_arena, &failed, &nfailed, &mod_seq, &fx_err));
    store_view_free(&v);
    v = fx_select(alice.handle, "INBOX");
    ck_assert_uint_eq(v.record[0].flags, FLAGS_CLIENT);
    ck_assert_uint_eq(v.info.unseen, 2);
    ck_assert_uint_eq(v.info.deleted, 3);
    store_view_free(&v);
    fx_check_clean();
}

START_TEST(test_flags)
{
    fx_test(flags);
}
END_TEST

static void copy_move_expunge(void)
{
    struct store_copied copied;
    struct store_changes changes;
    struct store_view inbox, junk;
    uint64_t mod_seq;

    two_accounts();
    for (int i = 0; i < 4; i++)
        fx_deliver("alice@example.org", "", i % 2 ? "odd" : "even", "id");
    inbox = fx_select(alice.handle, "INBOX");
    WANT(store_copy(fx_edge, alice.handle, inbox.info.id,
                    (struct uid_set){&(struct uid_range){1, 2}, 1}, FCT_STR("Junk"), false,
                    fx_arena, &copied, &fx_err));
    ck_assert_uint_eq(copied.n, 2);
    ck_assert_uint_eq(copied.target[1], 2);
    WANT(store_copy(fx_edge, alice.handle, inbox.info.id,
                    (struct uid_set){&(struct uid_range){3, 9}, 1}, FCT_STR("Junk"), true, fx_arena,
                    &copied, &fx_err));
    ck_assert_uint_eq(copied.n, 2);
    WANT(store_sync(fx_edge, alice.handle, inbox.info.id, inbox.info.highest_mod_seq, fx_arena,
                    &changes, &fx_err));
    ck_assert_uint_eq(changes.nvanished, 2);
    ck_assert_uint_eq(changes.vanished[0], 3);
    ck_assert_uint_eq(changes.n, 0);
    junk = fx_select(alice.handle, "Junk");
    ck_assert_uint_eq(junk.info.exists, 4);
    read_is(alice, junk.info.id, 3, "even");
    WANT(store_expunge(fx_edge, alice.handle, inbox.info.id, ALL_UIDS, true, &mod_seq, &fx_err));
    ck_assert_uint_eq(mod_seq, 0); /* none is \Deleted */
    WANT(store_expunge(fx_edge, alice.handle, inbox.info.id, ALL_UIDS, false, &mod_seq, &fx_err));
    ck_assert_uint_gt(mod_seq, 0);
    read_is(alice, junk.info.id, 1, "even"); /* the copy lives on */
    store_view_free(&inbox);
    store_view_free(&junk);
    fx_check_clean();
}

START_TEST(test_copy_move_expunge)
{
    fx_test(copy_move_expunge);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_deliver_and_read);
    tcase_add_test(t, test_flags);
    tcase_add_test(t, test_copy_move_expunge);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
