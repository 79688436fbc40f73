/* test_imap_session.c - whole conversations: every command once as it should be and once as it
 * should not. */
#include "fake_store.h"
#include "imap_dialogue.h"
#include "imap_test.h"

#define GREETING "S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 *\n"
#define LOGIN    "C: a LOGIN alice@example.org secret\nS: a OK [CAPABILITY *] Logged in\n"

START_TEST(greeting_and_logout)
{
    run_script(NULL, GREETING "C: 1 CAPABILITY\n"
                              "S: * CAPABILITY IMAP4rev1 IMAP4rev2 * AUTH=PLAIN*\n"
                              "S: 1 OK CAPABILITY completed\n"
                              "C: 2 NOOP\nS: 2 OK NOOP completed\n"
                              "C: 3 ID NIL\nS: * ID (\"name\" \"Facteur\")\nS: 3 OK*\n"
                              "C: 4 ID (\"name\" \"x\" \"version\" NIL)\nS: * ID *\nS: 4 OK*\n"
                              "C: 5 ID\nS: 5 BAD*\n"
                              "C: 6 LOGOUT\nS: * BYE *\nS: 6 OK*\nend");
}
END_TEST

START_TEST(nonsense)
{
    run_script(NULL, GREETING "C: \nS: * BAD*\n"
                              "C: a\nS: * BAD*\n"
                              "C: a FOO\nS: a BAD Unknown command\n"
                              "C: a UID NOOP\nS: a BAD*\n"
                              "C: a UID\nS: a BAD*\n"
                              "C: +a NOOP\nS: * BAD*\n"
                              "C: a NOOP x\nS: a BAD*\n"
                              "C: a SELECT INBOX\nS: a BAD Please log in first\n"
                              "C: a FETCH 1 FLAGS\nS: a BAD Please log in first\n" LOGIN
                              "C: a LOGIN x y\nS: a BAD Already logged in\n"
                              "C: a FETCH 1 FLAGS\nS: a BAD No mailbox is selected\n");
}
END_TEST

START_TEST(too_many_errors)
{
    run_script("max_errors = 3", GREETING "C: 1 FOO\nS: 1 BAD*\nC: 2 FOO\nS: 2 BAD*\n"
                                          "C: 3 FOO\nS: 3 BAD*\nS: * BYE *\nend");
}
END_TEST

START_TEST(logins)
{
    run_script("max_login_failures = 3",
               GREETING "C: 1 LOGIN alice@example.org wrong\n"
                        "S: 1 NO [AUTHENTICATIONFAILED] Authentication failed\n"
                        "C: 2 LOGIN nobody@example.org secret\n"
                        "S: 2 NO [AUTHENTICATIONFAILED] Authentication failed\n"
                        "C: 3 LOGIN alice@example.org\nS: 3 BAD*\n"
                        "C: 4 LOGIN \"alice@example.org\" {5}\nS: + *\nC: wrong\n"
                        "S: * BYE *\nS: 4 NO [AUTHENTICATIONFAILED]*\nend");
}
END_TEST

START_TEST(authenticate)
{
    run_script(NULL,
               GREETING "C: 1 AUTHENTICATE PLAIN\nS: + \nC: AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\n"
                        "S: 1 OK [CAPABILITY *] Logged in\n"
                        "2S: * OK*\n"
                        "2C: 1 AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\n"
                        "2S: 1 OK *\n");
    run_script(NULL, GREETING "C: 1 AUTHENTICATE PLAIN\nS: + \nC: *\nS: 1 BAD*\n"
                              "C: 2 AUTHENTICATE NONSENSE\nS: 2 NO *\n"
                              "C: 3 AUTHENTICATE PLAIN =\nS: 3 *\n"
                              "C: 4 AUTHENTICATE LOGIN\nS: + *\nC: YWxpY2VAZXhhbXBsZS5vcmc=\n"
                              "S: + *\nC: c2VjcmV0\nS: 4 OK*\n");
}
END_TEST

START_TEST(literals)
{
    run_script(NULL, GREETING "C: 1 LOGIN {17}\nS: + OK\nC: alice@example.org {6+}\nC: secret\n"
                              "S: 1 OK*\n"
                              "C: 2 SELECT {5+}\nC: INBOX\n"
                              "S! 2 OK *\n"
                              "C: 3 SELECT {999999999}\nS: 3 BAD [TOOBIG] *\n"
                              "C: 4 NOOP\nS: 4 OK*\n"
                              "C: 5 SELECT {99999999999999999999999}\nS: 5 BAD [TOOBIG] *\n"
                              "C: 6 SELECT {999999999+}\nS: 6 BAD [TOOBIG] *\nS: * BYE *\nend");
}
END_TEST

START_TEST(a_literal_before_login_is_small)
{
    run_script("max_literal = 64K", GREETING "C: 1 LOGIN {4097}\nS: 1 BAD [TOOBIG]*\n"
                                             "C: 2 LOGIN {4096}\nS: + OK\n");
}
END_TEST

START_TEST(a_long_line)
{
    struct server *sv = server_new("max_command = 4K");
    struct client *c = client_new(sv);
    static char line[20000];

    memset(line, 'x', sizeof line);
    client_line(c);
    client_send(c, (struct fct_str){line, sizeof line});
    client_send(c, FCT_STR("\r\n1 NOOP\r\n"));
    ck_assert(line_matches(FCT_STR("* BAD [TOOBIG]*"), client_line(c)));
    ck_assert(line_matches(FCT_STR("1 OK*"), client_line(c)));
    client_free(&c);
    server_free(&sv);
}
END_TEST

START_TEST(select_and_examine)
{
    run_script(NULL, GREETING LOGIN
               "C: 1 SELECT INBOX\nS: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\n"
               "S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)]*\n"
               "S: * 0 EXISTS\nS: * 0 RECENT\nS: * OK [UIDVALIDITY 101]*\nS: * OK [UIDNEXT 1]*\n"
               "S: 1 OK [READ-WRITE] SELECT completed\n"
               "C: 2 EXAMINE inbox\nS: * OK [CLOSED]*\nS: * FLAGS*\nS: * OK [PERMANENTFLAGS ()]*\n"
               "S! 2 OK [READ-ONLY] EXAMINE completed\n"
               "C: 3 STORE 1 FLAGS ()\nS: 3 BAD*\n"
               "C: 4 EXPUNGE\nS: 4 NO [READ-ONLY]*\n"
               "C: 5 SELECT nowhere\nS: * OK [CLOSED]*\nS: 5 NO [NONEXISTENT]*\n"
               "C: 6 CLOSE\nS: 6 BAD No mailbox is selected\n"
               "C: 7 SELECT INBOX\nS! 7 OK*\nC: 8 UNSELECT\nS: 8 OK*\nC: 9 UNSELECT\nS: 9 BAD*\n"
               "C: 10 SELECT\nS: 10 BAD*\nC: 11 SELECT INBOX x\nS: 11 BAD*\n");
}
END_TEST

START_TEST(rev2)
{
    run_script(
        NULL, GREETING LOGIN
        "C: 1 ENABLE X IMAP4rev2\nS: * ENABLED IMAP4rev2\nS: 1 OK*\n"
        "C: 2 ENABLE\nS: 2 BAD*\n"
        "C: 3 SELECT INBOX\nS: * FLAGS*\nS: * OK [PERM*\nS: * 0 EXISTS\nS: * OK [UIDV*\n"
        "S: * OK [UIDNEXT*\nS: * LIST () \"/\" \"INBOX\"\nS: 3 OK*\n"
        "C: 4 SEARCH ALL\nS: * ESEARCH (TAG \"4\")\nS: 4 OK*\n"
        "C: 5 CREATE \"\xc3\xa9t\xc3\xa9\"\nS: 5 OK*\n"
        "C: 6 LIST \"\" \"\xc3\xa9*\"\nS: * LIST (\\HasNoChildren) \"/\" \"\xc3\xa9t\xc3\xa9\"\n"
        "S: 6 OK*\n"
        "C: 7 CREATE \"\xff\"\nS: 7 NO [CANNOT]*\n");
}
END_TEST

START_TEST(managing_mailboxes)
{
    run_script(
        NULL, GREETING LOGIN
        "C: 1 CREATE a/b/\nS: 1 OK*\n"
        "C: 2 CREATE a/b\nS: 2 NO [ALREADYEXISTS]*\n"
        "C: 3 CREATE INBOX\nS: 3 NO [ALREADYEXISTS]*\n"
        "C: 4 CREATE \"a//b\"\nS: 4 NO [CANNOT]*\n"
        "C: 5 CREATE \"../x\"\nS: 5 NO [CANNOT]*\n"
        "C: 6 CREATE \"x&bad\"\nS: 6 NO [CANNOT]*\n"
        "C: 7 CREATE {3}\nS: + OK\nC: a\tb\nS: 7 NO [CANNOT]*\n"
        "C: 8 CREATE &AOkA6Q-\nS: 8 OK*\n"
        "C: 9 LIST \"\" *\n"
        "S: * LIST (\\HasNoChildren) \"/\" INBOX\n"
        "S: * LIST (\\HasNoChildren \\Sent) \"/\" Sent\n"
        "S: * LIST (\\HasChildren) \"/\" a\n"
        "S: * LIST (\\HasNoChildren) \"/\" a/b\n"
        "S: * LIST (\\HasNoChildren) \"/\" &AOkA6Q-\n"
        "S: 9 OK*\n"
        "C: 10 RENAME a/b c\nS: 10 OK*\n"
        "C: 11 RENAME nowhere d\nS: 11 NO [NONEXISTENT]*\n"
        "C: 12 RENAME c Sent\nS: 12 NO [ALREADYEXISTS]*\n"
        "C: 13 DELETE c\nS: 13 OK*\n"
        "C: 14 DELETE c\nS: 14 NO [NONEXISTENT]*\n"
        "C: 15 DELETE inbox\nS: 15 NO [CANNOT]*\n"
        "C: 16 CREATE Junk (USE (\\Junk))\nS: 16 OK*\n"
        "C: 17 CREATE x (USE (\\Sent))\nS: 17 NO [USEATTR]*\n"
        "C: 18 CREATE x (USE (\\Nonsense))\nS: 18 NO [USEATTR]*\n"
        "C: 19 CREATE x (USE\nS: 19 BAD*\n"
        "C: 20 SUBSCRIBE Sent\nS: 20 OK*\n"
        "C: 21 SUBSCRIBE nowhere\nS: 21 OK*\nC: 21 UNSUBSCRIBE nowhere\nS: 21 NO [NONEXISTENT]*\n"
        "C: 22 LSUB \"\" *\nS: * LSUB (\\HasNoChildren \\Subscribed) \"/\" Sent\nS: 22 OK*\n"
        "C: 23 UNSUBSCRIBE Sent\nS: 23 OK*\nC: 24 LSUB \"\" *\nS: 24 OK*\n"
        "C: 25 NAMESPACE\nS: * NAMESPACE ((\"\" \"/\")) NIL NIL\nS: 25 OK*\n");
}
END_TEST

START_TEST(list_extended)
{
    run_script(
        NULL, GREETING LOGIN
        "C: 1 LIST \"\" \"\"\nS: * LIST (\\Noselect) \"/\" \"\"\nS: 1 OK*\n"
        "C: 2 CREATE p/q\nS: 2 OK*\nC: 3 SUBSCRIBE p/q\nS: 3 OK*\n"
        "C: 4 LIST (SUBSCRIBED) \"\" *\nS: * LIST (\\HasNoChildren \\Subscribed) \"/\" p/q\nS: 4 "
        "OK*\n"
        "C: 5 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %\n"
        "S: * LIST (\\HasChildren) \"/\" p (\"CHILDINFO\" (\"SUBSCRIBED\"))\nS: 5 OK*\n"
        "C: 6 LIST (RECURSIVEMATCH) \"\" %\nS: 6 BAD*\n"
        "C: 7 LIST (SPECIAL-USE) \"\" *\nS: * LIST (\\HasNoChildren \\Sent) \"/\" Sent\nS: 7 OK*\n"
        "C: 8 LIST \"\" (Sent p) RETURN (CHILDREN SUBSCRIBED STATUS (MESSAGES UNSEEN))\n"
        "S: * LIST (\\HasNoChildren \\Sent) \"/\" Sent\nS: * STATUS Sent (MESSAGES 0 UNSEEN 0)\n"
        "S: * LIST (\\HasChildren) \"/\" p\nS: * STATUS p (MESSAGES 0 UNSEEN 0)\nS: 8 OK*\n"
        "C: 9 LIST (FOO) \"\" *\nS: 9 BAD*\nC: 10 LIST \"\"\nS: 10 BAD*\n"
        "C: 11 LIST p/ %\nS: * LIST (\\HasNoChildren) \"/\" p/q\nS: 11 OK*\n"
        "C: 12 LIST \"\" * RETURN (FOO)\nS: 12 BAD*\n");
}
END_TEST

START_TEST(append_and_status)
{
    run_script(
        NULL, GREETING LOGIN
        "C: 1 APPEND INBOX (\\Seen $L) \" 5-Jan-2026 10:11:12 +0000\" {14}\nS: + OK\n"
        "C: Subject: a\nC: \nC: \n"
        "S: 1 OK [APPENDUID 101 1] APPEND completed\n"
        "C: 2 APPEND INBOX {8+}\nC: X: y\nC: \nC: \nS: 2 OK [APPENDUID 101 2]*\n"
        "C: 3 STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED RECENT)\n"
        "S: * STATUS INBOX (MESSAGES 2 RECENT 0 UIDNEXT 3 UIDVALIDITY 101 UNSEEN 1 DELETED 0 "
        "SIZE 22)\nS: 3 OK*\n"
        "C: 4 STATUS INBOX ()\nS: 4 BAD*\nC: 5 STATUS nowhere (UNSEEN)\nS: 5 NO [NONEXIST*\n"
        "C: 6 APPEND nowhere {5}\nS: 6 NO [TRYCREATE]*\n"
        "C: 7 APPEND nowhere {5+}\nC: abcde\nS: 7 NO [TRYCREATE]*\n"
        "C: 8 APPEND INBOX {5} x\nS: 8 BAD*\n"
        "C: 9 APPEND INBOX {0}\nS: + OK\nC: \nS: 9 NO *\n"
        "C: 10 APPEND INBOX {5}\nS: + OK\nC: abcde x\nS: 10 BAD*\n"
        "C: 11 SELECT INBOX\nS! 11 OK*\n"
        "C: 12 FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)\n"
        "S: * 1 FETCH (FLAGS (\\Seen $L) INTERNALDATE \" 5-Jan-2026 10:11:12 +0000\" "
        "RFC822.SIZE 14)\nS: 12 OK*\n"
        "C: 13 APPEND INBOX {5+}\nC: abcde\nS: * 3 EXISTS\nS: * 0 RECENT\n"
        "S: 13 OK [APPENDUID 101 3]*\n"
        "C: 14 APPEND {5}\nS: + OK\nC: INBOX (\\Flagged) {3+}\nC: abc\n"
        "S: * 4 EXISTS\nS: * 0 RECENT\nS: 14 OK [APPENDUID 101 4]*\n"
        "C: 15 APPEND INBOX {3+}\nC: abc (\\Draft) {3+}\nC: def\n"
        "S: * 6 EXISTS\nS: * 0 RECENT\nS: 15 OK [APPENDUID 101 5:6]*\n");
}
END_TEST

START_TEST(append_limits)
{
    run_script("max_append = 64\nspool_above = 16",
               GREETING LOGIN "C: 1 APPEND INBOX {65}\nS: 1 NO [TOOBIG]*\n"
                              "C: 2 APPEND INBOX {20}\nS: + OK\nC: 12345678901234567890\n"
                              "S: 2 OK*\n"
                              "C: 3 APPEND INBOX {20+}\nC: 12345678901234567890\nS: 3 OK*\n"
                              "C: 4 APPEND INBOX {99+}\nS: 4 NO [TOOBIG]*\nS: * BYE*\nend");
}
END_TEST

#define MESSAGE_1                                                                               \
    "C: a1 APPEND INBOX {91+}\nC: From: A <a@b.example>\nC: Subject: one\nC: Date: Mon, 5 Jan " \
    "2026 10:11:12 +0000\nC: \nC: hello\nC: world\nC: \nS! a1 OK*\n"

START_TEST(fetching)
{
    run_script(
        NULL, GREETING LOGIN MESSAGE_1
        "C: 1 SELECT INBOX\nS! 1 OK*\n"
        "C: 2 FETCH 1 (UID BODY.PEEK[TEXT])\nS: * 1 FETCH (UID 1 BODY[TEXT] {14}\nS: hello\nS: "
        "world\n"
        "S: )\nS: 2 OK FETCH completed\n"
        "C: 3 FETCH 1 BODY[HEADER.FIELDS (SUBJECT)]\n"
        "S: * 1 FETCH (FLAGS (\\Seen) BODY[HEADER.FIELDS (SUBJECT)] {16}\nS: Subject: one\nS: \nS: "
        ")\n"
        "S: 3 OK*\n"
        "C: 4 FETCH 1 BODY[TEXT]<3.4>\nS: * 1 FETCH (BODY[TEXT]<3> {4}\nS: lo\nS: )\nS: 4 OK*\n"
        "C: 5 UID FETCH 1:* ENVELOPE\nS: * 1 FETCH (UID 1 ENVELOPE (\"Mon, 5 Jan 2026 10:11:12 "
        "+0000\" \"one\" ((\"A\" NIL \"a\" \"b.example\")) *))\nS: 5 OK UID FETCH completed\n"
        "C: 6 FETCH 1 (BODY BODYSTRUCTURE)\nS: * 1 FETCH (BODY (\"text\" \"plain\" *) "
        "BODYSTRUCTURE "
        "(*))\nS: 6 OK*\n"
        "C: 7 FETCH 1 BODY.PEEK[2]\nS: * 1 FETCH (BODY[2] NIL)\nS: 7 OK*\n"
        "C: 8 FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])\nS: * 1 FETCH (BINARY.SIZE[1] 14 BINARY[1] "
        "{14}\nS: hello\nS: world\nS: )\nS: 8 OK*\n"
        "C: 9 FETCH 1 RFC822.HEADER\nS: * 1 FETCH (RFC822.HEADER {77}\nS! )\nS: 9 OK*\n"
        "C: 10 FETCH 2 FLAGS\nS: 10 BAD*\n"
        "C: 11 UID FETCH 2 FLAGS\nS: 11 OK*\n"
        "C: 12 FETCH 1 (FLAGS\nS: 12 BAD*\nC: 13 FETCH 1 FOO\nS: 13 BAD*\nC: 14 FETCH 1\nS: 14 "
        "BAD*\n"
        "C: 15 FETCH 1 FAST\nS: * 1 FETCH (FLAGS (\\Seen) INTERNALDATE * RFC822.SIZE 91)\nS: 15 "
        "OK*\n"
        "C: 16 FETCH 1 (FAST)\nS: 16 BAD*\n"
        "C: 17 FETCH 1 BODY.PEEK[TEXT]<99.5>\nS: * 1 FETCH (BODY[TEXT]<99> {0}\nS: )\nS: 17 OK*\n");
}
END_TEST

START_TEST(fetching_binary)
{
    run_script(
        NULL, GREETING LOGIN
        "C: 1 APPEND INBOX {41+}\nC: Content-Transfer-Encoding: base64\nC: \nC: QQBC\n"
        "S: 1 OK*\n"
        "C: 2 SELECT INBOX\nS! 2 OK*\n"
        "C: 3 FETCH 1 BINARY.PEEK[1]\nS: * 1 FETCH (BINARY[1] ~{3}\nS: A*B)\nS: 3 OK*\n"
        "C: 4 FETCH 1 BINARY.PEEK[1]<2.9>\nS: * 1 FETCH (BINARY[1]<2> ~{1}\nS: B)\nS: 4 OK*\n"
        "C: 5 FETCH 1 (BINARY.SIZE[1] BINARY[2])\n"
        "S: * 1 FETCH (FLAGS (\\Seen) BINARY.SIZE[1] 3 BINARY[2] NIL)\nS: 5 OK*\n"
        "C: 6 FETCH 1 BINARY[TEXT]\nS: 6 BAD*\n");
}
END_TEST

START_TEST(storing)
{
    run_script(
        NULL, GREETING LOGIN MESSAGE_1 MESSAGE_1
        "C: 1 SELECT INBOX\nS! 1 OK*\n"
        "C: 2 STORE 1:2 +FLAGS (\\Flagged)\nS: * 1 FETCH (FLAGS (\\Flagged))\n"
        "S: * 2 FETCH (FLAGS (\\Flagged))\nS: 2 OK STORE completed\n"
        "C: 3 STORE 1 FLAGS.SILENT (\\Seen)\nS: 3 OK*\n"
        "C: 4 UID STORE 1 -FLAGS \\Seen\nS: * 1 FETCH (UID 1 FLAGS ())\nS: 4 OK*\n"
        "C: 5 STORE 2 +FLAGS ($New)\nS: * FLAGS (* $New)\nS: * OK [PERMANENTFLAGS (* $New \\*)]*\n"
        "S: * 2 FETCH (FLAGS (\\Flagged $New))\nS: 5 OK*\n"
        "C: 6 STORE 2 +FLAGS (\\Nonsense)\nS: 6 BAD*\nC: 7 STORE 2 FOO ()\nS: 7 BAD*\n"
        "C: 8 STORE 3 FLAGS ()\nS: 8 BAD*\n"
        "C: 9 FETCH 1:* FLAGS\nS: * 1 FETCH (FLAGS ())\nS: * 2 FETCH (FLAGS (\\Flagged $New))\n"
        "S: 9 OK*\n"
        "2S: * OK*\n2C: a LOGIN alice@example.org secret\n2S: a OK*\n2C: b SELECT INBOX\n2S! b "
        "OK*\n"
        "2C: c STORE 1 FLAGS (\\Seen)\n2S: * 1 FETCH (FLAGS (\\Seen))\n2S: c OK*\n"
        "C: 10 STORE 1 +FLAGS.SILENT (\\Draft)\nS: * 1 FETCH (FLAGS (\\Seen \\Draft))\nS: 10 "
        "OK*\n");
}
END_TEST

START_TEST(expunging)
{
    run_script(
        NULL, GREETING LOGIN MESSAGE_1 MESSAGE_1 MESSAGE_1 MESSAGE_1
        "C: 1 SELECT INBOX\nS! 1 OK*\n"
        "C: 2 STORE 1,3 +FLAGS.SILENT (\\Deleted)\nS: 2 OK*\n"
        "2S: * OK*\n2C: a LOGIN alice@example.org secret\n2S: a OK*\n2C: b SELECT INBOX\n2S! b "
        "OK*\n"
        "C: 3 UID EXPUNGE 1\nS: * 1 EXPUNGE\nS: 3 OK*\n"
        "C: 4 EXPUNGE\nS: * 2 EXPUNGE\nS: 4 OK*\n"
        /* the other session: numbers stand still during FETCH, STORE and SEARCH */
        "2C: c FETCH 4 FLAGS\n2S: * 4 FETCH (FLAGS ())\n2S: c OK*\n"
        "2C: d FETCH 1 BODY.PEEK[]\n2S: d NO [EXPUNGEISSUED]*\n"
        "2C: e STORE 1:4 +FLAGS (\\Flagged)\n2S: * 2 FETCH (FLAGS (\\Flagged))\n"
        "2S: * 4 FETCH (FLAGS (\\Flagged))\n2S: e NO [EXPUNGEISSUED]*\n"
        "2C: f NOOP\n2S: * 1 EXPUNGE\n2S: * 2 EXPUNGE\n2S: f OK*\n"
        "2C: g FETCH 1:* UID\n2S: * 1 FETCH (UID 2)\n2S: * 2 FETCH (UID 4)\n2S: g OK*\n"
        "C: 5 STORE 1 +FLAGS.SILENT (\\Deleted)\nS: * 1 FETCH (FLAGS (\\Flagged \\Deleted))\n"
        "S: * 2 FETCH (FLAGS (\\Flagged))\nS: 5 OK*\n"
        "C: 6 CLOSE\nS: 6 OK*\n"
        "2C: h NOOP\n2S: * 1 EXPUNGE\n2S: h OK*\n");
}
END_TEST

START_TEST(copying_and_moving)
{
    run_script(NULL, GREETING LOGIN MESSAGE_1 MESSAGE_1 MESSAGE_1
               "C: 1 SELECT INBOX\nS! 1 OK*\n"
               "C: 2 COPY 1:2 Sent\nS: 2 OK [COPYUID 102 1:2 1:2] COPY completed\n"
               "C: 3 COPY 1 nowhere\nS: 3 NO [TRYCREATE]*\n"
               "C: 4 UID MOVE 2:3 Sent\nS: * OK [COPYUID 102 2:3 3:4]*\nS: * 2 EXPUNGE\n"
               "S: * 2 EXPUNGE\nS: 4 OK UID MOVE completed\n"
               "C: 5 UID COPY 99 Sent\nS: 5 OK UID COPY completed\n"
               "C: 6 COPY 1 INBOX\nS: * 2 EXISTS\nS: * 0 RECENT\nS: 6 OK [COPYUID 101 1 4]*\n"
               "C: 7 COPY 9 Sent\nS: 7 BAD*\nC: 8 COPY 1\nS: 8 BAD*\n"
               "C: 9 EXAMINE INBOX\nS! 9 OK*\nC: 10 MOVE 1 Sent\nS: 10 NO [READ-ONLY]*\n");
}
END_TEST

START_TEST(searching)
{
    run_script(
        NULL, GREETING LOGIN MESSAGE_1
        "C: a2 APPEND INBOX (\\Seen) {29+}\nC: Subject: two\nC: \nC: needle here\nC: \nS! a2 OK*\n"
        "C: a3 APPEND INBOX {14+}\nC: Subject: three\nS! a3 OK*\n"
        "C: 1 SELECT INBOX\nS! 1 OK*\n"
        "C: 2 SEARCH ALL\nS: * SEARCH 1 2 3\nS: 2 OK*\n"
        "C: 3 SEARCH UNSEEN\nS: * SEARCH 1 3\nS: 3 OK*\n"
        "C: 4 UID SEARCH SUBJECT t\nS: * SEARCH 2 3\nS: 4 OK UID SEARCH completed\n"
        "C: 5 SEARCH BODY needle\nS: * SEARCH 2\nS: 5 OK*\n"
        "C: 6 SEARCH RETURN (MIN MAX COUNT ALL) ALL\n"
        "S: * ESEARCH (TAG \"6\") MIN 1 MAX 3 ALL 1:3 COUNT 3\nS: 6 OK*\n"
        "C: 7 SEARCH RETURN () SEEN\nS: * ESEARCH (TAG \"7\") ALL 2\nS: 7 OK*\n"
        "C: 8 UID SEARCH RETURN (COUNT) DELETED\nS: * ESEARCH (TAG \"8\") UID COUNT 0\nS: 8 OK*\n"
        "C: 9 SEARCH RETURN (SAVE) UNSEEN\nS: 9 OK*\n"
        "C: 10 FETCH $ UID\nS: * 1 FETCH (UID 1)\nS: * 3 FETCH (UID 3)\nS: 10 OK*\n"
        "C: 11 SEARCH $ SUBJECT three\nS: * SEARCH 3\nS: 11 OK*\n"
        "C: 12 SEARCH RETURN (SAVE MAX) ALL\nS: * ESEARCH (TAG \"12\") MAX 3\nS: 12 OK*\n"
        "C: 13 UID FETCH $ UID\nS: * 3 FETCH (UID 3)\nS: 13 OK*\n"
        "C: 14 SEARCH CHARSET KOI8-R ALL\nS: 14 NO [BADCHARSET (US-ASCII UTF-8)]*\n"
        "C: 15 SEARCH CHARSET UTF-8 TEXT {3+}\nC: \xc3\xa9x\nS: * SEARCH\nS: 15 OK*\n"
        "C: 16 SEARCH\nS: 16 BAD*\nC: 17 SEARCH FOO\nS: 17 BAD*\nC: 18 SEARCH RETURN (FOO) ALL\n"
        "S: 18 BAD*\n"
        "C: 19 SEARCH OR SEEN SUBJECT one\nS: * SEARCH 1 2\nS: 19 OK*\n");
}
END_TEST

START_TEST(idling)
{
    struct server *sv = server_new(NULL);
    struct client *c = client_selected(sv);
    struct fct_str message = FCT_STR("Subject: x\r\n\r\nbody\r\n");

    client_send(c, FCT_STR("1 IDLE\r\n"));
    ck_assert(line_matches(FCT_STR("+ idling"), client_line(c)));
    fake_store_add("INBOX", message, 0);
    ck_assert(line_matches(FCT_STR("* 1 EXISTS"), client_line(c)));
    client_line(c);
    fake_store_add("INBOX", message, 0);
    ck_assert(line_matches(FCT_STR("* 2 EXISTS"), client_line(c)));
    client_line(c);
    fake_store_flag("INBOX", 1, 1);
    ck_assert(line_matches(FCT_STR("* 1 FETCH (FLAGS (\\Seen))"), client_line(c)));
    fake_store_expunge("INBOX", 1);
    ck_assert(line_matches(FCT_STR("* 1 EXPUNGE"), client_line(c)));
    fake_store_add("Sent", message, 0); /* not ours */
    client_send(c, FCT_STR("DONE\r\n2 NOOP\r\n"));
    ck_assert(line_matches(FCT_STR("1 OK IDLE completed"), client_line(c)));
    ck_assert(line_matches(FCT_STR("2 OK*"), client_line(c)));
    client_send(c, FCT_STR("3 IDLE\r\n"));
    client_line(c);
    client_send(c, FCT_STR("x\r\n"));
    ck_assert(line_matches(FCT_STR("3 BAD*"), client_line(c)));
    client_send(c, FCT_STR("4 IDLE\r\n"));
    client_line(c);
    client_free(&c); /* gone while idle */
    server_free(&sv);
}
END_TEST

START_TEST(the_mailbox_goes_away)
{
    run_script(NULL, GREETING LOGIN "C: 1 CREATE x\nS: 1 OK*\nC: 2 SELECT x\nS! 2 OK*\n"
                                    "2S: * OK*\n2C: a LOGIN alice@example.org secret\n2S: a OK*\n"
                                    "2C: b DELETE x\n2S: b OK*\n"
                                    "C: 3 NOOP\nS! * BYE *\n");
    run_script(NULL, GREETING LOGIN "C: 1 CREATE x\nS: 1 OK*\nC: 2 SELECT x\nS! 2 OK*\n"
                                    "C: 3 DELETE x\nS: * OK [CLOSED]*\nS: 3 OK*\n"
                                    "C: 4 FETCH 1 FLAGS\nS: 4 BAD*\n");
}
END_TEST

START_TEST(the_store_forgets_or_is_away)
{
    struct server *sv = server_new(NULL);
    struct fct_str message = FCT_STR("Subject: x\r\n\r\nbody\r\n");
    struct client *c;

    for (int i = 0; i < 4; i++)
        fake_store_add("INBOX", message, 0);
    c = client_selected(sv);
    fake_store_expunge("INBOX", 2);
    fake_store_flag("INBOX", 3, 1);
    fake_store_add("INBOX", message, 0);
    fake_store_forget("INBOX");
    client_send(c, FCT_STR("1 NOOP\r\n"));
    ck_assert(line_matches(FCT_STR("* 2 EXPUNGE"), client_line(c)));
    ck_assert(line_matches(FCT_STR("* 4 EXISTS"), client_line(c)));
    client_line(c);
    ck_assert(line_matches(FCT_STR("* 2 FETCH (FLAGS (\\Seen))"), client_line(c)));
    ck_assert(line_matches(FCT_STR("1 OK*"), client_line(c)));
    fake_store_fail(FCT_TEMP);
    client_send(c, FCT_STR("2 FETCH 1 ENVELOPE\r\n"));
    ck_assert(line_matches(FCT_STR("2 NO [UNAVAILABLE] *"), client_line(c)));
    fake_store_fail(FCT_LIMIT);
    client_send(c, FCT_STR("3 STORE 1 FLAGS ()\r\n"));
    ck_assert(line_matches(FCT_STR("3 NO [LIMIT] *"), client_line(c)));
    fake_store_fail(FCT_BUG);
    client_send(c, FCT_STR("4 STORE 1 FLAGS ()\r\n"));
    ck_assert(line_matches(FCT_STR("4 NO [SERVERBUG] *"), client_line(c)));
    fake_store_fail(FCT_OK);
    client_send(c, FCT_STR("5 FETCH 1 (BODY.PEEK[TEXT])\r\n"));
    ck_assert(line_matches(FCT_STR("* 1 FETCH (BODY[TEXT] {6}"), client_line(c)));
    client_free(&c);
    server_free(&sv);
}
END_TEST

START_TEST(the_store_restarts)
{
    struct server *sv = server_new(NULL);
    struct client *busy = client_selected(sv), *idle = client_selected(sv),
                  *polls = client_selected(sv);

    client_send(idle, FCT_STR("1 IDLE\r\n"));
    client_line(idle);
    fake_store_restart();
    client_send(busy, FCT_STR("1 STATUS INBOX (UNSEEN)\r\n"));
    ck_assert(line_matches(FCT_STR("* BYE [UNAVAILABLE] *"), client_line(busy)));
    ck_assert(line_matches(FCT_STR("1 NO [UNAVAILABLE] *"), client_line(busy)));
    client_expect_end(busy);
    client_send(polls, FCT_STR("1 NOOP\r\n"));
    ck_assert(line_matches(FCT_STR("* BYE [UNAVAILABLE] *"), client_line(polls)));
    client_line(polls);
    client_expect_end(polls);
    client_free(&polls);
    ck_assert(line_matches(FCT_STR("* BYE [UNAVAILABLE] *"), client_line(idle)));
    client_expect_end(idle);
    client_free(&busy);
    client_free(&idle);
    server_free(&sv);
}
END_TEST

/* Messages that need several pieces each, more than the window holds: every byte comes, in order.
 */
START_TEST(large_messages_stream)
{
    struct server *sv = server_new(NULL);
    FCT_CLEANUP(buf_free) struct buf message = BUF_INIT(4u << 20);
    struct client *c;

    buf_put_c(&message, "Subject: big\r\n\r\n");
    while (message.n < 700000)
        buf_printf(&message, "line %zu of many\r\n", message.n);
    for (int i = 0; i < 5; i++)
        fake_store_add("INBOX", buf_str(&message), 0);
    c = client_selected(sv);
    client_send(c, FCT_STR("1 FETCH 1:* (UID BODY.PEEK[] BODY.PEEK[]<100.300000>)\r\n"));
    for (unsigned i = 1; i <= 5; i++) {
        FCT_CLEANUP(buf_free) struct buf want = BUF_INIT(200);

        buf_printf(&want, "* %u FETCH (UID %u BODY[] {%zu}", i, i, message.n);
        ck_assert(line_matches(buf_str(&want), client_line(c)));
        ck_assert(str_equal(client_bytes(c, message.n), buf_str(&message)));
        ck_assert(line_matches(FCT_STR(" BODY[]<100> {300000}"), client_bytes(c, 21)));
        client_line(c);
        ck_assert(
            str_equal(client_bytes(c, 300000), str_head(str_skip(buf_str(&message), 100), 300000)));
        ck_assert(str_equal(client_line(c), FCT_STR(")")));
    }
    ck_assert(line_matches(FCT_STR("1 OK*"), client_line(c)));
    client_free(&c);
    server_free(&sv);
}
END_TEST

/* The client leaves in the middle of everything. */
START_TEST(disconnects)
{
    static const char *const scripts[] = {
        "1 LOGIN {50}\r\nxx",
        "1 LOGIN alice@example.org wrong\r\n",
        "1 AUTHENTICATE PLAIN\r\n",
        "1 AUTHENTICATE PLAIN\r\nAAA",
        "a LOGIN alice@example.org secret\r\n1 APPEND INBOX {500}\r\nxx",
        "a LOGIN alice@example.org secret\r\n1 APPEND INBOX {500+}\r\nxx",
        "a LOGIN alice@example.org secret\r\nb SELECT INBOX\r\n1 FETCH 1:* BODY[]\r\n",
        "a LOGIN alice@example.org secret\r\nb SELECT INBOX\r\n1 SEARCH TEXT x\r\n",
        "a LOGIN alice@example.org secret\r\nb SELECT INBOX\r\n1 IDLE\r\n",
        "a LOGIN alice@example.org secret\r\nb SELECT INBOX\r\n1 STORE 1 +FLAGS (\\Seen)\r\n",
    };

    for (size_t i = 0; i < FCT_COUNT(scripts); i++)
        for (int turns = 0; turns < 12; turns++) {
            struct server *sv = server_new(NULL);
            struct client *c;

            for (int k = 0; k < 20; k++)
                fake_store_add("INBOX", FCT_STR("Subject: x\r\n\r\nbody\r\n"), 0);
            c = client_new(sv);
            client_send(c, str_from(scripts[i]));
            for (int t = 0; t < turns; t++)
                server_run(sv);
            client_free(&c);
            server_free(&sv);
        }
}
END_TEST

IMAP_TESTS("imap_session", greeting_and_logout, nonsense, too_many_errors, logins, authenticate,
           literals, a_literal_before_login_is_small, a_long_line, select_and_examine, rev2,
           managing_mailboxes, list_extended, append_and_status, append_limits, fetching,
           fetching_binary, storing, expunging, copying_and_moving, searching, idling,
           the_mailbox_goes_away, the_store_forgets_or_is_away, the_store_restarts,
           large_messages_stream, disconnects)
