/* test_image_link.c - links to the image proxy: what is written is read again, and nothing else;
 * keys. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "plugins/lib/image_link.h"

#include <check.h>
#include <stdio.h>

#define OLD "0123456789abcdef0123456789abcdef"
#define NEW "fedcba9876543210fedcba9876543210"
#define URL "https://cdn.example/a/b.png?x=1&y=~%20"

static struct image_keys keys_of(const char *text)
{
    struct image_keys keys;
    struct fct_err err = {0};

    ck_assert_msg(image_keys_parse(str_from(text), &keys, &err), "%s", err.text);
    return keys;
}

static struct fct_str read_back(const struct image_keys *keys, struct fct_str link)
{
    static char url[IMAGE_URL_MAX];

    return (struct fct_str){url, image_link_read(keys, link, url)};
}

/* Computed with Python's hmac and base64. */
START_TEST(a_link_is_as_documented)
{
    struct image_keys keys = keys_of(OLD "\n");
    char out[IMAGE_LINK_MAX];
    size_t n = image_link_write(&keys, FCT_STR("https://a.example/x"), out, sizeof out);

    ck_assert(str_equal((struct fct_str){out, n},
                        FCT_STR("/i/dNRbPR3VzDvHFOf9idcOvQ/aHR0cHM6Ly9hLmV4YW1wbGUveA")));
}
END_TEST

START_TEST(links_are_read_back)
{
    struct image_keys keys = keys_of(OLD);
    char out[IMAGE_LINK_MAX], url[IMAGE_URL_MAX + 1];

    memset(url, 'a', sizeof url);
    for (size_t n = 1; n <= IMAGE_URL_MAX; n += n < 9 ? 1 : 181) {
        struct fct_str in = {url, n}, back;
        size_t length = image_link_write(&keys, in, out, sizeof out);

        ck_assert_uint_gt(length, 0);
        back = read_back(&keys, (struct fct_str){out, length});
        ck_assert_msg(str_equal(back, in), "%zu", n);
        ck_assert_uint_eq(image_link_write(&keys, in, out, length - 1), 0); /* no room */
    }
    ck_assert_uint_eq(image_link_write(&keys, (struct fct_str){url, sizeof url}, out, sizeof out),
                      0);
    ck_assert_uint_eq(image_link_write(&keys, FCT_STR(""), out, sizeof out), 0);
}
END_TEST

/* Each character of a link counts. */
START_TEST(nothing_else_is_read)
{
    struct image_keys keys = keys_of(OLD), other = keys_of(NEW);
    char out[IMAGE_LINK_MAX];
    size_t n = image_link_write(&keys, FCT_STR(URL), out, sizeof out);
    struct fct_str link = {out, n};

    ck_assert(str_equal(read_back(&keys, link), FCT_STR(URL)));
    ck_assert_uint_eq(read_back(&other, link).n, 0);
    for (size_t i = 0; i < n; i++) {
        char was = out[i];

        for (int c = 0; c < 256; c++) {
            out[i] = (char)c;
            ck_assert_msg((char)c == was || read_back(&keys, link).n == 0, "%zu: %d", i, c);
        }
        out[i] = was;
        ck_assert_uint_eq(read_back(&keys, str_head(link, i)).n, 0);
    }
    out[n] = '=';
    ck_assert_uint_eq(read_back(&keys, (struct fct_str){out, n + 1}).n, 0);
    out[n] = 'A';
    ck_assert_uint_eq(read_back(&keys, (struct fct_str){out, n + 1}).n, 0);
}
END_TEST

START_TEST(a_new_key_signs_and_the_old_one_opens)
{
    struct image_keys old = keys_of(OLD "\n"), both = keys_of("# ours\r\n" NEW "\r\n\n" OLD "\n"),
                      fresh = keys_of(NEW);
    char out[IMAGE_LINK_MAX];
    size_t n = image_link_write(&old, FCT_STR(URL), out, sizeof out);

    ck_assert_uint_gt(read_back(&both, (struct fct_str){out, n}).n, 0);
    ck_assert_uint_eq(read_back(&fresh, (struct fct_str){out, n}).n, 0);
    n = image_link_write(&both, FCT_STR(URL), out, sizeof out);
    ck_assert_uint_gt(read_back(&fresh, (struct fct_str){out, n}).n, 0);
    ck_assert_uint_eq(read_back(&old, (struct fct_str){out, n}).n, 0);
}
END_TEST

START_TEST(bad_key_files)
{
    static const char *const bad[] = {
        "",
        "\n\n# nothing\n",
        "short\n",
        OLD "\nshort\n",
        OLD "\n" OLD "\n" OLD "\n" OLD "\n" OLD "\n",
        OLD OLD OLD OLD "x\n",
    };
    struct image_keys keys;

    for (size_t i = 0; i < FCT_COUNT(bad); i++) {
        struct fct_err err = {0};

        ck_assert_msg(!image_keys_parse(str_from(bad[i]), &keys, &err), "%zu", i);
        ck_assert(err.text[0]);
    }
    struct fct_err err = {0};

    ck_assert(!image_keys_read("/nowhere/at/all", &keys, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/at/all"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image_link");
    TCase *tc = tcase_create("image_link");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, a_link_is_as_documented);
    tcase_add_test(tc, links_are_read_back);
    tcase_add_test(tc, nothing_else_is_read);
    tcase_add_test(tc, a_new_key_signs_and_the_old_one_opens);
    tcase_add_test(tc, bad_key_files);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
