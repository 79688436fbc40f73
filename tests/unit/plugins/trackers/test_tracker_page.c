/* test_tracker_page.c - parts before and after: what goes at which level, what stays, and that
 * nothing else changes. */
#include "core/base/clock.h"
#include "trackers_rig.h"

#include <check.h>

struct page_case {
    enum tracker_level level;
    const char *in, *want; /* NULL: as it was */
};

/* Of what a picture was asked for in vain. */
#define GIF "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

/* Without the tags of pictures that became empty: what is left is easier to read. */
static struct fct_str without_empty(struct rig *r, struct fct_str page)
{
    struct buf out = BUF_INIT(page.n + 1);
    struct fct_str text;

    for (size_t i = 0; i < page.n;) {
        struct fct_str rest = str_skip(page, i);
        ptrdiff_t end = str_find_char(rest, '>');
        struct fct_str tag = str_head(rest, (size_t)(end + 1));

        if (str_starts_nocase(tag, FCT_STR("<img")) && str_find(tag, FCT_STR(GIF)) >= 0) {
            i += tag.n;
            continue;
        }
        buf_put_char(&out, page.p[i++]);
    }
    text = arena_str(r->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static void check_cases(const struct page_case *c, size_t n, bool html)
{
    for (size_t i = 0; i < n; i++) {
        struct rig r;
        struct fct_str got;

        ck_assert(rig_init(&r, c[i].level));
        rig_clean(&r, str_from(c[i].in), FCT_STR("utf-8"), html);
        got = without_empty(&r, rig_apply(&r));
        ck_assert_msg(str_equal(got, str_from(c[i].want ? c[i].want : c[i].in)),
                      "%s\n  is   %.*s\n  want %s", c[i].in, FCT_FMT(got),
                      c[i].want ? c[i].want : "the same");
        rig_free(&r);
    }
}

#define ID "k3J9x2Lq7Zw1"
/* clang-format off */
START_TEST(pixels)
{
    static const struct page_case cases[] = {
        /* by list */
        {TRACKER_KNOWN,    "a<img src='https://x.example/wf/open?upn=1'>b", "ab"},
        {TRACKER_KNOWN,    "a<img src=http://open.kit7.example/" ID ">b", "ab"},
        {TRACKER_KNOWN,    "<img src=//mail.example/o/1><img src=//notmail.example/o/1>", "<img src=//notmail.example/o/1>"},
        {TRACKER_KNOWN,    "<img src=//x.example/wf/opener>", NULL},
        {TRACKER_STANDARD, "<img src=//x.example/wf/open.png width=600 height=80>", NULL},
        {TRACKER_OFF,      "<img src='https://x.example/wf/open?upn=1'>", NULL},
        /* by shape and number */
        {TRACKER_KNOWN,    "<img src='http://x.example/" ID ".gif' width=1 height=1>", NULL},
        {TRACKER_STANDARD, "<img src='http://x.example/" ID ".gif' width=1 height='1px'>", ""},
        {TRACKER_STANDARD, "<IMG WIDTH=0 HEIGHT=000 SRC=\"http://x.example/p?id=7\"/>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " style='display:none'>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " style='Max-Height:0'>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " style='visibility : hidden'>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " style='opacity:0.0'>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " style='position:absolute;left:-9999px'>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " hidden>", ""},
        {TRACKER_STANDARD, "<div style='display:none'><div></div><img src=http://x.example/" ID "></div><img src=http://x.example/" ID "2>",
                           "<div style='display:none'><div></div></div><img src=http://x.example/" ID "2>"},
        {TRACKER_STANDARD, "<div style='display:none'><img src=http://x.example/" ID ".png width=300></div>", NULL},
        {TRACKER_STANDARD, "<div style='display:none'><img src=http://x.example/" ID ".gif width=300 height=200><img src=http://x.example/" ID " width=300 height=200></div>", NULL},
        {TRACKER_STANDARD, "<div style='display:none'><img src=http://x.example/" ID ".gif width=300 style='width:100%;height:auto'></div>", NULL},
        {TRACKER_STANDARD, "<div style='display:none'><img src=http://x.example/" ID ".gif></div>", "<div style='display:none'></div>"},
        {TRACKER_STANDARD, "<div style='Visibility : hidden'><img src=http://x.example/" ID "></div>", "<div style='Visibility : hidden'></div>"},
        {TRACKER_STANDARD, "<div style='max-height:0px;Overflow:hidden'><img src=http://x.example/" ID "></div>", "<div style='max-height:0px;Overflow:hidden'></div>"},
        {TRACKER_STANDARD, "<div style='position:absolute;left: -9999px'><img src=http://x.example/" ID "></div>", "<div style='position:absolute;left: -9999px'></div>"},
        {TRACKER_STANDARD, "<div style='max-height:0'><img src=http://x.example/" ID "></div><div style='height:40px;overflow:hidden;margin-top:-20px'><img src=http://x.example/" ID "></div>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " style='filter:opacity(0)'><img src=http://x.example/" ID "2 style='filter:opacity(0.5)'>",
                           "<img src=http://x.example/" ID "2 style='filter:opacity(0.5)'>"},
        /* a number of the folder that other pictures lie in */
        {TRACKER_STANDARD, "<img src=http://x.example/" ID "/logo.png width=200><img src=http://x.example/" ID "/clear.gif width=1 height=1>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/a/logo.png width=200><img src=http://x.example/" ID "/clear.gif width=1 height=1>", "<img src=http://x.example/a/logo.png width=200>"},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID "/logo.png width=200><img src=http://x.example/" ID "/clear.gif?" ID " width=1 height=1>", "<img src=http://x.example/" ID "/logo.png width=200>"},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID "/logo.png width=200><img src=http://y.example/" ID "/clear.gif width=1 height=1>", "<img src=http://x.example/" ID "/logo.png width=200>"},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " style='opacity:0.9'>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/spacer.gif width=1 height=1>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID ".gif width=1 height=20>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID ".gif width=1 height=1 style='width:100%;height:auto'>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/t" ID ".gif width=1 height=1><img src=http://x.example/t" ID ".gif width=1 height=1>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID ".gif srcset='http://x.example/" ID ".gif 1x' width=1 height=1>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID " style='/* a *//**/width:1px;height:1px'><img src=http://x.example/" ID "3 style='/*width:1px'>",
                           "<img src=http://x.example/" ID "3 style='/*width:1px'>"},
        {TRACKER_STANDARD, "<img src=cid:" ID " width=1 height=1><img src=data:image/gif,x width=1 height=1>", NULL},
        /* by the reader's address: plain, %40, base64, hexadecimal, MD5, SHA-1, SHA-256 */
        {TRACKER_STANDARD, "<img src=http://x.example/a?e=ANN@example.org width=300>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/a?e=ann%40example.org>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/eyJtIjoiYW5uQGV4YW1wbGUub3JnIn0/a.png>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/616e6e406578616d706c652e6f7267>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/8b5a6a28fc840441be692d74a81ccd1a>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/a4414de3ce1f77d2615b90c3ba16219b38193ced>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/438c4c7afe600cdf1e455c369bec76dc970fc8ca463447c7b387a347f3c79331>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/a1dcc18a47d296eb144048cf82a6a5b8>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/a?e=bob@example.org width=300>", NULL},
        /* without a size, where clicks are counted */
        {TRACKER_STANDARD, "<a href=http://c.example/" ID ">x</a><img src=http://c.example/o/" ID "9>", "<a href=http://c.example/" ID ">x</a>"},
        {TRACKER_STANDARD, "<a href=http://c.example/" ID ">x</a><img src=http://c.example/o/" ID "9.png>", NULL},
        {TRACKER_STANDARD, "<a href=http://c.example/" ID "><img src=http://c.example/o/" ID "9></a>", NULL},
        {TRACKER_STANDARD, "<style>@import 'http://c.example/o/" ID "9';p{background:url(http://c.example/" ID ".png)}</style><a href=http://c.example/" ID ">x</a>",
                           "<style>@import 'about:blank';p{background:url(http://c.example/" ID ".png)}</style><a href=http://c.example/" ID ">x</a>"},
        {TRACKER_STANDARD, "<link rel=stylesheet href=http://c.example/o/" ID "9><a href=http://c.example/" ID ">x</a><link rel=stylesheet href=http://d.example/o/" ID "9>",
                           "<a href=http://c.example/" ID ">x</a><link rel=stylesheet href=http://d.example/o/" ID "9>"},
        {TRACKER_STANDARD, "<style>@font-face{src:url(http://c.example/" ID ".woff2)}</style><link rel=stylesheet href=http://c.example/" ID ".css><a href=http://c.example/" ID ">x</a>", NULL},
        {TRACKER_STANDARD, "<video poster=http://c.example/o/" ID "9></video><a href=http://c.example/" ID ">x</a>", "<video poster=about:blank></video><a href=http://c.example/" ID ">x</a>"},
        /* without a size, at a place that says so */
        {TRACKER_STANDARD, "<img src=http://x.example/Open/" ID "><img src=http://x.example/mail/beacon?m=" ID "><img src=http://x.example/pixel/" ID ".gif>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/" ID "/open.gif>", ""},
        {TRACKER_STANDARD, "<img src=http://x.example/open/" ID ".png><img src=http://x.example/open-house-" ID ".gif><img src=http://x.example/open/house>", NULL},
        {TRACKER_STANDARD, "<img src=http://x.example/open/" ID " width=300 height=80><a href=http://y.example/><img src=http://x.example/open/" ID "></a>", NULL},
        /* elsewhere than in img */
        {TRACKER_KNOWN,    "<table background='http://x.example/wf/open'>", "<table background=''>"},
        {TRACKER_KNOWN,    "<p style='background:url(http://x.example/wf/open)'>", "<p style='background:url(about:blank)'>"},
        {TRACKER_KNOWN,    "<style>@import 'http://x.example/wf/open';</style>", "<style>@import 'about:blank';</style>"},
        {TRACKER_KNOWN,    "<img srcset='http://x.example/wf/open 1x, http://y.example/b 2x'>", ""},
        {TRACKER_KNOWN,    "<video poster='http://x.example/wf/open'>", "<video poster=''>"},
        {TRACKER_KNOWN,    "<input type=image src='http://x.example/wf/open'>", "<input type=image src=''>"},
        {TRACKER_KNOWN,    "<iframe src='http://x.example/wf/open'></iframe>", "<iframe src=''></iframe>"},
        {TRACKER_KNOWN,    "<object data='http://x.example/wf/open'></object>", "<object data=''></object>"},
        {TRACKER_KNOWN,    "<svg><image xlink:href='http://x.example/wf/open'/></svg>", "<svg><image xlink:href=''/></svg>"},
        {TRACKER_KNOWN,    "<link rel=stylesheet href='http://x.example/wf/open'>b", "b"},
        {TRACKER_KNOWN,    "<meta http-equiv=refresh content='0; url=http://x.example/wf/open'>b", "b"},
        {TRACKER_STANDARD, "<link rel=prefetch href='http://x.example/" ID "'>b", "b"},
        {TRACKER_STANDARD, "<bgsound src='http://x.example/" ID "'>b", "b"},
        {TRACKER_STANDARD, "<a ping='http://x.example/" ID "' href=http://y.example/>b</a>", "<a ping='' href=http://y.example/>b</a>"},
    };
    check_cases(cases, FCT_COUNT(cases), true);
}
END_TEST

START_TEST(nothing_is_loaded_at_strict)
{
    static const struct page_case cases[] = {
        {TRACKER_STRICT, "<img src='http://x.example/logo.png' width=300>", ""},
        {TRACKER_STRICT, "<img srcset='http://x.example/a 1x, http://x.example/b 2x'>", ""},
        {TRACKER_STRICT, "<style>@font-face{src:url(//x.example/f)}</style>", "<style>@font-face{src:url(about:blank)}</style>"},
        {TRACKER_STRICT, "<iframe srcdoc='<img src=//x.example/>'></iframe>", "<iframe srcdoc=''></iframe>"},
        {TRACKER_STRICT, "a<!--[if mso]><v:fill src='http://x.example/a'/><![endif]-->b<!-- // -->", "ab<!-- // -->"},
        {TRACKER_STRICT, "<svg><rect fill='url(//x.example/p#a)'/><rect fill='url(#b)'/></svg>", "<svg><rect fill='url(about:blank)'/><rect fill='url(#b)'/></svg>"},
        {TRACKER_STRICT, "<a href='http://x.example/'>x</a>", NULL},
    };
    check_cases(cases, FCT_COUNT(cases), true);
}
END_TEST

/* A picture stays as large as it was, at every level; nothing comes to be where a tag goes. */
START_TEST(what_is_written)
{
    static const struct {
        enum tracker_level level;
        bool thirds;
        const char *in, *want;
    } cases[] = {
        {TRACKER_STANDARD, false, "<img src='http://x.example/" ID "' width=1 height=1>", "<img src='" GIF "' width=1 height=1>"},
        {TRACKER_STANDARD, false, "<img src=http://x.example/" ID " width=1 height=1>", "<img src=" GIF " width=1 height=1>"},
        {TRACKER_STRICT, false, "<img src=http://x.example/a alt=b>", "<img src=" GIF " alt=b>"},
        {TRACKER_STRICT, false, "<img srcset='http://x.example/a 1x, http://x.example/b 2x'>", "<img srcset='" GIF " 1x, " GIF " 2x'>"},
        {TRACKER_STRICT, false, "<iframe src=http://x.example/a width=3>", "<iframe src=about:blank width=3>"},
        {TRACKER_KNOWN, false, "<<link href=http://x.example/wf/open>b>", "< b>"},
        {TRACKER_KNOWN, true, "<<link href=http://x.example/wf/open>b>", "<   b>"},
        {TRACKER_KNOWN, true, "<link  href=http://x.example/wf/open>b", "<!---->b"},
        {TRACKER_KNOWN, true, "<link   href=http://x.example/wf/open>b", "<!-- -->b"},
        {TRACKER_KNOWN, true, "<link    href=http://x.example/wf/open>b", "b"},
        {TRACKER_KNOWN, true, "<img src=http://x.example/wf/open?1>", "<img src=" GIF "#x>"},
        {TRACKER_KNOWN, true, "<a href='http://x.example/?a=1&utm_a=1' id=b>", "<a href='http://x.example/?a=1'   id=b>"},
        {TRACKER_KNOWN, true, "<a href='http://x.example/?a=1&utm_a=1' id=b>", "<a href='http://x.example/?a=1'   id=b>"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct rig r;
        struct fct_str got;

        ck_assert(rig_init(&r, cases[i].level));
        r.page.thirds = cases[i].thirds;
        rig_clean(&r, str_from(cases[i].in), FCT_STR("utf-8"), true);
        got = rig_apply(&r);
        ck_assert_msg(str_equal(got, str_from(cases[i].want)), "%s: %.*s", cases[i].in, FCT_FMT(got));
        if (cases[i].thirds)
            ck_assert_uint_eq(got.n % 3, strlen(cases[i].in) % 3);
        rig_free(&r);
    }
}
END_TEST

/* What Outlook shows of a comment; AMP; attributes of drawings. */
START_TEST(less_usual_places)
{
    static const struct page_case cases[] = {
        {TRACKER_KNOWN,    "<!--[if mso]><img src='http://x.example/wf/open'><![endif]-->", "<!--[if mso]><![endif]-->"},
        {TRACKER_STANDARD, "<!--[if gte mso 9]><IMG width=1 height=1 src='http://x.example/" ID "'/><![endif]-->", "<!--[if gte mso 9]><![endif]-->"},
        {TRACKER_STANDARD, "<!--[if mso]><img width=300 src='http://x.example/" ID "'/><![endif]-->", NULL},
        {TRACKER_KNOWN,    "<!--[if mso]><v:fill src='http://x.example/wf/open'/><![endif]-->", "<!--[if mso]><![endif]-->"},
        {TRACKER_KNOWN,    "<!--[if mso]><a href='http://x.example/?utm_a=1'><v:roundrect href='http://x.example/?utm_a=1'><![endif]-->", "<!--[if mso]><a href='http://x.example/'><v:roundrect href='http://x.example/'><![endif]-->"},
        {TRACKER_KNOWN,    "<!-- <img src='http://x.example/wf/open'> -->", NULL},
        {TRACKER_KNOWN,    "<amp-img src='http://x.example/wf/open'></amp-img>", "<amp-img src=''></amp-img>"},
        {TRACKER_STANDARD, "<amp-pixel src='http://x.example/" ID "'></amp-pixel>", "</amp-pixel>"},
        {TRACKER_KNOWN,    "<svg><rect fill='url(http://x.example/wf/open)'/></svg>", "<svg><rect fill='url(about:blank)'/></svg>"},
        {TRACKER_KNOWN,    "<style>p{background:image-set('http://x.example/wf/open' 1x);content:url(http://x.example/wf/open)}</style>", "<style>p{background:image-set('about:blank' 1x);content:url(about:blank)}</style>"},
        {TRACKER_KNOWN,    "<base href='http://x.example/wf/'><img src=open>", "<base href='http://x.example/wf/'>"},
        {TRACKER_STANDARD, "<link rel=preconnect href='http://x.example/" ID "'><link rel=dns-prefetch href='//x.example/" ID "'>", ""},
    };
    check_cases(cases, FCT_COUNT(cases), true);
}
END_TEST

START_TEST(links)
{
    static const struct page_case cases[] = {
        {TRACKER_KNOWN, "<a href='http://x.example/?a=1&amp;utm_source=m&amp;b=2#utm_f'>", "<a href='http://x.example/?a=1&amp;b=2#utm_f'>"},
        {TRACKER_KNOWN, "<a href='http://x.example/?utm_source=m&b=2'>", "<a href='http://x.example/?b=2'>"},
        {TRACKER_KNOWN, "<a href='http://x.example/?utm_source=m&#38;gclid=2&#38;utm_x'>", "<a href='http://x.example/'>"},
        {TRACKER_KNOWN, "<a href='http://x.example/?UTM_a=1&a=2&utm_b=3&utm_c=4&b=5&gclid=6'>", "<a href='http://x.example/?a=2&b=5'>"},
        {TRACKER_KNOWN, "<a href='http://tube.example/w?v=1&si=2'><a href='http://x.example/w?v=1&si=2'>", "<a href='http://tube.example/w?v=1'><a href='http://x.example/w?v=1&si=2'>"},
        {TRACKER_KNOWN, "<a href='http://x.example/?&?utm_a=1&&xutm_a=1'>", NULL},
        /* redirects */
        {TRACKER_KNOWN, "<a href='http://go.example/r?u=https%3A%2F%2Fy.example%2F%3Fa%3D1%26b%3D2%26utm_a%3D3&x=1'>", "<a href='https://y.example/?a=1&amp;b=2'>"},
        {TRACKER_KNOWN, "<a href='http://go.example/b?u=aHR0cHM6Ly95LmV4YW1wbGUvYQ'>", "<a href='https://y.example/a'>"},
        {TRACKER_KNOWN, "<a href='http://go.example/L0/https:%2F%2Fy.example%2Fa/1/2'>", "<a href='https://y.example/a'>"},
        {TRACKER_KNOWN, "<a href='http://go.example/R/1/y.example/a/b'>", "<a href='https://y.example/a/b'>"},
        {TRACKER_KNOWN, "<a href='http://go.example/r?a=1&q=http%3A%2F%2Fy.example%2F'>", "<a href='http://y.example/'>"},
        {TRACKER_KNOWN, "<a href='http://any.example/click/1.2/aHR0cHM6Ly95LmV4YW1wbGUvYQ/3'>", "<a href='https://y.example/a'>"},
        {TRACKER_KNOWN, "<a href='http://any.example/click/1.2/aHR0cHM6Ly8/3'><a href='http://any.example/click/1/aGVsbG8/3'>", NULL},
        {TRACKER_KNOWN, "<a href='http://go.example/S/https://y.example/a?b=1&amp;c=2'>", "<a href='https://y.example/a?b=1&amp;c=2'>"},
        {TRACKER_KNOWN, "<a href='http://go.example/S/https%3A%2F%2Fy.example%2Fa?b=1'>", "<a href='https://y.example/a'>"},
        {TRACKER_KNOWN, "<a href='http://go.example/r?u=http%3A%2F%2Fgo.example%2Fr%3Fu%3Dhttp%253A%252F%252Fy.example%252F'>", "<a href='http://y.example/'>"},
        {TRACKER_KNOWN, "<a href='http://go.example/r?u=javascript:alert(1)'><a href='http://go.example/r?u='><a href='http://go.example/r?v=http://y.example/'>", NULL},
        {TRACKER_KNOWN, "<a href='http://go.example/r?u=http%3A%2F%2Fy.example%2F%22%3E'>", NULL},
        /* what must reach its server as it is */
        {TRACKER_KNOWN, "<a href='http://x.example/account/confirm-email?utm_a=1'>", NULL},
        {TRACKER_KNOWN, "<a href='http://x.example/reset?utm_a=1'><a href='http://x.example/users/sign-in?utm_a=1'>", NULL},
        {TRACKER_KNOWN, "<a href='http://x.example/f?utm_a=1&amp;X-Amz-Signature=1'>", NULL},
        {TRACKER_KNOWN, "<a href='http://x.example/f?utm_a=1&amp;user_signature=1'><a href='http://x.example/f?utm_a=1&amp;hash=1&amp;expires=2'>", NULL},
        {TRACKER_KNOWN, "<a href='http://x.example/invitations/1/accept?utm_a=1'><a href='http://x.example/signup/confirmEmail?utm_a=1'>", NULL},
        {TRACKER_KNOWN, "<a href='http://go.example/r/unsubscribe?u=http://y.example/'>", NULL},
        {TRACKER_KNOWN, "<form action='http://x.example/?utm_a=1'>", NULL},
        {TRACKER_KNOWN, "<a href='mailto:a@x.example?subject=1&utm_a=1'>", NULL},
    };
    check_cases(cases, FCT_COUNT(cases), true);
}
END_TEST

START_TEST(plain_text)
{
    static const struct page_case cases[] = {
        {TRACKER_KNOWN, "see http://x.example/?utm_a=1&b=2 and http://y.example/?utm_a=1.", "see http://x.example/?b=2 and http://y.example/."},
        {TRACKER_KNOWN, "http://go.example/r?u=http%3A%2F%2Fy.example%2F", NULL},
    };
    check_cases(cases, FCT_COUNT(cases), false);
}
END_TEST
/* clang-format on */

START_TEST(list_unsubscribe_stays)
{
    static const struct fct_str spared[] = {FCT_STR_INIT("http://x.example/?utm_a=1")};
    struct fct_str in = FCT_STR("<a href='http://x.example/?utm_a=1'>");
    struct rig r;

    ck_assert(rig_init(&r, TRACKER_STRICT));
    r.page.spared = spared;
    r.page.spareds = 1;
    rig_clean(&r, in, FCT_STR(""), true);
    ck_assert_uint_eq(r.edits.n, 0);
    rig_free(&r);
}
END_TEST

START_TEST(who_and_why)
{
    struct fct_str in =
        FCT_STR("<img src=//mail.example/o/1><img src=//x.example/?e=ann@example.org>"
                "<a href='//x.example/?utm_a=1&b&utm_c=1'>");
    struct rig r;

    ck_assert(rig_init(&r, TRACKER_STANDARD));
    rig_clean(&r, in, FCT_STR(""), true);
    ck_assert_uint_eq(r.edits.n, 4);
    ck_assert_int_eq(r.edits.edit[0].why, TRACKER_WHY_LIST);
    ck_assert(str_equal(r.edits.edit[0].company, FCT_STR("Example Mail")));
    ck_assert_int_eq(r.edits.edit[1].why, TRACKER_WHY_READER);
    ck_assert(str_equal(r.edits.edit[1].host, FCT_STR("x.example")));
    ck_assert(r.edits.edit[3].more && !r.edits.edit[2].more);
    rig_free(&r);

    ck_assert(rig_init(&r, TRACKER_STANDARD));
    ck_assert(tracker_list_switch_off(&r.list, FCT_STR("example mail")));
    ck_assert(!tracker_list_switch_off(&r.list, FCT_STR("nobody")));
    rig_clean(&r, FCT_STR("<img src=//mail.example/o/1>"), FCT_STR(""), true);
    ck_assert_uint_eq(r.edits.n, 0);
    rig_free(&r);
}
END_TEST

/* UTF-16 may lose a tag, and never gets bytes of another charset. */
START_TEST(other_charsets)
{
    static const char in[] =
        "<\0i\0m\0g\0 \0s\0r\0c\0=\0h\0t\0t\0p\0:\0/\0/\0x\0.\0e\0x\0/\0w\0f\0/\0o\0p\0e\0n\0>\0b";
    struct fct_str got;
    struct rig r;

    ck_assert(rig_init(&r, TRACKER_KNOWN));
    rig_clean(&r, (struct fct_str){in, sizeof in}, FCT_STR("utf-16le"), true);
    got = rig_apply(&r);
    ck_assert_uint_eq(got.n, 2);
    ck_assert(got.p[0] == 'b' && got.p[1] == 0);
    rig_free(&r);
}
END_TEST

/* CPU milliseconds for `n` times `piece`. */
static uint64_t cost(const char *head, const char *piece, size_t n)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(64u << 20);
    uint64_t from;
    struct rig r;

    buf_put_c(&text, head);
    for (size_t i = 0; i < n; i++)
        buf_put_c(&text, piece);
    ck_assert(rig_init(&r, TRACKER_STRICT));
    from = clock_ms();
    rig_clean(&r, buf_str(&text), FCT_STR("utf-8"), true);
    from = clock_ms() - from;
    ck_assert_ptr_nonnull(rig_apply(&r).p);
    rig_free(&r);
    return from;
}

/* Ten times the text may take ten times as long, here fifteen and a base for what a busy machine
 * does besides: a square would take a hundred. */
START_TEST(hostile_pages_take_linear_time)
{
    static const char *const shapes[][2] = {
        {"", "<div style='display:none'>"},
        {"", "<img src=http://x.example/aaaaaaaaaaaaaaaa style='display:none;display:block'>"},
        {"<a href='http://x.example/?", "&utm_a=1&b"},
        {"<p style='", "width:1px;"},
        {"<a href='http://go.example/r?u=", "http%3A%2F%2F"},
        {"<img src='http://x.example/", "ann@example.orann@example.or"},
        {"<img srcset='", "http://x.example/a 1x,"},
    };

    for (size_t i = 0; i < FCT_COUNT(shapes); i++) {
        uint64_t small = cost(shapes[i][0], shapes[i][1], 2000),
                 large = cost(shapes[i][0], shapes[i][1], 20000);

        ck_assert_msg(large <= 15 * small + 600, "%s: %llu ms, ten times as much %llu ms",
                      shapes[i][1], (unsigned long long)small, (unsigned long long)large);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracker_page");
    TCase *t = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, pixels);
    tcase_add_test(t, nothing_is_loaded_at_strict);
    tcase_add_test(t, what_is_written);
    tcase_add_test(t, less_usual_places);
    tcase_add_test(t, links);
    tcase_add_test(t, plain_text);
    tcase_add_test(t, list_unsubscribe_stays);
    tcase_add_test(t, who_and_why);
    tcase_add_test(t, other_charsets);
    tcase_add_test(t, hostile_pages_take_linear_time);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
