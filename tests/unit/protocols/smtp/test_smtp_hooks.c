/* test_smtp_hooks.c - what plugins see of a session and what they can change of it. */
#include "session_fixture.h"

#include <check.h>

#define ENVELOPE "MAIL FROM:<a@x.org>\r\nRCPT TO:<user@example.org>\r\n"
#define MESSAGE  "Subject: x\r\n\r\nhello\r\n"
#define AUTH     "AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAcGFzcw==\r\n"

#define CHANGE(n, v)                     \
    {                                    \
        FCT_STR_INIT(n), FCT_STR_INIT(v) \
    }

static void set(const char *key, const char *value)
{
    struct smtp_conf *c = (struct smtp_conf *)(uintptr_t)config_get(conf, &smtp_block);
    struct fct_err err = {0};

    for (const struct fct_conf_key *k = smtp_block.keys; k->name; k++)
        if (strcmp(k->name, key) == 0) {
            ck_assert_msg(config_value(conf, k, c, str_from(value), &err), "%s", err.text);
            return;
        }
    ck_abort_msg("no key %s", key);
}

static void begin(void)
{
    dial();
    EXPECT("", "220");
    EXPECT("EHLO client.example\r\n", "250");
}

/* The answer of a point is these changes. */
static void change(enum fct_hook hook, const struct filter_change *list, size_t n)
{
    filter.wants[hook] = true;
    filter.answer[hook].change = list;
    filter.answer[hook].changes = n;
}

static void use_rules(const struct filter_rule *rule, size_t n)
{
    filter.rule = rule;
    filter.rules = n;
    for (size_t i = 0; i < n; i++)
        filter.wants[rule[i].hook] = true;
}

/* ---- connect, helo ---- */

START_TEST(connect_changes_the_banner_and_its_time)
{
    static const struct filter_change list[] = {
        CHANGE("banner", "old"), CHANGE("banner", "ESMTP hello"), CHANGE("delay_ms", "99999999")};
    uint64_t before = clock_ms();

    set("max_banner_delay", "30ms");
    change(FCT_HOOK_connect, list, 3);
    dial();
    while (clock_ms() < before + 60)
        turns(1);
    EXPECT("", "220");
    ck_assert_str_eq(heard, "220 mx.example.org ESMTP hello\r\n");
    hang_up();
    dial();
    ck_assert(send(client, "EHLO c\r\n", 8, 0) == 8);
    for (before = clock_ms(); clock_ms() < before + 60;)
        turns(1);
    EXPECT("", "554 |");
}
END_TEST

/* What is no name does not get into our Received field. */
START_TEST(connect_may_name_the_client)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"mx.client.example", "Received: from client.example (mx.client.example ["},
        {"", "Received: from client.example (["},
        {"[192.0.2.1]", "Received: from client.example (["},
        {"a(b).example", "Received: from client.example (["},
        {"two words", "Received: from client.example (["},
    };

    for (size_t i = 0; i < FCT_COUNT(rows); i++) {
        struct filter_change list[] = {{FCT_STR("client_name"), str_from(rows[i].name)}};

        change(FCT_HOOK_connect, list, 1);
        begin();
        EXPECT(ENVELOPE "BDAT 14 LAST\r\nSubject: x\r\n\r\n", "250 250 250");
        ck_assert_msg(str_find(buf_str(&store.message), str_from(rows[i].want)) >= 0, "%s: %.*s",
                      rows[i].name, FCT_FMT(buf_str(&store.message)));
        hang_up();
    }
}
END_TEST

START_TEST(hidden_extensions_are_not_there)
{
    static const struct filter_change list[] = {CHANGE("hide", "chunking"), CHANGE("hide", "PRDR"),
                                                CHANGE("hide", "SIZE"), CHANGE("hide", "XUNKNOWN"),
                                                CHANGE("hide", "8BITMIME")};

    filter.wants[FCT_HOOK_helo] = true;
    begin();
    ck_assert(strstr(heard, "250-CHUNKING\r\n") && strstr(heard, "250-PRDR\r\n"));
    change(FCT_HOOK_helo, list, FCT_COUNT(list));
    EXPECT("EHLO c\r\n", "250");
    ck_assert(!strstr(heard, "CHUNKING") && !strstr(heard, "PRDR") && !strstr(heard, "SIZE"));
    ck_assert(strstr(heard, "250-PIPELINING\r\n") && strstr(heard, "250-SMTPUTF8\r\n"));
    EXPECT("MAIL FROM:<> PRDR\r\nMAIL FROM:<> SIZE=1\r\nMAIL FROM:<> BODY=7BIT\r\n", "555 555 555");
    EXPECT(ENVELOPE "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 250 502 250");
    filter.answer[FCT_HOOK_helo].changes = 0;
    EXPECT("EHLO c\r\nMAIL FROM:<> SIZE=1 PRDR\r\n", "250 250");
}
END_TEST

START_TEST(hidden_codes_are_not_sent)
{
    static const struct filter_change list[] = {CHANGE("hide", "ENHANCEDSTATUSCODES")};

    change(FCT_HOOK_helo, list, 1);
    begin();
    EXPECT("NOOP\r\n", "250");
    ck_assert_str_eq(heard, "250 done\r\n");
    EXPECT("RCPT TO:<a@x.org>\r\n", "503");
    ck_assert_str_eq(heard, "503 say MAIL first\r\n");
}
END_TEST

START_TEST(hidden_auth_is_not_there)
{
    static const struct filter_change list[] = {CHANGE("hide", "AUTH")};

    listener.role = FCT_ROLE_SUBMISSION;
    change(FCT_HOOK_helo, list, 1);
    begin();
    ck_assert(!strstr(heard, "AUTH"));
    EXPECT(AUTH, "502");
}
END_TEST

/* ---- auth ---- */

START_TEST(auth_shows_who_and_may_change_it)
{
    static const struct filter_change other[] = {CHANGE("user", "other@example.org")},
                                      nobody[] = {CHANGE("user", "nobody@example.org")};

    listener.role = FCT_ROLE_SUBMISSION;
    set("auth_failure_delay", "0s");
    change(FCT_HOOK_auth, nobody, 1);
    begin();
    EXPECT(AUTH "MAIL FROM:<>\r\n", "535 530");
    ck_assert_str_eq(filter.last_event, "smtp PLAIN user@example.org");
    change(FCT_HOOK_auth, other, 1);
    EXPECT(AUTH, "235");
    ck_assert_uint_eq(store.logouts, 2); /* both times of the account that was proved */
    hang_up();
    ck_assert_uint_eq(store.logouts, 3);
}
END_TEST

/* ---- mail ---- */

START_TEST(mail_shows_its_parameters_and_may_change_the_sender)
{
    static const struct filter_change list[] = {CHANGE("reverse_path", "b@y.example")},
                                      bad[] = {CHANGE("reverse_path", "b@y.example> SIZE=1")},
                                      null[] = {CHANGE("reverse_path", "")};

    set("mx_auth", "yes");
    change(FCT_HOOK_mail, list, 1);
    begin();
    EXPECT("MAIL FROM:<a@x.org> BODY=8bitmime AUTH=c+2Bd@x.org\r\n", "250");
    ck_assert_str_eq(filter.last_event, "a@x.org|8BITMIME|c+d@x.org");
    EXPECT("RCPT TO:<user@example.org>\r\nDATA\r\n" MESSAGE ".\r\n", "250 354 250");
    ck_assert(str_starts(buf_str(&store.message), FCT_STR("Return-Path: <b@y.example>\r\n")));
    ck_assert(str_equal(buf_str(&store.reverse_path), FCT_STR("b@y.example")));
    change(FCT_HOOK_mail, bad, 1);
    EXPECT(ENVELOPE "DATA\r\n" MESSAGE ".\r\n", "250 250 354 250");
    ck_assert(str_equal(buf_str(&store.reverse_path), FCT_STR("a@x.org")));
    change(FCT_HOOK_mail, null, 1);
    EXPECT(ENVELOPE "DATA\r\n" MESSAGE ".\r\n", "250 250 354 250");
    ck_assert_uint_eq(store.reverse_path.n, 0);
}
END_TEST

/* ---- rcpt ---- */

START_TEST(refused_recipients_are_shown_and_may_be_rescued)
{
    static const struct filter_change rescue[] = {CHANGE("recipient", "other@example.org")};
    static const struct filter_rule rules[] = {
        {FCT_HOOK_rcpt,
         "usr@example.org: no such user here",
         {.verdict = FCT_REJECT, .code = 553, .change = rescue, .changes = 1}},
        {FCT_HOOK_rcpt, "nobody@example.org: no such user here", {.verdict = FCT_DISCARD}},
    };

    use_rules(rules, 2);
    begin();
    EXPECT("MAIL FROM:<a@x.org>\r\nRCPT TO:<nobody@example.org>\r\n", "250 550");
    ck_assert(strstr(heard, "550 5.1.1 no such user here"));
    EXPECT("RCPT TO:<someone@elsewhere.example>\r\n", "550");
    ck_assert_str_eq(filter.last_event, "someone@elsewhere.example: relaying denied");
    EXPECT("RCPT TO:<usr@example.org>\r\nDATA\r\n" MESSAGE ".\r\n", "250 354 250");
    ck_assert(str_equal(buf_str(&store.all), FCT_STR("2:")));
    ck_assert(str_find(buf_str(&store.message), FCT_STR(" for <other@example.org>;")) > 0);
    ck_assert_uint_eq(filter.asked[FCT_HOOK_rcpt], 3);
}
END_TEST

START_TEST(rcpt_may_change_recipient_and_profile)
{
    static const struct filter_change to_nobody[] = {CHANGE("recipient", "gone@example.org")},
                                      no_address[] = {CHANGE("recipient", "")},
                                      strict[] = {CHANGE("profile", "lax"),
                                                  CHANGE("profile", "strict")};
    static const struct filter_rule rules[] = {
        {FCT_HOOK_rcpt, "user@example.org", {.change = to_nobody, .changes = 1}},
        {FCT_HOOK_rcpt, "user+box@example.org", {.change = no_address, .changes = 1}},
        {FCT_HOOK_rcpt, "other@example.org", {.change = strict, .changes = 2}},
    };

    use_rules(rules, 3);
    begin();
    EXPECT(ENVELOPE, "250 550");
    EXPECT("RCPT TO:<user+box@example.org>\r\nRCPT TO:<pair@example.org>\r\nRCPT "
           "TO:<other@example.org>\r\n",
           "250 250 250");
    EXPECT("DATA\r\n" MESSAGE ".\r\n", "354 250");
    /* user+box; user and other of the pair, where other has what was asked for it alone */
    ck_assert_str_eq(filter.profiles, "  strict ");
    ck_assert_str_eq(filter.settings, "color=1 color=1 color=2 ");
}
END_TEST

/* ---- resolve ---- */

START_TEST(resolve_names_others)
{
    static const struct filter_change
        all[] = {CHANGE("target", "other@example.org"), CHANGE("target", "list@example.org"),
                 CHANGE("target", "nobody@example.org"), CHANGE("target", "not an address"),
                 CHANGE("target", "user@example.org")},
        back[] = {CHANGE("target", "a@loop.example"), CHANGE("target", "list@example.org")},
        a[] = {CHANGE("target", "b@loop.example")}, b[] = {CHANGE("target", "A@loop.example")},
        many[] = {CHANGE("target", "user+box@example.org"), CHANGE("target", "other@example.org"),
                  CHANGE("target", "full@example.org"), CHANGE("target", "sick@example.org")};
    static const struct filter_rule rules[] = {
        {FCT_HOOK_resolve, "list@example.org", {.change = all, .changes = 5}},
        {FCT_HOOK_resolve, "user@example.org", {.change = back, .changes = 2}},
        {FCT_HOOK_resolve, "a@loop.example", {.change = a, .changes = 1}},
        {FCT_HOOK_resolve, "b@loop.example", {.change = b, .changes = 1}},
        {FCT_HOOK_resolve, "many@example.org", {.change = many, .changes = 4}},
        {FCT_HOOK_resolve,
         "no@example.org",
         {.verdict = FCT_REJECT, .text = FCT_STR_INIT("members only")}},
        {FCT_HOOK_resolve, "later@example.org", {.verdict = FCT_TEMPFAIL}},
    };

    use_rules(rules, FCT_COUNT(rules));
    set("max_expansion", "10");
    begin();
    EXPECT("MAIL FROM:<>\r\nRCPT TO:<list@example.org>\r\nDATA\r\n" MESSAGE ".\r\n",
           "250 250 354 250");
    ck_assert(str_equal(buf_str(&store.all), FCT_STR("2:")));
    EXPECT("MAIL FROM:<>\r\nRCPT TO:<a@loop.example>\r\n", "250 550");
    EXPECT("RCPT TO:<no@example.org>\r\n", "550");
    ck_assert(strstr(heard, "members only"));
    EXPECT("RCPT TO:<later@example.org>\r\nRCPT TO:<many@example.org>\r\n", "451 250");
    set("max_expansion", "3");
    EXPECT("RCPT TO:<many@example.org>\r\nDATA\r\n", "451 354");
}
END_TEST

/* ---- chunk ---- */

static void send_lines(size_t lines)
{
    static char line[1002];

    memset(line, 'x', 1000);
    memcpy(line + 1000, "\r\n", 2);
    for (size_t i = 0; i < lines; i++)
        ck_assert_str_eq(talk_bytes((struct fct_str){line, 1002}), "");
}

START_TEST(pieces_are_the_message)
{
    filter.wants[FCT_HOOK_chunk] = true;
    begin();
    EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
    EXPECT("Subject: x\r\n\r\n..dot\r\n", "");
    send_lines(200);
    EXPECT(".\r\n", "250");
    ck_assert_uint_eq(filter.asked[FCT_HOOK_chunk], 4);
    ck_assert(str_starts(buf_str(&filter.chunks), FCT_STR("Received: from client.example")));
    ck_assert(str_ends_nocase(buf_str(&store.message), buf_str(&filter.chunks)));
    ck_assert(filter.chunks.n + sizeof "Return-Path: <a@x.org>\r\n" - 1 == store.message.n);
    EXPECT(ENVELOPE "BDAT 14\r\nSubject: x\r\n\r\nBDAT 1\r\nyBDAT 0 LAST\r\n",
           "250 250 250 250 250");
    ck_assert(str_ends_nocase(buf_str(&filter.chunks), FCT_STR("Subject: x\r\n\r\ny")));
    ck_assert_uint_eq(filter.asked[FCT_HOOK_chunk], 5);
}
END_TEST

START_TEST(verdicts_on_pieces_wait_for_the_end)
{
    static const struct {
        const char *name;
        struct filter_answer answer;
        const char *want;
        unsigned asked, deliveries;
    } cases[] = {
        {"skip", {.skip = true}, "250", 1, 1},
        {"accept", {.verdict = FCT_ACCEPT}, "250", 4, 1},
        {"reject",
         {.verdict = FCT_REJECT, .text = FCT_STR_INIT("virus"), .enhanced = FCT_STR_INIT("5.7.9")},
         "550",
         1,
         0},
        {"tempfail", {.verdict = FCT_TEMPFAIL}, "451", 1, 0},
        {"discard", {.verdict = FCT_DISCARD}, "250", 1, 0},
    };

    filter.wants[FCT_HOOK_chunk] = true;
    begin();
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got;

        filter.asked[FCT_HOOK_chunk] = store.deliveries = 0;
        filter.answer[FCT_HOOK_chunk] = cases[i].answer;
        EXPECT(ENVELOPE "DATA\r\nSubject: x\r\n\r\n", "250 250 354");
        send_lines(200);
        got = talk(".\r\n");
        ck_assert_msg(strcmp(got, cases[i].want) == 0, "%s: got %s", cases[i].name, got);
        ck_assert_msg(filter.asked[FCT_HOOK_chunk] == cases[i].asked, "%s: asked %u", cases[i].name,
                      filter.asked[FCT_HOOK_chunk]);
        ck_assert_uint_eq(store.deliveries, cases[i].deliveries);
        if (cases[i].answer.text.n > 0)
            ck_assert(strstr(heard, "550 5.7.9 virus\r\n"));
    }
}
END_TEST

START_TEST(refused_pieces_in_lmtp_and_by_bdat)
{
    filter.wants[FCT_HOOK_chunk] = true;
    filter.answer[FCT_HOOK_chunk].verdict = FCT_REJECT;
    begin();
    EXPECT(ENVELOPE "BDAT 3\r\na\r\nBDAT 0 LAST\r\nNOOP\r\n", "250 250 250 550 250");
    hang_up();
    listener.protocol = &lmtp_protocol;
    dial();
    EXPECT("LHLO c\r\n" ENVELOPE "RCPT TO:<other@example.org>\r\nDATA\r\n" MESSAGE ".\r\nNOOP\r\n",
           "220 250 250 250 250 354 550 550 250");
}
END_TEST

static void end_sessions(void)
{
    for (unsigned i = 0; i < 100000 && edge.session_count > 0; i++)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(edge.session_count, 0);
}

/* What does not fit the buffers of a session stays in the client's socket while plugins think. */
START_TEST(nothing_more_is_read_while_plugins_think)
{
    static char line[1002];
    size_t sent = 0;

    memset(line, 'x', 1000);
    memcpy(line + 1000, "\r\n", 2);
    filter.wants[FCT_HOOK_chunk] = true;
    begin();
    EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
    filter.thinks = true;
    for (unsigned idle = 0; idle < 200; idle++) {
        ssize_t n = send(client, line, 1002, MSG_NOSIGNAL);

        if (n > 0)
            sent += (size_t)n, idle = 0;
        ck_assert_msg(sent < 64u << 20, "a session without end");
        turns(1);
    }
    ck_assert_uint_eq(filter.asked[FCT_HOOK_chunk], 1);
    ck_assert_uint_eq(filter.chunks.n, 64u << 10);
    filter.thinks = false;
    hang_up();
    end_sessions();
}
END_TEST

/* ---- unknown ---- */

START_TEST(unknown_commands_are_shown)
{
    static const struct filter_rule rules[] = {
        {FCT_HOOK_unknown,
         "XFOO bar",
         {.verdict = FCT_REJECT, .code = 502, .text = FCT_STR_INIT("no foo")}},
        {FCT_HOOK_unknown,
         "GET / HTTP/1.1",
         {.verdict = FCT_DISCONNECT, .text = FCT_STR_INIT("wrong door")}},
    };

    use_rules(rules, 2);
    set("mx_auth", "yes");
    begin();
    EXPECT("XFOO bar\r\n", "502");
    ck_assert_str_eq(heard, "502 5.5.1 no foo\r\n");
    EXPECT("XBAR\r\nMAIL FROM:a\r\nRCPT TO:<a>\r\nNOOP\n", "500 501 503 500");
    ck_assert_uint_eq(filter.asked[FCT_HOOK_unknown], 4); /* RCPT is known, only too early */
    EXPECT("AUTH PLAIN secret secret\r\nAUTH\r\n", "501 501");
    ck_assert_str_eq(filter.last_event, "AUTH");
    EXPECT("AUTH PLAIN\r\nsecret\r\n", "334 501");
    ck_assert_uint_eq(filter.asked[FCT_HOOK_unknown], 5);
    EXPECT("GET / HTTP/1.1\r\nHost: x\r\n", "421 |");
}
END_TEST

/* ---- what filters carry ---- */

START_TEST(carried_belongs_to_its_stretch)
{
    static const struct filter_rule rules[] = {
        {FCT_HOOK_connect, NULL, {.carried = FCT_STR_INIT("c")}},
        {FCT_HOOK_helo, "one", {.carried = FCT_STR_INIT("c1")}},
        {FCT_HOOK_helo, "two", {.verdict = FCT_NEXT}},
        {FCT_HOOK_mail, NULL, {.carried = FCT_STR_INIT("cm")}},
        {FCT_HOOK_rcpt, NULL, {.verdict = FCT_NEXT}},
        {FCT_HOOK_auth, NULL, {.carried = FCT_STR_INIT("ca")}},
    };

    set("mx_auth", "yes");
    use_rules(rules, FCT_COUNT(rules));
    dial();
    EXPECT("EHLO one\r\n", "220 250");
    ck_assert_str_eq(filter.last_carried, "c");
    EXPECT("MAIL FROM:<>\r\n", "250");
    ck_assert_str_eq(filter.last_carried, "c1");
    EXPECT("RCPT TO:<user@example.org>\r\n", "250");
    ck_assert_str_eq(filter.last_carried, "cm");
    EXPECT("RSET\r\nMAIL FROM:<>\r\n", "250 250");
    ck_assert_str_eq(filter.last_carried, "c1");
    EXPECT("EHLO two\r\n", "250");
    ck_assert_str_eq(filter.last_carried, "c");
    EXPECT(AUTH, "235");
    ck_assert_str_eq(filter.last_carried, "c");
    EXPECT("EHLO two\r\n", "250");
    ck_assert_str_eq(filter.last_carried, "ca");
    EXPECT("MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\n", "250 250 250");
    ck_assert_str_eq(filter.last_carried, "ca");
}
END_TEST

/* Every point takes its time, and the client goes at every byte: no session and no fiber is left
 * (teardown_edge looks), nothing is stored that was not complete. */
/* ---- queue.in ---- */

#define OUT(rcpt) "MAIL FROM:<user@example.org>\r\n" rcpt "BDAT 14 LAST\r\nSubject: x\r\n\r\n"
#define HERE      "RCPT TO:<user@example.org>\r\n"
#define FAR       "RCPT TO:<b@elsewhere.example>\r\n"

START_TEST(what_enters_the_queue_is_judged)
{
    static const struct {
        enum fct_verdict verdict;
        const char *talk, *want, *sent;
        bool held;
    } rows[] = {
        {FCT_NEXT, OUT(FAR), "250 250 250", "b@elsewhere.example  0 0 reports", false},
        {FCT_ACCEPT, OUT(FAR), "250 250 250", "b@elsewhere.example  0 0 reports", false},
        {FCT_QUARANTINE, OUT(FAR), "250 250 250", "b@elsewhere.example  0 0 reports", true},
        {FCT_QUARANTINE, OUT(HERE FAR), "250 250 250 250", "b@elsewhere.example  0 0 reports",
         true},
        {FCT_REJECT, OUT(FAR), "250 250 550", "", false},
        {FCT_TEMPFAIL, OUT(FAR), "250 250 451", "", false},
        {FCT_TEMPFAIL, OUT(HERE FAR), "250 250 250 451", "", false},
        {FCT_REJECT, OUT(HERE FAR), "250 250 250 250", "b@elsewhere.example  0 2 reports", false},
        {FCT_DISCARD, OUT(FAR), "250 250 250", "", false},
        {FCT_DISCARD, OUT(HERE FAR), "250 250 250 250", " reports", false},
    };

    listener.role = FCT_ROLE_SUBMISSION;
    filter.wants[FCT_HOOK_queue_in] = true;
    begin();
    EXPECT(AUTH, "235");
    for (size_t i = 0; i < FCT_COUNT(rows); i++) {
        unsigned asked = filter.asked[FCT_HOOK_queue_in];

        filter.answer[FCT_HOOK_queue_in].verdict = rows[i].verdict;
        buf_clear(&store.sent);
        store.held = false;
        EXPECT(rows[i].talk, rows[i].want);
        ck_assert_msg(str_equal(buf_str(&store.sent), str_from(rows[i].sent)), "row %zu: %.*s", i,
                      FCT_FMT(buf_str(&store.sent)));
        ck_assert_msg(store.held == rows[i].held, "row %zu", i);
        ck_assert_uint_eq(filter.asked[FCT_HOOK_queue_in], asked + 1);
    }
    EXPECT(OUT(HERE), "250 250 250");
    ck_assert_uint_eq(filter.asked[FCT_HOOK_queue_in], FCT_COUNT(rows));
}
END_TEST

/* In the one message that all get; what recipients here asked for is made in that. */
START_TEST(what_enters_the_queue_is_edited)
{
    static const struct edit edit = {.insert = FCT_STR_INIT("X: y\r\n")};
    static const struct filter_change list[] = {CHANGE("reverse_path", "other@example.org"),
                                                CHANGE("add_recipient", "c@third.example"),
                                                CHANGE("remove_recipient", "b@elsewhere.example")};

    listener.role = FCT_ROLE_SUBMISSION;
    change(FCT_HOOK_queue_in, list, FCT_COUNT(list));
    filter.answer[FCT_HOOK_queue_in].edits = (struct edit_list){&edit, 1};
    begin();
    EXPECT(AUTH OUT(HERE FAR "RCPT TO:<a@elsewhere.example>\r\n"), "235 250 250 250 250 250");
    ck_assert(str_starts_nocase(buf_str(&store.message),
                                FCT_STR("Return-Path: <other@example.org>\r\nX: y\r\nReceived: ")));
    ck_assert(str_equal(buf_str(&store.reverse_path), FCT_STR("other@example.org")));
    ck_assert(str_equal(buf_str(&store.sent),
                        FCT_STR("a@elsewhere.example  0 0, c@third.example  1 0 reports")));
}
END_TEST

START_TEST(the_client_vanishes_while_plugins_think)
{
    static const char all[] =
        "XFOO\r\n" ENVELOPE "DATA\r\n" MESSAGE ".\r\n" ENVELOPE "BDAT 3 LAST\r\na\r\nQUIT\r\n";
    static const struct filter_change list[] = {CHANGE("target", "user@example.org")};
    static const struct filter_rule rules[] = {
        {FCT_HOOK_resolve, "user@example.org", {.change = list, .changes = 1}}};

    for (unsigned i = 0; i < FCT_HOOK_COUNT; i++)
        filter.wants[i] = true;
    use_rules(rules, 1);
    for (size_t n = 0; n < sizeof all; n++) {
        filter.pause_ms = 0;
        begin();
        filter.pause_ms = 1;
        ck_assert(send(client, all, n, 0) == (ssize_t)n);
        turns((unsigned)(n % 7) * 3);
        hang_up();
        end_sessions();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_hooks");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup_edge, teardown_edge);
    tcase_add_test(tc, connect_changes_the_banner_and_its_time);
    tcase_add_test(tc, connect_may_name_the_client);
    tcase_add_test(tc, hidden_extensions_are_not_there);
    tcase_add_test(tc, hidden_codes_are_not_sent);
    tcase_add_test(tc, hidden_auth_is_not_there);
    tcase_add_test(tc, auth_shows_who_and_may_change_it);
    tcase_add_test(tc, mail_shows_its_parameters_and_may_change_the_sender);
    tcase_add_test(tc, refused_recipients_are_shown_and_may_be_rescued);
    tcase_add_test(tc, rcpt_may_change_recipient_and_profile);
    tcase_add_test(tc, resolve_names_others);
    tcase_add_test(tc, pieces_are_the_message);
    tcase_add_test(tc, verdicts_on_pieces_wait_for_the_end);
    tcase_add_test(tc, refused_pieces_in_lmtp_and_by_bdat);
    tcase_add_test(tc, nothing_more_is_read_while_plugins_think);
    tcase_add_test(tc, unknown_commands_are_shown);
    tcase_add_test(tc, what_enters_the_queue_is_judged);
    tcase_add_test(tc, what_enters_the_queue_is_edited);
    tcase_add_test(tc, the_client_vanishes_while_plugins_think);
    tcase_add_test(tc, carried_belongs_to_its_stretch);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
