/* test_imap_parse.c - what a client may write, and what it may not. */
#include "imap_test.h"
#include "protocols/imap/imap_parse.h"
#include "store/store.h"

struct string_case {
    struct fct_str in;
    bool ok;
    struct fct_str want, rest;
};
#define OK_(in, want, rest)                                   \
    {                                                         \
        {in, sizeof(in) - 1}, true, {want, sizeof(want) - 1}, \
        {                                                     \
            rest, sizeof(rest) - 1                            \
        }                                                     \
    }
#define NO_(in)                               \
    {                                         \
        {in, sizeof(in) - 1}, false, {"", 0}, \
        {                                     \
            "", 0                             \
        }                                     \
    }

static void check_strings(const struct string_case *cases, size_t n,
                          bool (*parse)(struct fct_str *in, struct arena *arena,
                                        struct fct_str *out))
{
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < n; i++) {
        struct fct_str in = cases[i].in, out = {0};
        bool ok = parse(&in, arena, &out);

        ck_assert_msg(ok == cases[i].ok, "%.*s: %d", FCT_FMT(cases[i].in), ok);
        if (!ok)
            continue;
        ck_assert_msg(str_equal(out, cases[i].want), "%.*s: got %.*s", FCT_FMT(cases[i].in),
                      FCT_FMT(out));
        ck_assert_msg(str_equal(in, cases[i].rest), "%.*s: left %.*s", FCT_FMT(cases[i].in),
                      FCT_FMT(in));
    }
    arena_free(&arena);
}

START_TEST(strings)
{
    static const struct string_case cases[] = {
        OK_("\"\"", "", ""),
        OK_("\"a b\" c", "a b", " c"),
        OK_("\"a\\\"b\\\\\"", "a\"b\\", ""),
        OK_("\"\xc3\xa9\"", "\xc3\xa9", ""),
        OK_("{3}\r\nabc)", "abc", ")"),
        OK_("{3+}\r\na\r\n", "a\r\n", ""),
        OK_("{0}\r\n", "", ""),
        OK_("~{2}\r\n\0\1x", "\0\1", "x"),
        OK_("{3}\nabc", "abc", ""),
        NO_(""),
        NO_("abc"),
        NO_("\"abc"),
        NO_("\"a\\\""),
        NO_("\"a\\x\""),
        NO_("\"a\r\nb\""),
        NO_("\"a\0b\""),
        NO_("\"\\"),
        NO_("{3}\r\nab"),
        NO_("{}\r\nab"),
        NO_("{3\r\nabc"),
        NO_("{-1}\r\nabc"),
        NO_("{99999999999999999999}\r\nabc"),
        NO_("{18446744073709551615}\r\nabc"),
        NO_("{3}abc"),
    };
    check_strings(cases, FCT_COUNT(cases), imap_parse_string);
}
END_TEST

START_TEST(astrings)
{
    static const struct string_case cases[] = {
        OK_("abc def", "abc", " def"),
        OK_("a]b", "a]b", ""),
        OK_("\"x y\"", "x y", ""),
        OK_("{1}\r\nz", "z", ""),
        OK_("+a", "+a", ""),
        OK_("nil", "nil", ""),
        OK_("a(b", "a", "(b"),
        OK_("a\\b", "a", "\\b"),
        NO_("(a"),
        NO_("%"),
        NO_("*"),
        NO_("\\Seen"),
        NO_("\xc3\xa9"),
        NO_("\x7f"),
        NO_(" a"),
    };
    check_strings(cases, FCT_COUNT(cases), imap_parse_astring);
}
END_TEST

START_TEST(nil_is_no_string)
{
    struct fct_str in = FCT_STR("nil x"), out = FCT_STR("?");

    ck_assert(imap_parse_nstring(&in, NULL, &out));
    ck_assert(!out.p && out.n == 0);
    in = FCT_STR("\"NIL\"");
    ck_assert(imap_parse_nstring(&in, NULL, &out));
    ck_assert(str_equal(out, FCT_STR("NIL")));
    in = FCT_STR("NILx");
    ck_assert(!imap_parse_nstring(&in, NULL, &out));
}
END_TEST

START_TEST(list_mailboxes)
{
    static const struct string_case cases[] = {
        OK_("*", "*", ""), OK_("a/%]* b", "a/%]*", " b"), OK_("\"a *\"", "a *", ""), NO_("(a"),
        NO_(""),
    };
    check_strings(cases, FCT_COUNT(cases), imap_parse_list_mailbox);
}
END_TEST

START_TEST(words_end_where_atoms_end)
{
    struct fct_str in = FCT_STR("Body[1]");

    ck_assert(!imap_parse_word(&in, "BOD"));
    ck_assert(!imap_parse_word(&in, "BODY")); /* '[' may stand in an atom */
    in = FCT_STR("FLAGS.SILENT (");
    ck_assert(!imap_parse_word(&in, "FLAGS"));
    ck_assert(imap_parse_word(&in, "flags.silent"));
    ck_assert(str_equal(in, FCT_STR(" (")));
}
END_TEST

START_TEST(numbers)
{
    static const struct {
        const char *in;
        bool ok;
        uint32_t want;
    } cases[] = {
        {"0", true, 0},           {"4294967295", true, UINT32_MAX},
        {"4294967296", false, 0}, {"99999999999999999999", false, 0},
        {"", false, 0},           {"-1", false, 0},
        {"+1", false, 0},         {"x", false, 0},
        {"007", true, 7},
    };
    uint64_t big;
    struct fct_str in;

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        uint32_t v = 0;

        in = str_from(cases[i].in);
        ck_assert_msg(imap_parse_number(&in, &v) == cases[i].ok, "%s", cases[i].in);
        ck_assert_msg(!cases[i].ok || v == cases[i].want, "%s", cases[i].in);
    }
    in = FCT_STR("0");
    ck_assert(!imap_parse_nz_number(&in, &(uint32_t){0}));
    in = FCT_STR("9223372036854775807");
    ck_assert(imap_parse_number64(&in, &big) && big == INT64_MAX);
    in = FCT_STR("9223372036854775808");
    ck_assert(!imap_parse_number64(&in, &big));
}
END_TEST

START_TEST(literal_heads)
{
    static const struct {
        const char *line;
        bool is, waits, too_large;
        uint64_t size;
        size_t head;
    } cases[] = {
        {"a LOGIN {5}", true, true, false, 5, 3},
        {"a LOGIN {5+}", true, false, false, 5, 4},
        {"a APPEND x ~{12}", true, true, false, 12, 5},
        {"{4294967295}", true, true, false, 4294967295, 12},
        {"{99999999999999999999}", true, true, true, UINT64_MAX, 22},
        {"{9223372036854775808+}", true, false, true, UINT64_MAX, 22},
        {"a LOGIN {}", false, true, false, 0, 0},
        {"a LOGIN {+}", false, false, false, 0, 0},
        {"a LOGIN {-5}", false, true, false, 0, 0},
        {"a LOGIN 5}", false, true, false, 0, 0},
        {"a LOGIN {5} ", false, true, false, 0, 0},
        {"a LOGIN {5++}", false, false, false, 0, 0},
        {"}", false, true, false, 0, 0},
        {"+}", false, false, false, 0, 0},
        {"", false, true, false, 0, 0},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct imap_literal l;

        ck_assert_msg(imap_parse_literal_head(str_from(cases[i].line), &l) == cases[i].is, "%s",
                      cases[i].line);
        if (!cases[i].is)
            continue;
        ck_assert_msg(l.waits == cases[i].waits && l.too_large == cases[i].too_large &&
                          l.size == cases[i].size && l.head == cases[i].head,
                      "%s", cases[i].line);
    }
}
END_TEST

START_TEST(sequence_sets)
{
    static const struct {
        const char *in;
        bool ok;
        const char *want; /* ranges as first:last, * as 0 */
    } cases[] = {
        {"1", true, "1:1 "},
        {"1:*", true, "1:0 "},
        {"*", true, "0:0 "},
        {"*:4", true, "0:4 "},
        {"2,4:7,9,12:*", true, "2:2 4:7 9:9 12:0 "},
        {"4294967295", true, "4294967295:4294967295 "},
        {"$", true, ""},
        {"0", false, ""},
        {"1:0", false, ""},
        {"", false, ""},
        {",1", false, ""},
        {"1,", false, ""},
        {"1:", false, ""},
        {":1", false, ""},
        {"1:2:3", true, "1:2 "}, /* the rest is the caller's to refuse */
        {"4294967296", false, ""},
        {"-1", false, ""},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(1000);
        struct fct_str in = str_from(cases[i].in);
        struct imap_sequence_set set;
        bool ok = imap_parse_sequence_set(&in, arena, &set);

        ck_assert_msg(ok == cases[i].ok, "%s", cases[i].in);
        for (size_t k = 0; ok && k < set.n; k++)
            buf_printf(&got, "%u:%u ", set.range[k].first, set.range[k].last);
        ck_assert_msg(!ok || str_equal(buf_str(&got), str_from(cases[i].want)), "%s", cases[i].in);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(flag_lists)
{
    static const struct {
        const char *in;
        bool bare, ok;
        uint16_t flags;
        size_t keywords;
    } cases[] = {
        {"()", false, true, 0, 0},
        {"(\\Seen \\deleted)", false, true, FLAG_SEEN | FLAG_DELETED, 0},
        {"(\\Answered $Label x)", false, true, FLAG_ANSWERED, 2},
        {"\\Seen \\Draft", true, true, FLAG_SEEN | FLAG_DRAFT, 0},
        {"\\Flagged", true, true, FLAG_FLAGGED, 0},
        {"(\\Recent)", false, true, 0, 0},
        {"\\Seen", false, false, 0, 0},
        {"(\\Seen", false, false, 0, 0},
        {"(\\Seen  x)", false, false, 0, 0},
        {"(\\Nonsense)", false, false, 0, 0},
        {"(\\*)", false, false, 0, 0},
        {"(a\"b)", false, false, 0, 0},
        {"", true, false, 0, 0},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str in = str_from(cases[i].in);
        struct imap_flags flags;
        bool ok = imap_parse_flag_list(&in, cases[i].bare, arena, &flags);

        ck_assert_msg(ok == cases[i].ok, "%s", cases[i].in);
        ck_assert_msg(!ok ||
                          (flags.flags == cases[i].flags && flags.nkeywords == cases[i].keywords),
                      "%s", cases[i].in);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(more_keywords_than_an_account_has)
{
    struct arena *arena = arena_new(NULL);
    FCT_CLEANUP(buf_free) struct buf list = BUF_INIT(10000);
    struct imap_flags flags;
    struct fct_str in;

    buf_put_char(&list, '(');
    for (int i = 0; i < IMAP_MAX_KEYWORDS + 1; i++)
        buf_printf(&list, "%sk%d", i ? " " : "", i);
    buf_put_char(&list, ')');
    in = buf_str(&list);
    ck_assert(!imap_parse_flag_list(&in, false, arena, &flags));
    arena_free(&arena);
}
END_TEST

START_TEST(dates)
{
    static const struct {
        const char *in;
        bool ok;
        int64_t want;
        const char *rest;
    } cases[] = {
        {"1-Feb-1994", true, 760060800, ""},
        {"01-Feb-1994 x", true, 760060800, " x"},
        {"\"1-Feb-1994\")", true, 760060800, ")"},
        {"31-dec-1999", true, 946598400, ""},
        {"29-Feb-2000", true, 951782400, ""},
        {"30-Feb-2000", false, 0, ""},
        {"1-Foo-2000", false, 0, ""},
        {"1-Feb-94", false, 0, ""},
        {"\"1-Feb-1994", false, 0, ""},
        {"", false, 0, ""},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str in = str_from(cases[i].in);
        int64_t v = 0;
        bool ok = imap_parse_date(&in, &v);

        ck_assert_msg(ok == cases[i].ok, "%s", cases[i].in);
        ck_assert_msg(!ok || v == cases[i].want, "%s: %lld", cases[i].in, (long long)v);
        ck_assert_msg(!ok || str_equal(in, str_from(cases[i].rest)), "%s", cases[i].in);
    }
}
END_TEST

START_TEST(date_times)
{
    int64_t v;
    struct fct_str in = FCT_STR("\" 1-Feb-1994 01:02:03 +0100\" x");

    ck_assert(imap_parse_date_time(&in, &v) && v == 760060800 + 3723 - 3600);
    ck_assert(str_equal(in, FCT_STR(" x")));
    in = FCT_STR("\"1-Feb-1994 01:02:03 +0100\"");
    ck_assert(!imap_parse_date_time(&in, &v));
    in = FCT_STR("\" 1-Feb-1994 01:02:03 +0100");
    ck_assert(!imap_parse_date_time(&in, &v));
}
END_TEST

START_TEST(tags)
{
    struct fct_str in = FCT_STR("a]1 x"), tag;

    ck_assert(imap_parse_tag(&in, &tag) && str_equal(tag, FCT_STR("a]1")));
    in = FCT_STR("+1 x");
    ck_assert(!imap_parse_tag(&in, &tag));
    in = FCT_STR("(1 x");
    ck_assert(!imap_parse_tag(&in, &tag));
    in = FCT_STR("");
    ck_assert(!imap_parse_tag(&in, &tag));
}
END_TEST

IMAP_TESTS("imap_parse", strings, astrings, nil_is_no_string, list_mailboxes,
           words_end_where_atoms_end, numbers, literal_heads, sequence_sets, flag_lists,
           more_keywords_than_an_account_has, dates, date_times, tags)
