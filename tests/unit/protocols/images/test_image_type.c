/* test_image_type.c - what is a picture and what is not. */
#include "core/base/str.h"
#include "protocols/images/image_type.h"

#include <check.h>

/* clang-format off */
static const struct {
    struct fct_str bytes;
    const char *type;
} cases[] = {
    {FCT_STR_INIT("GIF89a\1\0\1\0"),                       "image/gif"},
    {FCT_STR_INIT("GIF87a"),                               "image/gif"},
    {FCT_STR_INIT("GIF88a"),                               NULL},
    {FCT_STR_INIT("\xff\xd8\xff\xe0\0\x10JFIF"),           "image/jpeg"},
    {FCT_STR_INIT("\xff\xd8"),                             NULL},
    {FCT_STR_INIT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),        "image/png"},
    {FCT_STR_INIT("\x89PNG\n\x1a\n"),                      NULL},
    {FCT_STR_INIT("RIFF\x24\0\0\0WEBPVP8 "),               "image/webp"},
    {FCT_STR_INIT("RIFF\x24\0\0\0WAVEfmt "),               NULL},
    {FCT_STR_INIT("RIFFWEBP"),                             NULL},
    {FCT_STR_INIT("\0\0\0\x20""ftypavif\0\0\0\0"),         "image/avif"},
    {FCT_STR_INIT("\0\0\0\x20""ftypavis\0\0\0\0"),         "image/avif"},
    {FCT_STR_INIT("\0\0\0\x20""ftypisom\0\0\0\0"),         NULL},
    {FCT_STR_INIT("BM\x46\0\0\0\0\0\0\0\x36\0\0\0"),       "image/bmp"},
    {FCT_STR_INIT("BMW is a maker of cars"),               NULL},
    {FCT_STR_INIT("<svg xmlns='http://www.w3.org/2000/svg'/>"), NULL},
    {FCT_STR_INIT("<!doctype html><p>GIF89a"),             NULL},
    {FCT_STR_INIT("\n GIF89a"),                            NULL},
    {FCT_STR_INIT("%PDF-1.7"),                             NULL},
    {FCT_STR_INIT(""),                                     NULL},
};
/* clang-format on */

START_TEST(bytes)
{
    const char *type = image_type(cases[_i].bytes);

    if (cases[_i].type)
        ck_assert_pstr_eq(type, cases[_i].type);
    else
        ck_assert_ptr_null(type);
}
END_TEST

START_TEST(declarations)
{
    static const struct {
        const char *field;
        bool is;
    } fields[] = {
        {"image/png", true},
        {"IMAGE/JPEG; charset=x", true},
        {" image/jpg", true},
        {"image/svg+xml", false},
        {"Image/SVG", false},
        {"text/html", false},
        {"text/html; x=image/png", false},
        {"application/octet-stream", false},
        {"", false},
    };

    for (size_t i = 0; i < FCT_COUNT(fields); i++)
        ck_assert_msg(image_is_declared(str_from(fields[i].field)) == fields[i].is, "%s",
                      fields[i].field);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image_type");
    TCase *tc = tcase_create("image_type");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, bytes, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, declarations);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
