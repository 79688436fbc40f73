/* test_lint_script.c - texts of each script, mixtures, and who reads them. */
#include "plugins/headers_lint/lint_script.h"

#include "core/base/str.h"
#include <check.h>
#include <stdlib.h>

/* clang-format off */
static const struct {
    const char *text;
    enum lint_script script;
} texts[] = {
    {"", LINT_LATIN},
    {"The meeting is at noon, as it always is.", LINT_LATIN},
    {"Größe, être, ñandú, Łódź, Việt Nam, Türkçe: всё", LINT_LATIN},
    {"Привет", LINT_LATIN}, /* too few */
    {"Здравствуйте, ваш выигрыш ждёт вас", LINT_CYRILLIC},
    {"Здравствуйте, ваш Windows ждёт вас http://a.example/", LINT_CYRILLIC},
    {"Read this at http://www.shop.example/index.html: Здравствуйте, ваш", LINT_LATIN}, /* less than half */
    {"Καλημέρα, πώς είστε σήμερα;", LINT_GREEK},
    {"Բարեւ ձեզ, ինչպես եք այսօր", LINT_ARMENIAN},
    {"שלום רב, מה שלומך היום יקירי", LINT_HEBREW},
    {"مرحبا، كيف حالك اليوم يا صديقي", LINT_ARABIC},
    {"नमस्ते, आप कैसे हैं आज मित्र", LINT_DEVANAGARI},
    {"வணக்கம் எப்படி இருக்கிறீர்கள்", LINT_INDIC},
    {"สวัสดีครับ วันนี้คุณสบายดีไหม", LINT_THAI},
    {"გამარჯობა, როგორ ხართ დღეს", LINT_GEORGIAN},
    {"ሰላም ለዓለም እንዴት ናችሁ ዛሬ ወዳጆቼ ሁሉ", LINT_ETHIOPIC},
    {"尊敬的用户，您好！我公司代开发票", LINT_HAN},
    {"お客様のアカウントが停止されました。確認してください", LINT_KANA},
    {"東京都港区赤坂一丁目の会社員大会開催", LINT_KANA}, /* one kana in a line of Chinese characters */
    {"고객님의 계정이 정지되었습니다", LINT_HANGUL},
    {"\xff\xfe\xd0\xe4\x80 \xf4 and so on, for ever and ever \xe4\xb8", LINT_LATIN}, /* no UTF-8, cut off */
};

static const struct {
    const char *languages;
    enum lint_script script;
    bool reads;
} readers[] = {
    {"en", LINT_LATIN, true},      {"ru", LINT_LATIN, true},        {"", LINT_LATIN, true},
    {"en", LINT_HAN, false},       {"en zh", LINT_HAN, true},       {"en,zh-Hant-TW", LINT_HAN, true},
    {"EN, ZH", LINT_HAN, true},    {"ja", LINT_HAN, true},          {"zh", LINT_KANA, false},
    {"uk", LINT_CYRILLIC, true},   {"u", LINT_CYRILLIC, false},     {"ukr", LINT_CYRILLIC, false},
    {"de fr", LINT_CYRILLIC, false}, {"sr-Latn", LINT_CYRILLIC, true}, {"ko", LINT_HANGUL, true},
    {"fa", LINT_ARABIC, true},     {"he", LINT_ARABIC, false},      {" , ", LINT_HAN, false},
};
/* clang-format on */

START_TEST(what_a_text_is_written_in)
{
    struct lint_letters letters = {{0}};
    enum lint_script script;

    lint_count_letters(str_from(texts[_i].text), &letters);
    script = lint_script_of(&letters);
    ck_assert_msg(script == texts[_i].script, "%s: %s", texts[_i].text, lint_script_name[script]);
}
END_TEST

START_TEST(who_reads_it)
{
    ck_assert_msg(lint_reads(str_from(readers[_i].languages), readers[_i].script) ==
                      readers[_i].reads,
                  "%s, %s", readers[_i].languages, lint_script_name[readers[_i].script]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lint_script");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, what_a_text_is_written_in, 0, (int)FCT_COUNT(texts));
    tcase_add_loop_test(tc, who_reads_it, 0, (int)FCT_COUNT(readers));
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
