/* test_shown_text.c - what people see of HTML and plain text, and what is hidden from them. */
#include "core/message/shown_text.h"
#include "message_test.h"

struct text_case {
    const char *name;
    struct fct_str html;
    const char *shown, *hidden;
};
#define TEXT(name, html, shown, hidden)          \
    {                                            \
        name, FCT_STR_INIT(html), shown, hidden, \
    }

static void check_html(const struct text_case *c)
{
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;
    struct shown_text text;

    html_tokenize(arena, c->html, FCT_STR("utf-8"), 100000, &tokens);
    shown_text_init(&text, 10000);
    shown_text_add_html(&text, tokens.token, tokens.n);
    assert_text(c->name, buf_str(&text.shown.out), str_from(c->shown));
    assert_text(c->name, buf_str(&text.hidden.out), str_from(c->hidden));
    shown_text_free(&text);
    arena_free(&arena);
}

/* clang-format off */
START_TEST(structure)
{
    static const struct text_case cases[] = {
        TEXT("spaces", "  one \r\n\t two&nbsp;&nbsp;three ", "one two three", ""),
        TEXT("inline elements join", "pass<b>wo</b>rd", "password", ""),
        TEXT("blocks are lines", "<div>a</div><div>b<p>c<br>d</div>e", "a\nb\nc\nd\ne", ""),
        TEXT("cells stand apart", "<table><tr><td>a<td>b<tr><td>c</table>d", "a b\nc\nd", ""),
        TEXT("references", "1 &lt; 2 &amp; caf&eacute; &#x1F600;", "1 < 2 & caf\xC3\xA9 \xF0\x9F\x98\x80", ""),
        TEXT("no text", "<style>p{color:red}</style><script>x()</script><!-- c --><iframe>i</iframe>a", "a", ""),
        TEXT("a style in the middle of a word", "Via<style>x</style>gra", "Viagra", ""),
        TEXT("title", "<title>T</title><body>a", "a", "T"),
        TEXT("template", "<template><p>t</template>a", "a", "t"),
        TEXT("pre keeps lines", "<pre>a\n b\n</pre>c\nd", "a\nb\nc d", ""),
        TEXT("pictures and buttons", "a<img alt='big sale' src=x>b<input type=submit value=Buy><input value=no>", "a big sale b Buy", ""),
        TEXT("list", "<ul><li>a<li><b>b<li>c</ul>", "a\nb\nc", ""),
        TEXT("noscript", "<noscript>n</noscript>", "n", ""),
        TEXT("nothing", "", "", ""),
        TEXT("stray ends", "</div></p></x>a</td>", "a", ""),
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        check_html(&cases[i]);
}
END_TEST

START_TEST(invisible_characters)
{
    static const struct text_case cases[] = {
        TEXT("zero width", "V\xE2\x80\x8Bi&#8203;a&zwnj;g&shy;r&#xFEFF;a", "Viagra", ""),
        TEXT("direction marks and variation", "a\xE2\x80\xAE" "b\xEF\xB8\x8F" "c\xF3\xA0\x81\xA1", "abc", ""),
        TEXT("kinds of space", "a\xE2\x80\x83" "b\xE3\x80\x80" "c&#x2800;d\xC2\x85" "e", "a b c d e", ""),
        TEXT("only filler", "&zwnj;&nbsp;&zwnj;&nbsp;", "", ""),
        TEXT("broken UTF-8", "a\xE2\x80", "a\xEF\xBF\xBD\xEF\xBF\xBD", ""),
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        check_html(&cases[i]);
}
END_TEST

#define HID(name, style) TEXT(name, "a<span style=\"" style "\">b<i>c</i></span>d", "ad", "bc")
#define SEEN(name, style) TEXT(name, "a<span style=\"" style "\">b</span>d", "abd", "")
START_TEST(hiding)
{
    static const struct text_case cases[] = {
        HID("display", "display:none"), HID("important", "color:red; DISPLAY : none !important ; x:y"), SEEN("displayed", "display:block"),
        HID("visibility", "visibility:hidden"), HID("collapse", "visibility: collapse"), HID("opacity", "opacity:0.0"), SEEN("half", "opacity:.5"),
        HID("font size", "font-size:0"), HID("a dot", "font-size:1px"), HID("em", "font-size:0em"), SEEN("small", "font-size:8px"), SEEN("a share", "font-size:0.8em"),
        SEEN("word", "font-size:x-small"), SEEN("percent", "font-size:90%"), HID("folded up", "overflow:hidden;max-height:0"), SEEN("may flow over", "max-height:0"),
        SEEN("clipped at a size", "overflow:hidden;height:10px"), HID("no width", "width:0px;overflow:hidden"), HID("indent", "text-indent:-9999px"), SEEN("hanging", "text-indent:-10px"),
        HID("elsewhere", "position:absolute;left:-9999px"), SEEN("not moved", "left:-9999px"), SEEN("near", "position:absolute;left:-9px"),
        HID("white", "color:white"), HID("nearly white", "color:#fefefe"), HID("three digits", "color:#FFF"), HID("rgb", "color:rgb(255, 255,255)"),
        HID("transparent", "color:transparent"), HID("no opacity", "color:rgba(0,0,0,0)"), HID("eight digits", "color:#00000000"), SEEN("grey", "color:#ccc"),
        SEEN("unknown name", "color:papayawhip"), HID("black on black", "background:#000"), SEEN("white on black", "background-color:black;color:white"),
        SEEN("on a picture", "background:url(x.png) white;color:white"), SEEN("broken", "color:;display;:none;font-size"), SEEN("rgb cut", "color:rgb(255,"),
        TEXT("attribute", "a<div hidden>b</div>c", "a\nc", "b"),
        TEXT("font", "<font color=white>a</font><font color='#000000'>b</font>", "b", "a"),
        TEXT("page colours", "<body bgcolor=black text=white>a<font color=black>b", "a", "b"),
        TEXT("a cell's colour", "<table bgcolor=navy><td><font color=white>a</font></table><font color=white>b</font>", "a", "b"),
        TEXT("style wins", "<p style='color:#000;background:#fff' bgcolor=black>a", "a", ""),
        TEXT("inside it is readable again", "<td style='font-size:0px'>a<p style='font-size:13px'>b", "b", "a"),
        TEXT("own colour inside", "<div style='color:#fff'>a<b style='color:red'>b</b></div>", "b", "a"),
        TEXT("gone is gone", "<div style='display:none'>a<b style='display:block'>b</b></div>c", "c", "ab"),
        TEXT("ends with the paragraph", "<p style='display:none'>a<p>b", "b", "a"),
        TEXT("ends with the item", "<li style='display:none'>a<li>b", "b", "a"),
        TEXT("ends with the cell", "<td style='display:none'><p>a<td>b", "b", "a"),
        TEXT("an end tag in a cell ends nothing outside", "<div style='display:none'><table><td>a</div>b</table></div>c", "c", "a\nb"),
        TEXT("a void element hides nothing behind it", "<br style='display:none'>a<img style='display:none' alt=x>b", "ab", "x"),
        TEXT("crossed", "<b style='display:none'>a<i>b</b>c</i>d", "cd", "ab"),
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        check_html(&cases[i]);
}
END_TEST
/* clang-format on */

START_TEST(plain)
{
    struct shown_text text;

    shown_text_init(&text, 100);
    shown_text_add_plain(&text, FCT_STR("one  two\r\n\r\nthr\xE2\x80\x8B"
                                        "ee\n"));
    shown_text_add_plain(&text, FCT_STR("next part"));
    assert_text("plain", buf_str(&text.shown.out), FCT_STR("one two\nthree\nnext part"));
    ck_assert_uint_eq(text.hidden.out.n, 0);
    shown_text_free(&text);
}
END_TEST

START_TEST(limit)
{
    struct shown_text text;

    shown_text_init(&text, 8);
    shown_text_add_plain(&text, FCT_STR("12345 67890 x"));
    ck_assert(text.shown.out.overflow);
    ck_assert_uint_le(text.shown.out.n, 8);
    shown_text_free(&text);
}
END_TEST

/* Deeper than the stack: the last look that found room stays until its end tag. */
START_TEST(deep)
{
    enum { DEPTH = 5000 };
    FCT_CLEANUP(buf_free) struct buf html = BUF_INIT(1 << 20);
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;
    struct shown_text text;

    buf_put_c(&html, "<div style='display:none'>a");
    for (int i = 0; i < DEPTH; i++)
        buf_put_c(&html, "<b>");
    buf_put_c(&html, "b");
    for (int i = 0; i < DEPTH; i++)
        buf_put_c(&html, "</b>");
    buf_put_c(&html, "</div>c");
    html_tokenize(arena, buf_str(&html), FCT_STR(""), 100000, &tokens);
    shown_text_init(&text, 1000);
    shown_text_add_html(&text, tokens.token, tokens.n);
    assert_text("shown", buf_str(&text.shown.out), FCT_STR("c"));
    assert_text("hidden", buf_str(&text.hidden.out), FCT_STR("ab"));
    shown_text_free(&text);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, structure);
    tcase_add_test(tc, invisible_characters);
    tcase_add_test(tc, hiding);
    tcase_add_test(tc, plain);
    tcase_add_test(tc, limit);
    tcase_add_test(tc, deep);
}

int main(void)
{
    return run_suite("shown_text", add);
}
