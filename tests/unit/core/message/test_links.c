/* test_links.c - URLs of HTML, of style sheets and of plain text: which, where, and what people
 * see. */
#include "core/message/css_urls.h"
#include "core/message/links.h"
#include "message_test.h"

/* Each link as "from tag.attribute url@source[shown]", one after the other. */
static struct fct_str printed(struct arena *arena, const struct link_source *source,
                              const struct link_list *list)
{
    static const char *const from[] = {"anchor", "area", "image", "form", "other", "text"};
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1 << 20);

    for (size_t i = 0; i < list->n; i++) {
        const struct fct_link *l = &list->link[i];

        buf_printf(&out, "%s%s", i ? "; " : "", from[l->from]);
        if (l->tag.n)
            buf_printf(&out, " %.*s.%.*s", FCT_FMT(l->tag), FCT_FMT(l->attribute));
        buf_printf(&out, " %.*s @%.*s", FCT_FMT(l->url.text),
                   FCT_FMT(str_head(str_skip(source->bytes, l->offset), l->length)));
        if (l->shown.n)
            buf_printf(&out, " [%.*s]", FCT_FMT(l->shown));
    }
    return arena_str(arena, buf_str(&out));
}

struct link_case {
    const char *name;
    struct fct_str text;
    const char *want;
};
#define LINKS(name, text, want)         \
    {                                   \
        name, FCT_STR_INIT(text), want, \
    }

static void check(const struct link_case *c, bool html, bool joins, const char *charset)
{
    struct link_source source = {NULL, c->text, str_from(charset), joins};
    struct link_list list = {.max = 100};
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;

    if (html) {
        html_tokenize(arena, c->text, source.charset, 100000, &tokens);
        links_from_html(arena, &source, &tokens, &list);
    } else {
        links_from_text(arena, &source, &list);
    }
    assert_text(c->name, printed(arena, &source, &list), str_from(c->want));
    arena_free(&arena);
}

/* clang-format off */
START_TEST(html_parts)
{
    static const struct link_case cases[] = {
        LINKS("anchor", "<a href='http://a.example'>go  <b>there</b>\r\nnow</a>", "anchor a.href http://a.example @http://a.example [go there now]"),
        LINKS("references in the value", "<a href='http://a.example/?x=1&amp;y=2'>", "anchor a.href http://a.example/?x=1&y=2 @http://a.example/?x=1&amp;y=2"),
        LINKS("shown: blocks, images, hidden things", "<a href=http://a>x<br>y<script>z</script><p>w<style>v</style><!--u-->t</a>", "anchor a.href http://a @http://a [x y wt]"),
        LINKS("shown: invisible characters", "<a href=http://a>pay&shy;pal\xE2\x80\x8B.com&nbsp;&nbsp; x</a>", "anchor a.href http://a @http://a [paypal.com x]"),
        LINKS("anchors do not nest", "<a href=http://a>x<a href=http://b>y</a>z</a>", "anchor a.href http://a @http://a [x]; anchor a.href http://b @http://b [y]"),
        LINKS("an anchor without its end", "<a href=http://a>x<p>y", "anchor a.href http://a @http://a [x y]"),
        LINKS("links inside an anchor", "<a href=http://a><img src=http://b>x</a>", "anchor a.href http://a @http://a [x]; image img.src http://b @http://b"),
        LINKS("a target with no host has no text", "<a href='#x'>y</a><a href=mailto:a@b>c</a>", ""),
        LINKS("images", "<img src=http://a lowsrc=http://b><table background=http://c><video poster=http://d src=http://e><input type=image src=http://f>",
            "image img.src http://a @http://a; image img.lowsrc http://b @http://b; image table.background http://c @http://c; image video.poster http://d @http://d; other video.src http://e @http://e; image input.src http://f @http://f"),
        LINKS("forms", "<form action=http://a><button formaction=http://b>", "form form.action http://a @http://a; form button.formaction http://b @http://b"),
        LINKS("others", "<iframe src=http://a></iframe><link href=http://b><area href=http://c><object data=http://d><q cite=http://e>",
            "other iframe.src http://a @http://a; other link.href http://b @http://b; area area.href http://c @http://c; other object.data http://d @http://d; other q.cite http://e @http://e"),
        LINKS("svg", "<svg><image href=http://a /><use xlink:href=http://b /><a xlink:href=http://c>t</a></svg>",
            "image image.href http://a @http://a; image use.xlink:href http://b @http://b; anchor a.xlink:href http://c @http://c [t]"),
        LINKS("svg: an animation changes a link's target", "<svg><a href=http://a><set attributeName=href to=http://b /><animate attributeName='xlink:href' from=http://c values='http://d/?x; http://e&amp;'/>t</a></svg>",
            "anchor a.href http://a @http://a [t]; anchor set.to http://b @http://b; anchor animate.from http://c @http://c; anchor animate.values http://d/?x @http://d/?x; anchor animate.values http://e& @http://e&amp;"),
        LINKS("svg: an animation changes something else", "<svg><set attributeName=fill to=http://b /><animate values=http://c /><p to=http://d from=http://e></svg>", ""),
        LINKS("Outlook's comment", "<!--[if mso]><a href='http://a/?x&amp;y'>go <b>there</b></a><v:roundrect href=http://b>buy<img src=http://c></v:roundrect><![endif]-->",
            "anchor a.href http://a/?x&y @http://a/?x&amp;y [go there]; anchor v:roundrect.href http://b @http://b [buy]; image img.src http://c @http://c"),
        LINKS("Outlook's comment inside an anchor", "<a href=http://a>x<!--[if gte mso 9]><a href=http://b>y<![endif]-->z</a>", "anchor a.href http://a @http://a [xz]; anchor a.href http://b @http://b [y]"),
        LINKS("not Outlook's comment", "<!--[if !mso]><!--><a href=http://a>x</a><!--<![endif]--><!-- if mso <a href=http://b> -->", "anchor a.href http://a @http://a [x]"),
        LINKS("Outlook's comment in Outlook's comment", "<!--[if mso]><![if <![if <![if ><a href=http://a>x</a><![endif]--><img src=http://b>", "anchor a.href http://a @http://a [x]; image img.src http://b @http://b"),
        LINKS("data is not everywhere a URL", "<p data=http://a content=http://b>", ""),
        LINKS("refresh", "<meta http-equiv=Refresh content=\"0; URL='http://a/?b'\"><meta content='0;url=http://c'>", "other meta.content http://a/?b @http://a/?b"),
        LINKS("refresh, bare", "<meta http-equiv=refresh content='5 ,http://a'>", "other meta.content http://a @http://a"),
        LINKS("srcset", "<img srcset='http://a/1 1x, http://a/2 2x,http://a/3'>", "image img.srcset http://a/1 @http://a/1; image img.srcset http://a/2 @http://a/2; image img.srcset http://a/3 @http://a/3"),
        LINKS("srcset, commas in URLs and brackets", "<img srcset=', http://a/x,y  (1,2), http://b,'>", "image img.srcset http://a/x,y @http://a/x,y; image img.srcset http://b @http://b"),
        LINKS("srcset with references", "<img srcset='http://a/&amp;1 1x, http://b/&quot;2'>", "image img.srcset http://a/&1 @http://a/&amp;1; image img.srcset http://b/\"2 @http://b/&quot;2"),
        LINKS("ping", "<a ping='http://a http://b'>", "other a.ping http://a @http://a; other a.ping http://b @http://b"),
        LINKS("style attribute", "<p style=\"background:url(&quot;http://a/&amp;b&quot;)\">", "image p.style http://a/&b @http://a/&amp;b"),
        LINKS("style element", "<style>a{b:url(http://a)}\r\n@import 'http://b';</style>", "image style. http://a @http://a; image style. http://b @http://b"),
        LINKS("without a scheme", "<img src=//a.example/x><img src=/x><img src=x>", "image img.src //a.example/x @//a.example/x"),
        LINKS("base", "<img src=x><base href=http://a.example/b/><img src=/y>", "image img.src x @x; other base.href http://a.example/b/ @http://a.example/b/; image img.src /y @/y"),
        LINKS("upper case", "<A HREF=HTTP://A.EXAMPLE>x</A>", "anchor a.href HTTP://A.EXAMPLE @HTTP://A.EXAMPLE [x]"),
        LINKS("line ends inside", "<a href='http://a/\r\nb'>", "anchor a.href http://a/\nb @http://a/\r\nb"),
        LINKS("comments have no links", "<!-- <img src=http://a> -->", ""),
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        check(&cases[i], true, false, "utf-8");
}
END_TEST

START_TEST(plain_text)
{
    static const struct link_case cases[] = {
        LINKS("in a sentence", "See http://a.example/b, or https://c.example.", "text http://a.example/b @http://a.example/b; text https://c.example @https://c.example"),
        LINKS("www", "www.a.example/x and WWW.b.example!", "text www.a.example/x @www.a.example/x; text WWW.b.example @WWW.b.example"),
        LINKS("not in words", "awww.a.example xhttp://a.example http:// www. a@www.b.example", ""),
        LINKS("brackets", "(http://a.example/b_(c)) [http://d.example] {http://e.example/}", "text http://a.example/b_(c) @http://a.example/b_(c); text http://d.example @http://d.example; text http://e.example/ @http://e.example/"),
        LINKS("quotes", "\"http://a.example\" 'http://b.example' *http://c.example* \xE2\x80\x9Chttp://d.example\xE2\x80\x9D",
            "text http://a.example @http://a.example; text http://b.example @http://b.example; text http://c.example @http://c.example; text http://d.example @http://d.example"),
        LINKS("full stops of other scripts", "http://a.example/x\xE3\x80\x82y http://b.example\xEF\xBC\x8Cz", "text http://a.example/x @http://a.example/x; text http://b.example @http://b.example"),
        LINKS("other scripts", "http://b\xC3\xBC" "cher.example/\xC3\xA9", "text http://b\xC3\xBC" "cher.example/\xC3\xA9 @http://b\xC3\xBC" "cher.example/\xC3\xA9"),
        LINKS("angle brackets over lines", "<http://a.example/b\r\nc> <http://d.example/e\r\nf g>", "text http://a.example/bc @http://a.example/b\r\nc; text http://d.example/e @http://d.example/e"),
        LINKS("not over lines otherwise", "http://a.example/b \r\nc", "text http://a.example/b @http://a.example/b"),
        LINKS("a URL in a URL", "http://a.example/?u=http://b.example/", "text http://a.example/?u=http://b.example/ @http://a.example/?u=http://b.example/"),

        LINKS("ftp, mailto", "ftp://a.example/x mailto:b@c.example", "text ftp://a.example/x @ftp://a.example/x"),
        LINKS("no host", "http:/// http://: https://...", ""),
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        check(&cases[i], false, false, "utf-8");
}
END_TEST

START_TEST(text_in_other_forms)
{
    static const struct link_case flowed[] = {
        LINKS("joined", "http://a.example/b \r\nc, d", "text http://a.example/bc @http://a.example/b \r\nc"),
        LINKS("joined, space-stuffed", "http://a.example/b \n  c", "text http://a.example/b @http://a.example/b"),
        LINKS("hard line end", "http://a.example/b\r\nc", "text http://a.example/b @http://a.example/b"),
        LINKS("cut behind the join", "http://a.example/b \r\nc.", "text http://a.example/bc @http://a.example/b \r\nc"),
    };
    static const struct link_case latin = LINKS("Latin-1", "http://a.example/\xE9.", "text http://a.example/\xC3\xA9 @http://a.example/\xE9");
    static const struct link_case wide = LINKS("UTF-16", "x\0 \0w\0w\0w\0.\0a\0.\0b\0", "text www.a.b @w");

    for (size_t i = 0; i < FCT_COUNT(flowed); i++)
        check(&flowed[i], false, true, "utf-8");
    check(&latin, false, false, "iso-8859-1");
    check(&wide, false, false, "utf-16le");
}
END_TEST

START_TEST(style_sheets)
{
    static const struct {
        const char *css, *want; /* URLs, separated by spaces */
    } cases[] = {
        {"a{b:url(x)}", "x "},
        {"url( 'x y' ) URL(\"z\") url(\tw )", "x y z w "},
        {"url(a\\)b) url('a\\'b') url(\\61 b)", "a)b a'b ab "},
        {"u\\72l(x) \\75 rl(y)", "x y "},
        {"/* url(a) */ url(b) /* never ended url(c)", "b "},
        {"'url(a)' \"url(b)\" url(c)", "c "},
        {"@import 'a'; @import url(b); @IMPORT \"c\" screen; 'd'", "a b c "},
        {"@import; 'a'", ""},
        {"image-set('a' 1x, url(b) 2x, type('c')) 'd'", "a b "},
        {"-webkit-image-set('a' 1x) content('b')", "a "},
        {"curl(a) url (b) url", ""},
        {"url() url('')", ""},
        {"url(a", "a "},
        {"'never ended\nurl(a)", "a "},
        {"url('a\\\nb')", "ab "},
        {"}url(a){url(b);url(c)", "a b c "},
        {"\\", ""},
        {"url(\\", "\xEF\xBF\xBD "},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);
        struct arena *arena = arena_new(NULL);
        struct css_scanner s = {.arena = arena, .text = str_from(cases[i].css)};
        struct css_url url;

        while (css_next_url(&s, &url)) {
            ck_assert_uint_le(url.offset + url.length, s.text.n);
            buf_printf(&out, "%.*s ", FCT_FMT(url.url));
        }
        assert_text(cases[i].css, buf_str(&out), str_from(cases[i].want));
        arena_free(&arena);
    }
}
END_TEST
/* clang-format on */

START_TEST(the_limit)
{
    struct link_source source = {NULL, FCT_STR("http://a.b http://a.b http://a.b"), {"", 0}, false};
    struct link_list list = {.max = 3};
    struct arena *arena = arena_new(NULL);

    links_from_text(arena, &source, &list);
    ck_assert_uint_eq(list.n, 3);
    ck_assert(!list.truncated);
    links_from_text(arena, &source, &list);
    ck_assert_uint_eq(list.n, 3);
    ck_assert(list.truncated);
    arena_free(&arena);
}
END_TEST

/* One walk over values of a megabyte with a hundred thousand URLs each. */
START_TEST(many_in_one_value)
{
    static const char *const shapes[][3] = {
        {"<img srcset='", "&amp;x:// 1x,", "'>"},
        {"<p style='", "url(&quot;x://&quot;)", "'>"},
        {"<style>", "url(\r\n)/**/", ""},
        {"", "<a href='x:'>b", ""},
    };

    for (size_t i = 0; i < FCT_COUNT(shapes); i++) {
        FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4u << 20);
        struct arena *arena = arena_new(NULL);
        struct link_list list = {.max = 5000};
        struct html_tokens tokens;

        buf_put_c(&text, shapes[i][0]);
        put_times(&text, shapes[i][1], 100000);
        buf_put_c(&text, shapes[i][2]);
        struct link_source source = {NULL, buf_str(&text), {"", 0}, false};
        html_tokenize(arena, source.bytes, source.charset, 1000000, &tokens);
        links_from_html(arena, &source, &tokens, &list);
        ck_assert_uint_eq(list.n, 0);
        arena_free(&arena);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, html_parts);
    tcase_add_test(tc, plain_text);
    tcase_add_test(tc, text_in_other_forms);
    tcase_add_test(tc, style_sheets);
    tcase_add_test(tc, the_limit);
    tcase_add_test(tc, many_in_one_value);
}

int main(void)
{
    return run_suite("links", add);
}
