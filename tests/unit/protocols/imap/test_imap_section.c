/* test_imap_section.c - BODY[…]: what may be asked, what it is called in the answer, where it lies.
 */
#include "imap_test.h"
#include "protocols/imap/imap_section.h"

START_TEST(sections)
{
    static const struct {
        const char *in;
        bool binary, ok;
        const char *label;
    } cases[] = {
        {"[]", false, true, "BODY[]"},
        {"[TEXT]", false, true, "BODY[TEXT]"},
        {"[header]", false, true, "BODY[HEADER]"},
        {"[1]", false, true, "BODY[1]"},
        {"[1.2.3]", false, true, "BODY[1.2.3]"},
        {"[1.2.MIME]", false, true, "BODY[1.2.MIME]"},
        {"[3.HEADER]", false, true, "BODY[3.HEADER]"},
        {"[HEADER.FIELDS (From To)]", false, true, "BODY[HEADER.FIELDS (From To)]"},
        {"[HEADER.FIELDS.NOT (From)]<0.10>", false, true, "BODY[HEADER.FIELDS.NOT (From)]<0>"},
        {"[HEADER.FIELDS (\"a b\")]", false, true, "BODY[HEADER.FIELDS (\"a b\")]"},
        {"[1.HEADER.FIELDS (X)]", false, true, "BODY[1.HEADER.FIELDS (X)]"},
        {"[]<5.1>", false, true, "BODY[]<5>"},
        {"[1.2]", true, true, "BINARY[1.2]"},
        {"[]", true, true, "BINARY[]"},
        {"[TEXT]", true, false, ""},
        {"[MIME]", false, false, ""},
        {"[0]", false, false, ""},
        {"[1.]", false, false, ""},
        {"[1..2]", false, false, ""},
        {"[.1]", false, false, ""},
        {"[1.FOO]", false, false, ""},
        {"[HEADER.FIELDS]", false, false, ""},
        {"[HEADER.FIELDS ()]", false, false, ""},
        {"[HEADER.FIELDS (a]", false, false, ""},
        {"[", false, false, ""},
        {"", false, false, ""},
        {"[TEXT", false, false, ""},
        {"[]<0.0>", false, false, ""},
        {"[]<1>", false, false, ""},
        {"[]<-1.5>", false, false, ""},
        {"[]<99999999999999999999.1>", false, false, ""},
        {"[4294967296]", false, false, ""},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct imap_section section = {.binary = cases[i].binary};
        struct fct_str in = str_from(cases[i].in);
        bool ok = imap_section_parse(&in, arena, &section);

        ck_assert_msg(ok == cases[i].ok, "%s", cases[i].in);
        ck_assert_msg(!ok || str_equal(section.label, str_from(cases[i].label)), "%s: %.*s",
                      cases[i].in, FCT_FMT(section.label));
        ck_assert_msg(!ok || in.n == 0, "%s", cases[i].in);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(too_deep)
{
    struct arena *arena = arena_new(NULL);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(10000);
    struct imap_section section = {0};
    struct fct_str in;

    buf_put_c(&text, "[1");
    for (int i = 0; i < IMAP_MAX_PART_DEPTH; i++)
        buf_put_c(&text, ".1");
    buf_put_c(&text, "]");
    in = buf_str(&text);
    ck_assert(!imap_section_parse(&in, arena, &section));
    arena_free(&arena);
}
END_TEST

static const char message[] =
    "Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
    "--a\r\nContent-Type: text/plain\r\n\r\nfirst\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\n\r\nin1\r\n--b\r\nContent-Type: text/html\r\n\r\nin2\r\n--b--\r\n"
    "\r\n--a\r\nContent-Type: message/rfc822\r\nX: y\r\n\r\n"
    "Subject: simple\r\n\r\nplain\r\n"
    "--a--\r\n";

static struct fct_str find(struct arena *arena, const struct summary *m, struct fct_str bytes,
                           const char *spec, bool *there)
{
    struct imap_section section = {0};
    struct fct_str in = str_from(spec);
    struct imap_span span = {0};

    ck_assert_msg(imap_section_parse(&in, arena, &section), "%s", spec);
    *there = imap_section_find(&section, m, &span);
    return str_head(str_skip(bytes, span.offset), span.length);
}

static void summarise(struct arena *arena, struct fct_str bytes, struct summary *out)
{
    static struct buf encoded;
    const struct edit_list none = {0};
    struct mime_tree tree;
    struct fct_err err = {0};

    encoded.max = 1u << 20;
    buf_clear(&encoded);
    mime_scan(arena, bytes, &mime_default_limits, &tree);
    ck_assert(summary_build(arena, bytes, &tree, &none, &encoded));
    ck_assert_msg(summary_decode(arena, arena_str(arena, buf_str(&encoded)), out, &err), "%s",
                  err.text);
    buf_free(&encoded);
}

START_TEST(parts_of_a_nested_message)
{
    static const struct {
        const char *section;
        const char *want; /* NULL: NIL */
    } cases[] = {
        {"[HEADER]", "Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"},
        {"[1]", "first"},
        {"[1.MIME]", "Content-Type: text/plain\r\n\r\n"},
        {"[1.HEADER]", NULL},
        {"[1.TEXT]", NULL},
        {"[1.1]", NULL},
        {"[2.MIME]", "Content-Type: message/rfc822\r\n\r\n"},
        {"[2.HEADER]", "Subject: inner\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"},
        {"[2.1]", "in1"},
        {"[2.2]", "in2"},
        {"[2.2.MIME]", "Content-Type: text/html\r\n\r\n"},
        {"[2.3]", NULL},
        {"[3.HEADER]", "Subject: simple\r\n\r\n"},
        {"[3.TEXT]", "plain"},
        {"[3.1]", "plain"},
        {"[3.1.MIME]", "Subject: simple\r\n\r\n"},
        {"[3.MIME]", "Content-Type: message/rfc822\r\nX: y\r\n\r\n"},
        {"[3.2]", NULL},
        {"[3.1.1]", NULL},
        {"[4]", NULL},
    };
    struct arena *arena = arena_new(NULL);
    struct fct_str bytes = {message, sizeof message - 1};
    struct summary m;

    summarise(arena, bytes, &m);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        bool there;
        struct fct_str got = find(arena, &m, bytes, cases[i].section, &there);

        ck_assert_msg(there == (cases[i].want != NULL), "%s", cases[i].section);
        ck_assert_msg(!there || str_equal(got, str_from(cases[i].want)), "%s: %.*s",
                      cases[i].section, FCT_FMT(got));
    }
    arena_free(&arena);
}
END_TEST

START_TEST(a_message_without_parts)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str bytes = FCT_STR("A: b\r\n\r\nbody\r\n");
    struct summary m;
    bool there;

    summarise(arena, bytes, &m);
    ck_assert(str_equal(find(arena, &m, bytes, "[1]", &there), FCT_STR("body\r\n")) && there);
    ck_assert(str_equal(find(arena, &m, bytes, "[TEXT]", &there), FCT_STR("body\r\n")) && there);
    ck_assert(str_equal(find(arena, &m, bytes, "[HEADER]", &there), FCT_STR("A: b\r\n\r\n")) &&
              there);
    ck_assert(str_equal(find(arena, &m, bytes, "[]", &there), bytes) && there);
    find(arena, &m, bytes, "[2]", &there);
    ck_assert(!there);
    find(arena, &m, bytes, "[1.1]", &there);
    ck_assert(!there);
    arena_free(&arena);
}
END_TEST

START_TEST(header_fields)
{
    static const struct {
        const char *section, *want;
    } cases[] = {
        {"[HEADER.FIELDS (to FROM)]", "From: a\r\nTo: b,\r\n c\r\n\r\n"},
        {"[HEADER.FIELDS (nothing)]", "\r\n"},
        {"[HEADER.FIELDS.NOT (To From)]", "Subject: s\r\n\r\n"},
        {"[HEADER.FIELDS.NOT (X)]", "From: a\r\nSubject: s\r\nTo: b,\r\n c\r\n\r\n"},
    };
    struct fct_str header = FCT_STR("From: a\r\nSubject: s\r\nTo: b,\r\n c\r\n\r\n");
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);
        struct imap_section section = {0};
        struct fct_str in = str_from(cases[i].section);

        ck_assert(imap_section_parse(&in, arena, &section));
        imap_section_filter(&section, header, arena, &out);
        ck_assert_msg(str_equal(buf_str(&out), str_from(cases[i].want)), "%s: %.*s",
                      cases[i].section, FCT_FMT(buf_str(&out)));
    }
    arena_free(&arena);
}
END_TEST

START_TEST(partials)
{
    static const struct {
        uint64_t offset, length, of, want_offset, want_length;
    } cases[] = {
        {0, 10, 100, 0, 10},
        {90, 20, 100, 90, 10},
        {100, 1, 100, 100, 0},
        {200, 5, 100, 100, 0},
        {0, UINT64_MAX / 2, 100, 0, 100},
        {5, 5, 0, 0, 0},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct imap_section s = {
            .partial = true, .offset = cases[i].offset, .length = cases[i].length};
        uint64_t offset = 0, length = cases[i].of;

        imap_section_clip(&s, &offset, &length);
        ck_assert_uint_eq(offset, cases[i].want_offset);
        ck_assert_uint_eq(length, cases[i].want_length);
    }
}
END_TEST

IMAP_TESTS("imap_section", sections, too_deep, parts_of_a_nested_message, a_message_without_parts,
           header_fields, partials)
