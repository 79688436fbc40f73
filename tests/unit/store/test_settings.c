/* Settings of accounts: which are taken, what a list becomes, and that they come with a resolved
 * recipient and survive a restart. */
#include "fixture.h"
#include "store/settings.h"

static const struct settings_limits limits = {4, 100};

static struct fct_str joined(const struct fct_str *item, size_t n, struct arena *arena)
{
    struct fct_str all = FCT_STR("");

    for (size_t i = 0; i < n; i++)
        all = arena_printf(arena, "%.*s%.*s;", FCT_FMT(all), FCT_FMT(item[i]));
    return all;
}

START_TEST(test_changes)
{
    static const struct {
        const char *changes[6], *want; /* NULL: refused */
        enum fct_class class;
    } cases[] = {
        {{"a=1"}, "a=1;", FCT_OK},
        {{"b=2", "a=1"}, "a=1;b=2;", FCT_OK},
        {{"a=1", "a=2"}, "a=2;", FCT_OK},
        {{"a=1", "a="}, "", FCT_OK},
        {{"a="}, "", FCT_OK},
        {{"a=b=c"}, "a=b=c;", FCT_OK},
        {{"a=1", "ab=2", "a.b=3", "a_b=4"}, "a=1;a.b=3;a_b=4;ab=2;", FCT_OK},
        {{"b=1", "a=1", "c=1", "b="}, "a=1;c=1;", FCT_OK},
        {{"tag=\xc3\xa4 x"}, "tag=\xc3\xa4 x;", FCT_OK},
        {{"a"}, NULL, FCT_SYNTAX},
        {{"=1"}, NULL, FCT_SYNTAX},
        {{"A=1"}, NULL, FCT_SYNTAX},
        {{"a-b=1"}, NULL, FCT_SYNTAX},
        {{"a b=1"}, NULL, FCT_SYNTAX},
        {{"a=1\n2"}, NULL, FCT_SYNTAX},
        {{"a=\x7f"}, NULL, FCT_SYNTAX},
        {{"a=1", "b=1", "c=1", "d=1", "e=1"}, NULL, FCT_LIMIT},
        {{"a=1", "b=1", "c=1", "d=1", "d=2"}, "a=1;b=1;c=1;d=2;", FCT_OK},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str change[6];
        struct settings out = {0};
        struct fct_err err = {0};
        size_t n = 0;
        bool ok;

        for (; n < 6 && cases[i].changes[n]; n++)
            change[n] = str_from(cases[i].changes[n]);
        ok = settings_change((struct settings){0}, change, n, &limits, arena, &out, &err);
        ck_assert_msg(ok == (cases[i].want != NULL), "case %zu: %s", i, err.text);
        ck_assert_msg(ok || err.class == cases[i].class, "case %zu: %s", i, err.text);
        ck_assert_msg(!ok || str_equal(joined(out.item, out.n, arena), str_from(cases[i].want)),
                      "case %zu", i);
        ck_assert(!ok || settings_are_good(out));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(test_bounds_of_bytes)
{
    char name[70], value[SETTING_VALUE_MAX + 2];
    struct arena *arena = arena_new(NULL);
    const struct settings_limits wide = {4, 8000};
    struct settings out;
    struct fct_err err = {0};
    struct fct_str change;

    memset(name, 'n', sizeof name);
    memset(value, 'v', sizeof value);
    change = arena_printf(arena, "%.64s=%.*s", name, (int)SETTING_VALUE_MAX, value);
    ck_assert(settings_change((struct settings){0}, &change, 1, &wide, arena, &out, &err));
    ck_assert(!settings_change((struct settings){0}, &change, 1, &limits, arena, &out, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    change = arena_printf(arena, "%.65s=x", name);
    ck_assert(!settings_change((struct settings){0}, &change, 1, &wide, arena, &out, &err));
    change = arena_printf(arena, "x=%.*s", (int)SETTING_VALUE_MAX + 1, value);
    ck_assert(!settings_change((struct settings){0}, &change, 1, &wide, arena, &out, &err));
    arena_free(&arena);
}
END_TEST

START_TEST(test_stored_lists_are_checked)
{
    struct fct_str unordered[] = {FCT_STR("b=1"), FCT_STR("a=1")},
                   twice[] = {FCT_STR("a=1"), FCT_STR("a=2")}, empty[] = {FCT_STR("a=")};

    ck_assert(!settings_are_good((struct settings){unordered, 2}));
    ck_assert(!settings_are_good((struct settings){twice, 2}));
    ck_assert(!settings_are_good((struct settings){empty, 1}));
    ck_assert(settings_are_good((struct settings){twice, 1}));
}
END_TEST

static void resolves_to(const char *address, const char *want)
{
    struct store_resolution r;

    WANT(store_resolve(fx_edge, str_from(address), fx_arena, &r, &fx_err));
    ck_assert_uint_eq(r.n, 1);
    ck_assert(
        str_equal(joined(r.target[0].setting, r.target[0].nsettings, fx_arena), str_from(want)));
}

static void set(const char *a, const char *b)
{
    struct fct_str change[2] = {str_from(a), str_from(b)};

    WANT(store_account_set(fx_admin, FCT_STR("Alice@example.org"), change, b ? 2 : 1, &fx_err));
}

static void with_recipients(void)
{
    struct fct_str alias = FCT_STR("alice@example.org"), change = FCT_STR("x=1");
    struct store_account_detail shown;

    WANT(store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("x"), &fx_err));
    WANT(store_alias_set(fx_admin, FCT_STR("@example.org"), &alias, 1, &fx_err));
    resolves_to("alice@example.org", "");
    set("spam.level=strict", "lang=de");
    resolves_to("alice@example.org", "lang=de;spam.level=strict;");
    resolves_to("alice+detail@example.org", "lang=de;spam.level=strict;");
    resolves_to("anybody@example.org", "lang=de;spam.level=strict;");
    resolves_to("postmaster", "lang=de;spam.level=strict;");
    set("lang=", NULL);
    resolves_to("alice@example.org", "spam.level=strict;");
    ck_assert(fx_login("alice@example.org", "x").handle != 0);
    ck_assert_uint_eq(fx_deliver("alice@example.org", "", "Subject: x\r\n\r\n", "id"), 1);
    WANT(store_account_show(fx_admin, FCT_STR("ALICE@example.org"), fx_arena, &shown, &fx_err));
    ck_assert_uint_eq(shown.is.messages, 1);
    ck_assert_uint_eq(shown.nsettings, 1);
    ck_assert(shown.created > 0);
    ck_assert(!store_account_set(fx_admin, FCT_STR("no@example.org"), &change, 1, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    ck_assert(!store_account_show(fx_admin, FCT_STR("no@example.org"), fx_arena, &shown, &fx_err));
    /* Not for edge. */
    ck_assert(!store_account_set(fx_edge, FCT_STR("alice@example.org"), &change, 1, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    fx_check_clean();
}

static void after_restart(void)
{
    struct store_resolution r;

    resolves_to("alice@example.org", "spam.level=strict;");
    set("spam.level=", NULL); /* the record is again as an older server wrote it */
    resolves_to("alice@example.org", "");
    fx_check_clean();
    /* What is kept in memory for the next RCPT goes with the account. */
    WANT(store_account_remove(fx_admin, FCT_STR("alice@example.org"), &fx_err));
    ck_assert(!store_resolve(fx_edge, FCT_STR("alice@example.org"), fx_arena, &r, &fx_err) ||
              r.n == 0);
}

START_TEST(test_recipients_bring_settings)
{
    memcpy(fx_dir + sizeof fx_dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(fx_dir));
    fx_open();
    fx_in_fiber(with_recipients);
    fx_close();
    fx_open();
    fx_in_fiber(after_restart);
    fx_close();
    fx_wipe();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("settings");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_changes);
    tcase_add_test(t, test_bounds_of_bytes);
    tcase_add_test(t, test_stored_lists_are_checked);
    tcase_add_test(t, test_recipients_bring_settings);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
