/* What goes on elsewhere: senders there and back, codes of consent; addresses that do not exist;
 * what processes want to find again. */
#include "fixture.h"

#include "core/base/clock.h"
#include "store/forward.h"
#include "store/store_state.h"
#include "store/store_suppress.h"

static const struct forward_conf conf = {.srs = true,
                                         .srs_domain = "",
                                         .srs_max_age = {21u * 86400000u},
                                         .max_hops = 5,
                                         .accounts = true};

static void start(void)
{
    WANT(forward_open(fx_server, &conf, &fx_err));
    WANT(store_account_add(fx_admin, FCT_STR("ann@example.org"), FCT_STR("secret"), &fx_err));
    WANT(store_account_add(fx_admin, FCT_STR("bob@example.org"), FCT_STR("secret"), &fx_err));
}

static struct fct_str rewritten(const char *sender)
{
    struct fct_str out;

    WANT(forward_sender(fx_server, fx_arena, str_from(sender), FCT_STR("example.org"), &out,
                        &fx_err));
    return out;
}

static void there_and_back(void)
{
    static const char *const senders[] = {"x@far.example", "\"a b\"@far.example",
                                          "SRS0=Ab=CD=one.example=x@far.example",
                                          "srs-like=x@far.example"};
    struct store_resolution to;
    struct fct_str path;

    start();
    for (size_t i = 0; i < FCT_COUNT(senders); i++) {
        path = rewritten(senders[i]);
        ck_assert_msg(str_find(path, FCT_STR("SRS")) >= 0, "%s", senders[i]);
        WANT(store_resolve(fx_edge, path, fx_arena, &to, &fx_err));
        ck_assert(to.what == RESOLVED_LOCAL && to.n == 1 && to.target[0].account == 0);
        ck_assert_msg(str_equal(to.target[0].name, str_from(senders[i])), "%.*s",
                      FCT_FMT(to.target[0].name));
    }
    ck_assert(str_equal(rewritten("ann@example.org"), FCT_STR("ann@example.org")));
    ck_assert(str_equal(rewritten(""), FCT_STR("")));
    ck_assert(!store_resolve(fx_edge, FCT_STR("SRS0=AAAAAAAA=AA=far.example=x@example.org"),
                             fx_arena, &to, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    /* Elsewhere such an address is one as any other. */
    fx_err = (struct fct_err){0};
    WANT(store_resolve(fx_edge, FCT_STR("SRS0=AAAAAAAA=AA=far.example=x@near.example"), fx_arena,
                       &to, &fx_err));
    ck_assert_int_eq(to.what, RESOLVED_NOT_LOCAL);
}

START_TEST(senders)
{
    fx_test(there_and_back);
}
END_TEST

static struct fct_str code_for(const char *account, const char *target, uint64_t id)
{
    char hash[17];

    ck_assert(forward_hash(fx_server, 0, str_from(account), str_from(target), hash));
    return arena_printf(fx_arena, "%llu-%s", (unsigned long long)id, hash);
}

static void codes(void)
{
    struct fct_str item = FCT_STR("forward=x@far.example"), account, target, code;
    struct store_account_detail detail;

    start();
    WANT(store_account_set(fx_admin, FCT_STR("ann@example.org"), &item, 1, &fx_err));
    WANT(store_account_show(fx_admin, FCT_STR("ann@example.org"), fx_arena, &detail, &fx_err));
    code = code_for("ann@example.org", "x@far.example", detail.is.id);
    const struct fct_str wrong[] = {
        FCT_STR(""),
        FCT_STR("1"),
        FCT_STR("-"),
        arena_printf(fx_arena, "%.*sa", FCT_FMT(code)),
        code_for("ann@example.org", "y@far.example", detail.is.id),
        code_for("bob@example.org", "x@far.example", detail.is.id + 1),
        code_for("ann@example.org", "x@far.example", detail.is.id + 1),
        code_for("ann@example.org", "x@far.example", 99999),
    };

    for (size_t i = 0; i < FCT_COUNT(wrong); i++) {
        ck_assert_msg(
            !store_forward_confirm(fx_edge, wrong[i], fx_arena, &account, &target, &fx_err),
            "code %zu", i);
        ck_assert_int_eq(fx_err.class, FCT_DENIED);
        fx_err = (struct fct_err){0};
    }
    for (int twice = 0; twice < 2; twice++) {
        WANT(store_forward_confirm(fx_edge, code, fx_arena, &account, &target, &fx_err));
        ck_assert(str_equal(account, FCT_STR("ann@example.org")));
        ck_assert(str_equal(target, FCT_STR("x@far.example")));
    }
    item = FCT_STR("forward_confirmed=y@far.example");
    ck_assert(!store_account_set(fx_admin, FCT_STR("ann@example.org"), &item, 1, &fx_err));
}

START_TEST(consent)
{
    fx_test(codes);
}
END_TEST

static void list(void)
{
    const struct suppressed one[] = {
        {.address = FCT_STR("Gone@far.example"), .reason = FCT_STR("550 5.1.1 nobody")},
        {.address = FCT_STR("past@far.example"), .until = clock_wall() - 1},
        {.address = FCT_STR("no address"), .reason = FCT_STR("x")},
    };
    const struct suppressed *all;
    struct fct_str after = FCT_STR("");
    struct store_resolution to;
    size_t n;

    start();
    WANT(store_suppress(fx_admin, one, FCT_COUNT(one), &fx_err));
    WANT(store_suppressions(fx_admin, &after, fx_arena, &all, &n, &fx_err));
    ck_assert_uint_eq(n, 1);
    ck_assert(str_equal(all[0].address, FCT_STR("gone@far.example")));
    WANT(store_suppressions(fx_admin, &after, fx_arena, &all, &n, &fx_err));
    ck_assert_uint_eq(n, 0);
    WANT(store_resolve(fx_edge, FCT_STR("gone@FAR.example"), fx_arena, &to, &fx_err));
    ck_assert(to.suppressed && str_equal(to.reason, FCT_STR("550 5.1.1 nobody")));
    WANT(store_resolve(fx_edge, FCT_STR("past@far.example"), fx_arena, &to, &fx_err));
    ck_assert(!to.suppressed);
    ck_assert(!store_suppress(fx_edge, one, 1, &fx_err)); /* not for edge */
    fx_err = (struct fct_err){0};
    WANT(store_unsuppress(fx_admin, FCT_STR("GONE@far.example"), &fx_err));
    ck_assert(!store_unsuppress(fx_admin, FCT_STR("gone@far.example"), &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
}

START_TEST(suppression)
{
    fx_test(list);
}
END_TEST

#define LARGE ((2u << 20) + 5u)

static void bytes(void)
{
    char *large = malloc(LARGE);
    struct buf out = BUF_INIT(8u << 20);
    const size_t sizes[] = {LARGE, 3, 1u << 20, 0};

    ck_assert_ptr_nonnull(large);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < FCT_COUNT(sizes); i++) {
        WANT(store_state_save(fx_admin, FCT_STR("a name"), (struct fct_str){large, sizes[i]},
                              &fx_err));
        buf_clear(&out);
        WANT(store_state_load(fx_admin, FCT_STR("a name"), &out, &fx_err));
        ck_assert_msg(str_equal(buf_str(&out), (struct fct_str){large, sizes[i]}), "%zu", sizes[i]);
    }
    buf_clear(&out);
    WANT(store_state_load(fx_admin, FCT_STR("a nam"), &out, &fx_err));
    ck_assert_uint_eq(out.n, 0);
    ck_assert(!store_state_save(fx_admin, FCT_STR(""), FCT_STR("x"), &fx_err));
    buf_free(&out);
    free(large);
}

START_TEST(state)
{
    fx_test(bytes);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("forward");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, senders);
    tcase_add_test(t, consent);
    tcase_add_test(t, suppression);
    tcase_add_test(t, state);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
