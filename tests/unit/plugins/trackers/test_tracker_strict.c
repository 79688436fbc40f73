/* test_tracker_strict.c - at the level strict no load is left, as another parser reads the page:
 * pages that are hostile or odd, the same cut and put together by chance, and the mail of a folder,
 * when there is one (FACTEUR_TEST_DATA). The edits of all of them, at every level, are the same
 * through quoted-printable and base64. */
#include "core/base/base64.h"
#include "core/message/mime.h"
#include "core/message/part_patch.h"
#include "loads.h"
#include "trackers_rig.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define U "http://x.example/a"

/* clang-format off */
static const char *const pages[] = {
    "<img src=" U "><img srcset='" U " 1x, " U " 2x'><input type=image src=" U ">",
    "<body background=" U "><table background='" U "'><td background=" U ">",
    "<style>@import '" U "';@import url(" U ");@font-face{src:url(" U ")}p{background:url( '" U "' )}</style>",
    "<style>a{background:u\\72l(" U ");content:url(" U ");background:image-set('" U "' 1x,url(" U ") 2x)}</style>",
    "<style>@im\\port '" U "';@\\69mport \"" U "\"</style><p style='background:-webkit-image-set(\"" U "\" 1x)'>",
    "<style><!-- @import '" U "'; --></style>",
    "<style>:root{--a:'" U "'}p{background:image-set(var(--a) 1x)}</style>",
    "<link rel=stylesheet href=" U "><link rel=preload as=image imagesrcset='" U " 1x'><link rel=preconnect href=//x.example>",
    "<link rel=dns-prefetch href=//x.example><link rel=modulepreload href=" U "><link rel=icon href=" U ">",
    "<video poster=" U " src=" U "><source src=" U "><track src=" U "></video><audio src=" U " autoplay></audio>",
    "<object data=" U "><param name=movie value=" U "></object><embed src=" U "><iframe src=" U "></iframe>",
    "<iframe srcdoc='<img src=" U ">'></iframe><iframe srcdoc=\"&lt;img src=" U "&gt;\"></iframe>",
    "<meta http-equiv=refresh content='0;url=" U "'><META HTTP-EQUIV=\"Refresh\" content='0 ; URL = \"" U "\"'>",
    "<base href='http://x.example/'><img src=a.png><p style='background:url(a.png)'><link rel=stylesheet href=s.css>",
    "<base href='//x.example/'><img srcset='a 1x, b 2x'><svg><image href=a /></svg><img src=''><style>p{background:url(x)}</style>",
    "<svg><image xlink:href=" U " /><use href=" U "#a /><rect fill='url(" U "#p)'/><feImage href=" U " /></svg>",
    "<svg><style>@import '" U "'</style><style>a<b>@import '" U "'</b></style></svg>",
    "<svg><style>@im<!---->port '" U "'</style></svg><svg><style><![CDATA[@import '" U "']]></style></svg>",
    "<svg><image><set attributeName=href to=" U " /><animate attributeName=href values=" U " /></image></svg>",
    "<svg><foreignObject><img src=" U "><style>@import '" U "'</style></foreignObject></svg>",
    "<svg><title><img src=" U "></title><desc><style>@import '" U "'</style></desc></svg>",
    "<math><mtext><img src=" U "></mtext><annotation-xml encoding=text/html><img src=" U "></annotation-xml></math>",
    "<div><svg></div><style><!-- @import '" U "'; --></style>",
    "<div><svg></div><title><!--</title><img src=" U ">-->",
    "<p><svg></p><style><!-- @import '" U "' --></style><svg><p><style><!--</style><img src=" U ">-->",
    "<svg><g/><path d='M0 0'/><text fill=red>x</text></svg><img src=" U ">",
    "<table><svg><td><style><!--</style><img src=" U ">-->",
    "<select><svg><style><!--</style><img src=" U ">--></select>",
    "<!--[if mso]><v:fill src='" U "'/><img src=" U "><![endif]--><!--[if !mso]><!--><img src=" U "><!--<![endif]-->",
    "<!--><img src=" U ">--><!---><img src=" U ">--><!--a--!><img src=" U "><!-- <!-- --><img src=" U ">",
    "<!x <img src=" U "><![CDATA[ <img src=" U "> ]]><?x <img src=" U "> ?><img src=" U ">",
    "<<img src=" U ">img src=" U "><<img src=" U ">img src=" U ">",
    "<noscript><img src=" U "></noscript><noembed><img src=" U "></noembed><noframes><img src=" U "></noframes>",
    "<title><img src=" U "></title><textarea><img src=" U "></textarea><xmp><img src=" U "></xmp><img src=" U ">",
    "<script>'<!--<script>'</script><img src=" U "></script><img src=" U "><script src=" U "></script>",
    "<template><img src=" U "></template><img alt='<img src=" U ">' src=" U ">",
    "<img src='&#104;ttp://x.example/a'><img src='ht\ntp://x.example/a'><img src='\t http:\\\\x.example\\a'>",
    "<img src=//x.example/a><img src=/\\x.example/a><img src=http:x.example><img src=HTTPS:///x.example>",
    "<img src=a src=" U "><img a=b'c\" src=" U "><img/src=" U "/alt=x><img src = '" U "' a><img\x0csrc=" U ">",
    "<img src=\"" U "><img src='x\"><img src=" U "><img src='" U,
    "<image src=" U "><amp-img src=" U "></amp-img><amp-pixel src=" U "><bgsound src=" U "><frameset><frame src=" U ">",
    "<p style='background:url(" U "'><p style=\"background:url(\\\"" U "\\\")\"><p style='list-style-image:url(" U ")'>",
    "<p style='background:&#117;rl(" U ")'><p style=background:url(" U ")><p style='filter:url(" U "#f)'>",
    "<p style='background:url(\"x\" ) , url(" U ")'><p style='/*url(*/background:url(" U ")/*'>",
    "<style>a{b:'\\\n';background:url(" U ")}c{d:\"\n;background:url(" U ")}</style>",
    "<a href=" U " ping=" U "><a href=" U "><img src=" U "></a><area href=" U "><form action=" U "><button formaction=" U ">",
    "<plaintext><img src=" U ">", "<iframe><img src=" U "></iframe><iframe><!--</iframe><img src=" U ">-->",
};

static const char *const pieces[] = {
    "<svg>", "</svg>", "<math>", "</math>", "<style>", "</style>", "<title>", "</title>", "<div>", "</div>", "<p>", "</p>", "<table>",
    "</table>", "<td>", "<tr>", "<select>", "</select>", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<", ">", "'", "\"", "=", "/", " ",
    "<foreignObject>", "</foreignObject>", "<desc>", "<mi>", "<script>", "</script>", "<noscript>", "</noscript>", "<textarea>", "</textarea>",
    "<iframe>", "</iframe>", "<template>", "</template>", "<img src=" U ">", "<img src='" U "'", "@import '" U "';", "url(" U ")", "/*", "*/",
    "<b", " style='background:url(" U ")'", "<base href='http://x.example/'>", "<br>", "<a href=" U ">", "</a>", "<font color=red>", "\\", "&amp;",
    "<svg/>", "<style/>", "<xmp>", "</xmp>", "<noembed>", "</noembed>", "<head>", "</head>", "<body>", "<frameset>", "<!", "<?", "</", "\0x", "<plaintext",
    "<annotation-xml encoding='text/html'>", "</annotation-xml>", "<mtext>", "</mtext>", "<option>", "<caption>", "<g>", "</g>", "<path/>",
};
/* clang-format on */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static unsigned pages_seen, edits_seen;

/* ---- through quoted-printable and base64 ---- */

static void encode(enum transfer encoding, struct fct_str text, struct buf *out)
{
    size_t column = 0;

    for (; encoding == TRANSFER_BASE64 && text.n > 0; text = str_skip(text, 57)) {
        base64_encode(str_head(text, 57), out);
        buf_put_c(out, "\r\n");
    }
    for (size_t i = 0; i < text.n && encoding == TRANSFER_QUOTED_PRINTABLE; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (column >= 72) {
            buf_put_c(out, "=\r\n");
            column = 0;
        }
        if (c > ' ' && c < 127 && c != '=')
            buf_put_char(out, text.p[i]), column++;
        else
            buf_printf(out, "=%02X", (unsigned)c), column += 3;
    }
}

/* The encoded part with the edits is the page with the edits, encoded. */
static void check_encoded(struct rig *r, enum transfer encoding, const char *name)
{
    struct fct_str html = r->page.bytes, wanted = rig_apply(r);
    struct buf body = BUF_INIT(8 * html.n + 64), view = BUF_INIT(16 * html.n + 4096),
               decoded = BUF_INIT(16 * html.n + 4096);
    struct part_patch *patch = ARENA_ARRAY(r->arena, struct part_patch, r->edits.n + 1);
    struct edit *edit = ARENA_ARRAY(r->arena, struct edit, r->edits.n + 1);
    struct edit_list list;
    size_t n, lost;

    encode(encoding, html, &body);
    for (size_t i = 0; i < r->edits.n; i++)
        patch[i] = (struct part_patch){r->edits.edit[i].offset, r->edits.edit[i].length,
                                       r->edits.edit[i].with, FCT_STR("trackers")};
    struct part_span span = {buf_str(&body), 0, body.n, encoding, NULL, 0};
    n = part_patch_edits(r->arena, &span, patch, r->edits.n, edit);
    ck_assert(edit_list_build(r->arena, edit, n, body.n, &list, NULL, &lost, NULL) && lost == 0);
    ck_assert(edit_list_apply(&list, buf_str(&body), 0, UINT64_MAX, &view));
    ck_assert(transfer_decode(encoding, buf_str(&view), &decoded));
    ck_assert_msg(str_equal(buf_str(&decoded), wanted), "%s: %.*s", name,
                  FCT_FMT(str_head(buf_str(&view), 1000)));
    ck_assert(n > 0 || str_equal(buf_str(&view), buf_str(&body)));
    buf_free(&body);
    buf_free(&view);
    buf_free(&decoded);
}

static void check_encodings(struct fct_str html, const char *name)
{
    for (int level = TRACKER_KNOWN; level <= TRACKER_STRICT; level++)
        for (int base64 = 0; base64 < 2; base64++) {
            struct rig r;

            ck_assert(rig_init(&r, (enum tracker_level)level));
            r.edits.max = 100000;
            r.page.thirds = base64;
            rig_clean(&r, html, FCT_STR("utf-8"), true);
            check_encoded(&r, base64 ? TRANSFER_BASE64 : TRANSFER_QUOTED_PRINTABLE, name);
            rig_free(&r);
        }
}

/* ---- another parser ---- */

static void check_page(struct fct_str html, const char *name)
{
    struct buf found = BUF_INIT(1u << 20);
    struct loads loads = {.found = &found};
    struct fct_str out;
    struct rig r;

    ck_assert(rig_init(&r, TRACKER_STRICT));
    r.edits.max = 100000;
    rig_clean(&r, html, FCT_STR("utf-8"), true);
    out = rig_apply(&r);
    ck_assert_msg(out.p, "%s: edits overlap", name);
    loads_of(out, &loads);
    ck_assert_msg(found.n == 0, "%s\n%.*s\nbecame\n%.*s\nand loads\n%.*s", name,
                  FCT_FMT(str_head(html, 1500)), FCT_FMT(str_head(out, 1500)),
                  FCT_FMT(str_head(buf_str(&found), 500)));
    check_encodings(html, name);
    pages_seen++;
    edits_seen += (unsigned)r.edits.n;
    buf_free(&found);
    rig_free(&r);
}

START_TEST(odd_pages)
{
    for (size_t i = 0; i < FCT_COUNT(pages); i++)
        check_page(str_from(pages[i]), "page");
}
END_TEST

/* The measure itself: what is not cleaned is found. */
START_TEST(the_other_parser_finds_loads)
{
    size_t seen = 0;

    for (size_t i = 0; i < FCT_COUNT(pages); i++) {
        struct buf found = BUF_INIT(1u << 20);
        struct loads loads = {.found = &found};

        loads_of(str_from(pages[i]), &loads);
        seen += found.n > 0;
        buf_free(&found);
    }
    ck_assert_uint_ge(seen, FCT_COUNT(pages) - 4); /* plaintext and its like load nothing */
}
END_TEST

/* Some pages, cut anywhere and put together with what markup is made of. */
static void mix(uint32_t *seed, struct buf *out)
{
    for (unsigned n = 1 + next_random(seed) % 14; n > 0; n--) {
        struct fct_str page = str_from(pages[next_random(seed) % FCT_COUNT(pages)]);
        size_t from = next_random(seed) % page.n, length = next_random(seed) % (page.n - from) + 1;

        if (next_random(seed) % 3 == 0)
            buf_put_str(out, str_head(str_skip(page, from), length));
        else
            buf_put_c(out, pieces[next_random(seed) % FCT_COUNT(pieces)]);
    }
}

START_TEST(pages_put_together_by_chance)
{
    const char *rounds = getenv("FACTEUR_TEST_ROUNDS");
    uint32_t seed = 20261122;

    for (unsigned long i = rounds ? strtoul(rounds, NULL, 10) : 5000; i > 0; i--) {
        struct buf page = BUF_INIT(1u << 16);
        char name[40];

        snprintf(name, sizeof name, "seed %u", (unsigned)seed);
        mix(&seed, &page);
        check_page(buf_str(&page), name);
        buf_free(&page);
    }
}
END_TEST

/* ---- mail ---- */

static struct fct_str read_file(struct arena *arena, const char *path)
{
    FILE *f = fopen(path, "re");
    struct fct_str text = {"", 0};
    char *to;
    long n;

    if (!f)
        return text;
    (void)fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    to = arena_alloc(arena, (size_t)(n > 0 ? n : 0) + 1);
    text = (struct fct_str){to, n > 0 ? fread(to, 1, (size_t)n, f) : 0};
    fclose(f);
    return text;
}

static bool is_narrow(struct fct_str charset)
{
    return !str_starts(charset, FCT_STR("utf-16")) && !str_starts(charset, FCT_STR("utf-7")) &&
           !str_starts(charset, FCT_STR("iso-2022"));
}

static int check_mail(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    struct arena *arena = arena_new(NULL);
    struct mime_tree tree;
    struct fct_str message;

    (void)ftw;
    if (kind != FTW_F || st->st_size > 5000000) {
        arena_free(&arena);
        return 0;
    }
    message = read_file(arena, path);
    mime_scan(arena, message, &mime_default_limits, &tree);
    for (size_t i = 0; i < tree.n; i++) {
        struct buf html = BUF_INIT(message.n + 16);

        if (str_equal(tree.part[i].is.type, FCT_STR("text/html")) &&
            is_narrow(tree.part[i].is.charset) && mime_part_bytes(message, &tree.part[i], &html))
            check_page(buf_str(&html), path);
        buf_free(&html);
    }
    arena_free(&arena);
    return 0;
}

START_TEST(mail_of_a_folder)
{
    const char *data = getenv("FACTEUR_TEST_DATA"), *source = getenv("FCT_SOURCE");
    char folder[1000];
    unsigned before = pages_seen;

    snprintf(folder, sizeof folder, "%s%s",
             data     ? data
             : source ? source
                      : ".",
             data ? "" : "/../shared/data");
    for (size_t i = 0; i < 2; i++) {
        char path[1100];

        snprintf(path, sizeof path, "%s/%s", folder, i ? "trackers" : "mime");
        (void)nftw(path, check_mail, 16, FTW_PHYS);
    }
    printf("pages of mail: %u%s\n", pages_seen - before,
           pages_seen > before ? "" : " (skipped: FACTEUR_TEST_DATA names no folder)");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracker_strict");
    TCase *t = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 280);
    tcase_add_test(t, odd_pages);
    tcase_add_test(t, the_other_parser_finds_loads);
    tcase_add_test(t, pages_put_together_by_chance);
    tcase_add_test(t, mail_of_a_folder);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("%u pages, %u edits\n", pages_seen, edits_seen);
    return failed != 0;
}
