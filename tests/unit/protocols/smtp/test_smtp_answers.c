/* test_smtp_answers.c - the end of the data: whose message goes where, and who is told what. */
#include "protocols/smtp/smtp_spool.h"
#include "session_fixture.h"

#include <check.h>

#define MESSAGE "Subject: x\r\n\r\nhello\r\n"
#define USER    "RCPT TO:<user@example.org>\r\n"
#define OTHER   "RCPT TO:<other@example.org>\r\n"
#define FULL    "RCPT TO:<full@example.org>\r\n"
#define SICK    "RCPT TO:<sick@example.org>\r\n"
#define PAIR    "RCPT TO:<pair@example.org>\r\n" /* user and other */
#define DATA    "DATA\r\n" MESSAGE ".\r\n"
#define LAST    "BDAT 14 LAST\r\nSubject: x\r\n\r\n"

#define CHANGE(n, v)                     \
    {                                    \
        FCT_STR_INIT(n), FCT_STR_INIT(v) \
    }

static const struct edge_protocol *const lmtp = &lmtp_protocol;

static void begin(const struct edge_protocol *protocol)
{
    listener.protocol = protocol;
    dial();
    EXPECT(protocol == lmtp ? "LHLO c\r\n" : "EHLO c\r\n", "220 250");
}

/* What the filters say of one account, by a letter: k keep, r reject, t tempfail, d discard, q
 * quarantine, j junk. */
static void judge(size_t account, char letter)
{
    static const enum fct_verdict verdicts[] = {
        ['k'] = FCT_NEXT,    ['r'] = FCT_REJECT,     ['t'] = FCT_TEMPFAIL,
        ['d'] = FCT_DISCARD, ['q'] = FCT_QUARANTINE, ['j'] = FCT_NEXT};
    struct filter_outcome *o = &filter.of[account];

    filter.has_own[account] = true;
    *o = (struct filter_outcome){.answer.verdict = verdicts[(unsigned char)letter],
                                 .mailbox = letter == 'j' ? FCT_STR("Junk") : FCT_STR("")};
}

struct answer_case {
    const char *name, *judged; /* user, other */
    const char *send, *want;
    const char *stored; /* "account:mailbox …" of the copies asked for, "" for none */
};

static void run_cases(const struct edge_protocol *protocol, const struct answer_case *c, size_t n)
{
    begin(protocol);
    for (size_t i = 0; i < n; i++) {
        const char *got;

        for (size_t k = 0; k < 2; k++)
            judge(k, c[i].judged[k]);
        buf_clear(&store.all);
        got = talk(c[i].send);
        ck_assert_msg(strcmp(got, c[i].want) == 0, "%s: got %s, want %s\n%s", c[i].name, got,
                      c[i].want, heard);
        ck_assert_msg(str_equal(buf_str(&store.all), str_from(c[i].stored)), "%s: stored %.*s",
                      c[i].name, FCT_FMT(buf_str(&store.all)));
    }
}

#define PLAIN "MAIL FROM:<a@x.org>\r\n"
#define PRDR  "MAIL FROM:<a@x.org> PRDR\r\n"

START_TEST(one_answer_for_all)
{
    static const struct answer_case cases[] = {
        {"both keep", "kk", PLAIN USER OTHER DATA, "250 250 250 354 250", "1: 2:"},
        {"both refuse", "rr", PLAIN USER OTHER DATA, "250 250 250 354 550", ""},
        {"one refuses", "kr", PLAIN USER OTHER DATA, "250 250 250 354 250", "1: 2:Junk"},
        {"one defers: nothing is stored", "kt", PLAIN USER OTHER DATA, "250 250 250 354 451", ""},
        {"refuse and defer", "rt", PLAIN USER OTHER DATA, "250 250 250 354 451", ""},
        {"discard and keep", "dk", PLAIN USER OTHER DATA, "250 250 250 354 250", "2:"},
        {"discard and refuse", "dr", PLAIN USER OTHER DATA, "250 250 250 354 250", "2:Junk"},
        {"both discard", "dd", PLAIN USER OTHER DATA, "250 250 250 354 250", ""},
        {"quarantine and junk", "qj", PLAIN USER OTHER DATA, "250 250 250 354 250",
         "1:Quarantine 2:Junk"},
        {"an alias, one refuses", "rk", PLAIN PAIR DATA, "250 250 354 250", "1:Junk 2:"},
        {"an alias, both refuse", "rr", PLAIN PAIR DATA, "250 250 354 550", ""},
        {"by BDAT", "kr", PLAIN USER OTHER LAST, "250 250 250 250", "1: 2:Junk"},
    };

    run_cases(&smtp_protocol, cases, FCT_COUNT(cases));
}
END_TEST

START_TEST(prdr)
{
    static const struct answer_case cases[] = {
        {"announced is not asked for", "kr", PLAIN USER OTHER DATA, "250 250 250 354 250",
         "1: 2:Junk"},
        {"one recipient: one answer", "kk", PRDR USER DATA, "250 250 354 250", "1:"},
        {"one recipient, refused", "rk", PRDR USER DATA, "250 250 354 550", ""},
        {"both keep", "kk", PRDR USER OTHER DATA, "250 250 250 354 353 250 250 250", "1: 2:"},
        {"one refuses", "kr", PRDR USER OTHER DATA, "250 250 250 354 353 250 550 250", "1:"},
        {"one defers", "tk", PRDR USER OTHER DATA, "250 250 250 354 353 451 250 250", "2:"},
        {"all refuse", "rr", PRDR USER OTHER DATA, "250 250 250 354 353 550 550 550", ""},
        {"all defer", "tt", PRDR USER OTHER DATA, "250 250 250 354 353 451 451 451", ""},
        {"refuse and defer", "rt", PRDR USER OTHER DATA, "250 250 250 354 353 550 451 451", ""},
        {"refuse and discard", "rd", PRDR USER OTHER DATA, "250 250 250 354 353 550 250 250", ""},
        {"a full mailbox", "kk", PRDR USER FULL SICK DATA,
         "250 250 250 250 354 353 250 552 451 250", "1: 3: 4:"},
        {"a refused RCPT has no answer", "kr", PRDR USER "RCPT TO:<no@example.org>\r\n" OTHER DATA,
         "250 250 550 250 354 353 250 550 250", "1:"},
        {"the same account twice", "rk", PRDR USER USER DATA, "250 250 250 354 353 550 550 550",
         ""},
        {"an alias and one of it", "kr", PRDR PAIR OTHER DATA, "250 250 250 354 353 250 250 250",
         "1: 2:Junk"},
        {"by BDAT, what follows in the same packet", "kr", PRDR USER OTHER LAST "NOOP\r\n",
         "250 250 250 353 250 550 250 250", "1:"},
        {"all in one packet", "rk", PRDR USER OTHER DATA PLAIN USER DATA "NOOP\r\n",
         "250 250 250 354 353 550 250 250 250 250 354 550 250", "2:"},
    };

    run_cases(&smtp_protocol, cases, FCT_COUNT(cases));
    ck_assert_uint_eq(store.deliveries, 10);
}
END_TEST

START_TEST(prdr_words)
{
    begin(&smtp_protocol);
    judge(1, 'r');
    EXPECT(PRDR USER OTHER DATA, "250 250 250 354 353 250 550 250");
    ck_assert(
        strstr(heard, "\r\n353 an answer for each recipient follows\r\n250 2.0.0 stored as "));
    ck_assert(strstr(heard, " for 1 of 2 recipients\r\n"));
    /* refused as a whole: one answer, without 353 */
    filter.answer[FCT_HOOK_verdict].verdict = FCT_REJECT;
    EXPECT(PRDR USER OTHER DATA, "250 250 250 354 550");
    filter.answer[FCT_HOOK_verdict].verdict = FCT_NEXT;
    store.away = true;
    EXPECT("MAIL FROM:<> PRDR\r\n", "250");
    store.away = false;
    EXPECT(USER OTHER "DATA\r\n", "250 250 354");
    store.away = true;
    EXPECT(MESSAGE ".\r\n", "451");
}
END_TEST

START_TEST(lmtp_answers_each)
{
    static const struct answer_case cases[] = {
        {"mixed", "kr", PLAIN USER OTHER DATA, "250 250 250 354 250 550", "1:"},
        {"deferred", "tk", PLAIN USER OTHER DATA, "250 250 250 354 451 250", "2:"},
        {"an alias of both, one defers", "tk", PLAIN PAIR DATA, "250 250 354 451", ""},
        {"an alias of both, one refuses", "rk", PLAIN PAIR DATA, "250 250 354 250", "1:Junk 2:"},
        {"twice the same", "kk", PLAIN USER USER DATA, "250 250 250 354 250 250", "1:"},
        {"PRDR is not known", "kk", "MAIL FROM:<> PRDR\r\n", "555", ""},
    };

    run_cases(lmtp, cases, FCT_COUNT(cases));
}
END_TEST

START_TEST(filters_know_how_many_answers_there_are)
{
    begin(&smtp_protocol);
    EXPECT(PRDR USER OTHER DATA, "250 250 250 354 353 250 250 250");
    ck_assert(filter.each_answered);
    EXPECT(PRDR USER DATA PLAIN USER OTHER DATA, "250 250 354 250 250 250 250 354 250");
    ck_assert(!filter.each_answered);
}
END_TEST

/* ---- what edit changes ---- */

static void edit(const struct filter_change *list, size_t n)
{
    filter.change = list;
    filter.changes = n;
}

START_TEST(edit_changes_the_sender)
{
    static const struct filter_change list[] = {CHANGE("reverse_path", "b@y.example")},
                                      bad[] = {CHANGE("reverse_path", "b y")};

    begin(&smtp_protocol);
    edit(list, 1);
    EXPECT(PLAIN USER DATA, "250 250 354 250");
    ck_assert(str_starts(buf_str(&store.message), FCT_STR("Return-Path: <b@y.example>\r\n")));
    ck_assert(str_equal(buf_str(&store.reverse_path), FCT_STR("b@y.example")));
    edit(bad, 1);
    EXPECT(PLAIN USER DATA, "250 250 354 250");
    ck_assert(str_starts(buf_str(&store.message), FCT_STR("Return-Path: <a@x.org>\r\n")));
}
END_TEST

START_TEST(edit_changes_the_recipients)
{
    static const struct filter_change add[] = {CHANGE("add_recipient", "other@example.org")},
                                      unknown[] = {CHANGE("add_recipient", "nobody@example.org")},
                                      remove[] = {CHANGE("remove_recipient", "USER@example.org")},
                                      redirect[] = {CHANGE("remove_recipient", "user@example.org"),
                                                    CHANGE("add_recipient", "other@example.org")},
                                      to_sick[] = {CHANGE("remove_recipient", "user@example.org"),
                                                   CHANGE("add_recipient", "sick@example.org")},
                                      add_sick[] = {CHANGE("add_recipient", "sick@example.org")};
    static const struct {
        const char *name;
        const struct filter_change *list;
        size_t n;
        const char *judged, *send, *want, *stored;
    } cases[] = {
        {"add", add, 1, "kk", PLAIN USER DATA, "250 250 354 250", "1: 2:"},
        {"add one that is there", add, 1, "kk", PLAIN USER OTHER DATA, "250 250 250 354 250",
         "1: 2:"},
        {"add nobody", unknown, 1, "kk", PLAIN USER DATA, "250 250 354 250", "1:"},
        {"remove the only one", remove, 1, "kk", PLAIN USER DATA, "250 250 354 250", ""},
        {"remove one of two", remove, 1, "kk", PLAIN USER OTHER DATA, "250 250 250 354 250", "2:"},
        {"remove one, an alias still leads there", remove, 1, "kk", PLAIN USER PAIR DATA,
         "250 250 250 354 250", "1: 2:"},
        {"redirect", redirect, 2, "kk", PLAIN USER DATA, "250 250 354 250", "2:"},
        {"the new one cannot be written", to_sick, 2, "kk", PLAIN USER DATA, "250 250 354 451",
         "4:"},
        {"an extra copy fails, the client's is kept", add_sick, 1, "kk", PLAIN USER DATA,
         "250 250 354 250", "1: 4:"},
        {"nobody kept it, so no extra copy", add, 1, "rk", PLAIN USER DATA, "250 250 354 550", ""},
    };

    begin(&smtp_protocol);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got;

        edit(cases[i].list, cases[i].n);
        judge(0, cases[i].judged[0]);
        judge(1, cases[i].judged[1]);
        buf_clear(&store.all);
        got = talk(cases[i].send);
        ck_assert_msg(strcmp(got, cases[i].want) == 0, "%s: got %s\n%s", cases[i].name, got, heard);
        ck_assert_msg(str_equal(buf_str(&store.all), str_from(cases[i].stored)), "%s: stored %.*s",
                      cases[i].name, FCT_FMT(buf_str(&store.all)));
        if (cases[i].list == unknown)
            ck_assert(str_ends_nocase(buf_str(&store.ledger), FCT_STR("unknown")));
    }
}
END_TEST

/* The message as its first recipient gets it is the only one the fixture keeps: here he is taken
 * off the list. */
START_TEST(who_is_added_gets_the_common_edits)
{
    static const struct edit common[] = {
        {.offset = 0, .insert = {"X-Common: 1\r\n", 13}, .origin = {"test", 4}}};
    static const struct filter_change redirect[] = {CHANGE("remove_recipient", "user@example.org"),
                                                    CHANGE("add_recipient", "other@example.org")};

    begin(&smtp_protocol);
    edit(redirect, 2);
    filter.edits = (struct edit_list){common, 1};
    EXPECT(PLAIN USER DATA, "250 250 354 250");
    ck_assert(str_starts(buf_str(&store.message),
                         FCT_STR("Return-Path: <a@x.org>\r\nX-Common: 1\r\nReceived: ")));
}
END_TEST

START_TEST(commits_are_told)
{
    filter.wants[FCT_HOOK_store_commit] = filter.wants[FCT_HOOK_stored] = true;
    begin(&smtp_protocol);
    EXPECT(PLAIN USER OTHER DATA, "250 250 250 354 250");
    ck_assert_uint_eq(filter.told[FCT_HOOK_store_commit], 2);
    ck_assert_uint_eq(filter.told[FCT_HOOK_stored], 2);
    EXPECT(PLAIN SICK DATA, "250 250 354 451");
    ck_assert_uint_eq(filter.told[FCT_HOOK_store_commit], 2);
}
END_TEST

/* ---- memory ---- */

static void use_memory(uint64_t most)
{
    struct smtp_conf *c = (struct smtp_conf *)(uintptr_t)config_get(conf, &smtp_block);

    c->receive_memory.bytes = most;
}

static const char *send_bytes(size_t n)
{
    static char line[1002];
    const char *got = "";

    memset(line, 'x', 1000);
    memcpy(line + 1000, "\r\n", 2);
    for (size_t i = 0; i < n / 1002; i++)
        got = talk_bytes((struct fct_str){line, 1002});
    return got;
}

START_TEST(crowded_memory_goes_to_files)
{
    use_memory(100000);
    begin(&smtp_protocol);
    EXPECT(PLAIN USER "DATA\r\n", "250 250 354");
    (void)!send_bytes(90000)[0];
    ck_assert_uint_eq(store.spools, 0);
    ck_assert(smtp_spool_total() > 80000);
    (void)!send_bytes(20000)[0];
    ck_assert_uint_eq(store.spools, 1);
    EXPECT(".\r\n", "250");
    ck_assert(!filter.writable);
    ck_assert(store.message.n > 100000);
    ck_assert_uint_eq(smtp_spool_total(), 0); /* all was given back */
    EXPECT(PLAIN USER DATA, "250 250 354 250");
    ck_assert_uint_eq(store.spools, 1);
    ck_assert(!filter.writable);
}
END_TEST

START_TEST(no_memory_at_all_is_a_temporary_failure)
{
    use_memory(0);
    begin(&smtp_protocol);
    EXPECT(PLAIN USER "DATA\r\n" PLAIN USER LAST "NOOP\r\n", "250 250 452 250 250 452 250");
    ck_assert(strstr(heard, "452 4.3.1 "));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_answers");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup_edge, teardown_edge);
    tcase_add_test(tc, one_answer_for_all);
    tcase_add_test(tc, prdr);
    tcase_add_test(tc, prdr_words);
    tcase_add_test(tc, lmtp_answers_each);
    tcase_add_test(tc, filters_know_how_many_answers_there_are);
    tcase_add_test(tc, edit_changes_the_sender);
    tcase_add_test(tc, edit_changes_the_recipients);
    tcase_add_test(tc, who_is_added_gets_the_common_edits);
    tcase_add_test(tc, commits_are_told);
    tcase_add_test(tc, crowded_memory_goes_to_files);
    tcase_add_test(tc, no_memory_at_all_is_a_temporary_failure);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
