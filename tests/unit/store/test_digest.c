/* The weekly digest: its text in both languages, what it never lets through, and that each account
 * that asked for one gets one a week. */
#include "fixture.h"

#include "core/base/clock.h"
#include "store/digest.h"
#include "store/digest_text.h"
#include "store/privacy_days.h"

/* ---- the text ---- */

static struct fct_str compose(struct arena *arena, struct digest d, struct buf *out)
{
    d.address = FCT_STR("ann@example.org");
    d.first = 20000;
    d.last = 20006;
    d.now = 1728000000;
    digest_compose(&d, out);
    return arena_str(arena, buf_str(out));
}

static bool has(struct fct_str text, const char *what)
{
    return str_find(text, str_from(what)) >= 0;
}

START_TEST(languages)
{
    static const struct {
        const char *languages;
        bool french;
    } cases[] = {{"", false},        {"de", false},    {"fr", true},
                 {"fr-CH en", true}, {"en fr", false}, {"de fr", true},
                 {"FR", true},       {"fro", false},   {"de,fr", true}};
    struct arena *arena = arena_new(NULL);
    struct privacy_tally t = {.arena = arena, .messages = 3, .removed = 7, .links = 2};

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf out = BUF_INIT(1 << 16);
        struct fct_str text = compose(
            arena, (struct digest){.tally = &t, .languages = str_from(cases[i].languages)}, &out);

        ck_assert_msg(has(text, "7 pisteurs ont été retirés de 3 messages") == cases[i].french,
                      "%s", cases[i].languages);
        ck_assert(has(text, "7 trackers were taken out of 3 messages") == !cases[i].french);
        ck_assert(has(text, cases[i].french ? "Content-Language: fr" : "Content-Language: en"));
        ck_assert(has(text, "2024-10-04") && has(text, "2024-10-10"));
        ck_assert(!has(text, "{") && !has(text, "Nothing is lost"));
        buf_free(&out);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(names)
{
    struct arena *arena = arena_new(NULL);
    struct privacy_tally t = {.arena = arena, .messages = 1, .removed = 99};
    struct buf out = BUF_INIT(1 << 16);
    struct fct_str text;

    for (uint64_t i = 0; i < 14; i++)
        tally_names_add(arena, &t.company,
                        &(struct tally_name){
                            arena_printf(arena, "Company%llu", (unsigned long long)i), 1, 20 - i},
                        0);
    tally_names_add(arena, &t.sender, &(struct tally_name){FCT_STR("a\r\nBcc: x\x7f"), 1, 1}, 0);
    text =
        compose(arena, (struct digest){.tally = &t, .originals = FCT_STR("Show original")}, &out);
    ck_assert(has(text, "     20  Company0\r\n") && has(text, "     11  Company9\r\n"));
    ck_assert(!has(text, "Company10") && has(text, "     34  others\r\n")); /* 10 + 9 + 8 + 7 */
    ck_assert(has(text, "      1  a??Bcc: x?\r\n"));
    ck_assert(has(text, "mailbox \"Show original\""));
    for (size_t i = 0; i < text.n; i++)
        ck_assert(text.p[i] != '\n' || (i > 0 && text.p[i - 1] == '\r'));
    buf_free(&out);
    arena_free(&arena);
}
END_TEST

/* ---- when ---- */

static uint64_t add(const char *address, const char *setting)
{
    const struct fct_str change = str_from(setting);
    struct store_account_detail detail;

    WANT(store_account_add(fx_admin, str_from(address), FCT_STR("x"), &fx_err));
    WANT(store_account_set(fx_admin, str_from(address), &change, 1, &fx_err));
    WANT(store_account_show(fx_admin, str_from(address), fx_arena, &detail, &fx_err));
    return detail.is.id;
}

/* As if something had been taken out on that day. */
static void clean_on(uint64_t account, uint32_t day)
{
    struct privacy_tally t = {.arena = fx_arena, .messages = 1, .removed = 2};
    struct key key = key_of(PRIVACY_DAY_KEY);
    struct buf op = BUF_INIT(1024);
    struct batch b;

    key_u32(&key, day);
    privacy_tally_encode(&t, &op);
    batch_init(&b);
    batch_part(&b, account);
    batch_append(&b, key, buf_str(&op));
    WANT(commit_wait(fx_server->commit, commit_submit(fx_server->commit, &b, NULL, 0), &fx_err));
    batch_fini(&b);
    buf_free(&op);
}

static uint32_t mails_of(const char *address)
{
    struct store_principal p = fx_login(address, "x");
    struct store_view v = fx_select(p.handle, "INBOX");
    uint32_t n = v.info.exists;

    store_view_free(&v);
    return n;
}

static void rounds(void)
{
    uint32_t today = (uint32_t)(clock_wall() / 86400);
    uint64_t asked = add("asked@example.org", "privacy_digest=weekly"),
             not_asked = add("not@example.org", "privacy_digest=off");
    bool sent;

    (void)add("nothing@example.org", "privacy_digest=weekly");
    clean_on(asked, today); /* of whole days: not yet */
    digest_round(fx_server);
    ck_assert_uint_eq(mails_of("asked@example.org"), 0);
    clean_on(asked, today - 1);
    clean_on(not_asked, today - 1);
    digest_round(fx_server);
    digest_round(fx_server); /* it was sent */
    ck_assert_uint_eq(mails_of("asked@example.org"), 1);
    ck_assert_uint_eq(mails_of("not@example.org"), 0);
    ck_assert_uint_eq(mails_of("nothing@example.org"), 0);
    WANT(store_digest(fx_admin, FCT_STR("not@example.org"), &sent, &fx_err));
    ck_assert(sent && mails_of("not@example.org") == 1);
    WANT(store_digest(fx_admin, FCT_STR("nothing@example.org"), &sent, &fx_err));
    ck_assert(!sent);
    ck_assert(!store_digest(fx_admin, FCT_STR("nobody@example.org"), &sent, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    ck_assert(!store_digest(fx_edge, FCT_STR("not@example.org"), &sent, &fx_err));
    fx_check_clean();
}

START_TEST(once_a_week)
{
    fx_test(rounds);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("digest");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, languages);
    tcase_add_test(t, names);
    tcase_add_test(t, once_a_week);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
