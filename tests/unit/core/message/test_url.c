/* test_url.c - URLs as browsers read them, and what is none. */
#include "core/message/url.h"
#include "message_test.h"

static struct fct_str shown(struct arena *arena, const struct fct_url *u)
{
    return arena_printf(arena, "%.*s|%.*s|%.*s|%u|%.*s|%.*s|%.*s", FCT_FMT(u->scheme),
                        FCT_FMT(u->user), FCT_FMT(u->host), (unsigned)u->port, FCT_FMT(u->path),
                        FCT_FMT(u->query), FCT_FMT(u->fragment));
}

/* clang-format off */
static const struct {
    const char *url, *want; /* scheme|user|host|port|path|query|fragment; NULL: no URL with a host */
} cases[] = {
    {"http://example.com", "http||example.com|0|/||"},
    {"HTTPS://Example.COM:443/A?b=C#d", "https||example.com|0|/A|b=C|d"},
    {"http://example.com:8080/", "http||example.com|8080|/||"},
    {"http://example.com:/x", "http||example.com|0|/x||"},
    {"http://u:p@example.com/", "http|u:p|example.com|0|/||"},
    {"http://a@b@example.com/", "http|a@b|example.com|0|/||"},
    {"http://paypal.com%2F@evil.example/", "http|paypal.com%2F|evil.example|0|/||"},
    {"  http://example.com\n", "http||example.com|0|/||"},
    {"ht\ntp://exa\tmple.com/a\r\nb", "http||example.com|0|/ab||"},
    {"http:\\\\example.com\\a\\b", "http||example.com|0|/a/b||"},
    {"http:example.com/x", "http||example.com|0|/x||"},
    {"https:////example.com/x", "https||example.com|0|/x||"},
    {"http://evil.example\\@good.example/", "http||evil.example|0|/@good.example/||"},
    {"http://example.com?q", "http||example.com|0|/|q|"},
    {"http://example.com#f?q", "http||example.com|0|/||f?q"},
    {"http://example.com/a/../b/./c/%2e%2E/d", "http||example.com|0|/b/d||"},
    {"http://example.com/../..", "http||example.com|0|/||"},
    {"http://example.com/a/..", "http||example.com|0|/||"},
    {"http://example.com/a/.", "http||example.com|0|/a/||"},
    {"http://example.com/a b\"<>`{}^", "http||example.com|0|/a%20b%22%3C%3E%60%7B%7D%5E||"},
    {"http://example.com/\xC3\xA9?\xC3\xA9'#\xC3\xA9`", "http||example.com|0|/%C3%A9|%C3%A9%27|%C3%A9%60"},
    {"http://ex%41mple.com/", "http||example.com|0|/||"},
    {"http://example.com./", "http||example.com|0|/||"},
    {"http://example../", "http||example..|0|/||"}, /* two dots are no place in the DNS */
    {"http://a_b.example/", "http||a_b.example|0|/||"},
    {"http://ab--cd.example/", "http||ab--cd.example|0|/||"},
    /* names in other scripts */
    {"http://B\xC3\x9C" "CHER.example/", "http||xn--bcher-kva.example|0|/||"},
    {"http://fa\xC3\x9F.de/", "http||xn--fa-hia.de|0|/||"},
    {"http://\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE3\x80\x82jp/", "http||xn--wgv71a119e.jp|0|/||"},
    {"http://\xF0\x9D\x90\xA0oogle.com/", "http||google.com|0|/||"},
    {"http://exam\xC2\xADple.com/", "http||example.com|0|/||"},
    {"http://b%C3%BCcher.example/", "http||xn--bcher-kva.example|0|/||"},
    {"http://i\xE2\x9D\xA4.ws/", "http||xn--i-7iq.ws|0|/||"},
    {"http://\xE2\x98\x83.net/", "http||xn--n3h.net|0|/||"},
    /* addresses */
    {"http://127.1/", "http||127.0.0.1|0|/||"},
    {"http://0x7f.1", "http||127.0.0.1|0|/||"},
    {"http://017700000001/", "http||127.0.0.1|0|/||"},
    {"http://2130706433/", "http||127.0.0.1|0|/||"},
    {"http://0x7F000001./", "http||127.0.0.1|0|/||"},
    {"http://\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.1/", "http||127.0.0.1|0|/||"},
    {"http://1.2.3.4.example/", "http||1.2.3.4.example|0|/||"},
    {"http://[::1]:8080/", "http||::1|8080|/||"},
    {"http://[2001:DB8:0:0::1]/", "http||2001:db8::1|0|/||"},
    /* other schemes */
    {"ftp://example.com:21/x", "ftp||example.com|0|/x||"},
    {"file://server/share", "file||server|0|/share||"},
    {"redis://u:p@HOST:1/2", "redis|u:p|host|1|/2||"},
    {"foo://example.com\\x", NULL},
    /* none */
    {"", NULL}, {"example.com", NULL}, {"/path", NULL}, {"//example.com/", NULL}, {"http://", NULL}, {"http:///", NULL},
    {"mailto:a@example.com", NULL}, {"data:text/html,x", NULL}, {"cid:a@b", NULL}, {"javascript:alert(1)", NULL}, {"1http://x", NULL},
    {"http://a b/", NULL}, {"http://a%00b/", NULL}, {"http://a<b/", NULL}, {"http://exa%23mple/", NULL}, {"http://.", NULL},
    {"http://example.com:65536/", NULL}, {"http://example.com:x/", NULL}, {"http://1.2.3.256/", NULL}, {"http://1.2.3.09/", NULL},
    {"http://1.2.3.4.5/", NULL}, {"http://0x100000000/", NULL}, {"http://[::1/", NULL}, {"http://[::g]/", NULL}, {"http://[]/", NULL},
    {"http://\xFF/", NULL},
};
/* clang-format on */

START_TEST(parsing)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_url url;
        bool ok = url_parse(arena, str_from(cases[i].url), &url);

        ck_assert_msg(ok == (cases[i].want != NULL), "%s: %s", cases[i].url,
                      ok ? "taken" : "refused");
        assert_text(cases[i].url, url.text, str_from(cases[i].url));
        if (ok)
            assert_text(cases[i].url, shown(arena, &url), str_from(cases[i].want));
        else
            ck_assert_uint_eq(url.host.n + url.scheme.n, 0);
        arena_free(&arena);
    }
}
END_TEST

/* What was printed parses to the same. */
START_TEST(printing)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_url url, again;

        if (url_parse(arena, str_from(cases[i].url), &url)) {
            ck_assert_msg(url_parse(arena, url_print(arena, &url), &again), "%s", cases[i].url);
            assert_text(cases[i].url, shown(arena, &again), shown(arena, &url));
        }
        arena_free(&arena);
    }
}
END_TEST

static void assert_view(struct arena *arena, struct fct_str text, bool must)
{
    struct fct_url view, url;
    bool plain = url_view(text, &view);

    ck_assert_msg(plain || !must, "%.*s", FCT_FMT(text));
    if (!plain)
        return;
    ck_assert_msg(url_parse(arena, text, &url), "%.*s", FCT_FMT(text));
    assert_text(text.p, shown(arena, &view), shown(arena, &url));
    assert_text(text.p, view.display, url.display);
}

/* The short way and the long way lead to the same. */
START_TEST(views)
{
    static const char *const plain[] = {"https://www.shop.example/a/b.html?c=d&e=%20f#g",
                                        "http://a.example/",
                                        "https://a.example/?",
                                        "https://a.example/x?#",
                                        "https://a.example/x..",
                                        "https://w.a.example/x%zz/a.gif"};
    static const char pieces[] = "https://http://a.b.example//..%2e/?#@:\\'\"`^{}|[]<>~!x1-A \t";
    struct arena *arena = arena_new(NULL);
    uint32_t seed = 1;

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        assert_view(arena, str_from(cases[i].url), false);
    for (size_t i = 0; i < FCT_COUNT(plain); i++)
        assert_view(arena, str_from(plain[i]), true);
    for (size_t i = 0; i < 20000; i++) {
        char text[40] = "https://a.example/";
        size_t n = 8 + i % 11;

        while (n < sizeof text - 1) {
            seed = seed * 1664525u + 1013904223u;
            text[n++] = pieces[(seed >> 16) % (sizeof pieces - 1)];
        }
        assert_view(arena, (struct fct_str){text, sizeof text - 1 - i % 9}, false);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(displaying)
{
    static const struct {
        const char *url, *display;
    } names[] = {
        {"http://xn--bcher-kva.example/", "b\xC3\xBC"
                                          "cher.example"},
        {"http://b\xC3\xBC"
         "cher.example/",
         "b\xC3\xBC"
         "cher.example"},
        {"http://plain.example/", "plain.example"},
        {"http://xn--a/", "xn--a"}, /* no valid A-label: shown as it is */
        {"http://[::1]/", "::1"},
    };

    for (size_t i = 0; i < FCT_COUNT(names); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_url url;

        ck_assert(url_parse(arena, str_from(names[i].url), &url));
        assert_text(names[i].url, url.display, str_from(names[i].display));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(references_in_a_document)
{
    static const struct {
        const char *base, *reference, *want;
    } joined[] = {
        {NULL, "//example.com/x", "https://example.com/x"},
        {NULL, "\\\\example.com/x", "https://example.com/x"},
        {NULL, "x", NULL},
        {NULL, "/x", NULL},
        {NULL, "#x", NULL},
        {NULL, "HTTP://example.com/x", "http://example.com/x"},
        {"http://example.com/a/b?c#d", "e", "http://example.com/a/e"},
        {"http://example.com/a/b?c#d", "../e?f", "http://example.com/e?f"},
        {"http://example.com/a/b?c#d", "/e", "http://example.com/e"},
        {"http://example.com/a/b?c#d", "\\e", "http://example.com/e"},
        {"http://example.com/a/b?c#d", "//f.example", "http://f.example/"},
        {"http://example.com/a/b?c#d", "?e", "http://example.com/a/b?e"},
        {"http://example.com/a/b?c#d", "#e", "http://example.com/a/b?c#e"},
        {"http://example.com/a/b?c#d", "", "http://example.com/a/b?c"},
        {"http://example.com/a/b?c#d", "https://g.example/", "https://g.example/"},
        {"http://example.com/a/b?c#d", "mailto:a@b.example", NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(joined); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_url base, url;
        bool ok;

        if (joined[i].base)
            ck_assert(url_parse(arena, str_from(joined[i].base), &base));
        ok =
            url_parse_in(arena, joined[i].base ? &base : NULL, str_from(joined[i].reference), &url);
        ck_assert_msg(ok == (joined[i].want != NULL), "%s", joined[i].reference);
        if (ok)
            assert_text(joined[i].reference, url_print(arena, &url), str_from(joined[i].want));
        assert_text("text", url.text, str_from(joined[i].reference));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(long_ones)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4u << 20);
    struct arena *arena = arena_new(NULL);
    struct fct_url url;

    buf_put_c(&text, "http://");
    put_times(&text, "a.", 600);
    ck_assert(!url_parse(arena, buf_str(&text), &url)); /* no host is as long */
    buf_clear(&text);
    buf_put_c(&text, "http://a/");
    put_times(&text, "x/../", 200000);
    ck_assert(url_parse(arena, buf_str(&text), &url));
    assert_text("path", url.path, FCT_STR("/"));
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, parsing);
    tcase_add_test(tc, printing);
    tcase_add_test(tc, views);
    tcase_add_test(tc, displaying);
    tcase_add_test(tc, references_in_a_document);
    tcase_add_test(tc, long_ones);
}

int main(void)
{
    return run_suite("url", add);
}
