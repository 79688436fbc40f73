/* test_srs.c - sender rewriting there and back, and what is not believed. */
#include "core/message/srs.h"
#include "message_test.h"

#define NOW 1767604272 /* 2026-01-05 */
#define DAY 86400

static const struct fct_str secrets[] = {FCT_STR_INIT("new secret"), FCT_STR_INIT("old secret")};
static const struct srs_conf conf = {secrets, 2, FCT_STR_INIT("fwd.example"), 4, 21};
static const struct srs_conf old_conf = {secrets + 1, 1, FCT_STR_INIT("fwd.example"), 4, 21};
static const struct srs_conf other = {secrets + 1, 1, FCT_STR_INIT("other.example"), 6, 21};

static struct fct_str forward(struct arena *arena, const struct srs_conf *c, const char *sender)
{
    struct fct_err err = {0};
    struct fct_str out;

    ck_assert_msg(srs_forward(arena, c, str_from(sender), NOW, &out, &err), "%s: %s", sender,
                  err.text);
    return out;
}

static enum fct_class reverse(struct arena *arena, const struct srs_conf *c, struct fct_str to,
                              int64_t now, struct fct_str *out)
{
    struct fct_err err = {0};

    return srs_reverse(arena, c, to, now, out, &err) ? FCT_OK : err.class;
}

START_TEST(there_and_back)
{
    static const char *const senders[] = {
        "alice@example.org", "a.b+c=d@example.org",    "\"a b\"@example.org",
        "x=y=z@example.org", "\"a\\\"b\"@example.org", "p\xC3\xA9re@example.org",
        "srs0@example.org",  "a-b@[192.0.2.1]",
    };
    for (size_t i = 0; i < FCT_COUNT(senders); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str back, there = forward(arena, &conf, senders[i]);

        ck_assert_msg(str_ends_nocase(there, FCT_STR("@fwd.example")), "%s", senders[i]);
        ck_assert_msg(srs_is_address(there), "%.*s", FCT_FMT(there));
        ck_assert_int_eq(reverse(arena, &conf, there, NOW, &back), FCT_OK);
        assert_text(senders[i], back, str_from(senders[i]));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(two_hops_and_more)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str first = forward(arena, &other, "alice@example.org");
    struct fct_str second = forward(arena, &conf, arena_cstr(arena, first));
    struct srs_conf third_conf = other;
    struct fct_str third, back;

    ck_assert(str_starts(second, FCT_STR("SRS1=")));
    ck_assert_int_eq(reverse(arena, &conf, second, NOW, &back), FCT_OK);
    assert_text("to the first hop", back, first);
    third_conf.domain = FCT_STR("third.example");
    third = forward(arena, &third_conf, arena_cstr(arena, second));
    ck_assert_uint_le(third.n, second.n + 6); /* it does not grow with each hop */
    ck_assert_int_eq(reverse(arena, &third_conf, third, NOW, &back), FCT_OK);
    assert_text("still to the first hop", back, first);
    ck_assert_int_eq(reverse(arena, &other, back, NOW, &back), FCT_OK);
    assert_text("and home", back, FCT_STR("alice@example.org"));
    arena_free(&arena);
}
END_TEST

START_TEST(what_stays_as_it_is)
{
    struct arena *arena = arena_new(NULL);

    assert_text("null", forward(arena, &conf, ""), FCT_STR(""));
    assert_text("ours", forward(arena, &conf, "bob@FWD.example"), FCT_STR("bob@FWD.example"));
    arena_free(&arena);
}
END_TEST

START_TEST(secrets_change)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str back, by_old = forward(arena, &old_conf, "alice@example.org");
    struct fct_str by_new = forward(arena, &conf, "alice@example.org");

    ck_assert(!str_equal(by_old, by_new));
    ck_assert_int_eq(reverse(arena, &conf, by_old, NOW, &back), FCT_OK);
    ck_assert_int_eq(reverse(arena, &old_conf, by_new, NOW, &back), FCT_DENIED);
    arena_free(&arena);
}
END_TEST

START_TEST(days)
{
    static const struct {
        int days;
        enum fct_class want;
    } cases[] = {{0, FCT_OK},        {1, FCT_OK},      {21, FCT_OK},  {22, FCT_DENIED},
                 {1000, FCT_DENIED}, {-1, FCT_DENIED}, {1024, FCT_OK}};
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str back, there = forward(arena, &conf, "alice@example.org");

        ck_assert_msg(reverse(arena, &conf, there, NOW + (int64_t)cases[i].days * DAY, &back) ==
                          cases[i].want,
                      "%d days", cases[i].days);
        arena_free(&arena);
    }
}
END_TEST

/* Each byte of the address counts, whatever its case. */
START_TEST(forged_ones_are_denied)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str back, there = forward(arena, &conf, "alice@example.org");
    size_t local = (size_t)str_find_char(there, '@');

    for (size_t i = 5; i < local; i++) {
        char *p = arena_alloc(arena, there.n + 1);

        memcpy(p, there.p, there.n);
        p[i] = p[i] == 'q' || p[i] == 'Q' ? 'z' : 'q';
        ck_assert_msg(reverse(arena, &conf, (struct fct_str){p, there.n}, NOW, &back) != FCT_OK,
                      "%s", p);
        memcpy(p, there.p, there.n);
        str_lower(p, local);
        ck_assert_int_eq(reverse(arena, &conf, (struct fct_str){p, there.n}, NOW, &back), FCT_OK);
    }
    arena_free(&arena);
}
END_TEST

/* clang-format off */
static const struct {
    const char *to;
    enum fct_class want;
} refused[] = {
    {"SRS0=AAAA=AA=example.org=alice@fwd.example", FCT_DENIED},
    {"SRS1=AAAA=hop.example==BBBB=AA=example.org=alice@fwd.example", FCT_DENIED},
    {"SRS0=@fwd.example", FCT_SYNTAX}, {"SRS0=a@fwd.example", FCT_SYNTAX}, {"SRS0=a=b=c@fwd.example", FCT_SYNTAX},
    {"SRS0=a=b==@fwd.example", FCT_SYNTAX}, {"SRS1=a==b@fwd.example", FCT_SYNTAX}, {"alice@fwd.example", FCT_SYNTAX}, {"", FCT_SYNTAX}, {"@", FCT_SYNTAX},
    {"SRS0==AA=example.org=alice@fwd.example", FCT_SYNTAX}, {"SRS0=A=AA=example.org=alice@fwd.example", FCT_DENIED},
    {"\"SRS0=AAAA=AA=example.org=alice@fwd.example", FCT_SYNTAX}, {"SRS0=AAAA=AA=example.org=ali\nce@fwd.example", FCT_SYNTAX},
};
/* clang-format on */

START_TEST(broken_ones_are_refused)
{
    for (size_t i = 0; i < FCT_COUNT(refused); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str back;

        ck_assert_msg(reverse(arena, &conf, str_from(refused[i].to), NOW, &back) == refused[i].want,
                      "%s", refused[i].to);
        arena_free(&arena);
    }
}
END_TEST

START_TEST(too_long_is_a_limit)
{
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};
    struct fct_str out;

    ck_assert(!srs_forward(
        arena, &conf,
        FCT_STR("a.rather.long.local.part.of.someone@a-rather-long-name-of-a-domain.example"), NOW,
        &out, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    ck_assert(!srs_forward(arena, &conf, FCT_STR("nobody"), NOW, &out, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    ck_assert(!srs_forward(arena, &conf, FCT_STR("SRS1=x@y.example"), NOW, &out, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, there_and_back);
    tcase_add_test(tc, two_hops_and_more);
    tcase_add_test(tc, what_stays_as_it_is);
    tcase_add_test(tc, secrets_change);
    tcase_add_test(tc, days);
    tcase_add_test(tc, forged_ones_are_denied);
    tcase_add_test(tc, broken_ones_are_refused);
    tcase_add_test(tc, too_long_is_a_limit);
}

int main(void)
{
    return run_suite("srs", add);
}
