/* Reading pieces of many messages in one answer: order, edges, messages that are not there, what a
 * small cache forgets. */
#include "fixture.h"

static struct store_principal alice;
static struct store_view view;

#define MAILS 60

static void text_of(uint32_t uid, char text[400])
{
    snprintf(text, 400, "Subject: %u\r\n\r\n%0*u\r\n", uid, 300, uid);
}

static void deliver_all(void)
{
    char text[400];

    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("secret"), &fx_err));
    alice = fx_login("alice@example.org", "secret");
    for (uint32_t uid = 1; uid <= MAILS; uid++) {
        text_of(uid, text);
        ck_assert_uint_eq(fx_deliver("alice@example.org", "", text, "id"), uid);
    }
    view = fx_select(alice.handle, "INBOX");
}

/* Ask for them and compare each with the message's own text; a UID above MAILS must fail alone. */
static void pieces_are(const struct store_piece *piece, size_t n)
{
    struct store_pieces answer;
    struct fct_str got;
    char text[400];

    WANT(store_read_many_collect(
        store_read_many_start(fx_edge, alice.handle, view.info.id, piece, n), &answer, &fx_err));
    for (size_t i = 0; i < n; i++) {
        struct fct_str want;

        if (piece[i].uid > MAILS) {
            ck_assert(!store_pieces_next(&answer, &got, &fx_err));
            ck_assert_int_eq(fx_err.class, FCT_DENIED);
            continue;
        }
        text_of(piece[i].uid, text);
        want = str_head(str_skip(str_from(text), (size_t)piece[i].offset), piece[i].length);
        WANT(store_pieces_next(&answer, &got, &fx_err));
        ck_assert_msg(str_equal(got, want), "piece %zu: \"%.*s\"", i, FCT_FMT(got));
    }
    ck_assert(!store_pieces_next(&answer, &got, &fx_err)); /* no more than asked for */
    store_pieces_free(&answer);
}

static void pieces(void)
{
    const struct store_piece some[] = {
        {3, 10, 0}, {3, 10, 10},  {99, 10, 0},         {1, 400, 0}, {60, 5, 300},
        {2, 0, 0},  {2, 10, 399}, {2, 10, UINT64_MAX}, {4, 1, 0},   {3, 400, 1},
    };
    struct store_piece all[MAILS];

    deliver_all();
    pieces_are(some, FCT_COUNT(some));
    pieces_are(NULL, 0);
    for (uint32_t round = 0; round < 3; round++) { /* more than the cache holds, both ways */
        for (uint32_t i = 0; i < MAILS; i++)
            all[i] = (struct store_piece){round == 1 ? MAILS - i : i + 1, 400, 0};
        pieces_are(all, MAILS);
    }
    store_view_free(&view);
}

START_TEST(test_pieces)
{
    fx_test(pieces);
}
END_TEST

/* Without any room for it the cache still serves, one e-mail at a time. */
START_TEST(test_pieces_without_cache)
{
    fct_size before = fx_conf.read_cache;

    fx_conf.read_cache.bytes = 0;
    fx_test(pieces);
    fx_conf.read_cache = before;
}
END_TEST

static bool refused(const struct store_piece *piece, size_t n)
{
    struct store_pieces answer;
    bool ok = store_read_many_collect(
        store_read_many_start(fx_edge, alice.handle, view.info.id, piece, n), &answer, &fx_err);

    store_pieces_free(&answer);
    return !ok;
}

/* What would not fit into one answer is not begun. */
static void bounds(void)
{
    static struct store_piece many[STORE_MANY + 1];
    struct store_piece large[2] = {{1, STORE_MANY_BYTES, 0}, {2, 1, 0}};

    deliver_all();
    for (size_t i = 0; i < FCT_COUNT(many); i++)
        many[i] = (struct store_piece){1 + (uint32_t)(i % MAILS), 5, i % 7};
    pieces_are(many, STORE_MANY);
    ck_assert(refused(many, STORE_MANY + 1));
    pieces_are(large, 1);
    ck_assert(refused(large, 2));
    large[0].length = large[1].length = UINT32_MAX;
    ck_assert(refused(large, 2));
    store_view_free(&view);
}

START_TEST(test_bounds)
{
    fx_test(bounds);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("read");
    TCase *t = tcase_create("pieces");
    SRunner *run = srunner_create(s);
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_pieces);
    tcase_add_test(t, test_pieces_without_cache);
    tcase_add_test(t, test_bounds);
    suite_add_tcase(s, t);
    srunner_run_all(run, CK_NORMAL);
    failed = srunner_ntests_failed(run);
    srunner_free(run);
    return failed ? 1 : 0;
}
