/* test_filter_codec.c - requests and answers there and back, and what neither side may believe the
 * other. */
#include "core/base/str.h"
#include "core/hook/filter_codec.h"
#include <check.h>

static struct arena *arena;
static struct buf out;

static void setup(void)
{
    arena = arena_new(NULL);
    out = BUF_INIT(1u << 20);
}

static void teardown(void)
{
    arena_free(&arena);
    buf_free(&out);
}

static struct filter_context sample_context(void)
{
    static const struct fct_str recipients[] = {{"b@x", 3}, {"c@x", 3}};

    return (struct filter_context){
        .conn = {.size = sizeof(struct fct_conn),
                 .role = FCT_ROLE_SUBMISSION,
                 .id = FCT_STR("conn1"),
                 .client_ip = FCT_STR("2001:db8::1"),
                 .local_ip = FCT_STR("2001:db8::2"),
                 .client_port = 1025,
                 .local_port = 587,
                 .helo = FCT_STR("client.example"),
                 .tls_version = FCT_STR("TLSv1.3"),
                 .tls_cipher = FCT_STR("TLS_AES_128_GCM_SHA256"),
                 .login = FCT_STR("alice@example.org"),
                 .trusted = true},
        .envelope = {.size = sizeof(struct fct_envelope),
                     .id = FCT_STR("conn1.1"),
                     .reverse_path = FCT_STR("a@example.net"),
                     .smtputf8 = true,
                     .recipient = recipients,
                     .recipients = 2},
    };
}

static void expect_context(const struct filter_context *got)
{
    const struct filter_context want = sample_context();

    ck_assert_uint_eq(got->conn.role, want.conn.role);
    ck_assert(str_equal(got->conn.id, want.conn.id));
    ck_assert(str_equal(got->conn.client_ip, want.conn.client_ip));
    ck_assert(str_equal(got->conn.local_ip, want.conn.local_ip));
    ck_assert_uint_eq(got->conn.client_port, 1025);
    ck_assert_uint_eq(got->conn.local_port, 587);
    ck_assert(str_equal(got->conn.helo, want.conn.helo));
    ck_assert(str_equal(got->conn.tls_version, want.conn.tls_version));
    ck_assert(str_equal(got->conn.tls_cipher, want.conn.tls_cipher));
    ck_assert(str_equal(got->conn.login, want.conn.login));
    ck_assert(got->conn.trusted);
    ck_assert(str_equal(got->envelope.id, want.envelope.id));
    ck_assert(str_equal(got->envelope.reverse_path, want.envelope.reverse_path));
    ck_assert(got->envelope.smtputf8);
    ck_assert_uint_eq(got->envelope.recipients, 2);
    ck_assert(str_equal(got->envelope.recipient[1], want.envelope.recipient[1]));
}

/* ---- requests ---- */

START_TEST(hook_there_and_back)
{
    struct filter_context context = sample_context();
    struct fct_ev_mail ev = {
        .reverse_path = FCT_STR("a@example.net"), .size = 4711, .smtputf8 = true};
    struct filter_hook_request got;
    struct fct_err err = {0};
    struct fct_str bytes;

    filter_hook_encode(&context, FCT_HOOK_mail, &ev, 0, &out);
    bytes = buf_str(&out);
    ck_assert_msg(filter_hook_decode(arena, bytes, &got, &err), "%s", err.text);
    expect_context(&got.context);
    ck_assert_int_eq(got.hook, FCT_HOOK_mail);
    ck_assert(str_equal(got.event.mail.reverse_path, ev.reverse_path));
    ck_assert_uint_eq(got.event.mail.size, 4711);
    ck_assert(got.event.mail.smtputf8);
    for (size_t n = 0; n < bytes.n; n++)
        ck_assert_msg(!filter_hook_decode(arena, str_head(bytes, n), &got, &err), "prefix %zu", n);
    buf_put_char(&out, 'x');
    ck_assert(!filter_hook_decode(arena, buf_str(&out), &got, &err));
}
END_TEST

START_TEST(every_event_there_and_back)
{
    struct filter_context context = sample_context();
    union filter_event ev;
    struct filter_hook_request got;
    struct fct_err err = {0};

    memset(&ev, 0, sizeof ev); /* empty strings, zeros */
    filter_hook_encode(&context, (enum fct_hook)_i, &ev, 77, &out);
    ck_assert_msg(filter_hook_decode(arena, buf_str(&out), &got, &err), "%s",
                  hook_name((enum fct_hook)_i));
    ck_assert_int_eq(got.hook, _i);
}
END_TEST

START_TEST(a_request_names_one_role)
{
    static const uint32_t roles[] = {0, 3, 128, UINT32_MAX};
    struct filter_context context = sample_context();
    struct fct_ev_connect ev = {false};
    struct filter_hook_request got;
    struct fct_err err = {0};

    context.conn.role = roles[_i];
    filter_hook_encode(&context, FCT_HOOK_connect, &ev, 0, &out);
    ck_assert(!filter_hook_decode(arena, buf_str(&out), &got, &err));
}
END_TEST

START_TEST(message_there_and_back)
{
    struct filter_context context = sample_context();
    struct filter_recipient to[] = {
        {.recipient = FCT_STR("b+d@x"), .account = FCT_STR("b@x"), .detail = FCT_STR("d")},
        {.recipient = FCT_STR("c@x"), .account = FCT_STR("c@x")}};
    struct filter_message_request got;
    struct fct_err err = {0};
    struct fct_str bytes;

    filter_message_encode(&context, 1u << 20, to, 2, &out);
    bytes = buf_str(&out);
    ck_assert_msg(filter_message_decode(arena, bytes, &got, &err), "%s", err.text);
    expect_context(&got.context);
    ck_assert_uint_eq(got.size, 1u << 20);
    ck_assert_uint_eq(got.recipients, 2);
    ck_assert(str_equal(got.recipient[0].detail, FCT_STR("d")));
    ck_assert(str_equal(got.recipient[1].account, FCT_STR("c@x")));
    for (size_t n = 0; n < bytes.n; n++)
        ck_assert(!filter_message_decode(arena, str_head(bytes, n), &got, &err));
}
END_TEST

/* ---- answers ---- */

#define ANSWER(v, c, e, t, b)                                                              \
    {                                                                                      \
        .verdict = (v), .code = (c), .enhanced = FCT_STR_INIT(e), .text = FCT_STR_INIT(t), \
        .by = FCT_STR_INIT(b)                                                              \
    }
static const struct {
    const char *name;
    struct filter_answer answer;
    bool accepted;
    unsigned code; /* after decoding */
    size_t enhanced_n;
} answers[] = {
    {"next", ANSWER(FCT_NEXT, 0, "", "", ""), true, 0, 0},
    {"reject", ANSWER(FCT_REJECT, 550, "5.7.1", "no", "p"), true, 550, 5},
    {"reject with a temporary code", ANSWER(FCT_REJECT, 450, "4.7.1", "no", "p"), true, 0, 0},
    {"tempfail with a permanent code", ANSWER(FCT_TEMPFAIL, 550, "5.7.1", "no", "p"), true, 0, 0},
    {"success as a code", ANSWER(FCT_REJECT, 250, "", "", "p"), false, 0, 0},
    {"code out of range", ANSWER(FCT_REJECT, 600, "", "", "p"), false, 0, 0},
    {"no verdict of ours", ANSWER(FCT_SKIP, 0, "", "", "p"), false, 0, 0},
    {"two lines", ANSWER(FCT_REJECT, 550, "", "no\r\n250 ok", "p"), false, 0, 0},
    {"not UTF-8", ANSWER(FCT_REJECT, 550, "", "\xff", "p"), false, 0, 0},
    {"a line end in the name", ANSWER(FCT_REJECT, 550, "", "no", "p\n"), false, 0, 0},
};

START_TEST(answers_are_checked)
{
    struct filter_answer got;
    struct fct_err err = {0};
    bool sticky = false;

    filter_answer_encode(&answers[_i].answer, true, &out);
    ck_assert_msg(filter_answer_decode(arena, buf_str(&out), FCT_HOOK_rcpt, 0, &got, &sticky,
                                       &err) == answers[_i].accepted,
                  "%s", answers[_i].name);
    if (!answers[_i].accepted)
        return;
    ck_assert(sticky);
    ck_assert_int_eq(got.verdict, answers[_i].answer.verdict);
    ck_assert_uint_eq(got.code, answers[_i].code);
    ck_assert_uint_eq(got.enhanced.n, answers[_i].enhanced_n);
    for (size_t n = 0; n < out.n; n++)
        ck_assert(!filter_answer_decode(arena, str_head(buf_str(&out), n), FCT_HOOK_rcpt, 0, &got,
                                        &sticky, &err));
}
END_TEST

/* Edits come with queue.in alone, and lie inside the message. */
START_TEST(answers_with_edits)
{
    static const struct edit edits[] = {{0, 0, {"X: y\r\n", 6}, {"p", 1}},
                                        {90, 10, {"", 0}, {"q", 1}}};
    const struct filter_answer answer = {.verdict = FCT_QUARANTINE, .edits = {edits, 2}};
    struct filter_answer got;
    struct fct_err err = {0};
    bool sticky;

    filter_answer_encode(&answer, false, &out);
    ck_assert_msg(
        filter_answer_decode(arena, buf_str(&out), FCT_HOOK_queue_in, 100, &got, &sticky, &err),
        "%s", err.text);
    ck_assert_uint_eq(got.edits.n, 2);
    ck_assert(str_equal(got.edits.edit[0].insert, edits[0].insert));
    ck_assert_uint_eq(got.edits.edit[1].remove, 10);
    ck_assert(
        !filter_answer_decode(arena, buf_str(&out), FCT_HOOK_queue_in, 99, &got, &sticky, &err));
    ck_assert(!filter_answer_decode(arena, buf_str(&out), FCT_HOOK_store_append, 100, &got, &sticky,
                                    &err));
}
END_TEST

/* ---- results ---- */

static const struct edit sample_edits[] = {
    {0, 5, {"new", 3}, {"p", 1}},
    {90, 10, {"", 0}, {"q", 1}},
};

static void encode_result(size_t outcomes, enum fct_verdict verdict)
{
    static const struct fct_str keywords[] = {{"$Label", 6}};
    struct filter_outcome o[3] = {0};
    struct filter_result result = {.answer = {.verdict = verdict}, .score_milli = -5};

    for (size_t i = 0; i < 3; i++) {
        o[i].edits = (struct edit_list){sample_edits, 2};
        o[i].mailbox = FCT_STR("Lists");
        o[i].keyword = keywords;
        o[i].nkeywords = 1;
    }
    o[2].edits.n = 1; /* its own */
    result.outcome = o;
    result.outcomes = outcomes;
    buf_clear(&out);
    filter_result_encode(&result, false, &out);
}

START_TEST(result_there_and_back)
{
    struct filter_result got;
    struct fct_err err = {0};
    bool sticky;

    encode_result(3, FCT_NEXT);
    ck_assert_msg(filter_result_decode(arena, buf_str(&out), 100, 3, &got, &sticky, &err), "%s",
                  err.text);
    ck_assert_int_eq(got.score_milli, -5);
    ck_assert_uint_eq(got.outcomes, 3);
    ck_assert_uint_eq(got.outcome[0].edits.n, 2);
    ck_assert_ptr_eq(got.outcome[1].edits.edit, got.outcome[0].edits.edit); /* sent once */
    ck_assert_uint_eq(got.outcome[2].edits.n, 1);
    ck_assert(str_equal(got.outcome[1].mailbox, FCT_STR("Lists")));
    ck_assert(str_equal(got.outcome[2].keyword[0], FCT_STR("$Label")));
    ck_assert(!sticky);
}
END_TEST

START_TEST(results_must_fit_the_question)
{
    struct filter_result got;
    struct fct_err err = {0};
    bool sticky;

    encode_result(3, FCT_NEXT);
    ck_assert(!filter_result_decode(arena, buf_str(&out), 99, 3, &got, &sticky,
                                    &err)); /* an edit behind the end */
    ck_assert(!filter_result_decode(arena, buf_str(&out), 100, 2, &got, &sticky, &err));
    ck_assert(!filter_result_decode(arena, buf_str(&out), 100, 4, &got, &sticky, &err));
    for (size_t n = 0; n < out.n; n++)
        ck_assert(
            !filter_result_decode(arena, str_head(buf_str(&out), n), 100, 3, &got, &sticky, &err));
    encode_result(3, FCT_REJECT); /* refused, and yet delivered */
    ck_assert(!filter_result_decode(arena, buf_str(&out), 100, 3, &got, &sticky, &err));
    encode_result(0, FCT_NEXT); /* kept, but for nobody */
    ck_assert(!filter_result_decode(arena, buf_str(&out), 100, 3, &got, &sticky, &err));
    encode_result(0, FCT_REJECT);
    ck_assert(filter_result_decode(arena, buf_str(&out), 100, 3, &got, &sticky, &err));
}
END_TEST

START_TEST(hello_there_and_back)
{
    struct filter_hello hello = {.wants = {1, 2, 3, 4, 5, 6, UINT64_MAX},
                                 .decides = {7},
                                 .may = {0, 8},
                                 .blamed = true,
                                 .id = FCT_STR("m1"),
                                 .plugin = FCT_STR("p")},
                        got;
    struct fct_err err = {0};

    filter_hello_encode(&hello, &out);
    ck_assert(filter_hello_decode(buf_str(&out), &got, &err));
    ck_assert_mem_eq(got.wants, hello.wants, sizeof got.wants);
    ck_assert_mem_eq(got.decides, hello.decides, sizeof got.decides);
    ck_assert_mem_eq(got.may, hello.may, sizeof got.may);
    ck_assert(got.blamed && str_equal(got.id, hello.id) && str_equal(got.plugin, hello.plugin));
    for (size_t n = 0; n < out.n; n++)
        ck_assert(!filter_hello_decode(str_head(buf_str(&out), n), &got, &err));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filter_codec");
    TCase *tc = tcase_create("codec");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, hook_there_and_back);
    tcase_add_loop_test(tc, every_event_there_and_back, 0, FCT_HOOK_COUNT);
    tcase_add_loop_test(tc, a_request_names_one_role, 0, 4);
    tcase_add_test(tc, message_there_and_back);
    tcase_add_loop_test(tc, answers_are_checked, 0, (int)FCT_COUNT(answers));
    tcase_add_test(tc, answers_with_edits);
    tcase_add_test(tc, result_there_and_back);
    tcase_add_test(tc, results_must_fit_the_question);
    tcase_add_test(tc, hello_there_and_back);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
