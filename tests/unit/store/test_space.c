/* Space comes back: expunged mail is swept, its bodies go when nobody uses them, segments are
 * rewritten, readers survive. */
#include "fixture.h"

#include "store/blob.h"
#include "store/blob_name.h"
#include "store/crc32c.h"

#include <dirent.h>

static struct store_principal alice;

static unsigned segments(void)
{
    char path[200];
    unsigned n = 0;
    DIR *dir;

    snprintf(path, sizeof path, "%s/log", fx_dir);
    dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void text_of(int i, char *text)
{
    snprintf(text, 3000, "Subject: %d\r\n\r\n%0*d", i, 2000, i);
}

static void blobs_are(uint64_t want)
{
    struct store_check_result r;
    struct buf report = BUF_INIT(1 << 20);

    WANT(store_check(fx_admin, &r, &report, &fx_err));
    ck_assert_uint_eq(r.damaged + r.orphans, 0);
    ck_assert_uint_eq(r.blobs, want);
    buf_free(&report);
}

/* The tick that sweeps comes once a second. */
static void wait_for_sweep(void)
{
    for (int i = 0; i < 100 && map_count(fx_server->dirty) > 0; i++)
        fiber_sleep(100);
    ck_assert_uint_eq(map_count(fx_server->dirty), 0);
}

#define MAILS 150

static void expunge_and_collect(void)
{
    char text[3000];
    struct buf out = BUF_INIT(10000), note = BUF_INIT(1000);
    struct store_view v;
    uint64_t mod_seq;
    unsigned before;

    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    alice = fx_login("alice@example.org", "secret");
    for (int i = 1; i <= MAILS; i++) {
        text_of(i, text);
        ck_assert_uint_eq(fx_deliver("alice@example.org", "", text, "id"), (unsigned)i);
    }
    blobs_are(MAILS);
    before = segments();
    ck_assert_uint_gt(before, 3);
    v = fx_select(alice.handle, "INBOX");
    for (uint32_t uid = MAILS - 9; uid <= MAILS; uid++) /* their places are known, then move */
        WANT(store_read(fx_edge, alice.handle, v.info.id, uid, false, 0, 1, &out, &fx_err));
    WANT(store_expunge(fx_edge, alice.handle, v.info.id,
                       (struct uid_set){&(struct uid_range){1, MAILS - 10}, 1}, false, &mod_seq,
                       &fx_err));
    wait_for_sweep();
    blobs_are(10);
    WANT(server_collect(fx_server, &note, &fx_err));
    ck_assert_msg(segments() <= 2, "%u of %u segments: %.*s", segments(), before, (int)note.n,
                  note.p);
    for (uint32_t uid = MAILS - 9; uid <= MAILS; uid++) {
        text_of((int)uid, text);
        buf_clear(&out);
        WANT(store_read(fx_edge, alice.handle, v.info.id, uid, false, 0, 9999, &out, &fx_err));
        ck_assert(str_equal(buf_str(&out), str_from(text)));
    }
    store_view_free(&v);
    buf_free(&out);
    buf_free(&note);
    fx_check_clean();
}

START_TEST(test_expunge_and_collect)
{
    fx_test(expunge_and_collect);
}
END_TEST

/* One body for two recipients and two deliveries: it stays until the last use is gone. */
static void shared_body(void)
{
    struct store_principal bob;
    struct store_resolution r[2];
    struct store_copy_for copy[2] = {{.view_size = 4}, {.view_size = 4}};
    struct store_delivery d = {.copy = copy, .n = 2, .size = 4, .fd = fx_memfd("body", 4)};
    struct store_delivered done[2];
    struct store_copied copied;
    struct store_view v;
    uint64_t mod_seq;

    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    WANT(store_account_add(fx_admin, FCT_STR("bob@example.org"), FCT_STR("secret"), &fx_err));
    alice = fx_login("alice@example.org", "secret");
    bob = fx_login("bob@example.org", "secret");
    WANT(store_resolve(fx_edge, FCT_STR("alice@example.org"), fx_arena, &r[0], &fx_err));
    WANT(store_resolve(fx_edge, FCT_STR("bob@example.org"), fx_arena, &r[1], &fx_err));
    copy[0].account = r[0].target[0].account;
    copy[1].account = r[1].target[0].account;
    WANT(store_deliver(fx_edge, &d, fx_arena, done, &fx_err));
    WANT(store_deliver(fx_edge, &d, fx_arena, done, &fx_err));
    close(d.fd);
    blobs_are(1);
    v = fx_select(alice.handle, "INBOX");
    WANT(store_copy(fx_edge, alice.handle, v.info.id,
                    (struct uid_set){&(struct uid_range){1, 1}, 1}, FCT_STR("Junk"), false,
                    fx_arena, &copied, &fx_err));
    WANT(store_expunge(fx_edge, alice.handle, v.info.id, ALL_UIDS, false, &mod_seq, &fx_err));
    wait_for_sweep();
    blobs_are(1);
    store_view_free(&v);
    v = fx_select(alice.handle, "Junk");
    WANT(store_expunge(fx_edge, alice.handle, v.info.id, ALL_UIDS, false, &mod_seq, &fx_err));
    store_view_free(&v);
    v = fx_select(bob.handle, "INBOX");
    ck_assert_uint_eq(v.info.exists, 2);
    wait_for_sweep();
    blobs_are(1);
    WANT(store_expunge(fx_edge, bob.handle, v.info.id, ALL_UIDS, false, &mod_seq, &fx_err));
    store_view_free(&v);
    wait_for_sweep();
    blobs_are(0);
}

START_TEST(test_shared_body)
{
    fx_test(shared_body);
}
END_TEST

/* The trace of a message by its log id: while it is there, after a move, and no longer after the
 * sweep. */
static void trace(void)
{
    const struct store_trace *t;
    struct store_copied copied;
    struct store_view v;
    uint64_t mod_seq;
    size_t n;

    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    alice = fx_login("alice@example.org", "secret");
    fx_deliver("alice@example.org", "", "one", "abc123");
    fx_deliver("alice@example.org", "", "two", "abc1234");
    WANT(store_trace(fx_admin, FCT_STR("abc123"), fx_arena, &t, &n, &fx_err));
    ck_assert_uint_eq(n, 1);
    ck_assert(str_equal(t[0].account, FCT_STR("alice@example.org")) &&
              str_equal(t[0].mailbox, FCT_STR("INBOX")));
    ck_assert(str_equal(t[0].ledger, FCT_STR("ledger")) &&
              str_equal(t[0].reverse_path, FCT_STR("from@example.net")));
    ck_assert_uint_eq(t[0].uid, 1);
    v = fx_select(alice.handle, "INBOX");
    WANT(store_copy(fx_edge, alice.handle, v.info.id, ALL_UIDS, FCT_STR("Trash"), true, fx_arena,
                    &copied, &fx_err));
    store_view_free(&v);
    WANT(store_trace(fx_admin, FCT_STR("abc123"), fx_arena, &t, &n, &fx_err));
    ck_assert(n == 1 && str_equal(t[0].mailbox, FCT_STR("Trash")));
    v = fx_select(alice.handle, "Trash");
    WANT(store_expunge(fx_edge, alice.handle, v.info.id, ALL_UIDS, false, &mod_seq, &fx_err));
    store_view_free(&v);
    wait_for_sweep();
    WANT(store_trace(fx_admin, FCT_STR("abc123"), fx_arena, &t, &n, &fx_err));
    ck_assert_uint_eq(n, 0);
    ck_assert(!store_trace(fx_edge, FCT_STR("abc123"), fx_arena, &t, &n,
                           &fx_err)); /* administrators only */
}

START_TEST(test_trace)
{
    fx_test(trace);
}
END_TEST

/* Closed and opened again: everything as before. A damaged body is found. */
static uint32_t validity;

static void before_restart(void)
{
    const struct fct_str keyword = FCT_STR("kept");
    const uint32_t *failed;
    struct store_view v;
    uint64_t mod_seq;
    size_t nfailed;

    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    alice = fx_login("alice@example.org", "secret");
    fx_deliver("alice@example.org", "", "body with text", "id");
    fx_deliver("alice@example.org", "", "another", "id");
    v = fx_select(alice.handle, "INBOX");
    validity = v.info.uid_validity;
    WANT(store_flags(fx_edge, alice.handle, v.info.id,
                     (struct uid_set){&(struct uid_range){2, 2}, 1}, FLAGS_ADD, FLAG_FLAGGED,
                     &keyword, 1, 0, fx_arena, &failed, &nfailed, &mod_seq, &fx_err));
    WANT(store_expunge(fx_edge, alice.handle, v.info.id,
                       (struct uid_set){&(struct uid_range){1, 1}, 1}, false, &mod_seq, &fx_err));
    store_view_free(&v);
}

static void no_release(void *owner)
{
    (void)owner;
}

/* As a store of format 3 named it. */
static void keep_old_body(size_t size)
{
    struct blob_namer *namer = blob_namer_new(BLOB_NAME_FORMAT_3, fx_server->blob_key);
    struct batch_blob blob = {.size = size, .release = no_release};
    struct batch batch;
    char *text = malloc(size);

    ck_assert_ptr_nonnull(text);
    memset(text, 'o', size);
    blob_namer_end(namer, text, size, &blob.id);
    blob_namer_free(&namer);
    blob.bytes = text;
    blob.crc = crc32c(0, text, size);
    batch_init(&batch);
    batch_blob_new(&batch, &blob, 0);
    blob_batch_sent(fx_server, &batch);
    WANT(
        commit_wait(fx_server->commit, commit_submit(fx_server->commit, &batch, NULL, 0), &fx_err));
    free(text);
}

static void after_restart(void)
{
    struct store_changes changes;
    struct store_view v;

    alice = fx_login("alice@example.org", "secret");
    v = fx_select(alice.handle, "INBOX");
    ck_assert_uint_eq(v.info.exists, 1);
    ck_assert_uint_eq(v.info.uid_validity, validity);
    ck_assert_uint_eq(v.record[0].uid, 2);
    ck_assert_uint_eq(v.record[0].flags, FLAG_FLAGGED);
    ck_assert(v.nkeywords == 1 && str_equal(v.keyword[0], FCT_STR("kept")));
    WANT(store_sync(fx_edge, alice.handle, v.info.id, v.info.highest_mod_seq - 1, fx_arena,
                    &changes, &fx_err));
    ck_assert_uint_eq(changes.nvanished, 1);
    ck_assert_uint_eq(changes.vanished[0], 1);
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "third", "id"), 3);
    store_view_free(&v);
    keep_old_body(100);
    keep_old_body(2500000);
    fx_check_clean();
}

static void find_damage(void)
{
    struct store_check_result r;
    struct buf report = BUF_INIT(1 << 20);

    WANT(store_check(fx_admin, &r, &report, &fx_err));
    ck_assert_uint_eq(r.damaged, 1);
    buf_free(&report);
}

static void format_path(char path[200])
{
    snprintf(path, 200, "%s/format", fx_dir);
}

static void set_format(const char *text)
{
    char path[200];
    FILE *f;

    format_path(path);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    fclose(f);
}

static bool format_is(const char *want)
{
    char path[200], got[32] = "";
    FILE *f;

    format_path(path);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(got, sizeof got, f));
    fclose(f);
    return strcmp(got, want) == 0;
}

START_TEST(test_restart_and_damage)
{
    char command[300];

    memcpy(fx_dir + sizeof fx_dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(fx_dir));
    fx_open();
    fx_in_fiber(before_restart);
    fx_close();
    set_format("facteur store 5\n");
    ck_assert(!server_open(NULL, &fx_conf, fx_dir, true, &fx_server, &fx_err));
    set_format("facteur store 1\n"); /* is read, and raised */
    fx_open();
    fx_in_fiber(after_restart);
    fx_close();
    ck_assert(format_is("facteur store 4\n"));
    /* one byte of a body changes on the disk */
    snprintf(command, sizeof command, "sed -i s/another/anOther/ %s/log/00000001.seg", fx_dir);
    ck_assert_int_eq(system(command), 0);
    fx_open();
    fx_in_fiber(find_damage);
    fx_close();
    fx_wipe();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("space");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_expunge_and_collect);
    tcase_add_test(t, test_shared_body);
    tcase_add_test(t, test_trace);
    tcase_add_test(t, test_restart_and_damage);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
