/* Who may do what: handles are bound to a connection and an account; and who is told of changes. */
#include "fixture.h"
#include "store/change_feed.h"

static struct store_principal alice, bob;
static uint64_t inbox_of_bob;

static void two_accounts(void)
{
    struct mailbox_info info;

    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    WANT(store_account_add(fx_admin, FCT_STR("bob@example.org"), FCT_STR("hidden"), &fx_err));
    alice = fx_login("alice@example.org", "secret");
    bob = fx_login("bob@example.org", "hidden");
    fx_deliver("bob@example.org", "", "bob's mail", "id");
    fx_deliver("bob@example.org", "Private", "bob's mail", "id");
    WANT(store_mailbox(fx_edge, bob.handle, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    inbox_of_bob = info.id;
}

/* Every call with alice's handle on what only bob has: the same as for what nobody has. */
static void isolation(void)
{
    struct store_view v;
    struct mailbox_info info;
    struct store_copied copied;
    struct store_changes changes;
    struct buf out = BUF_INIT(1000);
    struct fct_str summary[1];
    const uint32_t *failed, one[] = {1};
    size_t nfailed, done;
    uint64_t number;

    two_accounts();
    ck_assert(
        !store_select(fx_edge, alice.handle, FCT_STR("Private"), false, fx_arena, &v, &fx_err));
    ck_assert_str_eq(fx_err.text, "no such mailbox");
    ck_assert(!store_mailbox(fx_edge, alice.handle, FCT_STR("Private"), fx_arena, &info, &fx_err));
    ck_assert(!store_mailbox_delete(fx_edge, alice.handle, FCT_STR("Private"), &fx_err));
    ck_assert(
        !store_mailbox_rename(fx_edge, alice.handle, FCT_STR("Private"), FCT_STR("Mine"), &fx_err));
    /* a name of her own, which leads nowhere */
    WANT(store_mailbox_subscribe(fx_edge, alice.handle, FCT_STR("Private"), true, &fx_err));
    ck_assert(!store_mailbox(fx_edge, alice.handle, FCT_STR("Private"), fx_arena, &info, &fx_err));
    WANT(store_mailbox(fx_edge, bob.handle, FCT_STR("Private"), fx_arena, &info, &fx_err));
    ck_assert(!info.subscribed);
    /* by number: mailbox numbers are per account, so bob's INBOX is alice's own, which is empty */
    ck_assert(!store_read(fx_edge, alice.handle, inbox_of_bob, 1, false, 0, 100, &out, &fx_err));
    ck_assert(!store_read(fx_edge, alice.handle, inbox_of_bob, 1, true, 0, 100, &out, &fx_err));
    WANT(store_summaries(fx_edge, alice.handle, inbox_of_bob, one, 1, fx_arena, summary, &done,
                         &fx_err));
    ck_assert_uint_eq(summary[0].n, 0);
    WANT(store_sync(fx_edge, alice.handle, 99, 0, fx_arena, &changes, &fx_err));
    ck_assert(changes.gone);
    WANT(store_copy(fx_edge, alice.handle, inbox_of_bob, ALL_UIDS, FCT_STR("Archive"), true,
                    fx_arena, &copied, &fx_err));
    ck_assert_uint_eq(copied.n, 0);
    WANT(store_expunge(fx_edge, alice.handle, inbox_of_bob, ALL_UIDS, false, &number, &fx_err));
    WANT(store_flags(fx_edge, alice.handle, inbox_of_bob, ALL_UIDS, FLAGS_ADD, FLAG_DELETED, NULL,
                     0, 0, fx_arena, &failed, &nfailed, &number, &fx_err));
    ck_assert_uint_eq(number, 0);
    v = fx_select(bob.handle, "INBOX");
    ck_assert_uint_eq(v.info.exists, 1);
    ck_assert_uint_eq(v.record[0].flags, 0);
    store_view_free(&v);
    buf_free(&out);
}

START_TEST(test_isolation)
{
    fx_test(isolation);
}
END_TEST

/* A handle is worth nothing on another connection, after a logout, or changed by one. */
static void handles(void)
{
    struct store *other = fx_connect(ROLE_EDGE, 1);
    struct store_principal p, carol;
    struct mailbox_info info;
    uint32_t old;

    two_accounts();
    ck_assert(!store_mailbox(other, alice.handle, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    WANT(store_login(other, FCT_STR("bob@example.org"), FCT_STR("hidden"), fx_arena, &p, &fx_err));
    WANT(store_mailbox(other, p.handle, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    ck_assert(!store_mailbox(fx_edge, 0, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    for (uint32_t bit = 0; bit < 32; bit++) {
        uint32_t forged = alice.handle ^ (1u << bit);

        if (forged !=
            bob.handle) /* a process owns all handles of its connection; see below for the others */
            ck_assert_msg(
                !store_mailbox(fx_edge, forged, FCT_STR("INBOX"), fx_arena, &info, &fx_err),
                "bit %u", bit);
    }
    old = alice.handle;
    store_logout(fx_edge, &alice);
    ck_assert_uint_eq(alice.handle, 0);
    ck_assert(!store_mailbox(fx_edge, old, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    carol = fx_login("bob@example.org",
                     "hidden"); /* takes the free place: another handle all the same */
    ck_assert_uint_ne(carol.handle, old);
    ck_assert(!store_mailbox(fx_edge, old, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    store_client_free(&other);
}

START_TEST(test_handles)
{
    fx_test(handles);
}
END_TEST

static unsigned told;
static uint64_t told_mailbox, told_mod_seq;

static void changed(void *arg, uint32_t principal, uint64_t mailbox, uint64_t mod_seq)
{
    ck_assert_uint_eq(principal, *(uint32_t *)arg);
    told++;
    told_mailbox = mailbox;
    told_mod_seq = mod_seq;
}

static void notices(void)
{
    struct store_changes changes;
    struct mailbox_info info;
    struct store_view v;
    uint64_t id;

    two_accounts();
    store_watch(fx_edge, bob.handle, changed, &bob.handle);
    WANT(store_select(fx_edge, bob.handle, FCT_STR("INBOX"), true, fx_arena, &v, &fx_err));
    told = 0;
    fx_deliver("alice@example.org", "", "not for bob", "id");
    fiber_sleep(20);
    ck_assert_uint_eq(told, 0);
    fx_deliver("bob@example.org", "", "x", "id");
    fiber_sleep(20);
    ck_assert_uint_eq(told, 1);
    ck_assert_uint_eq(told_mailbox, v.info.id);
    ck_assert_uint_gt(told_mod_seq, v.info.highest_mod_seq);
    for (int i = 0; i < 5; i++)
        fx_deliver("bob@example.org", "", "x", "id");
    fiber_sleep(20);
    ck_assert_uint_eq(told, 1); /* told and has not looked: not told again */
    WANT(store_sync(fx_edge, bob.handle, v.info.id, v.info.highest_mod_seq, fx_arena, &changes,
                    &fx_err));
    ck_assert_uint_eq(changes.n, 6);
    fx_deliver("bob@example.org", "", "x", "id");
    fiber_sleep(20);
    ck_assert_uint_eq(told, 2);
    /* the list of mailboxes is mailbox 0 */
    WANT(store_mailbox_create(fx_edge, bob.handle, FCT_STR("new"), MAILBOX_PLAIN, &id, &fx_err));
    fiber_sleep(20);
    ck_assert_uint_eq(told, 3);
    ck_assert_uint_eq(told_mailbox, 0);
    store_unselect(fx_edge, bob.handle, v.info.id);
    WANT(store_mailbox(fx_edge, bob.handle, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    fx_deliver("bob@example.org", "", "x", "id");
    fiber_sleep(20);
    ck_assert_uint_eq(told, 3);
    store_view_free(&v);
}

START_TEST(test_notices)
{
    fx_test(notices);
}
END_TEST

/* A mailbox deleted under a session that has it selected. */
static void gone(void)
{
    struct store_changes changes;
    struct store_view v;

    two_accounts();
    store_watch(fx_edge, bob.handle, changed, &bob.handle);
    WANT(store_select(fx_edge, bob.handle, FCT_STR("Private"), true, fx_arena, &v, &fx_err));
    told = 0;
    WANT(store_mailbox_delete(fx_edge, bob.handle, FCT_STR("Private"), &fx_err));
    fiber_sleep(20);
    ck_assert_uint_ge(told, 1);
    WANT(store_sync(fx_edge, bob.handle, v.info.id, v.info.highest_mod_seq, fx_arena, &changes,
                    &fx_err));
    ck_assert(changes.gone);
    store_view_free(&v);
    fx_check_clean();
}

START_TEST(test_gone)
{
    fx_test(gone);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("access");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_isolation);
    tcase_add_test(t, test_handles);
    tcase_add_test(t, test_notices);
    tcase_add_test(t, test_gone);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
