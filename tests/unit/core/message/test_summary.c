/* test_summary.c - summaries: IMAP texts, views, and the stored form. */
#include "core/message/summary.h"
#include "message_test.h"

static void build(struct arena *arena, struct fct_str message, const struct edit_list *edits,
                  struct summary *out)
{
    struct buf bytes = BUF_INIT(64 << 20);
    struct mime_tree tree;
    struct fct_err err = {0};

    mime_scan(arena, message, &mime_default_limits, &tree);
    ck_assert(summary_build(arena, message, &tree, edits, &bytes));
    ck_assert_msg(summary_decode(arena, arena_str(arena, buf_str(&bytes)), out, &err), "%s",
                  err.text);
    buf_free(&bytes);
}

START_TEST(envelopes)
{
    static const struct {
        const char *header, *want;
    } cases[] = {
        {"", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"},
        {"Date: d\r\nSubject: s\r\nMessage-ID: <m@x>\r\nIn-Reply-To: <r@x>\r\n",
         "(\"d\" \"s\" NIL NIL NIL NIL NIL NIL \"<r@x>\" \"<m@x>\")"},
        {"From: A <a@b>\r\n", "(NIL NIL ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) "
                              "((\"A\" NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)"},
        {"From: a@b\r\nSender: c@d\r\nReply-To:\r\n",
         "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"a\" \"b\")) NIL NIL "
         "NIL NIL NIL)"},
        {"From: a@b\r\nFrom: c@d\r\nSender: s@s\r\nReply-To: r@r\r\n",
         "(NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) ((NIL NIL \"s\" \"s\")) ((NIL NIL "
         "\"r\" \"r\")) NIL NIL NIL NIL NIL)"},
        {"To: g: a@b, c@d;\r\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL \"a\" "
                                 "\"b\")(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)"},
        {"Cc: joe\r\nBcc: <@r:a@b>\r\n",
         "(NIL NIL NIL NIL NIL NIL ((NIL NIL \"joe\" \"MISSING_DOMAIN\")) ((NIL \"@r\" \"a\" "
         "\"b\")) NIL NIL)"},
        {"Subject: a \"b\" \\c\r\n", "(NIL \"a \\\"b\\\" \\\\c\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
        {"Subject: J\xF6rg\r\n", "(NIL {4}\r\nJ\xF6rg NIL NIL NIL NIL NIL NIL NIL NIL)"},
        {"Subject: a\rb\r\n", "(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)"},
        {"Subject: a\r\n\t b\r\n", "(NIL \"a b\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
        {"Subject:\r\n", "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct summary s;

        build(arena, arena_printf(arena, "%s\r\n", cases[i].header), NULL, &s);
        assert_text(cases[i].header, s.envelope, str_from(cases[i].want));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(nul_never_reaches_a_client)
{
    struct arena *arena = arena_new(NULL);
    struct summary s;

    build(arena, FCT_STR("Subject: a\0b\r\n\r\n"), NULL, &s);
    assert_text("NUL", s.envelope,
                FCT_STR("(NIL {3}\r\na\x80"
                        "b NIL NIL NIL NIL NIL NIL NIL NIL)"));
    arena_free(&arena);
}
END_TEST

#define PLAIN "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0"

START_TEST(structures)
{
    static const struct {
        const char *message, *body, *structure;
    } cases[] = {
        {"\r\nx", PLAIN ")", PLAIN " NIL NIL NIL NIL)"},
        {"Content-Type: text/html; charset=utf-8\r\nContent-Disposition: inline; filename=\"a "
         "b\"\r\nContent-Language: de, en\r\n"
         "Content-Location: here\r\nContent-MD5: sum\r\nContent-ID: <i>\r\nContent-Description: "
         "d\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx\r\n",
         "(\"text\" \"html\" (\"charset\" \"utf-8\") \"<i>\" \"d\" \"8bit\" 3 1)",
         "(\"text\" \"html\" (\"charset\" \"utf-8\") \"<i>\" \"d\" \"8bit\" 3 1 \"sum\" "
         "(\"inline\" (\"filename\" \"a b\")) (\"de\" \"en\") \"here\")"},
        {"Content-Type: image/png; name*=utf-8''J%C3%B6rg\r\n\r\n",
         "(\"image\" \"png\" (\"name*\" \"utf-8''J%C3%B6rg\") NIL NIL \"7bit\" 0)",
         "(\"image\" \"png\" (\"name*\" \"utf-8''J%C3%B6rg\") NIL NIL \"7bit\" 0 NIL NIL NIL NIL)"},
        {"Content-Type: multipart/mixed; "
         "boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\nx\r\n--b--\r\n",
         "(" PLAIN ")" PLAIN ") \"mixed\")",
         "(" PLAIN " NIL NIL NIL NIL)" PLAIN
         " NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
        {"Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx",
         "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL "
         "NIL) " PLAIN ") 2)",
         "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL "
         "NIL) " PLAIN " NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct summary s;

        build(arena, str_from(cases[i].message), NULL, &s);
        assert_text("BODY", s.body, str_from(cases[i].body));
        assert_text("BODYSTRUCTURE", s.bodystructure, str_from(cases[i].structure));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(fields_for_people)
{
    struct arena *arena = arena_new(NULL);
    struct summary s;

    build(arena,
          FCT_STR("Subject: =?utf-8?q?J=C3=B6rg?=\r\nFrom: A <a@b>\r\nFrom: c@d\r\nTo: "
                  "x@y\r\nMessage-ID: <1@x> junk\r\n"
                  "Date: Mon, 5 Jan 2026 10:11:12 +0100\r\nContent-Type: application/pdf; "
                  "name=a.pdf\r\n\r\n"),
          NULL, &s);
    assert_text("subject", s.subject, FCT_STR("J\xC3\xB6rg"));
    assert_text("from", s.from, FCT_STR("A <a@b>, c@d"));
    assert_text("to", s.to, FCT_STR("x@y"));
    assert_text("cc", s.cc, FCT_STR(""));
    assert_text("id", s.message_id, FCT_STR("<1@x>"));
    ck_assert_int_eq(s.sent, 1767604272);
    ck_assert(s.has_attachment);
    ck_assert_uint_eq(s.header_length, s.size);
    arena_free(&arena);
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
    struct arena *arena = arena_new(NULL);
    struct buf message = BUF_INIT(65536);
    struct summary s;

    buf_put_c(&message, "Subject: x");
    put_times(&message, "\xC3\xB6", 3000);
    buf_put_c(&message, "\r\n\r\n");
    build(arena, buf_str(&message), NULL, &s);
    ck_assert_uint_eq(s.subject.n, 1023);
    buf_free(&message);
    arena_free(&arena);
}
END_TEST

/* Whatever the edits: the summary of the view is that of the view's own bytes. */
START_TEST(a_summary_is_that_of_the_view)
{
    static const char *const messages[] = {
        ("Subject: one\r\nFrom: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
         "--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n"),
        "Subject: two\r\n\r\njust text\r\nof two lines\r\n",
        "Subject: three\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx\r\n",
        "Subject: no body\r\n",
        "",
    };
    static const char *const inserts[] = {
        "",     "X-A: b\r\n", "Subject: new\r\n", "Content-Type: text/html\r\n",
        "\r\n", "x",          "--b\r\n"};
    uint32_t seed = 5;

    for (unsigned round = 0; round < 3000; round++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str message = str_from(messages[round % FCT_COUNT(messages)]);
        struct buf view = BUF_INIT(65536), through = BUF_INIT(1 << 20), direct = BUF_INIT(1 << 20);
        struct edit edits[3];
        size_t n = next_random(&seed) % 4, nlost;
        struct edit_list list;
        struct mime_tree tree, view_tree;

        for (size_t i = 0; i < n; i++) {
            uint64_t offset = next_random(&seed) % (message.n + 1);

            if (next_random(&seed) % 2)
                offset = 0;
            edits[i] = (struct edit){
                offset, next_random(&seed) % 3 ? 0 : next_random(&seed) % (message.n - offset + 1),
                str_from(inserts[next_random(&seed) % FCT_COUNT(inserts)]), FCT_STR("t")};
        }
        ck_assert(edit_list_build(arena, edits, n, message.n, &list, NULL, &nlost, NULL));
        ck_assert(edit_list_apply(&list, message, 0, UINT64_MAX, &view));
        mime_scan(arena, message, &mime_default_limits, &tree);
        ck_assert(summary_build(arena, message, &tree, &list, &through));
        mime_scan(arena, buf_str(&view), &mime_default_limits, &view_tree);
        ck_assert(summary_build(arena, buf_str(&view), &view_tree, NULL, &direct));
        ck_assert_msg(str_equal(buf_str(&through), buf_str(&direct)), "round %u: \"%.*s\"", round,
                      FCT_FMT(buf_str(&view)));
        buf_free(&view);
        buf_free(&through);
        buf_free(&direct);
        arena_free(&arena);
    }
}
END_TEST

/* Every prefix and every changed byte is refused or gives offsets inside the message. */
START_TEST(broken_stored_forms_are_safe)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str message = FCT_STR(
        "Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n");
    struct buf bytes = BUF_INIT(65536);
    struct mime_tree tree;
    struct summary s;
    struct fct_err err;

    mime_scan(arena, message, &mime_default_limits, &tree);
    ck_assert(summary_build(arena, message, &tree, NULL, &bytes));
    for (size_t n = 0; n < bytes.n; n++)
        ck_assert(!summary_decode(arena, str_head(buf_str(&bytes), n), &s, &err));
    ck_assert(summary_decode(arena, buf_str(&bytes), &s, &err));
    for (size_t i = 0; i < bytes.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes.p[i] = (char)(bytes.p[i] ^ (1 << bit));
            if (summary_decode(arena, buf_str(&bytes), &s, &err))
                for (size_t k = 0; k < s.nparts; k++) {
                    ck_assert_uint_le((uint64_t)s.part[k].body_offset + s.part[k].body_length,
                                      s.size);
                    ck_assert_uint_le((uint64_t)s.part[k].header_offset + s.part[k].header_length,
                                      s.size);
                    ck_assert_int_lt(s.part[k].parent, (int)k);
                }
            bytes.p[i] = (char)(bytes.p[i] ^ (1 << bit));
        }
    buf_free(&bytes);
    arena_free(&arena);
}
END_TEST

START_TEST(a_hundred_thousand_addresses)
{
    struct arena *arena = arena_new(NULL);
    struct buf message = BUF_INIT(4 << 20);
    struct summary s;

    buf_put_c(&message, "To: ");
    put_times(&message, "a@b,\r\n ", 100000);
    buf_put_c(&message, "c@d\r\n\r\n");
    build(arena, buf_str(&message), NULL, &s);
    ck_assert_uint_le(s.envelope.n, 5000 * 20 + 100);
    ck_assert_uint_le(s.to.n, 1024);
    buf_free(&message);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, envelopes);
    tcase_add_test(tc, nul_never_reaches_a_client);
    tcase_add_test(tc, structures);
    tcase_add_test(tc, fields_for_people);
    tcase_add_test(tc, long_texts_are_cut_between_characters);
    tcase_add_test(tc, a_summary_is_that_of_the_view);
    tcase_add_test(tc, broken_stored_forms_are_safe);
    tcase_add_test(tc, a_hundred_thousand_addresses);
}

int main(void)
{
    return run_suite("summary", add);
}
