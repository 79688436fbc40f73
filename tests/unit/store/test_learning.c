/* What people say about messages is kept until learners have heard it: across restarts, in order,
 * and not when they change their minds. */
#include "fixture.h"

#include "core/base/clock.h"

#define USER "a@example.org"

static struct store_principal user;
static const char *const within[] = {"Junk/2026", "Junk/2026/May", "Trash/old", "Plain/Junk"};

static void begin(void)
{
    WANT(store_account_add(fx_admin, FCT_STR(USER), FCT_STR("x"), &fx_err));
    for (char id[] = "1"; id[0] <= '7'; id[0]++)
        (void)fx_deliver(USER, "", "Subject: x\r\n\r\nbody", id);
    user = fx_login(USER, "x");
}

/* Moves and says so, as an IMAP session does. */
static void move(const char *from, const char *to, uint32_t uid, uint64_t delay_ms)
{
    const struct uid_range one = {uid, uid};
    struct store_view v = fx_select(user.handle, from);
    struct store_copied copied;
    uint64_t email = 0;

    for (uint32_t i = 0; i < v.info.exists; i++)
        if (v.record[i].uid == uid)
            email = v.record[i].email_id;
    ck_assert_uint_ne(email, 0);
    WANT(store_copy(fx_edge, user.handle, v.info.id, (struct uid_set){&one, 1}, str_from(to), true,
                    fx_arena, &copied, &fx_err));
    WANT(store_learn_say(fx_edge, user.handle,
                         &(struct store_say){.why = STORE_SAID_MOVE,
                                             .from = v.info.id,
                                             .to = str_from(to),
                                             .delay_ms = delay_ms,
                                             .email = &email,
                                             .n = 1},
                         &fx_err));
    store_view_free(&v);
}

static void keyword(uint64_t email, bool spam)
{
    WANT(store_learn_say(
        fx_edge, user.handle,
        &(struct store_say){.why = STORE_SAID_KEYWORD, .spam = spam, .email = &email, .n = 1},
        &fx_err));
}

static void append(const char *mailbox, const char *text)
{
    struct store_new message = {.fd = fx_memfd(text, strlen(text)), .size = strlen(text)};
    uint32_t validity, uid;
    uint64_t number;

    WANT(store_append(fx_edge, user.handle, str_from(mailbox), &message, 1, &validity, &uid,
                      &fx_err));
    close(message.fd);
    number = uid;
    WANT(store_learn_say(
        fx_edge, user.handle,
        &(struct store_say){
            .why = STORE_SAID_APPEND, .to = str_from(mailbox), .email = &number, .n = 1},
        &fx_err));
}

/* The next word, as text; "" when there is none now. */
static const char *next(struct store_word *w)
{
    static const char *const whys[] = {"move", "keyword", "append"};

    WANT(store_learn_next(fx_edge, fx_arena, w, &fx_err));
    if (!w->any)
        return "";
    close(w->fd);
    return arena_printf(fx_arena, "%s %s %.*s %u", w->spam ? "spam" : "ham", whys[w->why],
                        FCT_FMT(w->mailbox), w->uid)
        .p;
}

static void end(const struct store_word *w, bool told)
{
    WANT(store_learn_end(fx_edge, w, told, 0, &fx_err));
}

static void hears(const char *want)
{
    struct store_word w;

    ck_assert_str_eq(next(&w), want);
    if (w.any)
        end(&w, true);
}

static void moves(void)
{
    struct store_word w;

    begin();
    move("INBOX", "Junk", 1, 0);
    ck_assert_str_eq(next(&w), "spam move Junk 1");
    ck_assert(str_equal(w.account, FCT_STR(USER)) && w.size == strlen("Subject: x\r\n\r\nbody"));
    hears(""); /* it is lent */
    end(&w, true);
    hears("");
    move("Junk", "Archive", 1, 0);
    hears("ham move Archive 1");
    move("INBOX", "Archive", 2, 0);
    move("INBOX", "Junk", 3, 0);
    hears("spam move Junk 2");
    move("Junk", "Trash", 2, 0);
    hears("");
    fx_check_clean();
}

START_TEST(test_moves)
{
    fx_test(moves);
}
END_TEST

/* A folder within Junk is Junk, one within Trash is Trash. */
static void folders_within(void)
{
    uint64_t id;

    begin();
    for (size_t i = 0; i < FCT_COUNT(within); i++)
        WANT(store_mailbox_create(fx_edge, user.handle, str_from(within[i]), MAILBOX_PLAIN, &id,
                                  &fx_err));
    move("INBOX", "Junk/2026/May", 1, 0);
    hears("spam move Junk/2026/May 1");
    move("Junk/2026/May", "Junk", 1, 0);
    move("Junk", "Junk/2026", 1, 0);
    move("Junk/2026", "Trash/old", 1, 0);
    hears("");
    move("INBOX", "Junk/2026", 2, 0);
    hears("spam move Junk/2026 2");
    move("Junk/2026", "Plain/Junk", 2, 0);
    hears("ham move Plain/Junk 1");
    append("Junk/2026", "Subject: y\r\n\r\nbody");
    hears("spam append Junk/2026 3");
    fx_check_clean();
}

START_TEST(test_folders_within)
{
    fx_test(folders_within);
}
END_TEST

static void minds(void)
{
    struct store_word w;

    begin();
    move("INBOX", "Junk", 1, 3600000);
    next(&w);
    ck_assert(!w.any && w.wait_ms > 3500000 && w.wait_ms <= 3600001);
    move("Junk", "INBOX", 1, 3600000);
    next(&w);
    ck_assert(!w.any && w.wait_ms == CLOCK_NEVER);
    /* A keyword is no way back: the last one counts. */
    keyword(2, true);
    keyword(2, false);
    hears("ham keyword INBOX 2");
    hears("");
    /* What is being told already is followed by its opposite. */
    move("INBOX", "Junk", 3, 0);
    ck_assert_str_eq(next(&w), "spam move Junk 2");
    move("Junk", "INBOX", 2, 0);
    end(&w, true);
    hears("ham move INBOX 9");
    hears("");
}

START_TEST(test_minds)
{
    fx_test(minds);
}
END_TEST

static void order(void)
{
    struct store_word w;

    begin();
    append("INBOX", "Subject: one\r\n\r\n");
    hears(""); /* who never appended junk says nothing by that */
    append("Junk", "Subject: one\r\n\r\n");
    append("INBOX", "Subject: one\r\n\r\n");
    append("Sent", "Subject: one\r\n\r\n");
    ck_assert_str_eq(next(&w), "spam append Junk 1");
    end(&w, false); /* learners could not take it: it stays in front */
    hears("spam append Junk 1");
    hears("ham append INBOX 9");
    hears("");
    for (uint64_t email = 1; email <= 6; email++)
        keyword(email, true); /* learn_words = 5 */
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_str_ne(next(&w), "");
        end(&w, true);
    }
    hears("");
}

START_TEST(test_order)
{
    fx_test(order);
}
END_TEST

static void gone(void)
{
    struct store_word w;

    begin();
    keyword(99, true); /* no such message */
    keyword(1, true);
    WANT(store_account_remove(fx_admin, FCT_STR(USER), &fx_err));
    next(&w);
    ck_assert(!w.any && w.wait_ms == CLOCK_NEVER);
}

START_TEST(test_gone)
{
    fx_test(gone);
}
END_TEST

static void before_restart(void)
{
    struct store_word w;

    begin();
    append("Junk", "Subject: one\r\n\r\n");
    hears("spam append Junk 1");
    move("INBOX", "Junk", 1, 0);
    keyword(2, false);
    next(&w); /* lent to somebody who dies with the store */
    ck_assert(w.any);
}

static void after_restart(void)
{
    user = fx_login(USER, "x");
    hears("spam move Junk 2");
    hears("ham keyword INBOX 2");
    append("INBOX", "Subject: one\r\n\r\n");
    hears("ham append INBOX 8");
    hears("");
    fx_check_clean();
}

START_TEST(test_restart)
{
    memcpy(fx_dir + sizeof fx_dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(fx_dir));
    fx_open();
    fx_in_fiber(before_restart);
    fx_close();
    fx_open();
    fx_in_fiber(after_restart);
    fx_close();
    fx_wipe();
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("learning");
    Suite *s = suite_create("learning");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(t, test_moves);
    tcase_add_test(t, test_folders_within);
    tcase_add_test(t, test_minds);
    tcase_add_test(t, test_order);
    tcase_add_test(t, test_gone);
    tcase_add_test(t, test_restart);
    suite_add_tcase(s, t);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
