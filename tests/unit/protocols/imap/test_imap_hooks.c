/* test_imap_hooks.c - what filters are asked and told by IMAP sessions, what their answers do, and
 * that nobody pays for points that nobody registered. */
#include "fake_filter.h"
#include "fake_store.h"
#include "imap_dialogue.h"
#include "imap_test.h"

#define GREETING "S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 *\n"
#define LOGIN    "C: a LOGIN alice@example.org secret\nS: a OK [CAPABILITY *] Logged in\n"
#define JUNK     "C: j CREATE Junk (USE (\\Junk))\nS: j OK*\n"
#define TRASH    "C: j CREATE Trash (USE (\\Trash))\nS: j OK*\n"

static void said(const char *want)
{
    ck_assert_str_eq(fake_filter_said(), want);
}

/* Two messages in INBOX. */
#define TWO                                      \
    "C: x APPEND INBOX {3+}\nC: one\nS: x OK*\n" \
    "C: x APPEND INBOX {3+}\nC: two\nS: x OK*\n"

static void run(const char *script)
{
    run_script(NULL, script);
}

START_TEST(nothing_hooked_asks_nobody)
{
    fake_filter_reset();
    run(GREETING LOGIN TWO "C: 1 SELECT INBOX\nS! 1 OK*\n"
                           "C: 2 FETCH 1:2 BODY[]\nS! 2 OK*\n"
                           "C: 3 STORE 1 +FLAGS (\\Deleted $Junk)\nS! 3 OK*\n"
                           "C: 4 COPY 1 Sent\nS! 4 OK*\nC: 5 EXPUNGE\nS! 5 OK*\n"
                           "C: 6 LOGOUT\nS! 6 OK*\nend");
    ck_assert_uint_eq(fake_filter_asked(), 0);
    said("");
}
END_TEST

/* ---- the connection ---- */

START_TEST(connect_changes_the_banner)
{
    fake_filter_reset();
    fake_filter_change(FCT_HOOK_connect, "banner", "hello\r\nthere");
    run("S: * OK [CAPABILITY *] hello??there\nC: 1 NOOP\nS: 1 OK*\n");
    said("ask connect implicit_tls=no\n");
}
END_TEST

START_TEST(connect_refuses)
{
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_connect, FCT_REJECT, "go away");
    run("S: * BYE go away\nend");
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_connect, FCT_TEMPFAIL, "");
    run("S: * BYE [UNAVAILABLE] Please try again later\nend");
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_connect, FCT_DISCONNECT, "");
    run("S: * BYE No access from here\nend");
}
END_TEST

/* ---- login ---- */

START_TEST(logins_are_asked_for)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_auth);
    fake_filter_change(FCT_HOOK_login, "alert", "Your mailbox moves tonight");
    run(GREETING "C: 1 LOGIN alice@example.org wrong\nS: 1 NO [AUTHENTICATIONFAILED]*\n"
                 "C: 2 ID (\"name\" \"Mailer\" \"version\" \"1.5\")\nS: * ID *\nS: 2 OK*\n"
                 "C: 3 LOGIN alice@example.org secret\n"
                 "S: * OK [ALERT] Your mailbox moves tonight\n"
                 "S: 3 OK [CAPABILITY *] Logged in\n");
    said("ask auth mechanism=LOGIN user=alice@example.org protocol=imap\n"
         "ask login protocol=imap account=alice@example.org client=Mailer 1.5\n");
}
END_TEST

START_TEST(logins_are_refused)
{
    static const enum fct_hook points[] = {FCT_HOOK_auth, FCT_HOOK_login};

    for (size_t i = 0; i < FCT_COUNT(points); i++) {
        fake_filter_reset();
        fake_filter_answer(points[i], FCT_REJECT, "not at night");
        run(GREETING "C: 1 LOGIN alice@example.org secret\n"
                     "S: 1 NO [AUTHORIZATIONFAILED] not at night\n"
                     "C: 2 SELECT INBOX\nS: 2 BAD*\n"
                     "C: 3 AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\n"
                     "S: 3 NO [AUTHORIZATIONFAILED] not at night\n");
        fake_filter_reset();
        fake_filter_answer(points[i], FCT_TEMPFAIL, "");
        run(GREETING "C: 1 LOGIN alice@example.org secret\n"
                     "S: 1 NO [UNAVAILABLE] This is not possible now\n"
                     "C: 2 NOOP\nS: 2 OK*\n");
    }
}
END_TEST

START_TEST(auth_opens_another_account)
{
    fake_filter_reset();
    fake_filter_change(FCT_HOOK_auth, "user", "bob@example.org");
    fake_filter_want(FCT_HOOK_login);
    run(GREETING LOGIN);
    said("ask auth mechanism=LOGIN user=alice@example.org protocol=imap\n"
         "ask login protocol=imap account=bob@example.org client=\n");
    fake_filter_reset();
    fake_filter_change(FCT_HOOK_auth, "user", "nobody@example.org");
    run(GREETING "C: 1 LOGIN alice@example.org secret\n"
                 "S: 1 NO [AUTHORIZATIONFAILED] Refused by policy\n");
}
END_TEST

START_TEST(the_end_is_told)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_logout);
    fake_filter_want(FCT_HOOK_disconnect);
    run(GREETING LOGIN "C: x APPEND INBOX {3+}\nC: one\nS: x OK*\nC: 6 LOGOUT\nS! 6 OK*\nend");
    said("tell logout account=alice@example.org protocol=imap\ntell disconnect messages=1\n");
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_logout);
    run(GREETING);
    said("tell logout account= protocol=imap\n");
}
END_TEST

/* ---- APPEND ---- */

START_TEST(append_is_asked_for)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_store_append);
    fake_filter_want(FCT_HOOK_store_commit);
    run(GREETING LOGIN "C: 1 APPEND INBOX (\\Seen $Work) {3}\nS: + *\nC: one\n"
                       "S: 1 OK [APPENDUID 101 1]*\n"
                       "C: 2 APPEND INBOX {3+}\nC: two (\\Draft) {5+}\nC: three\n"
                       "S: 2 OK [APPENDUID 101 2:3]*\n");
    said("ask store.append account=alice@example.org mailbox=INBOX flags=(\\Seen $Work) size=3 "
         "<one>\n"
         "tell store.commit account=alice@example.org change=append mailbox=INBOX uids=1 target= "
         "target_uids= added=() removed=()\n"
         "ask store.append account=alice@example.org mailbox=INBOX flags=() size=3 <two>\n"
         "ask store.append account=alice@example.org mailbox=INBOX flags=(\\Draft) size=5 <three>\n"
         "tell store.commit account=alice@example.org change=append mailbox=INBOX uids=2:3 "
         "target= target_uids= added=() removed=()\n");
    ck_assert(!fake_filter_could_write());
}
END_TEST

START_TEST(append_of_a_spooled_message_cannot_be_changed_by_a_filter)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_store_append);
    run_script("spool_above = 1", GREETING LOGIN
               "C: 1 APPEND INBOX {3}\nS: + *\nC: one\nS: 1 OK [APPENDUID 101 1]*\n");
    said("ask store.append account=alice@example.org mailbox=INBOX flags=() size=3 <one>\n");
    ck_assert(!fake_filter_could_write());
}
END_TEST

START_TEST(append_is_changed)
{
    fake_filter_reset();
    fake_filter_change(FCT_HOOK_store_append, "mailbox", "Sent");
    fake_filter_change(FCT_HOOK_store_append, "flag", "\\Flagged");
    fake_filter_change(FCT_HOOK_store_append, "flag", "$Scanned");
    fake_filter_change(FCT_HOOK_store_append, "flag", "no flag (");
    run(GREETING LOGIN "C: 1 APPEND INBOX (\\Seen) {3+}\nC: one\n"
                       "S: 1 OK APPEND completed\n"
                       "C: 2 SELECT Sent\nS! 2 OK*\nC: 3 FETCH 1 FLAGS\n"
                       "S: * 1 FETCH (FLAGS (\\Seen \\Flagged $Scanned))\nS: 3 OK*\n");
    fake_filter_reset();
    fake_filter_change(FCT_HOOK_store_append, "mailbox", "nowhere");
    run(GREETING LOGIN "C: 1 APPEND INBOX {3+}\nC: one\nS: 1 OK [APPENDUID *]*\n");
}
END_TEST

START_TEST(append_is_refused)
{
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_store_append, FCT_REJECT, "infected");
    run(GREETING LOGIN "C: 1 APPEND INBOX {3+}\nC: one\nS: 1 NO [CANNOT] infected\n"
                       "C: 2 STATUS INBOX (MESSAGES)\nS: * STATUS INBOX (MESSAGES 0)\nS: 2 OK*\n");
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_store_append, FCT_TEMPFAIL, "scanner is away");
    run(GREETING LOGIN "C: 1 APPEND INBOX {3+}\nC: one\n"
                       "S: 1 NO [UNAVAILABLE] scanner is away\n");
}
END_TEST

/* ---- flags, copies, expunges, reading ---- */

START_TEST(flags_are_asked_for_and_told)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_store_flags);
    fake_filter_want(FCT_HOOK_store_commit);
    run(GREETING LOGIN TWO "C: 1 SELECT INBOX\nS! 1 OK*\n"
                           "C: 2 STORE 1:2 +FLAGS (\\Seen $A)\nS! 2 OK*\n"
                           "C: 3 STORE 2 -FLAGS.SILENT \\Seen\nS! 3 OK*\n"
                           "C: 4 STORE 1 FLAGS ($B)\nS! 4 OK*\n"
                           "C: 5 STORE 9:20 FLAGS ($B)\nS! 5 *\n");
    ck_assert_ptr_nonnull(
        strstr(fake_filter_said(),
               "ask store.flags account=alice@example.org mailbox=INBOX uids=1:2 mode=add "
               "flags=(\\Seen $A)\n"
               "tell store.commit account=alice@example.org change=flags mailbox=INBOX uids=1:2 "
               "target= target_uids= added=(\\Seen $A) removed=()\n"
               "ask store.flags account=alice@example.org mailbox=INBOX uids=2 mode=remove "
               "flags=(\\Seen)\n"
               "tell store.commit account=alice@example.org change=flags mailbox=INBOX uids=2 "
               "target= target_uids= added=() removed=(\\Seen)\n"
               "ask store.flags account=alice@example.org mailbox=INBOX uids=1 mode=replace "
               "flags=($B)\n"
               "tell store.commit account=alice@example.org change=flags mailbox=INBOX uids=1 "
               "target= target_uids= added=($B) removed=(\\Seen $A)\n"));
}
END_TEST

START_TEST(flags_are_changed_and_refused)
{
    fake_filter_reset();
    fake_filter_change(FCT_HOOK_store_flags, "flags", "\\Flagged");
    fake_filter_change(FCT_HOOK_store_flags, "flags", "$Kept");
    run(GREETING LOGIN TWO "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 STORE 1 +FLAGS (\\Deleted)\n"
                           "S: * FLAGS *\nS: * OK [PERMANENTFLAGS*\n"
                           "S: * 1 FETCH (FLAGS (\\Flagged $Kept))\nS: 2 OK*\n");
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_store_flags, FCT_REJECT, "hands off");
    run(GREETING LOGIN TWO "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 STORE 1 +FLAGS (\\Deleted)\n"
                           "S: 2 NO [NOPERM] hands off\nC: 3 FETCH 1 FLAGS\n"
                           "S: * 1 FETCH (FLAGS ())\nS: 3 OK*\n");
}
END_TEST

START_TEST(copies_are_asked_for_and_told)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_store_copy);
    fake_filter_want(FCT_HOOK_store_commit);
    run(GREETING LOGIN TWO "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 COPY 1:2 Sent\nS! 2 OK*\n"
                           "C: 3 UID MOVE 2 Sent\nS! 3 OK*\n");
    ck_assert_ptr_nonnull(strstr(
        fake_filter_said(),
        "ask store.copy account=alice@example.org source=INBOX target=Sent uids=1:2 move=no\n"
        "tell store.commit account=alice@example.org change=copy mailbox=INBOX uids=1:2 "
        "target=Sent target_uids=1:2 added=() removed=()\n"
        "ask store.copy account=alice@example.org source=INBOX target=Sent uids=2 move=yes\n"
        "tell store.commit account=alice@example.org change=move mailbox=INBOX uids=2 "
        "target=Sent target_uids=3 added=() removed=()\n"));
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_store_copy, FCT_REJECT, "stays here");
    run(GREETING LOGIN TWO "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 MOVE 1:2 Sent\n"
                           "S: 2 NO [NOPERM] stays here\n"
                           "C: 3 STATUS Sent (MESSAGES)\nS: * STATUS Sent (MESSAGES 0)\n"
                           "S: 3 OK*\n");
}
END_TEST

#define MARKED         \
    GREETING LOGIN TWO \
        "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 STORE 2 +FLAGS.SILENT (\\Deleted)\nS! 2 OK*\n"

START_TEST(expunges_are_asked_for_and_told)
{
    static const char *const commands[] = {
        "C: 3 EXPUNGE\nS: * 2 EXPUNGE\nS: 3 OK*\n",
        "C: 3 UID EXPUNGE 1:*\nS: * 2 EXPUNGE\nS: 3 OK*\n",
        "C: 3 CLOSE\nS: 3 OK*\n",
    };

    for (size_t i = 0; i < FCT_COUNT(commands); i++) {
        char script[2000];

        fake_filter_reset();
        fake_filter_want(FCT_HOOK_store_expunge);
        snprintf(script, sizeof script,
                 "%s%sC: 4 STATUS INBOX (MESSAGES)\n"
                 "S: * STATUS INBOX (MESSAGES 1)\nS: 4 OK*\n",
                 MARKED, commands[i]);
        run(script);
        said("ask store.expunge account=alice@example.org mailbox=INBOX uids=2\n");
        fake_filter_reset();
        fake_filter_want(FCT_HOOK_store_commit);
        run(script);
        ck_assert_ptr_nonnull(strstr(fake_filter_said(),
                                     "change=expunge mailbox=INBOX uids=2 target= target_uids= "
                                     "added=() removed=()\n"));
    }
}
END_TEST

START_TEST(expunges_are_refused)
{
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_store_expunge, FCT_REJECT, "kept for the lawyers");
    run(MARKED "C: 3 EXPUNGE\nS: 3 NO [NOPERM] kept for the lawyers\n"
               "C: 4 UID EXPUNGE 2\nS: 4 NO [NOPERM] kept for the lawyers\n"
               "C: 5 UID EXPUNGE 1\nS: 5 OK*\n"
               "C: 6 CLOSE\nS: 6 NO [NOPERM] kept for the lawyers\n"
               "C: 7 STATUS INBOX (MESSAGES)\nS: * STATUS INBOX (MESSAGES 2)\nS: 7 OK*\n");
    ck_assert_uint_eq(fake_filter_asked(), 3);
}
END_TEST

/* Somebody else's \Deleted is not yet known here: it goes, as it does without hooks, and is named.
 */
START_TEST(expunge_knows_what_others_marked)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_store_expunge);
    run(MARKED "2S: * OK*\n2C: a LOGIN alice@example.org secret\n2S: a OK*\n2C: b SELECT INBOX\n"
               "2S! b OK*\n2C: c STORE 1 +FLAGS.SILENT (\\Deleted)\n2S! c OK*\n"
               "C: 3 EXPUNGE\nS! 3 OK*\n"
               "C: 4 STATUS INBOX (MESSAGES)\nS: * STATUS INBOX (MESSAGES 0)\nS: 4 OK*\n");
    said("ask store.expunge account=alice@example.org mailbox=INBOX uids=1:2\n");
}
END_TEST

START_TEST(mailboxes_are_told)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_store_commit);
    run(GREETING LOGIN
        "C: 1 CREATE a\nS: 1 OK*\nC: 2 RENAME a b\nS: 2 OK*\nC: 3 DELETE b\nS: 3 OK*\n"
        "C: 4 DELETE b\nS: 4 NO*\n");
    said("tell store.commit account=alice@example.org change=create mailbox=a uids= target= "
         "target_uids= added=() removed=()\n"
         "tell store.commit account=alice@example.org change=rename mailbox=a uids= target=b "
         "target_uids= added=() removed=()\n"
         "tell store.commit account=alice@example.org change=delete mailbox=b uids= target= "
         "target_uids= added=() removed=()\n");
}
END_TEST

START_TEST(reading_bodies_is_asked_for)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_retrieve);
    run(GREETING LOGIN TWO
        "C: 1 SELECT INBOX\nS! 1 OK*\n"
        "C: 2 FETCH 1:2 (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] "
        "BODY.PEEK[HEADER.FIELDS (To)] BODY.PEEK[1.MIME] BINARY.SIZE[1])\nS! 2 OK*\n"
        "C: 3 FETCH 1:2 (UID BODY.PEEK[] BODY.PEEK[TEXT]<0.2> BODY.PEEK[HEADER])\n"
        "S! 3 OK*\n"
        "C: 4 UID FETCH 2 RFC822.TEXT\nS! 4 OK*\n"
        "C: 5 UID FETCH 7 BODY[]\nS! 5 OK*\n");
    said("ask retrieve account=alice@example.org mailbox=INBOX uids=1:2 section=BODY[] "
         "BODY[TEXT]<0>\n"
         "ask retrieve account=alice@example.org mailbox=INBOX uids=2 section=RFC822.TEXT\n");
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_retrieve, FCT_REJECT, "");
    run(GREETING LOGIN TWO "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 FETCH 1 BODY[]\n"
                           "S: 2 NO [NOPERM] Refused by policy\n"
                           "C: 3 FETCH 1 FLAGS\nS: * 1 FETCH (FLAGS ())\nS: 3 OK*\n");
}
END_TEST

START_TEST(a_verdict_can_end_the_session)
{
    fake_filter_reset();
    fake_filter_answer(FCT_HOOK_retrieve, FCT_DISCONNECT, "");
    run(GREETING LOGIN TWO "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 FETCH 1 BODY[]\n"
                           "S: * BYE *\nS: 2 NO [NOPERM]*\nend");
}
END_TEST

START_TEST(pipelined_commands_keep_their_order)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_connect);
    fake_filter_want(FCT_HOOK_auth);
    fake_filter_want(FCT_HOOK_store_flags);
    fake_filter_want(FCT_HOOK_retrieve);
    run("C: a LOGIN alice@example.org secret\nC: x APPEND INBOX {3+}\nC: one\nC: 1 SELECT INBOX\n"
        "C: 2 STORE 1 +FLAGS.SILENT (\\Seen)\nC: 3 NOOP\nC: 4 FETCH 1 BODY[]\nC: 5 NOOP\n"
        "S: * OK*\nS: a OK*\nS: x OK*\nS! 1 OK*\nS: 2 OK*\nS: 3 OK*\nS! 4 OK*\nS: 5 OK*\n");
    ck_assert_uint_eq(fake_filter_asked(), 4);
}
END_TEST

START_TEST(a_client_leaves_while_a_filter_thinks)
{
    static const char *const last[] = {
        "2 STORE 1 +FLAGS (\\Seen)\r\n",
        "2 COPY 1 Sent\r\n",
        "2 EXPUNGE\r\n",
        "2 FETCH 1 BODY[]\r\n",
        "2 APPEND INBOX {5+}\r\none\r\n\r\n",
    };

    for (size_t i = 0; i < FCT_COUNT(last); i++) {
        struct server *sv = server_new(NULL);
        struct client *c;

        fake_filter_reset();
        fake_filter_want(FCT_HOOK_store_flags);
        fake_filter_want(FCT_HOOK_store_copy);
        fake_filter_want(FCT_HOOK_store_expunge);
        fake_filter_want(FCT_HOOK_store_append);
        fake_filter_want(FCT_HOOK_retrieve);
        fake_store_add("INBOX", FCT_STR("one\r\n"), FLAG_DELETED);
        c = client_selected(sv);
        client_send(c, str_from(last[i]));
        client_free(&c);
        server_free(&sv);
        ck_assert_uint_eq(fake_filter_asked(), 1);
    }
}
END_TEST

/* ---- learning ---- */

START_TEST(moves_teach)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_learn);
    run(GREETING LOGIN JUNK TRASH TWO
        "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 MOVE 2 Junk\nS! 2 OK*\nC: 3 COPY 1 Sent\nS! 3 OK*\n"
        "C: 4 COPY 1 Junk\nS! 4 OK*\nC: 5 SELECT Junk\nS! 5 OK*\nC: 6 MOVE 1 INBOX\nS! 6 OK*\n"
        "C: 7 MOVE 1 Trash\nS! 7 OK*\nC: 8 LOGOUT\nS! 8 OK*\nend");
    ck_assert_str_eq(fake_store_learns(), "append INBOX 1\nappend INBOX 2\nmove 1 Junk 2\n"
                                          "move 1 Sent 1\nmove 1 Junk 1\nmove 3 INBOX 2\n"
                                          "move 3 Trash 1\n"); /* 1 and 3: INBOX and Junk */
}
END_TEST

START_TEST(keywords_teach_once)
{
    fake_filter_reset();
    fake_filter_want(FCT_HOOK_learn);
    run(GREETING LOGIN JUNK TWO
        "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 STORE 1:2 +FLAGS ($junk)\nS! 2 OK*\n"
        "C: 3 STORE 1:2 +FLAGS ($Junk)\nS! 3 OK*\nC: 4 STORE 1 FLAGS ($NotJunk)\nS! 4 OK*\n"
        "C: 5 STORE 1 -FLAGS ($NotJunk)\nS! 5 OK*\n"
        "C: 6 APPEND Junk ($Junk) {3+}\nC: new\nS! 6 OK*\nC: 7 NOOP\nS! 7 OK*\n");
    ck_assert_str_eq(fake_store_learns(), "append INBOX 1\nappend INBOX 2\nkeyword spam 1 2\n"
                                          "keyword ham 1\nappend Junk 1\n");
}
END_TEST

START_TEST(bulk_moves_are_sampled)
{
    struct server *sv = server_new("} access { max_learn = 4");
    struct client *c;

    fake_filter_reset();
    fake_filter_want(FCT_HOOK_learn);
    for (unsigned i = 0; i < 100; i++)
        fake_store_add("INBOX", FCT_STR("x\r\n"), 0);
    c = client_selected(sv);
    client_send(c, FCT_STR("1 CREATE Junk (USE (\\Junk))\r\n2 MOVE 1:100 Junk\r\n3 LOGOUT\r\n"));
    while (!line_matches(FCT_STR("3 OK*"), client_line(c)))
        continue;
    client_free(&c);
    server_free(&sv);
    ck_assert_str_eq(fake_store_learns(), "move 1 Junk 1 26 51 76\n");
}
END_TEST

/* Nobody learns: the store is not bothered. */
START_TEST(without_learners_nothing_is_said)
{
    fake_filter_reset();
    run(GREETING LOGIN JUNK TWO "C: 1 SELECT INBOX\nS! 1 OK*\nC: 2 MOVE 2 Junk\nS! 2 OK*\n");
    ck_assert_str_eq(fake_store_learns(), "");
}
END_TEST

IMAP_TESTS("imap_hooks", nothing_hooked_asks_nobody, connect_changes_the_banner, connect_refuses,
           logins_are_asked_for, logins_are_refused, auth_opens_another_account, the_end_is_told,
           append_is_asked_for, append_of_a_spooled_message_cannot_be_changed_by_a_filter,
           append_is_changed, append_is_refused, flags_are_asked_for_and_told,
           flags_are_changed_and_refused, copies_are_asked_for_and_told,
           expunges_are_asked_for_and_told, expunges_are_refused, expunge_knows_what_others_marked,
           mailboxes_are_told, reading_bodies_is_asked_for, a_verdict_can_end_the_session,
           pipelined_commands_keep_their_order, a_client_leaves_while_a_filter_thinks, moves_teach,
           keywords_teach_once, bulk_moves_are_sampled, without_learners_nothing_is_said)
