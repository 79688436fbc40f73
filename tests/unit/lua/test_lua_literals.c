/* test_lua_literals.c - which texts, and which places of them, a pattern can be spared; and that
 * none is spared where it matches. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "lua/engine/lua_finder.h"
#include "lua/engine/lua_fold.h"

#include <check.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *regex, *text;
    bool possible;
} cases[] = {
    /* words that must be there */
    {"/next of kin/i", "The NEXT of kin", true},
    {"/next of kin/i", "The next of the kind", false},
    {"/next of kin/", "next of Kin", true}, /* too careful, but never wrong */
    {"hello world", "say hello world", true},
    {"hello world", "hello word", false},
    {"/abc/", "ab", false},
    {"/abc/", "", false},
    {"/abcdefghijklmnopqrstuvwxyz/", "abcdefghijklmnop", true}, /* twelve bytes are enough */
    {"/abcdefghijklmnopqrstuvwxyz/", "abcdefghijk", false},
    /* what may be missing, and what comes again */
    {"/colou?red/", "colored", true},
    {"/(?:very )?large/", "large", true},
    {"/(?:very )+large/", "large", false},
    {"/wo+rd{2}s/", "woorddsx", true},
    {"/(?:word){0,3}/", "", true},
    {"/ab{0}cdef/", "acdef", true},
    {"/x{3,}yz/", "xxxyz", true},
    {"/(?:a|b){2}cdef/", "abcdef", true},
    {"/wor*?d/", "wod", true},
    {"/wor*+d/", "word", true},
    /* one of several */
    {"/\\b(?:viagra|cialis)\\b/i", "a cialis", true},
    {"/\\b(?:viagra|cialis)\\b/i", "a specialist", false},
    {"/(?:pay|send).{0,9}(?:bitcoin|monero)/", "we pay in bitcoin", true},
    {"/(?:pay|send).{0,9}(?:bitcoin|monero)/", "we take bitcoin", false},
    {"/word|x/", "y", true},
    {"/\\bun-?paid/", "unpaid", true},
    {"/(?<=\\d )million/", "5 million", true},
    {"/(?!other)word/", "word", true},
    {"/(?=word)w/", "word", true},
    {"/\\bthe\\b/", "the", true},
    {"/x\\b-sign/", "x-sign", true},
    {"/\\b-sign/", "x-sign", true},
    {"/(?>word)s/", "words", true},
    {"/(word)s/", "words", true},
    /* words behind the begin */
    {"/\\d{1,3} ?percent of/", "25 percent of", true},
    {"/[a-z]{1,9}@example/", "someone@example", true},
    {"/.*@example/", "someone@example", true},
    {"/\\w+ example/", "an example", true},
    {"/\\w+ example/", "an instance", false},
    {"/\\b(?:[a-z]{2}|nine)-example/", "xy-example", true},
    /* sets */
    {"/[]a]bcde/", "]bcde", true},
    {"/[^]]bcde/", "abcd", false},
    {"/[a-c]\\d[.-]x/", "b7-x", true},
    {"/[a-c]\\d[.-]x/", "b7 x", false},
    {"/[\\w.-]word/", ".word", true},
    {"/[\\s]word/", "\tword", true},
    {"/\\sword/", "\nword", true},
    {"/[\\x41-\\x43]word/", "Bword", true},
    {"/\\x{77}ord/", "word", true},
    {"/\\$\\d/", "$5", true},
    {"/\\bno? /", "no way", true},
    /* letters that are not ASCII */
    {"/caf\xc3\xa9s/i", "CAF\xc3\x89S", true},
    {"/caf\xc3\xa9/", "caf\xc3\xa9", true},
    {"/caf\xc3\xa9/", "cafe", false},
    {"/\xc3\xa5land/i", "\xe2\x84\xabland", true},
    {"/stra\xc3\x9f"
     "e/i",
     "STRA\xe1\xba\x9e"
     "E",
     true},
    {"/\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb7/i", "\xd0\x9f\xd0\xa0\xd0\x98\xd0\x97", true},
    {"/\xd1\x91\xd0\xb6\xd0\xb8\xd0\xba/i", "\xd0\x81\xd0\x96\xd0\x98\xd0\x9a", true},
    {"/\xe4\xb8\xad\xe5\xa5\x96/", "\xe4\xb8\xad\xe5\xa5\x96", true},
    {"/[\\x{200b}-\\x{200d}]/", "a\xe2\x80\x8c", true},
    {"/[\\x{1d400}-\\x{1d7ff}]{3}/", "\xf0\x9d\x90\x80\xf0\x9d\x90\x81\xf0\x9d\x9f\xbf", true},
    {"/\xce\xb1\xce\xbb\xcf\x86\xce\xb1/i", "\xce\x91\xce\x9b\xce\xa6\xce\x91", true},
    /* letters that are others without case */
    {"/task/i", "ta\xc5\xbfk", true},
    {"/task/i", "tas\xe2\x84\xaa", true},
    {"/\xd1\x82\xd0\xb5\xd1\x81\xd1\x82/i", "\xe1\xb2\x84\xd0\xb5\xd1\x81\xd1\x82", true},
    /* what is not understood is always possible */
    {"/(?i)word/", "WORD", true},
    {"/(?|word|other)/", "other", true},
    {"/w o r d s/x", "words", true},
    {"/\\Qwords\\E/", "words", true},
    {"/\\p{L}words/", "xwords", true},
    {"/(*UCP)words/", "words", true},
    {"/[[:alpha:]]words/", "awords", true},
    {"/(wo)\\1rd/", "woword", true},
    {"/\\bwords/u", "words", true},
    {"/\\wwords/u", "\xc3\xa9words", true},
    {"/\xc3word/b", "\xc3word", true},
};

struct places {
    size_t n, at[64];
};

static void remember(void *arg, uint32_t which, size_t at)
{
    struct places *p = arg;

    (void)which;
    if (p->n < FCT_COUNT(p->at))
        p->at[p->n++] = at;
}

/* False: the pattern must be run everywhere. */
static bool find(const struct lua_literals *literals, const char *text, struct places *out)
{
    struct lua_finder *finder = lua_finder_take(&literals, 1);
    size_t n = strlen(text);
    unsigned char *folded = calloc(1, n + LUA_FINDER_BEHIND);
    bool known;

    ck_assert_ptr_nonnull(finder);
    ck_assert_ptr_nonnull(folded);
    out->n = 0;
    known = lua_fold((struct fct_str){text, n}, folded) && literals->n > 0;
    if (known)
        lua_finder_scan(finder, folded, n, remember, out);
    free(folded);
    lua_finder_drop(&finder);
    return known;
}

/* Where PCRE2 finds it; SIZE_MAX: nowhere. */
static size_t match(const char *regex, const char *text)
{
    const char *slash = *regex == '/' ? strrchr(regex, '/') : NULL,
               *begin = regex + (slash != NULL);
    size_t n = slash ? (size_t)(slash - begin) : strlen(begin), at = SIZE_MAX;
    uint32_t options = slash && strchr(slash, 'b') ? 0 : PCRE2_UTF;
    pcre2_match_data *data;
    pcre2_code *code;
    int error;

    options |= slash && strchr(slash, 'i') ? PCRE2_CASELESS : 0;
    options |= slash && strchr(slash, 'u') ? PCRE2_UCP : 0;
    options |= slash && strchr(slash, 'x') ? PCRE2_EXTENDED : 0;
    code = pcre2_compile((PCRE2_SPTR)begin, n, options, &error, &(size_t){0}, NULL);
    ck_assert_msg(code != NULL, "%s", regex);
    data = pcre2_match_data_create_from_pattern(code, NULL);
    if (pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL) > 0)
        at = pcre2_get_ovector_pointer(data)[0];
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return at;
}

static struct lua_literals *literals_of(const char *regex)
{
    struct lua_literals *literals = lua_literals_of((struct fct_str){regex, strlen(regex)});

    ck_assert_ptr_nonnull(literals);
    return literals;
}

START_TEST(texts)
{
    struct lua_literals *literals = literals_of(cases[_i].regex);
    struct places places;
    bool possible = !find(literals, cases[_i].text, &places) || places.n > 0;

    ck_assert_msg(possible == cases[_i].possible, "%s in \"%s\"", cases[_i].regex, cases[_i].text);
    free(literals);
}
END_TEST

/* The first match of every pattern in every text begins where one of its words allows. */
START_TEST(matches_are_near_words)
{
    struct lua_literals *literals = literals_of(cases[_i].regex);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct places places;
        size_t at = match(cases[_i].regex, cases[i].text);
        bool near = at == SIZE_MAX || !find(literals, cases[i].text, &places);

        for (size_t k = 0; !near && k < places.n; k++)
            near = literals->before == LUA_LITERAL_ANYWHERE ||
                   (at <= places.at[k] && places.at[k] - at <= literals->before);
        ck_assert_msg(near, "%s in \"%s\"", cases[_i].regex, cases[i].text);
    }
    free(literals);
}
END_TEST

static const struct {
    const char *regex;
    bool in_line;
} lines[] = {
    {"/word.{0,9}end/", true}, {"/word.{0,9}end/s", false}, {"/word[^x]end/", false},
    {"/word[^\\n]end/", true}, {"/word\\send/", false},     {"/word$/m", false},
    {"/word[a-z]end/", true},  {"/word\\nend/", false},     {"/word\\Dend/", false},
};

START_TEST(line_ends)
{
    struct lua_literals *literals = literals_of(lines[_i].regex);

    ck_assert_msg(literals->in_line == lines[_i].in_line, "%s", lines[_i].regex);
    free(literals);
}
END_TEST

START_TEST(nothing_is_known_of_short_words)
{
    static const char *const patterns[] = {"/a|bcd/", "/\\d+/", "/[a-z]?[a-z]?/", "",
                                           "/(unfinished/"};

    for (size_t i = 0; i < FCT_COUNT(patterns); i++) {
        struct lua_literals *literals = literals_of(patterns[i]);

        ck_assert_msg(literals->n == 0, "%s", patterns[i]);
        free(literals);
    }
}
END_TEST

/* Alternatives of alternatives: the work of reading them is bounded. */
START_TEST(large_patterns)
{
    char regex[8000];
    size_t n = (size_t)snprintf(regex, sizeof regex, "/");
    struct lua_literals *literals;

    while (n < sizeof regex - 40)
        n += (size_t)snprintf(regex + n, sizeof regex - n, "(?:a|b|[c-z]?|(?:d|e{0,2}))");
    (void)snprintf(regex + n, sizeof regex - n, "words/");
    literals = literals_of(regex);
    free(literals);
}
END_TEST

/* Every length of text: eight bytes at a time, and the rest. */
START_TEST(folding)
{
    static const char text[] =
        "@AZ[`az{ \xc3\x80\xc3\x97\xc3\x9e\xd0\x80\xd0\x90\xd0\xa0 ABCDEFGHIJ",
                      small[] =
                          "@az[`az{ \xc3\xa0\xc3\x97\xc3\xbe\xd1\x90\xd0\xb0\xd1\x80 abcdefghij";

    for (size_t n = 0; n < sizeof text; n++) {
        unsigned char out[sizeof text];
        bool cut = n > 0 && n < sizeof text && ((unsigned char)text[n - 1] >= 0xc0);

        ck_assert(lua_fold((struct fct_str){text, n}, out));
        ck_assert_mem_eq(out, small, n - cut);
    }
}
END_TEST

START_TEST(the_same_words_share_a_finder)
{
    struct lua_literals *kin = lua_literals_of((struct fct_str){"/next of kin/", 13}),
                        *fund = lua_literals_of((struct fct_str){"/said fund/", 11});
    const struct lua_literals *both[] = {kin, fund}, *turned[] = {fund, kin};
    struct lua_finder *one = lua_finder_take(both, 2), *two = lua_finder_take(both, 2),
                      *less = lua_finder_take(both, 1), *other = lua_finder_take(turned, 2);
    unsigned char text[9 + LUA_FINDER_BEHIND] = "said fund";
    struct places seen = {0};

    ck_assert_ptr_eq(one, two);
    ck_assert_ptr_ne(one, less);
    ck_assert_ptr_ne(one, other);
    lua_finder_drop(&one);
    ck_assert_ptr_null(one);
    lua_finder_scan(two, text, 9, remember, &seen);
    ck_assert_uint_eq(seen.n, 1);
    lua_finder_scan(less, text, 9, remember, &seen);
    ck_assert_uint_eq(seen.n, 1);
    lua_finder_drop(&two);
    lua_finder_drop(&less);
    lua_finder_drop(&other);
    free(kin);
    free(fund);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lua_literals");
    TCase *tc = tcase_create("literals");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, the_same_words_share_a_finder);
    tcase_add_loop_test(tc, texts, 0, (int)FCT_COUNT(cases));
    tcase_add_loop_test(tc, matches_are_near_words, 0, (int)FCT_COUNT(cases));
    tcase_add_loop_test(tc, line_ends, 0, (int)FCT_COUNT(lines));
    tcase_add_test(tc, nothing_is_known_of_short_words);
    tcase_add_test(tc, large_patterns);
    tcase_add_test(tc, folding);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
