/* test_smtp_frame.c - where a message ends: every variant of the end of data, cut at every place.
 */
#include "core/base/buf.h"
#include "core/base/str.h"
#include "protocols/smtp/smtp_frame.h"

#include <check.h>
#include <stdlib.h>

#define NUL "\0"
#define S(lit)               \
    {                        \
        lit, sizeof(lit) - 1 \
    }

struct frame_case {
    const char *name;
    struct fct_str in;
    bool dots, repair;
    bool ended;
    enum smtp_frame_fault fault;
    const char *sequence;
    struct fct_str want; /* the message, when there is no fault */
    size_t left;         /* bytes behind the end */
};

static const struct frame_case cases[] = {
    /* right ends */
    {"plain", S("a\r\nb\r\n.\r\n"), true, false, true, FRAME_FINE, "", S("a\r\nb\r\n"), 0},
    {"nothing", S(".\r\n"), true, false, true, FRAME_FINE, "", S(""), 0},
    {"empty line", S("\r\n.\r\n"), true, false, true, FRAME_FINE, "", S("\r\n"), 0},
    {"command behind", S("a\r\n.\r\nQUIT\r\n"), true, false, true, FRAME_FINE, "", S("a\r\n"), 6},
    {"stuffed dot", S("..\r\n.\r\n"), true, false, true, FRAME_FINE, "", S(".\r\n"), 0},
    {"stuffed two", S("...x\r\n..\r\n.\r\n"), true, false, true, FRAME_FINE, "", S("..x\r\n.\r\n"),
     0},
    {"dot and text", S(".x\r\n.\r\n"), true, false, true, FRAME_FINE, "", S("x\r\n"), 0},
    {"dot inside", S("a.\r\nb.c\r\n.\r\n"), true, false, true, FRAME_FINE, "", S("a.\r\nb.c\r\n"),
     0},
    {"dot at the end of a line", S("aaaa.\r\nQUIT\r\n.\r\n"), true, false, true, FRAME_FINE, "",
     S("aaaa.\r\nQUIT\r\n"), 0},
    {"8 bit", S("caf\xc3\xa9\xff\x85.\x85\r\n.\r\n"), true, false, true, FRAME_FINE, "",
     S("caf\xc3\xa9\xff\x85.\x85\r\n"), 0},
    {"not yet", S("a\r\n.\r"), true, false, false, FRAME_FINE, "", S("a\r\n"), 0},
    {"not yet, no line", S("a"), true, false, false, FRAME_FINE, "", S("a"), 0},
    /* what other servers took for an end (CVE-2023-51764, 51765, 51766 and their kin); the true end
       comes behind */
    {"LF.LF", S("x\n.\nEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_LF, "<LF>", S(""), 0},
    {"LF.CRLF", S("x\n.\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_LF, "<LF>", S(""), 0},
    {"LF.CR", S("x\n.\rEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_LF, "<LF>", S(""), 0},
    {"CRLF.LF", S("x\r\n.\nEVIL\r\n.\r\n"), true, false, true, FRAME_FALSE_END, "<CR><LF>.<LF>",
     S(""), 0},
    {"CRLF.CR", S("x\r\n.\rEVIL\r\n.\r\n"), true, false, true, FRAME_FALSE_END, "<CR><LF>.<CR>",
     S(""), 0},
    {"CR.CR", S("x\r.\rEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_CR, "<CR>", S(""), 0},
    {"CR.LF", S("x\r.\nEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_CR, "<CR>", S(""), 0},
    {"CR.CRLF", S("x\r.\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_CR, "<CR>", S(""), 0},
    {"CRCRLF.CRLF", S("x\r\r\n.\r\n"), true, false, true, FRAME_BARE_CR, "<CR>", S(""), 0},
    {"CRCRLF.CRCRLF", S("x\r\r\n.\r\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_CR, "<CR>",
     S(""), 0},
    {"CRLF.CRCRLF", S("x\r\n.\r\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_FALSE_END,
     "<CR><LF>.<CR>", S(""), 0},
    {"CRLF NUL.CRLF", S("x\r\n" NUL ".\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_NUL, "<NUL>",
     S(""), 0},
    {"CRLF.NUL CRLF", S("x\r\n." NUL "\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_NUL, "<NUL>",
     S(""), 0},
    {"CR NUL LF", S("x\r" NUL "\n.\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_CR, "<CR>",
     S(""), 0},
    {"CRLF. CRLF", S("x\r\n. \r\nEVIL\r\n.\r\n"), true, false, true, FRAME_FINE, "",
     S("x\r\n \r\nEVIL\r\n"), 0},
    {"CRLF .CRLF", S("x\r\n .\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_FINE, "",
     S("x\r\n .\r\nEVIL\r\n"), 0},
    {"CRLF..CRLF", S("x\r\n..\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_FINE, "",
     S("x\r\n.\r\nEVIL\r\n"), 0},
    {"NEL.NEL",
     S("x\xc2\x85.\xc2\x85"
       "EVIL\r\n.\r\n"),
     true, false, true, FRAME_FINE, "",
     S("x\xc2\x85.\xc2\x85"
       "EVIL\r\n"),
     0},
    {"VT and FF", S("x\v.\fEVIL\r\n.\r\n"), true, false, true, FRAME_FINE, "", S("x\v.\fEVIL\r\n"),
     0},
    {"LS",
     S("x\xe2\x80\xa8.\xe2\x80\xa8"
       "EVIL\r\n.\r\n"),
     true, false, true, FRAME_FINE, "",
     S("x\xe2\x80\xa8.\xe2\x80\xa8"
       "EVIL\r\n"),
     0},
    {"LF first", S("\n.\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_LF, "<LF>", S(""), 0},
    {"CR first", S("\r.\r\nEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_CR, "<CR>", S(""), 0},
    {".LF first", S(".\nEVIL\r\n.\r\n"), true, false, true, FRAME_FALSE_END, "<CR><LF>.<LF>", S(""),
     0},
    {"LFCR", S("x\n\r.\n\rEVIL\r\n.\r\n"), true, false, true, FRAME_BARE_LF, "<LF>", S(""), 0},
    {"NUL in text", S("a" NUL "b\r\n.\r\n"), true, false, true, FRAME_NUL, "<NUL>", S(""), 0},
    {"lone CR in text", S("a\rb\r\n.\r\n"), true, false, true, FRAME_BARE_CR, "<CR>", S(""), 0},
    {"lone LF in text", S("a\nb\r\n.\r\n"), true, false, true, FRAME_BARE_LF, "<LF>", S(""), 0},
    {"fault without an end", S("a\nb\n.\n"), true, false, false, FRAME_BARE_LF, "<LF>", S(""), 0},
    /* submission repairs a lone LF in the body, and nothing else */
    {"repair", S("H: 1\r\n\r\na\nb\r\n.\r\n"), true, true, true, FRAME_FINE, "",
     S("H: 1\r\n\r\na\r\nb\r\n"), 0},
    {"repair empty lines", S("\r\n\n\n.\r\n"), true, true, false, FRAME_FALSE_END, "<LF>.<CR><LF>",
     S(""), 0},
    {"repair keeps a dot", S("\r\na\n.b\r\n.\r\n"), true, true, true, FRAME_FINE, "",
     S("\r\na\r\n.b\r\n"), 0},
    {"repair, stuffed behind CRLF", S("\r\na\nb\r\n..b\r\n.\r\n"), true, true, true, FRAME_FINE, "",
     S("\r\na\r\nb\r\n.b\r\n"), 0},
    {"repair, header", S("H: 1\nI: 2\r\n\r\n.\r\n"), true, true, true, FRAME_BARE_LF, "<LF>", S(""),
     0},
    {"repair, LF.LF", S("\r\nx\n.\nEVIL\r\n.\r\n"), true, true, true, FRAME_FALSE_END, "<LF>.<LF>",
     S(""), 0},
    {"repair, LF.CRLF", S("\r\nx\n.\r\nEVIL\r\n.\r\n"), true, true, true, FRAME_FALSE_END,
     "<LF>.<CR><LF>", S(""), 0},
    {"repair, LF.CR", S("\r\nx\n.\rEVIL\r\n.\r\n"), true, true, true, FRAME_FALSE_END, "<LF>.<CR>",
     S(""), 0},
    {"repair, CRLF.LF", S("\r\nx\r\n.\nEVIL\r\n.\r\n"), true, true, true, FRAME_FALSE_END,
     "<CR><LF>.<LF>", S(""), 0},
    {"repair, CR", S("\r\nx\ry\r\n.\r\n"), true, true, true, FRAME_BARE_CR, "<CR>", S(""), 0},
    {"repair, NUL", S("\r\nx" NUL "y\r\n.\r\n"), true, true, true, FRAME_NUL, "<NUL>", S(""), 0},
    /* BDAT: dots mean nothing, line ends do */
    {"chunk", S("a\r\n.\r\nb\r\n"), false, false, false, FRAME_FINE, "", S("a\r\n.\r\nb\r\n"), 0},
    {"chunk, stuffed", S("..\r\n"), false, false, false, FRAME_FINE, "", S("..\r\n"), 0},
    {"chunk, no line end", S("a"), false, false, false, FRAME_FINE, "", S("a"), 0},
    {"chunk, LF", S("a\n"), false, false, false, FRAME_BARE_LF, "<LF>", S(""), 0},
    {"chunk, CR", S("a\rb"), false, false, false, FRAME_BARE_CR, "<CR>", S(""), 0},
    {"chunk, last CR", S("a\r"), false, false, false, FRAME_BARE_CR, "<CR>", S(""), 0},
    {"chunk, NUL", S(NUL), false, false, false, FRAME_NUL, "<NUL>", S(""), 0},
    {"chunk, repair", S("\r\na\n.\nb"), false, true, false, FRAME_FINE, "", S("\r\na\r\n.\r\nb"),
     0},
};

static void collect(void *arg, const char *p, size_t n)
{
    buf_put(arg, p, n);
}

/* Feed the case in pieces that end at `cut` and `cut2`; what is left of a piece behind the end
 * counts as left. */
static void run(const struct frame_case *c, size_t cut, size_t cut2)
{
    FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(4096);
    size_t ends[] = {cut, cut2, c->in.n}, at = 0, taken = 0;
    struct smtp_frame f;

    smtp_frame_start(&f, c->dots, c->repair);
    for (size_t i = 0; i < 3 && !f.ended; i++) {
        size_t n = smtp_frame_feed(&f, c->in.p + at, ends[i] - at, collect, &got);

        taken += n;
        ck_assert_msg(n == ends[i] - at || f.ended, "%s: stopped early", c->name);
        at = ends[i];
    }
    if (!c->dots)
        smtp_frame_finish(&f);
    ck_assert_msg(f.ended == c->ended, "%s cut at %zu, %zu: ended %d", c->name, cut, cut2, f.ended);
    ck_assert_msg(f.fault == c->fault, "%s cut at %zu, %zu: fault %d", c->name, cut, cut2,
                  (int)f.fault);
    ck_assert_str_eq(f.sequence, c->sequence);
    ck_assert_msg(c->in.n - taken == c->left, "%s cut at %zu, %zu: %zu left", c->name, cut, cut2,
                  c->in.n - taken);
    if (c->fault == FRAME_FINE)
        ck_assert_msg(str_equal(buf_str(&got), c->want), "%s cut at %zu, %zu: got %.*s", c->name,
                      cut, cut2, FCT_FMT(buf_str(&got)));
}

START_TEST(every_variant_at_every_cut)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t cut = 0; cut <= cases[i].in.n; cut++)
            for (size_t cut2 = cut; cut2 <= cases[i].in.n; cut2++)
                run(&cases[i], cut, cut2);
}
END_TEST

/* All strings of up to seven of these tokens: data ends exactly where CRLF.CRLF first is (or .CRLF
 * at the very start). */
START_TEST(only_crlf_dot_crlf_ends)
{
    static const char token[] = "\r\n.x";
    char text[8];

    for (unsigned n = 1; n <= 7; n++)
        for (unsigned long code = 0; code < 1ul << (2 * n); code++) {
            struct buf got = BUF_INIT(64);
            struct smtp_frame f;
            size_t taken, want;

            for (unsigned i = 0; i < n; i++)
                text[i] = token[code >> (2 * i) & 3];
            struct fct_str all = {text, n};
            ptrdiff_t end =
                str_starts(all, FCT_STR(".\r\n")) ? 3 : str_find(all, FCT_STR("\r\n.\r\n"));

            want = end == 3 && text[0] == '.' ? 3 : end < 0 ? n : (size_t)end + 5;
            smtp_frame_start(&f, true, code & 1);
            taken = smtp_frame_feed(&f, text, n, collect, &got);
            ck_assert_msg(taken == want && f.ended == (end >= 0),
                          "%u tokens, code %lu: %zu, want %zu", n, code, taken, want);
            buf_free(&got);
        }
}
END_TEST

/* Feed all in pieces of so many bytes. */
static size_t feed(struct smtp_frame *f, struct fct_str in, size_t piece, struct buf *got)
{
    size_t taken = 0;

    while (taken < in.n && !f->ended)
        taken += smtp_frame_feed(f, in.p + taken, in.n - taken < piece ? in.n - taken : piece,
                                 collect, got);
    return taken;
}

/* Many plain lines are passed at one time, byte by byte none are: the result is the same. */
static void same_in_pieces(struct fct_str in, bool dots, bool repair, const char *name)
{
    FCT_CLEANUP(buf_free) struct buf whole = BUF_INIT(8192), bytes = BUF_INIT(8192);
    struct smtp_frame a, b;
    size_t taken;

    smtp_frame_start(&a, dots, repair);
    smtp_frame_start(&b, dots, repair);
    taken = feed(&a, in, in.n, &whole);
    ck_assert_msg(taken == feed(&b, in, 1, &bytes) && a.ended == b.ended, "%s: another end", name);
    smtp_frame_finish(&a);
    smtp_frame_finish(&b);
    ck_assert_msg(a.fault == b.fault && strcmp(a.sequence, b.sequence) == 0, "%s: %s, not %s", name,
                  a.sequence, b.sequence);
    ck_assert_msg(str_equal(buf_str(&whole), buf_str(&bytes)), "%s: other bytes", name);
}

static void put_lines(struct buf *out, size_t lines, size_t last)
{
    for (size_t i = 0; i < lines; i++)
        buf_put_c(out, "thirty-eight bytes of a line of words\r\n");
    for (size_t i = 0; i < last; i++)
        buf_put_c(out, "x");
}

START_TEST(among_many_lines)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t before = 0; before < 140; before++) {
            FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(8192);

            if (cases[i].repair)
                buf_put_c(&text, "\r\n");
            put_lines(&text, 3 + before % 2, before / 2);
            if (before % 4 < 2)
                buf_put_c(&text, "\r\n");
            buf_put_str(&text, cases[i].in);
            put_lines(&text, 5, before);
            same_in_pieces(buf_str(&text), cases[i].dots, cases[i].repair, cases[i].name);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_frame");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, every_variant_at_every_cut);
    tcase_add_test(tc, only_crlf_dot_crlf_ends);
    tcase_add_test(tc, among_many_lines);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
