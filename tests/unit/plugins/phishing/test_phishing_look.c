/* test_phishing_look.c - names that read the same have one skeleton, others have not. */
#include "phishing_test.h"

static struct phishing_look *look;

static bool same(const char *a, const char *b)
{
    char one[PHISHING_SKELETON_MAX], two[PHISHING_SKELETON_MAX];
    size_t n = phishing_skeleton(look, text_of(a), one),
           m = phishing_skeleton(look, text_of(b), two);

    return n > 0 && n == m && memcmp(one, two, n) == 0;
}

START_TEST(alike)
{
    static const char *const pairs[][2] = {
        {"paypal", "paypa1"},
        {"paypal", "paypai"},
        {"paypal", "p\xd0\xb0yp\xd0\xb0l"}, /* Cyrillic a */
        {"paypal", "PayPal"},
        {"google", "g00gle"},
        {"google", "go\xce\xbfgle"}, /* Greek omicron */
        {"microsoft", "rnicrosoft"},
        {"microsoft", "micr\xc3\xb6soft"},                     /* o with a diaeresis */
        {"apple", "\xd0\xb0\xd1\x80\xd1\x80\xd3\x8f\xd0\xb5"}, /* all of it Cyrillic */
        {"wellsfargo", "vvellsfargo"},
        {"amazon", "am\xc3\xa1zon"},
        {"netflix", "netf1ix"},
        {"facebook", "faceb00k"},
        {"instagram", "lnstagram"},
        {"\xe3\x83\x8b", "\xe4\xba\x8c"}, /* a kana and a Han character, UTS 39 */
    };

    for (size_t i = 0; i < FCT_COUNT(pairs); i++)
        ck_assert_msg(same(pairs[i][0], pairs[i][1]), "%s, %s", pairs[i][0], pairs[i][1]);
}
END_TEST

START_TEST(not_alike)
{
    static const char *const pairs[][2] = {
        {"paypal", "paypol"}, {"paypal", "paypalx"}, {"google", "goggle"},
        {"apple", "maple"},   {"chase", "chess"},    {"visa", "vista"},
    };
    char out[PHISHING_SKELETON_MAX], endless[400];

    for (size_t i = 0; i < FCT_COUNT(pairs); i++)
        ck_assert_msg(!same(pairs[i][0], pairs[i][1]), "%s, %s", pairs[i][0], pairs[i][1]);
    ck_assert_uint_eq(phishing_skeleton(look, FCT_STR(""), out), 0);
    memset(endless, 'a', sizeof endless);
    ck_assert_uint_eq(phishing_skeleton(look, (struct fct_str){endless, sizeof endless}, out), 0);
    (void)phishing_skeleton(look, FCT_STR("\xff\xfe\x80"), out);
}
END_TEST

START_TEST(mixed)
{
    static const struct {
        const char *label;
        bool mixed;
    } cases[] = {
        {"paypal", false},
        {"p\xd0\xb0ypal", true},
        {"m\xc3\xbcller", false},
        {"\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0", false}, /* Russian */
        {"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9ejp", false},   /* Japanese with Latin is written */
        {"g\xce\xbf\xce\xbfgle", true},
        {"", false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(phishing_is_mixed(look, text_of(cases[i].label)) == cases[i].mixed, "%s",
                      cases[i].label);
}
END_TEST

START_TEST(typos)
{
    static const struct {
        const char *a, *b;
        bool typo;
    } cases[] = {
        {"paypal", "paypall", true},   {"paypal", "payal", true},    {"paypal", "paypel", true},
        {"paypal", "payapl", true},    {"paypal", "paypal", false},  {"paypal", "papyla", false},
        {"paypal", "paypalss", false}, {"paypal", "", false},        {"a", "", true},
        {"netflix", "nteflix", true},  {"netflix", "netflxi", true}, {"netflix", "entflxi", false},
        {"aa", "aaa", true},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str a = text_of(cases[i].a), b = text_of(cases[i].b);

        ck_assert_msg(phishing_is_typo(a, b) == cases[i].typo, "%s, %s", cases[i].a, cases[i].b);
        ck_assert_msg(phishing_is_typo(b, a) == cases[i].typo, "%s, %s", cases[i].b, cases[i].a);
    }
}
END_TEST

static void tests(TCase *tc)
{
    struct fct_err err;

    look = phishing_look_open(&err);
    tcase_add_test(tc, alike);
    tcase_add_test(tc, not_alike);
    tcase_add_test(tc, mixed);
    tcase_add_test(tc, typos);
}

int main(void)
{
    int failed = run_suite("phishing_look", tests);

    phishing_look_free(&look);
    return failed;
}
