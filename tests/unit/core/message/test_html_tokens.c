/* test_html_tokens.c - the tokenizer state by state, offsets that lead back to the source, and the
 * price of hostile input. tests/interop/test_html_tokens.py compares it with another tokenizer. */
#include "core/message/html_tokens.h"
#include "message_test.h"

#define ENOUGH 1000000

static void tokenize(struct arena *arena, struct fct_str html, const char *charset,
                     struct html_tokens *out)
{
    html_tokenize(arena, html, str_from(charset), ENOUGH, out);
}

/* <a href=[x]/> </a> T[text] C[comment] D[name|rest] */
static void print_token(const struct fct_html_token *t, struct buf *out)
{
    switch ((enum fct_html_kind)t->kind) {
    case FCT_HTML_START:
        buf_printf(out, "<%.*s", FCT_FMT(t->name));
        for (size_t i = 0; i < t->attributes; i++)
            buf_printf(out, " %.*s=[%.*s]", FCT_FMT(t->attribute[i].name),
                       FCT_FMT(t->attribute[i].value));
        buf_put_c(out, t->self_closing ? "/>" : ">");
        return;
    case FCT_HTML_END:
        buf_printf(out, "</%.*s>", FCT_FMT(t->name));
        return;
    case FCT_HTML_TEXT:
        buf_put_c(out, "T[");
        break;
    case FCT_HTML_COMMENT:
        buf_put_c(out, "C[");
        break;
    case FCT_HTML_DOCTYPE:
        buf_printf(out, "D[%.*s|", FCT_FMT(t->name));
        break;
    }
    buf_put_str(out, t->text);
    buf_put_c(out, "]");
}

static struct fct_str printed(struct arena *arena, struct fct_str html, const char *charset)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1 << 20);
    struct html_tokens tokens;

    tokenize(arena, html, charset, &tokens);
    for (size_t i = 0; i < tokens.n; i++)
        print_token(&tokens.token[i], &out);
    return arena_str(arena, buf_str(&out));
}

struct html_case {
    const char *name;
    struct fct_str html;
    const char *want;
};
#define HTML(name, html, want)          \
    {                                   \
        name, FCT_STR_INIT(html), want, \
    }

static void check_cases(const struct html_case *cases, size_t n, const char *charset)
{
    for (size_t i = 0; i < n; i++) {
        struct arena *arena = arena_new(NULL);

        assert_text(cases[i].name, printed(arena, cases[i].html, charset), str_from(cases[i].want));
        arena_free(&arena);
    }
}

/* clang-format off */
START_TEST(text_and_tags)
{
    static const struct html_case cases[] = {
        HTML("nothing", "", ""),
        HTML("text", "a b", "T[a b]"),
        HTML("tags", "<P>x</p>", "<p>T[x]</p>"),
        HTML("less-than that is text", "a < b <1 <", "T[a < b <1 <]"),
        HTML("less-than slash at the end", "a</", "T[a</]"),
        HTML("nameless end tag", "a</>b", "T[a]T[b]"),
        HTML("end tag that is a comment", "a</3 x>b", "T[a]C[3 x]T[b]"),
        HTML("attributes of end tags do not count", "</a href=x>", "</a>"),
        HTML("a tag that the input ends in", "a<b c=d", "T[a]"),
        HTML("a tag that the input ends in, quoted", "a<b c='d>", "T[a]"),
        HTML("an end tag that the input ends in", "a</b ", "T[a]"),
        HTML("self closing", "<br/><br / ><img src=a/>", "<br/><br><img src=[a/]>"),
        HTML("slashes between attributes", "<a/b/c=d/e>", "<a b=[] c=[d/e]>"),
        HTML("tab, form feed, line end", "<a\tb=1\fc=2\r\nd=3\n>", "<a b=[1] c=[2] d=[3]>"),
        HTML("byte order mark", "\xEF\xBB\xBF<b>", "<b>"),
        HTML("line ends", "a\r\nb\rc\n\r\n", "T[a\nb\nc\n\n]"),
    };

    check_cases(cases, FCT_COUNT(cases), "utf-8");
}
END_TEST

START_TEST(attributes)
{
    static const struct html_case cases[] = {
        HTML("three ways", "<a b=\"1 2\" c='3 4' d=5>", "<a b=[1 2] c=[3 4] d=[5]>"),
        HTML("spaces around the sign", "<a b = 1 c\n=\n'2' d>", "<a b=[1] c=[2] d=[]>"),
        HTML("no space between", "<a b='1'c=2>", "<a b=[1] c=[2]>"),
        HTML("no value", "<a b=>", "<a b=[]>"),
        HTML("a name that begins with the sign", "<a =b=c>", "<a =b=[c]>"),
        HTML("quotes inside a bare value", "<a b=c\"d'e>", "<a b=[c\"d'e]>"),
        HTML("quotes inside names", "<a b\"c=d <e=f>", "<a b\"c=[d] <e=[f]>"),
        HTML("the second of a name does not count", "<a B=1 b=2>", "<a b=[1]>"),
        HTML("greater-than inside quotes", "<a b='>' c=\">\">x", "<a b=[>] c=[>]>T[x]"),
        HTML("line ends inside", "<a b='1\r\n2'>", "<a b=[1\n2]>"),
        HTML("upper case values stay", "<a B=C>", "<a b=[C]>"),
        HTML("a reference without its semicolon", "<a b='?x=1&lt=2&copy=3&amp=4&gt'>", "<a b=[?x=1&lt=2&copy=3&amp=4>]>"),
        HTML("references", "<a b='&amp;&#x41;&#66&nbsp;&notit;'>", "<a b=[&AB\xC2\xA0&notit;]>"),
    };

    check_cases(cases, FCT_COUNT(cases), "utf-8");
}
END_TEST

START_TEST(references)
{
    static const struct html_case cases[] = {
        HTML("named", "&lt;&amp;&eacute;&AMP", "T[<&\xC3\xA9&]"),
        HTML("longest name wins", "&notin;&notit;&not", "T[\xE2\x88\x89\xC2\xACit;\xC2\xAC]"),
        HTML("two code points", "&NotEqualTilde;", "T[\xE2\x89\x82\xCC\xB8]"),
        HTML("first and last of the table", "&AElig;&zwnj;", "T[\xC3\x86\xE2\x80\x8C]"),
        HTML("none", "&; &x; &zz &#; &#x; &", "T[&; &x; &zz &#; &#x; &]"),
        HTML("numbers", "&#65;&#x42;&#X43&#x1F600;", "T[ABC\xF0\x9F\x98\x80]"),
        HTML("Windows-1252", "&#128;&#x9F;&#x81;", "T[\xE2\x82\xAC\xC5\xB8\xC2\x81]"),
        HTML("no characters", "&#0;&#xD800;&#x110000;&#99999999999999999999;", "T[\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD]"),
        HTML("cut off", "&am", "T[&am]"),
    };

    check_cases(cases, FCT_COUNT(cases), "utf-8");
}
END_TEST

START_TEST(comments_and_declarations)
{
    static const struct html_case cases[] = {
        HTML("comment", "<!-- a -- b -->c", "C[ a -- b ]T[c]"),
        HTML("empty ones", "<!----><!--><!--->x", "C[]C[]C[]T[x]"),
        HTML("bang", "<!--a--!>b", "C[a]T[b]"),
        HTML("bang that goes on", "<!--a--!-->b", "C[a--!]T[b]"),
        HTML("dashes", "<!--a---->b", "C[a--]T[b]"),
        HTML("nested", "<!--a<!--b-->c-->", "C[a<!--b]T[c-->]"),
        HTML("to the end", "<!--a", "C[a]"),
        HTML("to the end, dashes", "<!--a-|<!--", "C[a-|<!]"),
        HTML("to the end, bang", "<!--a--!", "C[a]"),
        HTML("bogus ones", "<!x><?php a?><!>", "C[x]C[?php a?]C[]"),
        HTML("CDATA outside svg is a comment", "<![CDATA[a]]>b", "C[[CDATA[a]]]T[b]"),
        HTML("doctype", "<!DOCTYPE html>", "D[html|html]"),
        HTML("doctype, other cases", "<!doctypeHTML PUBLIC \"a>b", "D[html|HTML PUBLIC \"a]T[b]"),
        HTML("doctype, cut off", "<!doctype", "D[|]"),
        HTML("NUL in a comment", "<!--\0-->", "C[\xEF\xBF\xBD]"),
    };

    check_cases(cases, FCT_COUNT(cases), "utf-8");
}
END_TEST

START_TEST(raw_text)
{
    static const struct html_case cases[] = {
        HTML("style", "<style><a>&amp;</b></style>x", "<style>T[<a>&amp;</b>]</style>T[x]"),
        HTML("title has references", "<title><a>&amp;</title >x", "<title>T[<a>&]</title>T[x]"),
        HTML("textarea", "<textarea></title></TextArea/>x", "<textarea>T[</title>]</textarea>T[x]"),
        HTML("end tag of another name", "<style></styles></style>", "<style>T[</styles>]</style>"),
        HTML("end tag cut off", "<style>a</style", "<style>T[a</style]"),
        HTML("never ended", "<xmp>a<b>", "<xmp>T[a<b>]"),
        HTML("iframe, noembed, noframes", "<iframe><a></iframe><noembed><a></noembed><noframes><a></noframes>", "<iframe>T[<a>]</iframe><noembed>T[<a>]</noembed><noframes>T[<a>]</noframes>"),
        HTML("noscript is HTML", "<noscript><img src=x></noscript>", "<noscript><img src=[x]></noscript>"),
        HTML("plaintext", "<plaintext>a</plaintext>", "<plaintext>T[a</plaintext>]"),
        HTML("script", "<script>if (a<b) '</a>'</script>x", "<script>T[if (a<b) '</a>']</script>T[x]"),
        HTML("script escaped", "<script><!--<a></script>x", "<script>T[<!--<a>]</script>T[x]"),
        HTML("script escaped twice", "<script><!--<script></script>--></script>x", "<script>T[<!--<script></script>-->]</script>T[x]"),
        HTML("script escaped twice, ended", "<script><!--<script >a</script >b</script>x", "<script>T[<!--<script >a</script >b]</script>T[x]"),
        HTML("script, escape that is none", "<script><!-->a<script></script>x", "<script>T[<!-->a<script>]</script>T[x]"),
        HTML("NUL in raw text", "<style>\0</style>", "<style>T[\xEF\xBF\xBD]</style>"),
        HTML("an empty one", "<style></style>", "<style></style>"),
    };

    check_cases(cases, FCT_COUNT(cases), "utf-8");
}
END_TEST

/* What a browser shows or loads depends on whether style is svg's. */
START_TEST(svg_and_math)
{
    static const struct html_case cases[] = {
        HTML("style in svg is ordinary", "<svg><style><a></style></svg>", "<svg><style><a></style></svg>"),
        HTML("img ends svg", "<svg><img src=x><style><a></style>", "<svg><img src=[x]><style>T[<a>]</style>"),
        HTML("svg title is ordinary, its inside is HTML", "<svg><title><style><a></style></title>", "<svg><title><style>T[<a>]</style></title>"),
        HTML("foreignObject", "<svg><foreignObject><style><a></style></foreignObject><style><a>", "<svg><foreignobject><style>T[<a>]</style></foreignobject><style><a>"),
        HTML("CDATA", "<svg><![CDATA[<a>&amp;]]>b</svg><![CDATA[c]]>", "<svg>T[<a>&amp;]T[b]</svg>C[[CDATA[c]]]"),
        HTML("CDATA without an end", "<svg><![CDATA[a", "<svg>T[a]"),
        HTML("self closing", "<svg/><style><a></style>", "<svg/><style>T[<a>]</style>"),
        HTML("math", "<math><mi><style><a></style></mi><style><a>", "<math><mi><style>T[<a>]</style></mi><style><a>"),
        HTML("annotation-xml", "<math><annotation-xml encoding='text/HTML'><style><a></style>", "<math><annotation-xml encoding=[text/HTML]><style>T[<a>]</style>"),
        HTML("annotation-xml of another kind", "<math><annotation-xml><style><a>", "<math><annotation-xml><style><a>"),
        HTML("font with a colour ends svg", "<svg><font color=x><style><a></style>", "<svg><font color=[x]><style>T[<a>]</style>"),
        HTML("font without does not", "<svg><font><style><a>", "<svg><font><style><a>"),
        HTML("</p> ends svg", "<svg></p><style><a></style>", "<svg></p><style>T[<a>]</style>"),
    };

    check_cases(cases, FCT_COUNT(cases), "utf-8");
}
END_TEST

START_TEST(charsets)
{
    static const struct {
        const char *name, *charset;
        struct fct_str html;
        const char *want;
    } cases[] = {
        {"Latin-1", "iso-8859-1", FCT_STR_INIT("<a b=\xE9>\xE8&eacute;"), "<a b=[\xC3\xA9]>T[\xC3\xA8\xC3\xA9]"},
        {"none named, not UTF-8", "", FCT_STR_INIT("\xE9"), "T[\xC3\xA9]"},
        {"broken UTF-8", "utf-8", FCT_STR_INIT("a\xE9z"), "T[a\xEF\xBF\xBDz]"},
        {"Shift_JIS, trail byte that is ASCII", "shift_jis", FCT_STR_INIT("<b>\x83\x5C</b>"), "<b>T[\xE3\x82\xBD]</b>"},
        {"UTF-16", "utf-16le", FCT_STR_INIT("<\0b\0>\0\xE9\0"), "<b>T[\xC3\xA9]"},
        {"UTF-16 by its mark", "utf-8", FCT_STR_INIT("\xFE\xFF\0<\0b\0>\xD8\x3D\xDE\x00"), "<b>T[\xF0\x9F\x98\x80]"},
        {"half a pair", "utf-16be", FCT_STR_INIT("\xD8\x3D\0a"), "T[\xEF\xBF\xBD" "a]"},
        {"UTF-32", "utf-32le", FCT_STR_INIT("<\0\0\0b\0\0\0>\0\0\0"), "<b>"},
        {"ISO-2022-JP: '<' inside a character", "iso-2022-jp", FCT_STR_INIT("<b>\x1b$B<R\x1b(B</b>"), "<b>T[\xE7\xA4\xBE]</b>"},
        {"UTF-7", "utf-7", FCT_STR_INIT("+ADw-b>+AOk-"), "<b>T[\xC3\xA9]"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);

        assert_text(cases[i].name, printed(arena, cases[i].html, cases[i].charset), str_from(cases[i].want));
        arena_free(&arena);
    }
}
END_TEST
/* clang-format on */

START_TEST(nul)
{
    struct arena *arena = arena_new(NULL);

    assert_text("stays in text, not in names and values",
                printed(arena, FCT_STR("a\0<c\0d e\0=\"\0\">"), "utf-8"),
                FCT_STR("T[a\0]<c\xEF\xBF\xBD"
                        "d e\xEF\xBF\xBD=[\xEF\xBF\xBD]>"));
    arena_free(&arena);
}
END_TEST

/* Every span lies in the input, in order, and shows what was tokenized. */
static void check_spans(struct fct_str html, const struct html_tokens *tokens)
{
    size_t at = 0;

    for (size_t i = 0; i < tokens->n; i++) {
        const struct fct_html_token *t = &tokens->token[i];
        size_t inside = t->offset;

        ck_assert_uint_ge(t->offset, at);
        ck_assert_uint_gt(t->length, 0);
        at = t->offset + t->length;
        ck_assert_uint_le(at, html.n);
        for (size_t k = 0; k < t->attributes; k++) {
            const struct fct_html_attribute *a = &t->attribute[k];

            ck_assert_uint_ge(a->offset, inside);
            ck_assert_uint_ge(a->value_offset, a->offset);
            ck_assert_uint_le(a->value_offset + a->value_length, a->offset + a->length);
            ck_assert((unsigned char)html.p[a->offset] >= 0x80 ||
                      char_lower(html.p[a->offset]) == a->name.p[0]);
            inside = a->offset + a->length;
        }
        ck_assert_uint_le(inside, at);
    }
}

START_TEST(spans_lead_back)
{
    static const struct fct_str html = FCT_STR_INIT("x<a  b='1' C=2 d = \"&lt;\"e>");
    struct arena *arena = arena_new(NULL);
    const struct fct_html_attribute *a;
    struct html_tokens tokens;

    tokenize(arena, html, "utf-8", &tokens);
    check_spans(html, &tokens);
    ck_assert_uint_eq(tokens.n, 2);
    a = tokens.token[1].attribute;
    assert_text("b", str_head(str_skip(html, a[0].offset), a[0].length), FCT_STR("b='1'"));
    assert_text("C", str_head(str_skip(html, a[1].offset), a[1].length), FCT_STR("C=2"));
    assert_text("d", str_head(str_skip(html, a[2].offset), a[2].length), FCT_STR("d = \"&lt;\""));
    assert_text("value of d", str_head(str_skip(html, a[2].value_offset), a[2].value_length),
                FCT_STR("&lt;"));
    assert_text("e", str_head(str_skip(html, a[3].offset), a[3].length), FCT_STR("e"));
    ck_assert_ptr_eq(html_attribute(&tokens.token[1], "c"), &a[1]);
    ck_assert_ptr_null(html_attribute(&tokens.token[1], "f"));
    arena_free(&arena);
}
END_TEST

/* Offsets count in the bytes of the part, whatever they were converted to. */
START_TEST(spans_lead_back_in_utf_16)
{
    static const struct fct_str html = FCT_STR_INIT("\xE9\0<\0a\0 \0b\0=\0x\0y\0>\0");
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;

    tokenize(arena, html, "utf-16le", &tokens);
    ck_assert_uint_eq(tokens.n, 2);
    ck_assert_uint_eq(tokens.token[1].offset, 2);
    ck_assert_uint_eq(tokens.token[1].length, 16);
    ck_assert_uint_eq(tokens.token[1].attribute[0].value_offset, 12);
    ck_assert_uint_eq(tokens.token[1].attribute[0].value_length, 4);
    arena_free(&arena);
}
END_TEST

/* Pieces that meet in every order; the same bytes cut into tokens keep their order and place. */
START_TEST(random_input)
{
    static const char *const pieces[] = {
        "<",        ">",        "/",     "!",         "--",         "<!--",
        "-->",      "</",       "=",     "\"",        "'",          " ",
        "\r\n",     "a",        "DIV",   "<script>",  "</script>",  "<style>",
        "</style>", "<title>",  "<svg>", "<![CDATA[", "]]>",        "&amp;",
        "&#",       "\xC3\xA9", "\xFF",  "<a b=c",    "<img src='",
    };
    static const char *const sets[] = {"utf-8", "windows-1252", "iso-2022-jp", "utf-7", "gb18030"};
    uint32_t seed = 7;

    for (unsigned round = 0; round < 3000; round++) {
        FCT_CLEANUP(buf_free) struct buf html = BUF_INIT(4096);
        struct arena *arena = arena_new(NULL);
        struct html_tokens tokens;

        for (unsigned n = next_random(&seed) % 20; n > 0; n--)
            buf_put_c(&html, pieces[next_random(&seed) % FCT_COUNT(pieces)]);
        tokenize(arena, buf_str(&html), sets[round % FCT_COUNT(sets)], &tokens);
        if (round % FCT_COUNT(sets) < 2)
            check_spans(buf_str(&html), &tokens);
        arena_free(&arena);
    }
}
END_TEST

/* Counted in bytes looked at, not in seconds. */
START_TEST(hostile_input_costs_its_length)
{
    static const struct {
        const char *name, *front, *repeat, *back;
    } cases[] = {
        {"nested tags", "", "<div>", ""},
        {"one attribute", "<a b=\"", "x", "\">"},
        {"one attribute without its end", "<a b=\"", "x", ""},
        {"attributes without their end", "<a ", "b='c' ", ""},
        {"equal names", "<a ", "b ", ">"},
        {"quotes that do not end", "", "<a b='", ""},
        {"references", "<a b='", "&notit;&#x;", "'>"},
        {"references in text", "", "&amp", ""},
        {"comments that do not end", "", "<!--", ""},
        {"dashes", "<!--", "-", ""},
        {"dashes and bangs", "<!--", "--!", ""},
        {"less-than signs", "", "<", ""},
        {"end tags of others in style", "<style>", "</styl", ""},
        {"scripts in scripts", "<script><!--", "<script></script", ""},
        {"CDATA", "<svg>", "<![CDATA[", ""},
        {"svg in svg", "", "<svg>", ""},
        {"carriage returns", "", "\r", ""},
        {"bytes that are no UTF-8", "", "\xFF", ""},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf html = BUF_INIT(4u << 20);
        struct arena *arena = arena_new(NULL);
        struct html_tokens tokens;

        buf_put_c(&html, cases[i].front);
        while (html.n < 1u << 20)
            buf_put_c(&html, cases[i].repeat);
        buf_put_c(&html, cases[i].back);
        tokenize(arena, buf_str(&html), "utf-8", &tokens);
        ck_assert_msg(tokens.steps < 6 * html.n, "%s: %llu steps for %zu bytes", cases[i].name,
                      (unsigned long long)tokens.steps, html.n);
        arena_free(&arena);
    }
}
END_TEST

/* Names that are all different are compared by a table, not one with each other. */
START_TEST(many_different_attributes)
{
    FCT_CLEANUP(buf_free) struct buf html = BUF_INIT(4u << 20);
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;

    buf_put_c(&html, "<a");
    for (unsigned i = 0; i < 50000; i++)
        buf_printf(&html, " x%u=%u", i, i);
    buf_put_c(&html, " x7=again>");
    tokenize(arena, buf_str(&html), "utf-8", &tokens);
    ck_assert_uint_eq(tokens.n, 1);
    ck_assert_uint_eq(tokens.token[0].attributes, 50000);
    assert_text("x7", html_attribute(&tokens.token[0], "x7")->value, FCT_STR("7"));
    ck_assert_uint_eq(tokens.counted, 50001);
    arena_free(&arena);
}
END_TEST

START_TEST(the_limit_ends_it)
{
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;

    html_tokenize(arena, FCT_STR("<a b c>d<e>"), FCT_STR("utf-8"), 5, &tokens);
    ck_assert(!tokens.truncated);
    ck_assert_uint_eq(tokens.n, 3);
    html_tokenize(arena, FCT_STR("<a b c>d<e>"), FCT_STR("utf-8"), 4, &tokens);
    ck_assert(tokens.truncated);
    ck_assert_uint_eq(tokens.n, 2);
    html_tokenize(arena, FCT_STR("<a b c>d<e>"), FCT_STR("utf-8"), 1, &tokens);
    ck_assert(tokens.truncated);
    ck_assert_uint_eq(tokens.n, 0);
    html_tokenize(arena, FCT_STR("x"), FCT_STR("utf-8"), 0, &tokens);
    ck_assert(tokens.truncated);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, text_and_tags);
    tcase_add_test(tc, attributes);
    tcase_add_test(tc, references);
    tcase_add_test(tc, comments_and_declarations);
    tcase_add_test(tc, raw_text);
    tcase_add_test(tc, svg_and_math);
    tcase_add_test(tc, charsets);
    tcase_add_test(tc, nul);
    tcase_add_test(tc, spans_lead_back);
    tcase_add_test(tc, spans_lead_back_in_utf_16);
    tcase_add_test(tc, random_input);
    tcase_add_test(tc, hostile_input_costs_its_length);
    tcase_add_test(tc, many_different_attributes);
    tcase_add_test(tc, the_limit_ends_it);
}

int main(void)
{
    return run_suite("html_tokens", add);
}
