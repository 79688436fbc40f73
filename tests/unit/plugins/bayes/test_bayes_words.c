/* test_bayes_words.c - which words a text has, in many scripts. */
#include "bayes_test.h"
#include "plugins/bayes/bayes_words.h"

#include <unicase.h>
#include <unictype.h>
#include <unistr.h>

struct words_case {
    const char *name, *text;
    const char *words; /* with "|" between them, in any order */
};

/* The set that the words by themselves would make. */
static size_t set_of(const char *words, uint64_t out[BAYES_TOKENS])
{
    static struct bayes_tokens t;

    bayes_tokens_init(&t, 1);
    while (*words) {
        size_t n = strcspn(words, "|");

        (void)bayes_token(&t, BAYES_WORD, (struct fct_str){words, n});
        words += n + (words[n] == '|');
    }
    return bayes_tokens_finish(&t, out);
}

static size_t read(const char *text, enum bayes_space pairs, uint64_t out[BAYES_TOKENS])
{
    static struct bayes_tokens t;

    bayes_tokens_init(&t, 1);
    bayes_words_add(&t, text_of(text), BAYES_WORD, pairs);
    return bayes_tokens_finish(&t, out);
}

#define A40 "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"

/* clang-format off */
START_TEST(words)
{
    static const struct words_case cases[] = {
        {"nothing", "", ""},
        {"between", " .,;:!?\"()\r\n\t", ""},
        {"folded", "Hello, WORLD! hello", "hello|world"},
        {"short ones", "a b cd", "cd"},
        {"inside a word", "don't e-mail -x- 'quoted' end-", "don't|e-mail|quoted|end"},
        {"money and numbers", "$$$ $100 50% 2026", "$$$|$100|50%|2026"},
        {"forty", A40 " " A40 "e", A40 "|aaaaaaaa"},
        {"accents", "CAF\xC3\x89 \xC3\x84rger", "caf\xC3\xA9|\xC3\xA4rger"},
        {"composed or not", "cafe\xCC\x81", "caf\xC3\xA9"},
        {"full width", "\xEF\xBC\xA6\xEF\xBD\x92\xEF\xBD\x85\xEF\xBD\x85", "free"},
        {"mathematical letters", "\xF0\x9D\x90\x85\xF0\x9D\x90\xAB\xF0\x9D\x90\x9E\xF0\x9D\x90\x9E", "free"},
        {"sharp s", "Stra\xC3\x9F" "e", "strasse"},
        {"Cyrillic", "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82, \xD0\xAF", "\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82"},
        {"Han in pairs", "\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97", "\xE4\xB8\xAD\xE6\x96\x87|\xE6\x96\x87\xE5\xAD\x97"},
        {"one Han alone", "x \xE4\xB8\xAD y", "\xE4\xB8\xAD"},
        {"Han beside Latin", "buy\xE4\xB8\xAD\xE6\x96\x87now", "buy|\xE4\xB8\xAD\xE6\x96\x87|now"},
        {"Thai", "\xE0\xB8\x81\xE0\xB8\x82\xE0\xB8\x84", "\xE0\xB8\x81\xE0\xB8\x82|\xE0\xB8\x82\xE0\xB8\x84"},
        {"no UTF-8", "good\xFF\xFE" "bad \x80\x80 \xE4\xB8", "good|bad"},
        {"symbols", "\xE2\x98\x85\xE2\x98\x85 win \xF0\x9F\x92\xB0", "win"},
    };
    uint64_t got[BAYES_TOKENS], want[BAYES_TOKENS];

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        size_t n = read(cases[i].text, 0, got), wanted = set_of(cases[i].words, want);

        ck_assert_msg(n == wanted, "%s: %zu words, want %zu", cases[i].name, n, wanted);
        ck_assert_msg(memcmp(got, want, n * sizeof *got) == 0, "%s: other words", cases[i].name);
    }
}
END_TEST
/* clang-format on */

/* What is folded without libunistring is folded as it would. */
START_TEST(simple_letters)
{
    for (ucs4_t c = 0xa0; c < 0x800; c++) {
        uint8_t word[8] = "XX", folded[32];
        uint64_t got[BAYES_TOKENS], want[BAYES_TOKENS];
        size_t n = sizeof folded - 1, wanted;
        int length = u8_uctomb(word + 2, c, 4);

        if (!uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M))
            continue;
        word[2 + length] = 0;
        ck_assert(u8_casefold(word, 2 + (size_t)length, NULL, UNINORM_NFKC, folded, &n) == folded);
        folded[n] = 0;
        wanted = set_of((const char *)folded, want);
        ck_assert_uint_eq(read((const char *)word, 0, got), wanted);
        ck_assert_msg(memcmp(got, want, wanted * sizeof *got) == 0, "U+%04X", c);
    }
}
END_TEST

START_TEST(pairs)
{
    uint64_t out[BAYES_TOKENS];

    ck_assert_uint_eq(read("one", BAYES_PAIR, out), 1);
    ck_assert_uint_eq(read("one two", BAYES_PAIR, out), 2 + 1);
    ck_assert_uint_eq(read("one two three", BAYES_PAIR, out), 3 + 3);
    /* each with the four before it */
    ck_assert_uint_eq(read("one two three four five six", BAYES_PAIR, out), 6 + 1 + 2 + 3 + 4 + 4);
}
END_TEST

START_TEST(order_and_distance_matter)
{
    uint64_t a[BAYES_TOKENS], b[BAYES_TOKENS];
    size_t n = read("free money", BAYES_PAIR, a);

    ck_assert_uint_eq(n, read("money free", BAYES_PAIR, b));
    ck_assert_int_ne(memcmp(a, b, n * sizeof *a), 0);
    ck_assert_uint_eq(read("Free: MONEY", BAYES_PAIR, b), n);
    ck_assert_int_eq(memcmp(a, b, n * sizeof *a), 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, words);
    tcase_add_test(tc, simple_letters);
    tcase_add_test(tc, pairs);
    tcase_add_test(tc, order_and_distance_matter);
}

int main(void)
{
    return run_suite("bayes_words", add);
}
