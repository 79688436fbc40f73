/* test_image_request.c - requests at the image proxy, taken and refused (RFC 9112 2, 3, 5). */
#include "core/base/err.h"
#include "core/base/str.h"
#include "protocols/images/image_request.h"

#include <check.h>

#define HOST "Host: mail.example\r\n"

static struct image_request read_all(struct fct_str rest)
{
    struct image_request r = {0};
    bool more = true;

    while (more) {
        ptrdiff_t lf = str_find_char(rest, '\n');
        struct fct_str line = str_head(rest, (size_t)lf + 1);

        ck_assert_int_ge(lf, 0);
        rest = str_skip(rest, line.n);
        if (!image_request_strip(&line)) {
            r.refused = 400;
            break;
        }
        more = image_request_line(&r, line);
    }
    return r;
}

/* clang-format off */
static const struct {
    const char *text, *target; /* NULL: refused */
    unsigned status;
    bool head, keep;
} cases[] = {
    {"GET /i/a/b HTTP/1.1\r\n" HOST "\r\n",                              "/i/a/b", 0, false, true},
    {"HEAD / HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n",                   "/",      0, true,  true},
    {"GET / HTTP/1.0\r\n\r\n",                                           "/",      0, false, false},
    {"GET / HTTP/1.1\r\nhost:x\r\nConnection: keep-alive\r\n\r\n",       "/",      0, false, true},
    {"GET / HTTP/1.1\r\n" HOST "Connection: te, CLOSE\r\n\r\n",          "/",      0, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",              "/",      0, false, true},
    {"GET / HTTP/1.1\r\n" HOST "X:\r\nY: \t\xc3\xa9 \r\n\r\n",           "/",      0, false, true},
    /* the first line */
    {"\r\n",                                       NULL, 400, false, false},
    {"GET\r\n",                                    NULL, 400, false, false},
    {"GET /\r\n",                                  NULL, 400, false, false},
    {"GET  / HTTP/1.1\r\n",                        NULL, 400, false, false},
    {"GET / HTTP/1.1 \r\n",                        NULL, 505, false, false},
    {"GET / HTTP/2.0\r\n",                         NULL, 505, false, false},
    {"GET / http/1.1\r\n",                         NULL, 400, false, false},
    {"GET http://mail.example/ HTTP/1.1\r\n",      NULL, 400, false, false},
    {"OPTIONS * HTTP/1.1\r\n",                     NULL, 400, false, false},
    {"CONNECT a.example:443 HTTP/1.1\r\n",         NULL, 400, false, false},
    {"GET /\x01 HTTP/1.1\r\n",                     NULL, 400, false, false},
    {"GET /\xc3\xa9 HTTP/1.1\r\n",                 NULL, 400, false, false},
    {"G@T / HTTP/1.1\r\n",                         NULL, 400, false, false},
    {"POST / HTTP/1.1\r\n",                        NULL, 405, false, false},
    {"get / HTTP/1.1\r\n",                         NULL, 405, false, false},
    {"GET / HTTP/1.1\n",                           NULL, 400, false, false},
    /* fields */
    {"GET / HTTP/1.1\r\n\r\n",                                              NULL, 400, false, false},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n",                                 NULL, 400, false, false},
    {"GET / HTTP/1.1\r\nHost : x\r\n\r\n",                                  NULL, 400, false, false},
    {"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n",                           NULL, 400, false, false},
    {"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n",                          NULL, 400, false, false},
    {"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n",                               NULL, 400, false, false},
    {"GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n",                           NULL, 400, false, false},
    {"GET / HTTP/1.1\r\n" HOST "X: a\n\r\n",                                NULL, 400, false, false},
    {"GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n",                          NULL, 400, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n",                 NULL, 413, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0, 5\r\n\r\n",              NULL, 413, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",        NULL, 413, false, false},
    {"GET / HTTP/1.1\r\n" HOST "transfer-encoding: identity\r\n\r\n",       NULL, 413, false, false},
};
/* clang-format on */

START_TEST(requests)
{
    struct image_request r = read_all(str_from(cases[_i].text));
    struct fct_str target = {r.target, r.target_length};

    ck_assert_msg(r.refused == cases[_i].status, "%s: %u", cases[_i].text, r.refused);
    if (!cases[_i].target)
        return;
    ck_assert_msg(str_equal(target, str_from(cases[_i].target)), "%s", cases[_i].text);
    ck_assert_msg(r.head == cases[_i].head && r.keep == cases[_i].keep, "%s", cases[_i].text);
}
END_TEST

START_TEST(a_null_is_no_text)
{
    ck_assert_uint_eq(read_all(FCT_STR("GET /\0 HTTP/1.1\r\n")).refused, 400);
    ck_assert_uint_eq(read_all(FCT_STR("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n")).refused, 400);
}
END_TEST

START_TEST(limits)
{
    struct image_request r = {0};
    char line[IMAGE_TARGET_MAX + 32] = "GET /";

    memset(line + 5, 'a', IMAGE_TARGET_MAX - 1);
    memcpy(line + 4 + IMAGE_TARGET_MAX, " HTTP/1.1", sizeof " HTTP/1.1");
    ck_assert(image_request_line(&r, str_from(line)));
    ck_assert_uint_eq(r.target_length, IMAGE_TARGET_MAX);
    for (unsigned i = 0; i < IMAGE_FIELDS_MAX; i++)
        ck_assert(image_request_line(&r, FCT_STR("X: y")));
    ck_assert(!image_request_line(&r, FCT_STR("X: y")));
    ck_assert_uint_eq(r.refused, 431);

    r = (struct image_request){0};
    memcpy(line + 4 + IMAGE_TARGET_MAX, "a HTTP/1.1", sizeof "a HTTP/1.1");
    ck_assert(!image_request_line(&r, str_from(line)));
    ck_assert_uint_eq(r.refused, 414);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image_request");
    TCase *tc = tcase_create("image_request");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, requests, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, a_null_is_no_text);
    tcase_add_test(tc, limits);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
