/* test_phishing_brands.c - hosts and names that borrow a brand, those that do not, and what the
 * configuration adds and takes out. */
#include "phishing_test.h"

static struct phishing_look *look;
static struct phishing_brands brands;

START_TEST(hosts)
{
    /* display: as name when NULL */
    static const struct {
        const char *name, *display, *org;
        enum phishing_pretence pretence;
        const char *brand;
    } cases[] = {
        {"www.paypal.com", NULL, "paypal.com", PHISHING_HONEST, NULL},
        {"a.b.c.paypal.com", NULL, "paypal.com", PHISHING_HONEST, NULL},
        {"www.paypal.fr", NULL, "paypal.fr", PHISHING_HONEST, NULL},
        {"www.example.org", NULL, "example.org", PHISHING_HONEST, NULL},
        {"paypa1.com", NULL, "paypa1.com", PHISHING_LOOK_ALIKE, "PayPal"},
        {"www.paypai.co.uk", NULL, "paypai.co.uk", PHISHING_LOOK_ALIKE, "PayPal"},
        {"paypa1.example.com", NULL, "example.com", PHISHING_LOOK_ALIKE, "PayPal"},
        {"xn--pypl-53dc.com", "p\xd0\xb0yp\xd0\xb0l.com", "xn--pypl-53dc.com", PHISHING_LOOK_ALIKE,
         "PayPal"},
        {"paypall.com", NULL, "paypall.com", PHISHING_TYPO, "PayPal"},
        {"mircosoft.com", NULL, "mircosoft.com", PHISHING_TYPO, "Microsoft"},
        {"finance.com", NULL, "finance.com", PHISHING_HONEST, NULL},
        {"printed.com", NULL, "printed.com", PHISHING_HONEST, NULL},
        {"trust.com", NULL, "trust.com", PHISHING_HONEST, NULL},
        {"window.com", NULL, "window.com", PHISHING_HONEST, NULL},
        {"paypal.com.evil.example", NULL, "evil.example", PHISHING_FRONT, "PayPal"},
        {"www.paypal.com.login.evil.example", NULL, "evil.example", PHISHING_FRONT, "PayPal"},
        {"paypal-com.evil.example", NULL, "evil.example", PHISHING_FRONT, "PayPal"},
        {"notpaypal.com.evil.example", NULL, "evil.example", PHISHING_HONEST, NULL},
        {"paypal.evil.example", NULL, "evil.example", PHISHING_LABEL, "PayPal"},
        {"secure-paypal-login.example", NULL, "secure-paypal-login.example", PHISHING_LABEL,
         "PayPal"},
        {"dhl-track.example", NULL, "dhl-track.example", PHISHING_LABEL, "DHL"},
        {"discover-nature.example", NULL, "discover-nature.example", PHISHING_HONEST, NULL},
        {"chase.example.org", NULL, "example.org", PHISHING_HONEST, NULL},
        {"192.0.2.1", NULL, "192.0.2.1", PHISHING_HONEST, NULL},
        {"", NULL, "", PHISHING_HONEST, NULL},
        {"a", NULL, "a", PHISHING_HONEST, NULL},
        {"....", NULL, "..", PHISHING_HONEST, NULL},
        {"example.org", "example.org", "longer.than.example.org", PHISHING_HONEST, NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct phishing_host host = {text_of(cases[i].name),
                                     text_of(cases[i].display ? cases[i].display : cases[i].name),
                                     text_of(cases[i].org)};
        const struct phishing_brand *brand;
        enum phishing_pretence pretence = phishing_pretends(&brands, &host, &brand);

        ck_assert_msg(pretence == cases[i].pretence, "%s: %d", cases[i].name, (int)pretence);
        ck_assert_msg(!cases[i].brand == !brand, "%s", cases[i].name);
        if (brand)
            ck_assert_msg(brand->name.n == strlen(cases[i].brand) &&
                              memcmp(brand->name.p, cases[i].brand, brand->name.n) == 0,
                          "%s: %.*s", cases[i].name, FCT_FMT(brand->name));
    }
}
END_TEST

START_TEST(names)
{
    static const struct {
        const char *name, *brand;
    } cases[] = {
        {"PayPal", "PayPal"},
        {"service at PAYPAL!", "PayPal"},
        {"Paypalooza", NULL},
        {"Anna Smith", NULL},
        {"Chase Smith", NULL},
        {"Chase", "Chase"},
        {"Chase Online Alerts", "Chase"},
        {"Apple Support", "Apple"},
        {"Fiona Apple", NULL},
        {"The Wells Fargo Team", "Wells Fargo"},
        {"", NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const struct phishing_brand *brand =
            phishing_brand_in_name(&brands, text_of(cases[i].name));

        ck_assert_msg(!brand == !cases[i].brand, "%s: %.*s", cases[i].name,
                      brand ? (int)brand->name.n : 0, brand ? brand->name.p : "");
        if (brand)
            ck_assert_int_eq(memcmp(brand->name.p, cases[i].brand, brand->name.n), 0);
    }
    ck_assert_ptr_nonnull(phishing_brand_in_text(&brands, FCT_STR("/paypal-login")));
    ck_assert_ptr_null(phishing_brand_in_text(&brands, FCT_STR("/apple-pie")));
}
END_TEST

START_TEST(disguised_names)
{
    static const struct {
        const char *name;
        bool found;
    } cases[] = {
        {"P\xd0\xb0yP\xd0\xb0l Service", true}, /* Cyrillic */
        {"The PayPa1 team", true},
        {"Pay\xe2\x80\x8bPal", true},
        {"Net\xc2\xad"
         "flix",
         true},
        {"\xf0\x9d\x97\xa3\xf0\x9d\x97\xae\xf0\x9d\x98\x86\xf0\x9d\x97\xa3\xf0\x9d\x97\xae\xf0\x9d"
         "\x97\xb9",
         true}, /* bold */
        {"PayPal", false},
        {"Ita\xc3\xba", false},
        {"Itau", false},
        {"Jos\xc3\xa9 M\xc3\xbcller", false},
        {"Office 2021", false},
        {"\xff\xfe\x80 1", false},
        {"", false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(cases[i].found ==
                          (phishing_brand_like_name(&brands, text_of(cases[i].name)) != NULL),
                      "%s", cases[i].name);
}
END_TEST

START_TEST(configured)
{
    static const char *const more[] = {"Example Bank: example.bank bank.example",
                                       "Orange (common): orange.test"};
    static const char *const without[] = {"paypal"};
    const struct fct_strings none = {NULL, 0}, add = {more, 2}, out = {without, 1};
    struct phishing_brands own;
    struct fct_err err = {0};

    ck_assert_msg(phishing_brands_open(&own, look, &add, &out, &err), "%s", err.text);
    ck_assert_uint_eq(own.n, brands.n + 1);
    ck_assert_ptr_null(phishing_brand_of(&own, FCT_STR("www.paypal.com")));
    ck_assert_ptr_nonnull(phishing_brand_of(&own, FCT_STR("www.bank.example")));
    ck_assert_ptr_null(phishing_brand_in_name(&own, FCT_STR("William of Orange")));
    ck_assert_ptr_nonnull(phishing_brand_in_name(&own, FCT_STR("Orange")));
    phishing_brands_close(&own);
    for (unsigned i = 0; i < 5; i++) {
        static const char *const wrong[] = {"no colon", ": a.example",
                                            "Name:", "Name:  ", "Nobody"};
        const char *entry[] = {wrong[i]};
        const struct fct_strings bad = {entry, 1};

        ck_assert_msg(
            !phishing_brands_open(&own, look, i < 4 ? &bad : &none, i < 4 ? &none : &bad, &err),
            "%s", wrong[i]);
        ck_assert_int_eq(err.class, FCT_SYNTAX);
        phishing_brands_close(&own);
    }
}
END_TEST

/* What stands in brands.def is written right: no domain twice in a row, names of two letters or
 * more, every word with a skeleton, and no brand's own domain pretends to be another. */
START_TEST(shipped)
{
    ck_assert_uint_ge(brands.n, 150);
    for (size_t i = 0; i < brands.n; i++)
        for (size_t d = 0; d < brands.brand[i].domains; d++) {
            struct fct_str name = brands.brand[i].domain[d].name;
            struct phishing_host host = {name, name, name};
            const struct phishing_brand *brand;

            ck_assert_uint_gt(brands.brand[i].domain[d].skeleton.n, 0);
            ck_assert_int_eq(phishing_pretends(&brands, &host, &brand), PHISHING_HONEST);
            for (size_t k = 0; k < d; k++)
                ck_assert_msg(brands.brand[i].domain[k].name.n != name.n ||
                                  memcmp(brands.brand[i].domain[k].name.p, name.p, name.n) != 0,
                              "%.*s twice", FCT_FMT(name));
        }
}
END_TEST

static void tests(TCase *tc)
{
    const struct fct_strings none = {NULL, 0};
    struct fct_err err = {0};

    look = phishing_look_open(&err);
    if (!phishing_brands_open(&brands, look, &none, &none, &err))
        (void)fprintf(stderr, "%s\n", err.text);
    tcase_add_test(tc, hosts);
    tcase_add_test(tc, names);
    tcase_add_test(tc, disguised_names);
    tcase_add_test(tc, configured);
    tcase_add_test(tc, shipped);
}

int main(void)
{
    int failed = run_suite("phishing_brands", tests);

    phishing_brands_close(&brands);
    phishing_look_free(&look);
    return failed;
}
