/* Messages shown otherwise than they were delivered: new e-mails of the same original, in other
 * mailboxes and in their own; what was taken out of mail, by day. */
#include "fixture.h"

#include "core/message/edit_list.h"
#include "store/privacy_days.h"

#define ORIGINAL "From: x\r\n\r\none two three\r\n"
#define NOTE     "X-Facteur-Privacy: 2 trackers removed (A 1, B C 1); 1 link cleaned\r\n"

static struct store_principal user;
static uint64_t inbox;

/* The note above, and "two " is cut out. */
static struct fct_str cleaning(uint32_t *size)
{
    static const struct edit edits[] = {
        {0, 0, FCT_STR_INIT(NOTE), FCT_STR_INIT("trackers")},
        {15, 4, FCT_STR_INIT(""), FCT_STR_INIT("trackers")},
    };
    const struct edit_list list = {edits, FCT_COUNT(edits)};
    struct buf out = BUF_INIT(4096);
    struct fct_str encoded;

    edit_list_encode(&list, &out);
    encoded = arena_str(fx_arena, buf_str(&out));
    buf_free(&out);
    *size = (uint32_t)edit_list_size(&list, sizeof ORIGINAL - 1);
    return encoded;
}

static void deliver_cleaned(const char *id)
{
    struct store_resolution r;
    struct store_delivered done;
    const struct fct_str keyword = FCT_STR("$TrackersRemoved");
    struct store_copy_for copy = {.keyword = &keyword, .nkeywords = 1};
    struct store_delivery d = {
        .id = str_from(id), .size = sizeof ORIGINAL - 1, .copy = &copy, .n = 1};

    copy.edits = cleaning(&copy.view_size);
    WANT(store_resolve(fx_edge, FCT_STR("a@example.org"), fx_arena, &r, &fx_err));
    copy.account = r.target[0].account;
    d.fd = fx_memfd(ORIGINAL, sizeof ORIGINAL - 1);
    WANT(store_deliver(fx_edge, &d, fx_arena, &done, &fx_err));
    close(d.fd);
    ck_assert_int_eq(done.class, FCT_OK);
}

static void begin(void)
{
    struct store_view v;

    fx_conf.show_original = "Show original";
    WANT(store_account_add(fx_admin, FCT_STR("a@example.org"), FCT_STR("x"), &fx_err));
    user = fx_login("a@example.org", "x");
    v = fx_select(user.handle, "INBOX");
    inbox = v.info.id;
    store_view_free(&v);
}

static struct hot_record record_of(const char *mailbox, uint32_t index)
{
    struct store_view v = fx_select(user.handle, mailbox);
    struct hot_record r;

    ck_assert_uint_lt(index, v.info.exists);
    r = v.record[index];
    store_view_free(&v);
    return r;
}

static void reads_as(uint64_t mailbox, uint32_t uid, const char *want)
{
    struct buf out = BUF_INIT(4096);

    WANT(store_read(fx_edge, user.handle, mailbox, uid, false, 0, 4096, &out, &fx_err));
    ck_assert_msg(str_equal(buf_str(&out), str_from(want)), "%.*s", FCT_FMT(buf_str(&out)));
    buf_free(&out);
}

static const struct store_show as_original = {.uid = 1, .view_size = sizeof ORIGINAL - 1};

static void a_copy(void)
{
    struct store_copied copied;
    struct hot_record source, shown;
    struct mailbox_info info;

    begin();
    ck_assert(
        !store_mailbox(fx_edge, user.handle, FCT_STR("Show original"), fx_arena, &info, &fx_err));
    deliver_cleaned("id");
    WANT(store_mailbox(fx_edge, user.handle, FCT_STR("Show original"), fx_arena, &info, &fx_err));
    ck_assert(info.subscribed && info.role == MAILBOX_ORIGINALS);
    source = record_of("INBOX", 0);
    /* A plain copy says that originals are wanted there, and does nothing. */
    WANT(store_copy(fx_edge, user.handle, inbox, ALL_UIDS, info.name, true, fx_arena, &copied,
                    &fx_err));
    ck_assert(copied.shows_originals && copied.n == 0);
    WANT(store_show(fx_edge, user.handle, inbox, &as_original, 1, info.name, false, fx_arena,
                    &copied, &fx_err));
    ck_assert(copied.n == 1 && copied.source[0] == 1 && copied.target[0] == 1);
    shown = record_of("Show original", 0);
    ck_assert_uint_ne(shown.email_id, source.email_id);
    ck_assert_uint_eq(shown.thread_id, source.thread_id);
    ck_assert_uint_eq(shown.internal_date, source.internal_date);
    ck_assert(source.keywords != 0 && shown.keywords == 0);
    reads_as(info.id, 1, ORIGINAL);
    reads_as(inbox, 1, NOTE "From: x\r\n\r\none three\r\n");
    fx_check_clean();
}

START_TEST(copies)
{
    fx_test(a_copy);
}
END_TEST

static void back_and_forth(void)
{
    struct store_copied copied;
    struct store_source s;
    struct store_show again = {.uid = 2, .cleaned = true};
    const struct store_trace *trace;
    size_t n;

    begin();
    deliver_cleaned("id");
    WANT(store_show(fx_edge, user.handle, inbox, &as_original, 1, FCT_STR("INBOX"), true, fx_arena,
                    &copied, &fx_err));
    ck_assert(copied.n == 1 && copied.target[0] == 2);
    reads_as(inbox, 2, ORIGINAL);
    /* What was delivered was set aside. */
    WANT(store_source(fx_edge, user.handle, record_of("INBOX", 0).email_id, fx_arena, &s, &fx_err));
    close(s.fd);
    ck_assert(s.shown_anew && s.edits.n == 0);
    again.edits = cleaning(&again.view_size);
    ck_assert(str_equal(s.aside, again.edits));
    WANT(store_show(fx_edge, user.handle, inbox, &again, 1, FCT_STR("INBOX"), true, fx_arena,
                    &copied, &fx_err));
    ck_assert(copied.n == 1 && copied.target[0] == 3);
    ck_assert(record_of("INBOX", 0).keywords != 0);
    reads_as(inbox, 3, NOTE "From: x\r\n\r\none three\r\n");
    again.uid = 3; /* it is shown so already */
    WANT(store_show(fx_edge, user.handle, inbox, &again, 1, FCT_STR("INBOX"), true, fx_arena,
                    &copied, &fx_err));
    ck_assert_uint_eq(copied.n, 0);
    WANT(store_trace(fx_admin, FCT_STR("id"), fx_arena, &trace, &n, &fx_err));
    ck_assert_uint_eq(n, 3); /* two of them expunged */
    fx_check_clean();
}

START_TEST(in_its_own_mailbox)
{
    fx_test(back_and_forth);
}
END_TEST

static void refusals(void)
{
    struct store_show bad = {.uid = 1, .view_size = 3};
    struct store_copied copied;
    struct store_source s;

    begin();
    deliver_cleaned("id");
    ck_assert(!store_show(fx_edge, user.handle, inbox, &bad, 1, FCT_STR("INBOX"), true, fx_arena,
                          &copied, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_SYNTAX);
    ck_assert(!store_show(fx_edge, user.handle, inbox, &as_original, 1, FCT_STR("No"), true,
                          fx_arena, &copied, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    bad.uid = 7; /* not there: left out */
    WANT(store_show(fx_edge, user.handle, inbox, &bad, 1, FCT_STR("INBOX"), true, fx_arena, &copied,
                    &fx_err));
    ck_assert_uint_eq(copied.n, 0);
    ck_assert(!store_show_of(fx_edge, 16, FCT_STR("INBOX"), &as_original, 1, fx_arena, &copied,
                             &fx_err)); /* an edge process may not */
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    ck_assert(!store_source_of(fx_edge, 16, 1, fx_arena, &s, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    ck_assert_uint_eq(record_of("INBOX", 0).uid, 1);
    fx_check_clean();
}

START_TEST(what_is_refused)
{
    fx_test(refusals);
}
END_TEST

/* A restored message was not delivered twice. */
static void one_in_history(void)
{
    const struct store_history_item *item;
    struct store_history_place at = {0};
    struct store_copied copied;
    size_t n;

    begin();
    deliver_cleaned("id");
    WANT(store_show(fx_edge, user.handle, inbox, &as_original, 1, FCT_STR("Show original"), false,
                    fx_arena, &copied, &fx_err));
    deliver_cleaned("id2");
    WANT(store_history(fx_admin, 0, &at, fx_arena, &item, &n, &fx_err));
    ck_assert_uint_eq(n, 2);
    ck_assert(str_equal(item[1].log_id, FCT_STR("id2")));
}

START_TEST(history)
{
    fx_test(one_in_history);
}
END_TEST

static void days(void)
{
    struct privacy_tally t;
    struct store_resolution r;

    begin();
    for (int i = 0; i < 3; i++)
        deliver_cleaned("id");
    WANT(store_resolve(fx_edge, FCT_STR("a@example.org"), fx_arena, &r, &fx_err));
    WANT(store_privacy(fx_admin, r.target[0].account, 0, UINT32_MAX - 1, fx_arena, &t, &fx_err));
    ck_assert(t.messages == 3 && t.removed == 6 && t.links == 3);
    ck_assert_uint_eq(t.company.n, 2);
    ck_assert(str_equal(t.company.name[0].name, FCT_STR("A")));
    ck_assert(t.company.name[1].removed == 3 && t.company.name[1].messages == 3);
    ck_assert_uint_eq(t.sender.n, 1);
    WANT(store_privacy(fx_admin, r.target[0].account, 1, 2, fx_arena, &t, &fx_err));
    ck_assert_uint_eq(t.messages, 0);
    ck_assert(!store_privacy(fx_edge, r.target[0].account, 0, 1, fx_arena, &t, &fx_err));
    fx_check_clean();
}

START_TEST(privacy_days)
{
    fx_test(days);
}
END_TEST

/* More names than a day keeps: the rest is counted together, nothing is lost. */
START_TEST(many_names)
{
    struct arena *arena = arena_new(NULL);
    struct privacy_tally sum = {.arena = arena}, back;
    struct buf out = BUF_INIT(1 << 20), folded = BUF_INIT(1 << 20);
    struct fct_str piece[300];
    struct unpack u;

    for (size_t i = 0; i < FCT_COUNT(piece); i++) {
        struct privacy_tally one = {.arena = arena, .messages = 1, .removed = 2};

        tally_names_add(arena, &one.sender,
                        &(struct tally_name){arena_printf(arena, "s%zu", i), 1, 2}, 0);
        buf_clear(&out);
        privacy_tally_encode(&one, &out);
        piece[i] = arena_str(arena, buf_str(&out));
    }
    ck_assert(privacy_day_fold((struct fct_str){0}, piece, 150, &folded));
    piece[0] = arena_str(arena, buf_str(&folded));
    buf_clear(&folded);
    ck_assert(privacy_day_fold(piece[0], piece + 150, 150, &folded));
    ck_assert(privacy_day_is_good(buf_str(&folded)));
    u = unpack_start((struct fct_str){folded.p + RECORD_HEAD, folded.n - RECORD_HEAD});
    ck_assert(privacy_tally_take(arena, &u, &back) && unpack_ok(&u));
    ck_assert(back.messages == 300 && back.removed == 600 && back.sender.n == TALLY_NAMES);
    privacy_tally_sort(&back);
    ck_assert(back.sender.name[0].name.n == 0 && back.sender.name[0].removed == 2 * 101);
    privacy_tally_add(&sum, &back, 0);
    ck_assert_uint_eq(sum.sender.n, TALLY_NAMES);
    buf_clear(&out); /* two joined by the driver */
    buf_put_str(&out, piece[1]);
    buf_put_str(&out, piece[2]);
    piece[1] = buf_str(&out);
    buf_clear(&folded);
    ck_assert(privacy_day_fold((struct fct_str){0}, piece + 1, 1, &folded));
    u = unpack_start((struct fct_str){folded.p + RECORD_HEAD, folded.n - RECORD_HEAD});
    ck_assert(privacy_tally_take(arena, &u, &back) && back.messages == 2);
    for (size_t n = 0; n < folded.n; n++)
        ck_assert(!privacy_day_is_good((struct fct_str){folded.p, n}));
    ck_assert(!privacy_day_fold((struct fct_str){0}, &FCT_STR("\x01"), 1, &out));
    buf_free(&out);
    buf_free(&folded);
    arena_free(&arena);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("show");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, copies);
    tcase_add_test(t, in_its_own_mailbox);
    tcase_add_test(t, what_is_refused);
    tcase_add_test(t, history);
    tcase_add_test(t, privacy_days);
    tcase_add_test(t, many_names);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
