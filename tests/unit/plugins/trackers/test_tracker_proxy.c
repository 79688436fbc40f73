/* test_tracker_proxy.c - which pictures come by way of the image proxy, and what their links say.
 */
#include "plugins/trackers/tracker_proxy.h"
#include "trackers_rig.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define BASE "https://mail.example"
#define GIF  "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
#define ID   "k3J9x2Lq7Zw1"

static char key_file[] = "/tmp/fct_proxy_key.XXXXXX";
static struct tracker_proxy proxy;

static void setup(void)
{
    static const char key[] = "0123456789abcdef0123456789abcdef\n";
    struct fct_err err = {0};
    int fd;

    memcpy(key_file + sizeof key_file - 7, "XXXXXX", 6);
    fd = mkstemp(key_file);
    ck_assert(fd >= 0 && write(fd, key, sizeof key - 1) == (ssize_t)sizeof key - 1);
    close(fd);
    ck_assert_msg(tracker_proxy_open(&proxy, BASE "/", key_file, &err), "%s", err.text);
}

static void teardown(void)
{
    unlink(key_file);
}

/* Links to the proxy as <URL they are for>, so that cases can be read. */
static struct fct_str shown(struct arena *arena, struct fct_str page)
{
    struct buf out = BUF_INIT(page.n + 1);
    struct fct_str text;

    while (page.n > 0) {
        ptrdiff_t at = str_find(page, FCT_STR(BASE "/i/"));
        char url[IMAGE_URL_MAX];
        struct fct_str link;
        size_t n = 0;

        if (at < 0)
            at = (ptrdiff_t)page.n;
        buf_put_str(&out, str_head(page, (size_t)at));
        page = str_skip(page, (size_t)at);
        if (page.n == 0)
            break;
        link = str_skip(page, sizeof BASE - 1);
        while (n < link.n && !strchr(" \t\"'>,#", link.p[n]))
            n++;
        n = image_link_read(&proxy.keys, str_head(link, n), url);
        ck_assert_uint_gt(n, 0);
        buf_printf(&out, "<%.*s>", (int)n, url);
        page = str_skip(link, 26 + (n * 4 + 2) / 3);
    }
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static void check_case(enum tracker_level level, const char *in, const char *want)
{
    struct rig r;
    struct fct_str got;

    ck_assert(rig_init(&r, level));
    r.page.proxy = &proxy;
    rig_clean(&r, str_from(in), FCT_STR("utf-8"), true);
    got = shown(r.arena, rig_apply(&r));
    ck_assert_msg(str_equal(got, str_from(want)), "%s\n  is   %.*s\n  want %s", in, FCT_FMT(got),
                  want);
    rig_free(&r);
}

/* clang-format off */
static const struct {
    const char *in, *want;
} cases[] = {
    {"<img src='https://cdn.example/a.png' width=300>",       "<img src='<https://cdn.example/a.png>' width=300>"},
    {"<img src=http://cdn.example/a.png>",                    "<img src=<http://cdn.example/a.png>>"},
    {"<img src=\"//CDN.example:8080/a%20b?x=1&amp;y=2#z\">",  "<img src=\"<https://cdn.example:8080/a%20b?x=1&y=2>\">"},
    {"<img src='https://[2001:db8::1]/a.png'>",               "<img src='<https://[2001:db8::1]/a.png>'>"},
    {"<img srcset='https://c.example/1.png 1x, https://c.example/2.png 2x'>",
     "<img srcset='<https://c.example/1.png> 1x, <https://c.example/2.png> 2x'>"},
    {"<picture><source srcset='https://c.example/1.webp'><img src='https://c.example/1.png'></picture>",
     "<picture><source srcset='<https://c.example/1.webp>'><img src='<https://c.example/1.png>'></picture>"},
    /* pixels and trackers stay away, and so does what nobody sees */
    {"<img src='https://mail.example/" ID ".gif' width=1 height=1>",  "<img src='" GIF "' width=1 height=1>"},
    {"<img src='https://cdn.example/spacer.gif' width=1 height=1>",   "<img src='" GIF "' width=1 height=1>"},
    {"<img src='https://cdn.example/a.png' style='display:none'>",    "<img src='" GIF "' style='display:none'>"},
    {"<img src='https://x.example/wf/open?upn=1'>",                   "<img src='" GIF "'>"},
    {"<img src='https://x.example/?u=ann@example.org'>",              "<img src='" GIF "'>"},
    /* other loads */
    {"<video><source src='https://c.example/f.mp4'></video>",         "<video><source src=''></video>"},
    {"<td background='https://c.example/b.png'>",                     "<td background=''>"},
    {"<p style='background:url(https://c.example/b.png)'>",           "<p style='background:url(about:blank)'>"},
    {"<iframe src='https://c.example/'></iframe>",                    "<iframe src=''></iframe>"},
    /* what the proxy would not fetch */
    {"<img src='https://me:pw@cdn.example/a.png'>",                   "<img src='" GIF "'>"},
    {"<img src='ftp://cdn.example/a.png'>",                           "<img src='" GIF "'>"},
    {"<img src='cid:a@b'><img src='data:image/gif;base64,x'>",        "<img src='cid:a@b'><img src='data:image/gif;base64,x'>"},
};
/* clang-format on */

START_TEST(pages)
{
    check_case(TRACKER_STRICT, cases[_i].in, cases[_i].want);
}
END_TEST

START_TEST(other_levels_ask_nobody)
{
    check_case(TRACKER_STANDARD, "<img src='https://cdn.example/a.png'>",
               "<img src='https://cdn.example/a.png'>");
    check_case(TRACKER_KNOWN, "<img src='https://cdn.example/a.png'>",
               "<img src='https://cdn.example/a.png'>");
}
END_TEST

START_TEST(a_long_address_stays_empty)
{
    char in[IMAGE_URL_MAX + 100] = "<img src='https://c.example/";
    size_t head = strlen(in);

    memset(in + head, 'a', IMAGE_URL_MAX);
    memcpy(in + head + IMAGE_URL_MAX, "'>", 3);
    check_case(TRACKER_STRICT, in, "<img src='" GIF "'>");
}
END_TEST

/* Parts in base64: what follows keeps its place in its group. And there is a way out for lines
 * that have no room. */
START_TEST(lengths_leave_the_same_rest)
{
    char in[80];

    for (int n = 1; n < 12; n++) {
        struct rig r;

        (void)snprintf(in, sizeof in, "<img src='https://c.example/%.*s'>", n, "abcdefghijkl");
        ck_assert(rig_init(&r, TRACKER_STRICT));
        r.page.proxy = &proxy;
        r.page.thirds = true;
        rig_clean(&r, str_from(in), FCT_STR("utf-8"), true);
        ck_assert_uint_eq(r.edits.n, 1);
        ck_assert_int_eq(r.edits.edit[0].why, TRACKER_WHY_PROXY);
        ck_assert_uint_eq(r.edits.edit[0].with.n % 3, r.edits.edit[0].length % 3);
        ck_assert_uint_eq(r.edits.edit[0].otherwise.n % 3, r.edits.edit[0].length % 3);
        ck_assert(str_starts(r.edits.edit[0].otherwise, FCT_STR(GIF)));
        shown(r.arena, rig_apply(&r));
        rig_free(&r);
    }
}
END_TEST

START_TEST(bases)
{
    static const struct {
        const char *base;
        bool good;
    } cases_of_base[] = {
        {"https://mail.example", true},
        {"https://mail.example:8443/pictures/", true},
        {"http://127.0.0.1:8000", true},
        {"https://[2001:db8::1]", true},
        {"", false},
        {"mail.example", false},
        {"https://", false},
        {"https:///x", false},
        {"ftp://mail.example", false},
        {"https://mail.example/?x", false},
        {"https://mail.example\"", false},
        {"https://mail.example/a b", false},
        {"https://user@mail.example/", false},
        {"https://mail.example/&", false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases_of_base); i++) {
        struct tracker_proxy p;
        struct fct_err err = {0};

        ck_assert_msg(tracker_proxy_open(&p, cases_of_base[i].base, key_file, &err) ==
                          cases_of_base[i].good,
                      "%s", cases_of_base[i].base);
        ck_assert(!tracker_proxy_open(&p, cases_of_base[i].base, "/nowhere/at/all", &err));
        ck_assert(err.text[0]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracker_proxy");
    TCase *tc = tcase_create("tracker_proxy");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, pages, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, other_levels_ask_nobody);
    tcase_add_test(tc, a_long_address_stays_empty);
    tcase_add_test(tc, lengths_leave_the_same_rest);
    tcase_add_test(tc, bases);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
