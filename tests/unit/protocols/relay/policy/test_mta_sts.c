/* test_mta_sts.c - policies, records, names and the memory of them (RFC 8461). */
#include "protocols/relay/policy/mta_sts_cache.h"
#include "tests/unit/core/message/message_test.h"

/* ---- policies ---- */

/* clang-format off */
static const struct {
    const char *name, *text, *want; /* mode max_age mx…; NULL: refused */
    enum fct_class class;
} policies[] = {
    {"RFC 8461 3.2", "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n",
     "enforce 604800 mail.example.com *.example.net backupmx.example.com", FCT_OK},
    {"bare line feeds, no last one", "version: STSv1\nmode: testing\nmx: a.example\nmax_age: 1", "testing 1 a.example", FCT_OK},
    {"none needs no mx", "version: STSv1\nmode: none\nmax_age: 86400\n", "none 86400", FCT_OK},
    {"spaces, order and strange keys", "max_age:86400\n\nmx:\t A.Example. \nfoo: bar:baz\nmode:enforce\nversion:STSv1\n", "enforce 86400 a.example", FCT_OK},
    {"the first counts", "version: STSv1\nmode: enforce\nmode: none\nmx: a.example\nmax_age: 5\nmax_age: 7\nversion: STSv2\n", "enforce 5 a.example", FCT_OK},
    {"too long a life is a year", "version: STSv1\nmode: none\nmax_age: 9999999999\n", "none 31557600", FCT_OK},
    {"names in other scripts", "version: STSv1\nmode: enforce\nmx: b\xC3\xBC" "cher.example\nmax_age: 5\n", "enforce 5 xn--bcher-kva.example", FCT_OK},
    {"no version", "mode: none\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"another version", "version: STSv2\nmode: none\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"no mode", "version: STSv1\nmx: a.example\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"unknown mode", "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"no max_age", "version: STSv1\nmode: none\n", NULL, FCT_SYNTAX},
    {"negative", "version: STSv1\nmode: none\nmax_age: -5\n", NULL, FCT_SYNTAX},
    {"eleven digits", "version: STSv1\nmode: none\nmax_age: 00000000005\n", NULL, FCT_SYNTAX},
    {"no mx", "version: STSv1\nmode: enforce\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"no name", "version: STSv1\nmode: enforce\nmx: a b\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"a star within", "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"a star alone", "version: STSv1\nmode: enforce\nmx: *\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"half a star", "version: STSv1\nmode: enforce\nmx: mx*.example\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"an empty name", "version: STSv1\nmode: enforce\nmx:\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"no colon", "version: STSv1\nhello\nmode: none\nmax_age: 5\n", NULL, FCT_SYNTAX},
    {"a web page", "<!DOCTYPE html><html></html>", NULL, FCT_SYNTAX},
    {"not UTF-8", "version: STSv1\nmode: none\nmax_age: 5\nx: \xFF\n", NULL, FCT_SYNTAX},
    {"nothing", "", NULL, FCT_SYNTAX},
};
/* clang-format on */

static struct fct_str shown(struct arena *arena, const struct mta_sts_policy *p)
{
    struct fct_str s = arena_printf(arena, "%s %u", mta_sts_mode_word(p->mode), p->max_age);

    for (size_t i = 0; i < p->n; i++)
        s = arena_printf(arena, "%.*s %.*s", FCT_FMT(s), FCT_FMT(p->mx[i]));
    return s;
}

START_TEST(policies_are_read)
{
    for (size_t i = 0; i < FCT_COUNT(policies); i++) {
        struct arena *arena = arena_new(NULL);
        struct mta_sts_policy p;
        struct fct_err err = {0};
        bool ok = mta_sts_policy_parse(arena, str_from(policies[i].text), &p, &err);

        ck_assert_msg(ok == (policies[i].want != NULL), "%s: %s", policies[i].name, err.text);
        ck_assert_msg(err.class == policies[i].class, "%s", policies[i].name);
        if (ok)
            assert_text(policies[i].name, shown(arena, &p), str_from(policies[i].want));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(policies_are_bounded)
{
    struct arena *arena = arena_new(NULL);
    struct buf text = BUF_INIT(1u << 20);
    struct mta_sts_policy p;
    struct fct_err err = {0};

    buf_put_c(&text, "version: STSv1\nmode: enforce\nmax_age: 5\n");
    put_times(&text, "mx: a.example\n", MTA_STS_MX_MAX);
    ck_assert(mta_sts_policy_parse(arena, buf_str(&text), &p, &err));
    ck_assert_uint_eq(p.n, MTA_STS_MX_MAX);
    put_times(&text, "mx: a.example\n", 1);
    ck_assert(!mta_sts_policy_parse(arena, buf_str(&text), &p, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    put_times(&text, "x: y\n", 20000);
    ck_assert(!mta_sts_policy_parse(arena, buf_str(&text), &p, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    buf_free(&text);
    arena_free(&arena);
}
END_TEST

START_TEST(ours_is_read_again)
{
    static const struct fct_str mx[] = {FCT_STR_INIT("mx.example.org"),
                                        FCT_STR_INIT("*.example.net")};
    struct mta_sts_policy ours = {MTA_STS_TESTING, 86400, mx, 2, {0}}, again;
    struct arena *arena = arena_new(NULL);
    struct buf out = BUF_INIT(1000);
    struct fct_err err = {0};

    ck_assert(mta_sts_policy_write(&ours, &out));
    ck_assert(mta_sts_policy_parse(arena, buf_str(&out), &again, &err));
    assert_text("again", shown(arena, &again), shown(arena, &ours));
    buf_free(&out);
    arena_free(&arena);
}
END_TEST

/* clang-format off */
static const struct {
    const char *pattern, *host;
    bool want;
} names[] = {
    {"mx.example.org", "mx.example.org", true}, {"mx.example.org", "MX.Example.Org.", true}, {"mx.example.org", "mx2.example.org", false},
    {"mx.example.org", "a.mx.example.org", false}, {"*.example.org", "mx.example.org", true}, {"*.example.org", "a.mx.example.org", false},
    {"*.example.org", "example.org", false}, {"*.example.org", ".example.org", false}, {"*.example.org", "evilexample.org", false}, {"*.example.org", "", false},
};
/* clang-format on */

START_TEST(names_fit)
{
    for (size_t i = 0; i < FCT_COUNT(names); i++) {
        struct fct_str pattern = str_from(names[i].pattern);
        struct mta_sts_policy p = {.mode = MTA_STS_ENFORCE, .mx = &pattern, .n = 1};

        ck_assert_msg(mta_sts_names(&p, str_from(names[i].host)) == names[i].want, "%s %s",
                      names[i].pattern, names[i].host);
    }
}
END_TEST

/* ---- records ---- */

/* clang-format off */
static const struct {
    const char *name, *text[3], *id; /* NULL: refused */
} records[] = {
    {"RFC 8461 3.1", {"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
    {"beside others", {"v=spf1 -all", "v=STSv1;id=1"}, "1"},
    {"spaces and strange keys", {"v=STSv1; foo=bar;  id = abc ; x=y"}, "abc"},
    {"none", {"v=spf1 -all"}, NULL}, {"two", {"v=STSv1; id=1", "v=STSv1; id=2"}, NULL}, {"no id", {"v=STSv1;"}, NULL}, {"empty id", {"v=STSv1; id=;"}, NULL},
    {"id of other letters", {"v=STSv1; id=a-b;"}, NULL}, {"id too long", {"v=STSv1; id=123456789012345678901234567890123;"}, NULL},
    {"another version", {"v=STSv2; id=1"}, NULL}, {"longer version", {"v=STSv11; id=1"}, NULL}, {"lower case", {"v=stsv1; id=1"}, NULL},
};
/* clang-format on */

START_TEST(records_are_read)
{
    for (size_t i = 0; i < FCT_COUNT(records); i++) {
        struct fct_dns_record record[3];
        struct fct_dns_answer answer = {.record = record};
        struct fct_err err = {0};
        struct fct_str id;

        for (; answer.n < 3 && records[i].text[answer.n]; answer.n++)
            record[answer.n].data = str_from(records[i].text[answer.n]);
        ck_assert_msg(mta_sts_record(&answer, &id, &err) == (records[i].id != NULL), "%s: %s",
                      records[i].name, err.text);
        assert_text(records[i].name, id, str_from(records[i].id));
    }
}
END_TEST

/* ---- memory ---- */

#define NOW    1000000
#define DOMAIN FCT_STR("example.org")

static void put(struct mta_sts_cache *c, struct fct_str domain, const char *id,
                enum mta_sts_mode mode, uint32_t max_age, int64_t now)
{
    struct arena *arena = arena_new(NULL);
    struct mta_sts_policy p;
    struct fct_err err = {0};

    ck_assert(mta_sts_policy_parse(arena,
                                   arena_printf(arena,
                                                "version: STSv1\nmode: %s\nmx: mx.example.org\n"
                                                "max_age: %u\n",
                                                mta_sts_mode_word(mode), max_age),
                                   &p, &err));
    mta_sts_cache_put(c, domain, str_from(id), &p, now);
    arena_free(&arena);
}

START_TEST(a_policy_holds_until_it_is_old)
{
    struct mta_sts_cache *c = mta_sts_cache_new(10);

    ck_assert_ptr_null(mta_sts_cache_find(c, DOMAIN, NOW));
    ck_assert(!mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR(""), NOW));
    ck_assert(mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("1"), NOW));
    put(c, DOMAIN, "1", MTA_STS_ENFORCE, 1000000, NOW);
    ck_assert(!mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("1"), NOW + 86399));
    ck_assert(mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("1"), NOW + 86400)); /* daily */
    ck_assert(mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("2"), NOW + 1));
    ck_assert_int_eq(mta_sts_cache_find(c, DOMAIN, NOW + 999999)->mode, MTA_STS_ENFORCE);
    ck_assert_ptr_null(mta_sts_cache_find(c, DOMAIN, NOW + 1000000));
    /* An attacker who takes the record away gains nothing: it holds all the same. */
    ck_assert(!mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR(""), NOW + 500));
    ck_assert_ptr_nonnull(mta_sts_cache_find(c, DOMAIN, NOW + 500));
    mta_sts_cache_free(&c);
    ck_assert_ptr_null(c);
}
END_TEST

START_TEST(a_short_life_is_refreshed_at_half)
{
    struct mta_sts_cache *c = mta_sts_cache_new(10);

    put(c, DOMAIN, "1", MTA_STS_ENFORCE, 1000, NOW);
    ck_assert(!mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("1"), NOW + 499));
    ck_assert(mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("1"), NOW + 500));
    mta_sts_cache_free(&c);
}
END_TEST

START_TEST(a_failed_fetch_keeps_what_is_known)
{
    struct mta_sts_cache *c = mta_sts_cache_new(10);

    put(c, DOMAIN, "1", MTA_STS_ENFORCE, 1000, NOW);
    mta_sts_cache_put_failed(c, DOMAIN, FCT_STR("2"), NOW + 10);
    ck_assert_ptr_nonnull(mta_sts_cache_find(c, DOMAIN, NOW + 11));
    ck_assert(!mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("2"), NOW + 309));
    ck_assert(mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("2"), NOW + 310));
    ck_assert(mta_sts_cache_wants_fetch(c, DOMAIN, FCT_STR("3"), NOW + 11)); /* a new one */
    mta_sts_cache_put_failed(c, FCT_STR("other.example"), FCT_STR("1"), NOW);
    ck_assert_ptr_null(mta_sts_cache_find(c, FCT_STR("other.example"), NOW));
    ck_assert(!mta_sts_cache_wants_fetch(c, FCT_STR("other.example"), FCT_STR("1"), NOW + 5));
    mta_sts_cache_free(&c);
}
END_TEST

START_TEST(none_takes_the_place_of_enforce)
{
    struct mta_sts_cache *c = mta_sts_cache_new(10);

    put(c, DOMAIN, "1", MTA_STS_ENFORCE, 1000, NOW);
    put(c, DOMAIN, "2", MTA_STS_NONE, 1000, NOW + 5);
    ck_assert_int_eq(mta_sts_cache_find(c, DOMAIN, NOW + 6)->mode, MTA_STS_NONE);
    ck_assert_uint_eq(mta_sts_cache_count(c), 1);
    mta_sts_cache_free(&c);
}
END_TEST

START_TEST(the_least_used_makes_room)
{
    struct mta_sts_cache *c = mta_sts_cache_new(2);

    put(c, FCT_STR("a.example"), "1", MTA_STS_ENFORCE, 1000, NOW);
    put(c, FCT_STR("b.example"), "1", MTA_STS_ENFORCE, 1000, NOW);
    ck_assert_ptr_nonnull(mta_sts_cache_find(c, FCT_STR("a.example"), NOW));
    put(c, FCT_STR("c.example"), "1", MTA_STS_ENFORCE, 1000, NOW);
    ck_assert_uint_eq(mta_sts_cache_count(c), 2);
    ck_assert_ptr_null(mta_sts_cache_find(c, FCT_STR("b.example"), NOW));
    ck_assert_ptr_nonnull(mta_sts_cache_find(c, FCT_STR("a.example"), NOW));
    mta_sts_cache_free(&c);
}
END_TEST

START_TEST(it_survives_a_restart)
{
    struct mta_sts_cache *c = mta_sts_cache_new(10), *again = mta_sts_cache_new(10);
    struct buf saved = BUF_INIT(65536);

    put(c, DOMAIN, "1", MTA_STS_ENFORCE, 1000, NOW);
    put(c, FCT_STR("short.example"), "7", MTA_STS_TESTING, 10, NOW);
    mta_sts_cache_put_failed(c, FCT_STR("failed.example"), FCT_STR("1"), NOW);
    ck_assert(mta_sts_cache_save(c, &saved));
    mta_sts_cache_load(again, buf_str(&saved), NOW + 20);
    ck_assert_uint_eq(mta_sts_cache_count(again), 1);
    ck_assert_int_eq(mta_sts_cache_find(again, DOMAIN, NOW + 20)->mode, MTA_STS_ENFORCE);
    ck_assert(!mta_sts_cache_wants_fetch(again, DOMAIN, FCT_STR("1"), NOW + 20));
    ck_assert_ptr_null(mta_sts_cache_find(again, DOMAIN, NOW + 1000)); /* its life goes on */
    mta_sts_cache_free(&again);
    for (size_t cut = 0; cut < saved.n; cut++) {
        again = mta_sts_cache_new(10);
        mta_sts_cache_load(again, str_head(buf_str(&saved), cut), NOW);
        ck_assert_uint_le(mta_sts_cache_count(again), 2);
        mta_sts_cache_free(&again);
    }
    buf_free(&saved);
    mta_sts_cache_free(&c);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, policies_are_read);
    tcase_add_test(tc, policies_are_bounded);
    tcase_add_test(tc, ours_is_read_again);
    tcase_add_test(tc, names_fit);
    tcase_add_test(tc, records_are_read);
    tcase_add_test(tc, a_policy_holds_until_it_is_old);
    tcase_add_test(tc, a_short_life_is_refreshed_at_half);
    tcase_add_test(tc, a_failed_fetch_keeps_what_is_known);
    tcase_add_test(tc, none_takes_the_place_of_enforce);
    tcase_add_test(tc, the_least_used_makes_room);
    tcase_add_test(tc, it_survives_a_restart);
}

int main(void)
{
    return run_suite("mta_sts", add);
}
