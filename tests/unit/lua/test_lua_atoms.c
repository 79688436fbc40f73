/* test_lua_atoms.c - which texts a pattern can be spared, and that no text is spared which it
 * matches. */
#include "lua/engine/lua_atoms.h"

#include <check.h>
#include <stdlib.h>

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
    /* what may be missing, and what comes again */
    {"/colou?red/", "colored", true},
    {"/(?:very )?large/", "large", true},
    {"/(?:very )+large/", "large", false},
    {"/wo+rd{2}s/", "woorddsx", true},
    {"/(?:word){0,3}/", "", true},
    {"/ab{0}cdef/", "acdef", true},
    /* one of several; all of several */
    {"/\\b(?:viagra|cialis)\\b/i", "a cialis", true},
    {"/\\b(?:viagra|cialis)\\b/i", "a specialist", false},
    {"/(?:pay|send).{0,9}(?:bitcoin|monero)/", "we pay in bitcoin", true},
    {"/(?:pay|send).{0,9}(?:bitcoin|monero)/", "we pay in cash", false},
    {"/word|x/", "y", true},
    {"/\\bun-?paid/", "unpaid", true},
    {"/(?<=\\d )million/", "5 million", true},
    {"/(?!other)word/", "word", true},
    {"/\\bthe\\b/", "the", true},
    {"/x\\b-sign/", "x-sign", true},
    {"/caf\xc3\xa9s/i", "CAF\xc3\x89S", true},
    {"/caf\xc3\xa9/", "caf\xc3\xa9", true},
    {"/[]a]bcde/", "]bcde", true},
    {"/[^]]bcde/", "abcd", false},
    /* letters that are others without case */
    {"/task/i", "ta\xc5\xbfk", true},
    {"/task/i", "tas\xe2\x84\xaa", true},
    /* what is not understood is always possible */
    {"/(?i)word/", "WORD", true},
    {"/(?|word|other)/", "y", true},
    {"/w o r d s/x", "words", true},
    {"/\\Qwords\\E/", "words", true},
    {"/\\x77ords/", "words", true},
    {"/\\p{L}words/", "xwords", true},
    {"/(*UCP)words/", "words", true},
    {"/[[:alpha:]]words/", "awords", true},
    {"/\\bwords/u", "words", true},
    {"/(unfinished/", "y", true},
};

START_TEST(texts)
{
    struct lua_atoms *atoms =
        lua_atoms_new((struct fct_str){cases[_i].regex, strlen(cases[_i].regex)});
    struct lua_grams *grams = calloc(1, sizeof *grams);

    ck_assert_ptr_nonnull(grams);
    lua_grams_of(grams, (struct fct_str){cases[_i].text, strlen(cases[_i].text)});
    ck_assert_msg(lua_atoms_possible(atoms, grams) == cases[_i].possible, "%s in \"%s\"",
                  cases[_i].regex, cases[_i].text);
    lua_atoms_free(&atoms);
    free(grams);
}
END_TEST

START_TEST(nothing_is_known_of_short_words)
{
    ck_assert_ptr_null(lua_atoms_new(FCT_STR("/a|bcd/")));
    ck_assert_ptr_null(lua_atoms_new(FCT_STR("/\\d+/")));
    ck_assert_ptr_null(lua_atoms_new(FCT_STR("")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lua_atoms");
    TCase *tc = tcase_create("atoms");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, texts, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, nothing_is_known_of_short_words);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
