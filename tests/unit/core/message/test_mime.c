/* test_mime.c - the part tree: what is found, where, and that broken or hostile mail stays bounded.
 */
#include "core/message/mime.h"
#include "message_test.h"

/* The tree in one line: "type[body]" of leaves, "type(children)" of what holds others. */
static void show(const struct mime_tree *tree, int at, struct fct_str message, struct buf *out)
{
    const struct mime_part *p = &tree->part[at];

    buf_put_str(out, p->is.type);
    buf_put_char(out, p->first_child < 0 ? '[' : '(');
    if (p->first_child < 0)
        buf_put_str(out, str_head(str_skip(message, p->is.body_offset), p->is.body_length));
    for (int child = p->first_child; child >= 0; child = tree->part[child].next_sibling) {
        if (child != p->first_child)
            buf_put_char(out, ' ');
        show(tree, child, message, out);
    }
    buf_put_char(out, p->first_child < 0 ? ']' : ')');
}

#define TEXT  "Content-Type: text/plain\r\n\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

START_TEST(trees)
{
    static const struct {
        const char *name, *message, *want;
        unsigned defects;
    } cases[] = {
        {"plain", "Subject: x\r\n\r\nbody\r\n", "text/plain[body\r\n]", 0},
        {"two parts", MIXED "pre\r\n--b\r\n" TEXT "one\r\n--b\r\n\r\ntwo\r\n--b--\r\npost\r\n",
         "multipart/mixed(text/plain[one] text/plain[two])", 0},
        {"bare LF", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
         "multipart/mixed(text/plain[one])", 0},
        {"quoted boundary",
         "Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\n--a b\r\n\r\none\r\n--a b--\r\n",
         "multipart/mixed(text/plain[one])", 0},
        {"no end", MIXED "--b\r\n\r\none\r\n", "multipart/mixed(text/plain[one\r\n])",
         MIME_DEFECT_NO_END},
        {"no boundary parameter", "Content-Type: multipart/mixed\r\n\r\n--b\r\n",
         "multipart/mixed[--b\r\n]", MIME_DEFECT_NO_BOUNDARY},
        {"no parts", MIXED "nothing\r\n", "multipart/mixed[nothing\r\n]", MIME_DEFECT_NO_END},
        {"end at once", MIXED "--b--\r\n", "multipart/mixed[--b--\r\n]", 0},
        {"empty part", MIXED "--b\r\n--b\r\n\r\n--b--\r\n",
         "multipart/mixed(text/plain[] text/plain[])", 0},
        {"part header without its end", MIXED "--b\r\nContent-Type: text/html\r\n--b--\r\n",
         "multipart/mixed(text/html[])", 0},
        {"nested",
         MIXED
         "--b\r\nContent-Type: multipart/alternative; "
         "boundary=c\r\n\r\n--c\r\n\r\n1\r\n--c\r\n\r\n2\r\n--c--\r\n--b\r\n\r\n3\r\n--b--\r\n",
         "multipart/mixed(multipart/alternative(text/plain[1] text/plain[2]) text/plain[3])", 0},
        {"inner end missing",
         MIXED "--b\r\nContent-Type: multipart/alternative; "
               "boundary=c\r\n\r\n--c\r\n\r\n1\r\n--b\r\n\r\n3\r\n--b--\r\n",
         "multipart/mixed(multipart/alternative(text/plain[1]) text/plain[3])", MIME_DEFECT_NO_END},
        {"same boundary nested", MIXED "--b\r\n" MIXED "--b\r\n\r\n1\r\n--b--\r\n--b--\r\n",
         "multipart/mixed(multipart/mixed(text/plain[1]))", 0},
        {"outer boundary is a prefix of the inner",
         MIXED "--b\r\nContent-Type: multipart/mixed; "
               "boundary=bb\r\n\r\n--bb\r\n\r\n1\r\n--bb--\r\n--b--\r\n",
         "multipart/mixed(multipart/mixed(text/plain[1]))", 0},
        {"line after the closing boundary is epilogue",
         MIXED "--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n", "multipart/mixed(text/plain[1])", 0},
        {"boundary in the middle of a line", MIXED "--b\r\n\r\nx --b\r\n--b--\r\n",
         "multipart/mixed(text/plain[x --b])", 0},
        {"boundary cut off by the end", MIXED "--b\r\n\r\n1\r\n--b",
         "multipart/mixed(text/plain[1])", 0},
        {"white space behind the boundary", MIXED "--b \t\r\n\r\n1\r\n--b-- \r\n",
         "multipart/mixed(text/plain[1])", 0},
        {"enclosed message", "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
         "message/rfc822(text/plain[body\r\n])", 0},
        {"enclosed multipart",
         MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; "
               "boundary=c\r\n\r\n--c\r\n\r\n1\r\n--c--\r\n\r\n--b--\r\n",
         "multipart/mixed(message/rfc822(multipart/mixed(text/plain[1])))", 0},
        {"digest",
         "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: "
         "x\r\n\r\n1\r\n--b--\r\n",
         "multipart/digest(message/rfc822(text/plain[1]))", 0},
        {"upper case", "CONTENT-TYPE: TEXT/HTML\r\n\r\n", "text/html[]", 0},
        {"comment in the type", "Content-Type: text (a) / (b) html (c)\r\n\r\n", "text/html[]", 0},
        {"no subtype", "Content-Type: text\r\n\r\nx", "text/[x]", MIME_DEFECT_BAD_TYPE},
        {"type given twice", "Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\n",
         "text/html[]", MIME_DEFECT_TWICE},
        {"encoding given twice",
         "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\n",
         "text/plain[]", MIME_DEFECT_TWICE},
        {"unknown encoding", "Content-Transfer-Encoding: x-uue\r\n\r\n", "text/plain[]",
         MIME_DEFECT_BAD_ENCODING},
        {"empty message", "", "text/plain[]", 0},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str message = str_from(cases[i].message);
        struct buf out = BUF_INIT(65536);
        struct mime_tree tree;

        mime_scan(arena, message, &mime_default_limits, &tree);
        show(&tree, 0, message, &out);
        assert_text(cases[i].name, buf_str(&out), str_from(cases[i].want));
        ck_assert_msg(tree.defects == cases[i].defects, "%s: defects %u", cases[i].name,
                      tree.defects);
        ck_assert_msg(!tree.truncated, "%s", cases[i].name);
        buf_free(&out);
        arena_free(&arena);
    }
}
END_TEST

START_TEST(parts_know_their_place)
{
    static const char text[] = MIXED
        "--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\n\r\n1\r\nx\r\n--c--\r\n"
        "--b\r\n\r\n2\r\n--b--\r\n";
    struct arena *arena = arena_new(NULL);
    struct mime_tree tree;

    mime_scan(arena, str_from(text), &mime_default_limits, &tree);
    ck_assert_uint_eq(tree.n, 4);
    ck_assert_int_eq(tree.part[0].is.parent, -1);
    ck_assert_int_eq(tree.part[1].is.parent, 0);
    ck_assert_int_eq(tree.part[2].is.parent, 1);
    ck_assert_int_eq(tree.part[3].is.parent, 0);
    ck_assert_int_eq(tree.part[1].next_sibling, 3);
    ck_assert_uint_eq(tree.part[2].is.depth, 2);
    ck_assert_uint_eq(tree.part[2].number, 1);
    ck_assert_uint_eq(tree.part[3].number, 2);
    ck_assert_uint_eq(tree.part[2].body_lines, 1); /* the last line end belongs to the boundary */
    ck_assert_uint_eq(tree.part[0].is.body_length, strlen(text) - tree.part[0].is.body_offset);
    arena_free(&arena);
}
END_TEST

START_TEST(parameters)
{
    static const struct {
        const char *field, *name, *want; /* value of `name`; NULL: not there */
    } cases[] = {
        {"a/b; x=1", "x", "1"},
        {"a/b; X=1", "x", "1"},
        {"a/b;x=\"q\\\"r\"", "x", "q\"r"},
        {"a/b; (c) x (d) = (e) 1 (f); y=2", "y", "2"},
        {"a/b; x=1 junk; y=2", "y", "2"},
        {"a/b; =1; y=2", "y", "2"},
        {"a/b; x; y=2", "y", "2"},
        {"a/b;;;y=2;", "y", "2"},
        {"a/b; x=\"open", "x", "open"},
        {"a/b; x=", "x", ""},
        {"a/b; x*=utf-8'en'J%C3%B6rg", "x", "J\xC3\xB6rg"},
        {"a/b; x*=iso-8859-1''J%F6rg", "x", "J\xC3\xB6rg"},
        {"a/b; x*=utf-8''50%25%", "x", "50%%"},
        {"a/b; x*0=ab; x*1=cd", "x", "abcd"},
        {"a/b; x*1=cd; x*0=ab", "x", "abcd"},
        {"a/b; x*0*=utf-8''J%C3; x*1*=%B6; x*2=rg", "x", "J\xC3\xB6rg"},
        {"a/b; x=plain; x*=utf-8''better", "x", "better"},
        {"a/b; x*0=a; x*2=c", "x", NULL},
        {"a/b; x*0=a; x*2=c", "x*2", "c"},
        {"a/b; x*zz=a", "x*zz", "a"},
        {"a/b; x*99999999999999999999=a", "x*99999999999999999999", "a"},
        {"a/b; *=a", "*", "a"},
        {"a/b; x==?utf-8?q?a?=", "x", "=?utf-8?q?a?="},
        {"a/b", "x", NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str message = arena_printf(arena, "Content-Type: %s\r\n\r\n", cases[i].field),
                       got;
        struct mime_tree tree;

        mime_scan(arena, message, &mime_default_limits, &tree);
        got = mime_parameter_value(tree.part[0].parameter, tree.part[0].nparameters, cases[i].name);
        if (cases[i].want)
            assert_text(cases[i].field, got, str_from(cases[i].want));
        else
            ck_assert_msg(got.n == 0, "%s: %.*s", cases[i].field, FCT_FMT(got));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(what_plugins_see_of_a_part)
{
    static const struct {
        const char *header, *filename, *charset, *id, *encoding, *text;
    } cases[] = {
        {"Content-Type: text/plain; charset=ISO-8859-1; "
         "name=\"a.txt\"\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\nJ=F6rg",
         "a.txt", "iso-8859-1", "", "quoted-printable", "J\xC3\xB6rg"},
        {"Content-Type: image/png; name=x.png\r\nContent-Disposition: attachment; "
         "filename=y.png\r\nContent-ID: <c@d>\r\n\r\nz",
         "y.png", "", "c@d", "7bit", "z"},
        {"Content-Type: image/png; name=\"=?utf-8?q?J=C3=B6rg?=.png\"\r\n\r\n", "J\xC3\xB6rg.png",
         "", "", "7bit", ""},
        {"Content-Disposition: attachment;\r\n filename*0*=utf-8''J%C3%B6;\r\n "
         "filename*1=rg.txt\r\n\r\n",
         "J\xC3\xB6rg.txt", "", "", "7bit", ""},
        {"Content-Transfer-Encoding: base64\r\n\r\naGk=", "", "", "", "base64", "hi"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct buf text = BUF_INIT(4096);
        struct mime_tree tree;

        mime_scan(arena, str_from(cases[i].header), &mime_default_limits, &tree);
        assert_text("filename", tree.part[0].is.filename, str_from(cases[i].filename));
        assert_text("charset", tree.part[0].is.charset, str_from(cases[i].charset));
        assert_text("content_id", tree.part[0].is.content_id, str_from(cases[i].id));
        assert_text("encoding", tree.part[0].is.encoding, str_from(cases[i].encoding));
        ck_assert(mime_part_text(str_from(cases[i].header), &tree.part[0], &text));
        assert_text("text", buf_str(&text), str_from(cases[i].text));
        buf_free(&text);
        arena_free(&arena);
    }
}
END_TEST

START_TEST(ten_thousand_levels)
{
    struct arena *arena = arena_new(NULL);
    struct buf message = BUF_INIT(4 << 20);
    struct mime_tree tree;

    for (unsigned i = 0; i < 10000; i++)
        buf_printf(&message, "Content-Type: multipart/mixed; boundary=b%u_\r\n\r\n--b%u_\r\n", i,
                   i);
    mime_scan(arena, buf_str(&message), &mime_default_limits, &tree);
    ck_assert(tree.truncated);
    ck_assert_uint_eq(tree.n, mime_default_limits.max_depth + 1);
    ck_assert_uint_eq(tree.part[tree.n - 1].is.depth, mime_default_limits.max_depth);
    ck_assert(!tree.part[tree.n - 1].is_multipart);
    ck_assert_uint_eq(tree.part[tree.n - 1].is.body_offset + tree.part[tree.n - 1].is.body_length,
                      message.n);
    buf_free(&message);
    arena_free(&arena);
}
END_TEST

START_TEST(a_million_empty_parts)
{
    struct arena *arena = arena_new(NULL);
    struct buf message = BUF_INIT(16 << 20);
    struct mime_tree tree;

    buf_put_c(&message, MIXED);
    put_times(&message, "--b\r\n", 1000000);
    mime_scan(arena, buf_str(&message), &mime_default_limits, &tree);
    ck_assert(tree.truncated);
    ck_assert_uint_eq(tree.n, mime_default_limits.max_parts);
    ck_assert_uint_lt(arena_bytes(arena), 8 << 20);
    ck_assert_uint_eq(tree.part[0].body_lines, 1000000);
    buf_free(&message);
    arena_free(&arena);
}
END_TEST

START_TEST(a_million_lines_that_look_like_boundaries)
{
    struct arena *arena = arena_new(NULL);
    struct buf message = BUF_INIT(16 << 20);
    struct mime_tree tree;

    buf_put_c(&message, MIXED "--b\r\n\r\n");
    put_times(&message, "--a\r\n--\r\n-\r\n", 333333);
    buf_put_c(&message, "--b--\r\n");
    mime_scan(arena, buf_str(&message), &mime_default_limits, &tree);
    ck_assert_uint_eq(tree.n, 2);
    ck_assert_uint_eq(tree.part[1].body_lines, 999998); /* the last line end is the boundary's */
    ck_assert_uint_lt(arena_bytes(arena), 65536);
    buf_free(&message);
    arena_free(&arena);
}
END_TEST

/* RFC 2231 bombs: very many sections, sections out of order, plain parameters without end. */
START_TEST(parameters_are_bounded)
{
    static const char *const patterns[] = {"; x*%u=a", "; x*%u*=%%41", "; p%u=a", "; x=%u"};

    for (size_t k = 0; k < FCT_COUNT(patterns); k++) {
        struct arena *arena = arena_new(NULL);
        struct buf message = BUF_INIT(4 << 20);
        struct mime_tree tree;

        buf_put_c(&message, "Content-Type: text/plain");
        for (unsigned i = 50000; i-- > 0;) {
            char one[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(one, sizeof one, patterns[k], i);
#pragma GCC diagnostic pop
            buf_put_c(&message, one);
        }
        buf_put_c(&message, "\r\n\r\n");
        mime_scan(arena, buf_str(&message), &mime_default_limits, &tree);
        ck_assert_uint_le(tree.part[0].nparameters, mime_default_limits.max_parameters);
        ck_assert_uint_lt(arena_bytes(arena), 1 << 20);
        buf_free(&message);
        arena_free(&arena);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, trees);
    tcase_add_test(tc, parts_know_their_place);
    tcase_add_test(tc, parameters);
    tcase_add_test(tc, what_plugins_see_of_a_part);
    tcase_add_test(tc, ten_thousand_levels);
    tcase_add_test(tc, a_million_empty_parts);
    tcase_add_test(tc, a_million_lines_that_look_like_boundaries);
    tcase_add_test(tc, parameters_are_bounded);
}

int main(void)
{
    return run_suite("mime", add);
}
