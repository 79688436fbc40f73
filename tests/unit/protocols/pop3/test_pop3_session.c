/* test_pop3_session.c - whole dialogues over a socket, with a store that is played here (RFC 1939,
 * 2449, 2595, 3206, 5034, 6856). */
#include "protocols/pop3/pop3_session.h"

#include "fake_filter.h"

#include "core/base/str.h"

#include <check.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the store: alice@example.org, password "secret word", three messages ---- */

static const char *const messages[] = {
    "Subject: first\r\n\r\nline one\r\n.dot line\r\n..two dots\r\nend\r\n",
    "Subject: second\r\n\r\nbody 0\r\nbody 1\r\nbody 2\r\n",
    "Subject: third\r\n\r\nbare\n.\nno end",
};
static struct hot_record records[FCT_COUNT(messages)];
static unsigned logins, expunges, open_views, logouts;
static uint32_t expunged_first;
static enum fct_class trouble; /* of the next calls; FCT_OK: none */
static bool slow;              /* the store takes its time: a wait in each call */
static struct {
    uint32_t uid, offset, length;
} readings[1000];
static unsigned nreadings, collected;

static bool store_works(struct fct_err *err)
{
    if (slow)
        (void)fiber_sleep(1);
    return trouble == FCT_OK || fct_fail(err, trouble, "trouble");
}

bool store_login(struct store *st, struct fct_str user, struct fct_str password,
                 struct arena *arena, struct store_principal *out, struct fct_err *err)
{
    (void)st;
    if (!store_works(err))
        return false;
    if (!str_equal(user, FCT_STR("alice@example.org")) ||
        !str_equal(password, FCT_STR("secret word")))
        return fct_fail(err, FCT_DENIED, "wrong");
    logins++;
    *out = (struct store_principal){5, arena_str(arena, user)};
    return true;
}

void store_logout(struct store *st, struct store_principal *p)
{
    (void)st;
    logouts += p->handle != 0;
    p->handle = 0;
}

bool store_scram_salt(struct store *st, struct fct_str user, struct arena *arena,
                      struct fct_str *salt, uint32_t *iterations, struct fct_err *err)
{
    (void)st, (void)user, (void)arena, (void)salt, (void)iterations;
    return fct_fail(err, FCT_TEMP, "not played");
}

bool store_scram_login(struct store *st, struct fct_str user, struct fct_str auth_message,
                       struct fct_str client_proof, struct arena *arena,
                       struct fct_str *server_signature, struct store_principal *out,
                       struct fct_err *err)
{
    (void)st, (void)user, (void)auth_message, (void)client_proof, (void)arena,
        (void)server_signature, (void)out;
    return fct_fail(err, FCT_TEMP, "not played");
}

bool store_login_as(struct store *st, struct store_principal *p, struct fct_str account,
                    struct arena *arena, struct fct_err *err)
{
    (void)st, (void)p, (void)account, (void)arena;
    return fct_fail(err, FCT_DENIED, "no account");
}

/* Learning is IMAP's; its part of the library is linked. */
bool store_mailbox(struct store *st, uint32_t principal, struct fct_str name, struct arena *arena,
                   struct mailbox_info *out, struct fct_err *err)
{
    (void)st, (void)principal, (void)name, (void)arena, (void)out;
    return fct_fail(err, FCT_DENIED, "not played");
}

bool store_original(struct store *st, uint32_t principal, uint64_t email_id, int *fd,
                    uint64_t *size, struct fct_err *err)
{
    (void)st, (void)principal, (void)email_id, (void)fd, (void)size;
    return fct_fail(err, FCT_DENIED, "not played");
}

bool store_select(struct store *st, uint32_t principal, struct fct_str name, bool watch,
                  struct arena *arena, struct store_view *out, struct fct_err *err)
{
    (void)st, (void)principal, (void)name, (void)watch, (void)arena;
    if (!store_works(err))
        return false;
    open_views++;
    *out = (struct store_view){.info = {.id = 3, .exists = FCT_COUNT(messages), .uid_validity = 77},
                               .record = records};
    return true;
}

void store_unselect(struct store *st, uint32_t principal, uint64_t mailbox)
{
    (void)st, (void)principal, (void)mailbox;
}

void store_view_free(struct store_view *view)
{
    open_views -= view->record != NULL;
    view->record = NULL;
}

bool store_expunge(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
                   bool only_deleted, uint64_t *mod_seq, struct fct_err *err)
{
    (void)st, (void)principal, (void)mailbox, (void)only_deleted;
    if (!store_works(err))
        return false;
    expunges++;
    expunged_first = uids.range[0].first;
    *mod_seq = 9;
    return true;
}

struct store_reading store_read_start(struct store *st, uint32_t principal, uint64_t mailbox,
                                      uint32_t uid, bool original, uint64_t offset, uint32_t length)
{
    (void)st, (void)principal, (void)mailbox, (void)original;
    readings[nreadings].uid = uid;
    readings[nreadings].offset = (uint32_t)offset;
    readings[nreadings].length = length;
    return (struct store_reading){.pending = {.request = nreadings++}};
}

bool store_read_collect(struct store_reading r, struct buf *out, struct fct_err *err)
{
    uint64_t i = r.pending.request;

    collected++;
    if (!store_works(err))
        return false;
    return buf_put(out, messages[readings[i].uid - 101] + readings[i].offset, readings[i].length);
}

void store_read_drop(struct store_reading r)
{
    (void)r;
    collected++;
}

/* ---- the listener and the client ---- */

static struct event_base *base;
static struct edge edge;
static struct edge_listener listener;
static struct listener_conf listener_conf;
static struct config *config;
static int client = -1;
static char heard[64u << 10];

static void turns(unsigned n)
{
    while (n-- > 0)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static const char *hear(void)
{
    size_t n = 0;

    for (unsigned quiet = 0; quiet < 20 && n < sizeof heard - 1; quiet++) {
        ssize_t got;

        if (slow)
            event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), usleep(1000);
        turns(2);
        got = read(client, heard + n, sizeof heard - 1 - n);
        if (got > 0) {
            n += (size_t)got;
            quiet = 0;
        }
    }
    heard[n] = '\0';
    return heard;
}

static void say(const char *text)
{
    ck_assert_int_eq(write(client, text, strlen(text)), (ssize_t)strlen(text));
}

static void talk(const char *said, const char *want)
{
    say(said);
    ck_assert_str_eq(hear(), want);
}

static bool is_closed(void)
{
    char byte;

    turns(5);
    return read(client, &byte, 1) == 0;
}

static struct pop3_conf *settings(void)
{
    return (struct pop3_conf *)(uintptr_t)config_get(config, &pop3_block);
}

static void connect_client(void)
{
    int fd[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    client = fd[0];
    pop3_protocol.accepted(&listener, fd[1]);
}

static void setup(void)
{
    static const struct conf_block *const blocks[] = {&pop3_block, NULL};
    struct fct_err err = {0};

    logins = logouts = expunges = open_views = nreadings = collected = 0;
    trouble = FCT_OK;
    slow = false;
    fake_filter_reset();
    for (uint32_t i = 0; i < FCT_COUNT(messages); i++)
        records[i] = (struct hot_record){.uid = 101 + i, .size = (uint32_t)strlen(messages[i])};
    base = event_base_new();
    ck_assert_msg(fiber_setup(base, 64u << 10, 4, &err), "%s", err.text);
    ck_assert_msg(config_load(NULL, 0, blocks, &config, NULL, &err), "%s", err.text);
    settings()->login_delay.ms = 0;
    edge = (struct edge){.base = base, .conf = config, .name = FCT_STR("mx.example.org")};
    listener_conf = (struct listener_conf){.protocol = "pop3", .tls = "none"};
    listener =
        (struct edge_listener){.edge = &edge, .conf = &listener_conf, .protocol = &pop3_protocol};
    listener_conf.plain_login = true;
}

static void teardown(void)
{
    if (client >= 0)
        close(client);
    client = -1;
    for (unsigned i = 0; i < 100 && edge.session_count; i++)
        usleep(slow ? 1000 : 0), turns(2);
    ck_assert_uint_eq(edge.session_count, 0);
    ck_assert_uint_eq(open_views, 0);
    ck_assert_uint_eq(logins, logouts);
    ck_assert_uint_eq(nreadings, collected);
    fiber_teardown();
    event_base_free(base);
    config_free(&config);
}

#define GREETING  "+OK mx.example.org POP3 ready\r\n"
#define WELCOME   "+OK 3 messages (130 octets)\r\n"
#define ERR_LATER "-ERR [SYS/TEMP] this is not possible right now, please try again later\r\n"

/* The socket pair has no address; a PROXY header says that the client is on this machine, so
 * passwords may pass. */
static void greet(void)
{
    listener_conf.proxy = true;
    connect_client();
    talk("PROXY TCP4 127.0.0.1 127.0.0.1 1 110\r\n", GREETING);
}

static void log_in(void)
{
    greet();
    talk("USER alice@example.org\r\nPASS secret word\r\n", "+OK send PASS\r\n" WELCOME);
}

/* ---- dialogues ---- */

/* clang-format off */
static const struct {
    const char *name, *said, *want;
} early[] = {
    {"order of states", "STAT\r\nRETR 1\r\nNOOP\r\n", "-ERR log in first\r\n-ERR log in first\r\n-ERR log in first\r\n"},
    {"unknown", "XTND\r\n\r\nAPOP a b\r\n", "-ERR unknown command\r\n-ERR unknown command\r\n-ERR unknown command\r\n"},
    {"any case", "quit\r\n", "+OK bye\r\n"},
    {"LF alone ends a line", "CAPA x\nQUIT\n", "-ERR no argument was expected\r\n+OK bye\r\n"},
    {"PASS needs USER", "PASS x\r\n", "-ERR say USER first\r\n"},
    {"USER needs a name", "USER\r\n", "-ERR an argument is missing\r\n"},
    {"wrong password", "USER alice@example.org\r\nPASS secret\r\n", "+OK send PASS\r\n-ERR [AUTH] wrong user name or password\r\n"},
    {"a password keeps its spaces", "USER alice@example.org\r\nPASS secret word \r\n", "+OK send PASS\r\n-ERR [AUTH] wrong user name or password\r\n"},
    {"a failed PASS forgets USER", "USER x\r\nPASS x\r\nPASS x\r\n", "+OK send PASS\r\n-ERR [AUTH] wrong user name or password\r\n-ERR say USER first\r\n"},
    {"AUTH unknown", "AUTH FOOBAR\r\n", "-ERR unknown authentication mechanism\r\n"},
    {"AUTH without", "AUTH\r\n", "-ERR AUTH mechanism [initial-response]\r\n"},
    {"AUTH PLAIN in one line", "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldCB3b3Jk\r\n", WELCOME},
    {"AUTH PLAIN in two lines", "AUTH PLAIN\r\nAGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldCB3b3Jk\r\n", "+ \r\n" WELCOME},
    {"AUTH LOGIN", "AUTH LOGIN\r\nYWxpY2VAZXhhbXBsZS5vcmc=\r\nc2VjcmV0IHdvcmQ=\r\nNOOP\r\n", "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n" WELCOME "+OK nothing done\r\n"},
    {"AUTH wrong", "AUTH PLAIN AGEAYg==\r\n", "-ERR [AUTH] wrong user name or password\r\n"},
    {"three wrong passwords", "AUTH PLAIN AGEAYg==\r\nAUTH PLAIN AGEAYg==\r\nAUTH PLAIN AGEAYg==\r\nNOOP\r\n", "-ERR [AUTH] wrong user name or password\r\n-ERR [AUTH] wrong user name or password\r\n-ERR [AUTH] wrong user name or password\r\n"},
    {"STLS where there is none", "STLS\r\n", "-ERR TLS is not available here\r\n"},
    {"UTF8", "UTF8\r\nUTF8 x\r\n", "+OK UTF8 enabled\r\n-ERR no argument was expected\r\n"},
};

static const struct {
    const char *name, *said, *want;
} late[] = {
    {"STAT", "STAT\r\n", "+OK 3 130\r\n"},
    {"LIST", "LIST\r\n", "+OK 3 messages\r\n1 56\r\n2 43\r\n3 31\r\n.\r\n"},
    {"LIST n", "LIST 2\r\nLIST 4\r\nLIST 0\r\n", "+OK 2 43\r\n-ERR no such message\r\n-ERR a message number was expected\r\n"},
    {"UIDL", "UIDL\r\nUIDL 3\r\n", "+OK 3 messages\r\n1 77.101\r\n2 77.102\r\n3 77.103\r\n.\r\n+OK 3 77.103\r\n"},
    {"RETR with dots", "RETR 1\r\n", "+OK 56 octets\r\nSubject: first\r\n\r\nline one\r\n..dot line\r\n...two dots\r\nend\r\n.\r\n"},
    {"RETR with bare LF", "RETR 3\r\n", "+OK 31 octets\r\nSubject: third\r\n\r\nbare\r\n..\r\nno end\r\n.\r\n"},
    {"RETR refused", "RETR 4\r\nRETR\r\nRETR 4294967297\r\nRETR -1\r\n", "-ERR no such message\r\n-ERR a message number was expected\r\n-ERR a message number was expected\r\n-ERR a message number was expected\r\n"},
    {"TOP", "TOP 2 0\r\nTOP 2 2\r\nTOP 2 100\r\nTOP 2\r\n", "+OK 43 octets\r\nSubject: second\r\n\r\n.\r\n+OK 43 octets\r\nSubject: second\r\n\r\nbody 0\r\nbody 1\r\n.\r\n+OK 43 octets\r\nSubject: second\r\n\r\nbody 0\r\nbody 1\r\nbody 2\r\n.\r\n-ERR a number of lines was expected\r\n"},
    {"DELE hides", "DELE 1\r\nSTAT\r\nLIST\r\nRETR 1\r\nDELE 1\r\nUIDL 1\r\n", "+OK marked for deletion\r\n+OK 2 74\r\n+OK 2 messages\r\n2 43\r\n3 31\r\n.\r\n-ERR no such message\r\n-ERR no such message\r\n-ERR no such message\r\n"},
    {"RSET", "DELE 1\r\nRSET\r\nSTAT\r\n", "+OK marked for deletion\r\n+OK 3 messages (130 octets)\r\n+OK 3 130\r\n"},
    {"no second login", "USER a\r\nPASS b\r\nAUTH PLAIN\r\nSTLS\r\nUTF8\r\n", "-ERR you are logged in already\r\n-ERR you are logged in already\r\n-ERR you are logged in already\r\n-ERR you are logged in already\r\n-ERR you are logged in already\r\n"},
    {"CAPA offers no login now", "CAPA\r\n", "+OK capabilities follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUTF8\r\nIMPLEMENTATION Facteur\r\n.\r\n"},
    {"pipelining", "STAT\r\nRETR 2\r\nNOOP\r\nRETR 2\r\nQUIT\r\n", "+OK 3 130\r\n+OK 43 octets\r\nSubject: second\r\n\r\nbody 0\r\nbody 1\r\nbody 2\r\n.\r\n+OK nothing done\r\n+OK 43 octets\r\nSubject: second\r\n\r\nbody 0\r\nbody 1\r\nbody 2\r\n.\r\n+OK bye\r\n"},
};
/* clang-format on */

START_TEST(before_login)
{
    greet();
    talk(early[_i].said, early[_i].want);
}
END_TEST

START_TEST(before_login_byte_by_byte_and_slow)
{
    char got[4096] = "";

    greet();
    for (const char *p = early[_i].said; *p; p++) {
        if (write(client, p, 1) != 1)
            break; /* closed after the last wrong password */
        turns(3);
    }
    strncat(got, hear(), sizeof got - 1);
    ck_assert_str_eq(got, early[_i].want);
}
END_TEST

START_TEST(after_login)
{
    log_in();
    talk(late[_i].said, late[_i].want);
}
END_TEST

START_TEST(after_login_with_a_slow_store)
{
    slow = true;
    log_in();
    talk(late[_i].said, late[_i].want);
}
END_TEST

START_TEST(capabilities_before_login)
{
    greet();
    say("CAPA\r\n");
    hear();
    ck_assert_ptr_nonnull(strstr(heard, "\r\nUSER\r\nSASL SCRAM-SHA-256 PLAIN LOGIN\r\n"));
    ck_assert_ptr_null(strstr(heard, "STLS"));
}
END_TEST

START_TEST(passwords_need_tls)
{
    listener_conf.plain_login = false;
    greet();
    say("CAPA\r\n");
    hear();
    ck_assert_ptr_null(strstr(heard, "USER"));
    ck_assert_ptr_null(strstr(heard, "SASL"));
    say("USER alice@example.org\r\nAUTH PLAIN\r\n");
    hear();
    ck_assert_ptr_nonnull(strstr(heard, "-ERR [AUTH] passwords are only taken under TLS"));
    ck_assert_ptr_null(strstr(heard, "+"));
    ck_assert_uint_eq(logins, 0);
}
END_TEST

START_TEST(quit_removes_what_is_marked)
{
    log_in();
    talk("DELE 2\r\nDELE 3\r\nQUIT\r\n",
         "+OK marked for deletion\r\n+OK marked for deletion\r\n+OK bye\r\n");
    ck_assert_uint_eq(expunges, 1);
    ck_assert_uint_eq(expunged_first, 102);
    ck_assert(is_closed());
}
END_TEST

START_TEST(quit_says_when_nothing_was_removed)
{
    log_in();
    talk("DELE 2\r\n", "+OK marked for deletion\r\n");
    trouble = FCT_TEMP;
    talk("QUIT\r\n", "-ERR [SYS/TEMP] the marked messages were not removed\r\n");
    ck_assert(is_closed());
}
END_TEST

START_TEST(a_lost_connection_removes_nothing)
{
    log_in();
    talk("DELE 2\r\n", "+OK marked for deletion\r\n");
    close(client);
    client = -1;
    turns(5);
    ck_assert_uint_eq(expunges, 0);
    ck_assert_uint_eq(edge.session_count, 0);
}
END_TEST

START_TEST(a_client_that_leaves_during_a_command)
{
    slow = true;
    log_in();
    say("RETR 1\r\nRETR 2\r\nRETR 3\r\n");
    turns(1);
    close(client); /* teardown waits for the session to end */
    client = -1;
}
END_TEST

START_TEST(trouble_with_the_store_is_temporary)
{
    greet();
    trouble = FCT_TEMP;
    talk("USER alice@example.org\r\nPASS secret word\r\n",
         "+OK send PASS\r\n-ERR [SYS/TEMP] login is not possible right now, please try again "
         "later\r\n");
    trouble = FCT_OK;
    talk("USER alice@example.org\r\nPASS secret word\r\n", "+OK send PASS\r\n" WELCOME);
    trouble = FCT_TEMP;
    talk("RETR 1\r\n", ERR_LATER);
    trouble = FCT_DENIED;
    talk("RETR 1\r\n", "-ERR this message is gone\r\n");
    trouble = FCT_OK;
    talk("RETR 2\r\n",
         "+OK 43 octets\r\nSubject: second\r\n\r\nbody 0\r\nbody 1\r\nbody 2\r\n.\r\n");
}
END_TEST

START_TEST(long_lines_and_many_errors_end_the_session)
{
    char line[20000];

    memset(line, 'A', sizeof line);
    greet();
    ck_assert_int_eq(write(client, line, 2000), 2000);
    talk("\r\n", "-ERR unknown command\r\n"); /* within what AUTH may use */
    memcpy(line, "USER ", 5);
    ck_assert_int_eq(write(client, line, 2000), 2000);
    talk("\r\n", "-ERR line too long\r\n");
    ck_assert_int_eq(write(client, line, sizeof line), sizeof line);
    ck_assert_str_eq(hear(), "-ERR line too long\r\n");
    ck_assert(is_closed());
}
END_TEST

START_TEST(errors_are_counted)
{
    greet();
    settings()->max_errors = 2;
    talk("X\r\nX\r\nX\r\nX\r\n",
         "-ERR unknown command\r\n-ERR unknown command\r\n-ERR too many errors, goodbye\r\n");
    ck_assert(is_closed());
}
END_TEST

START_TEST(commands_before_login_are_counted)
{
    greet();
    settings()->max_early_commands = 2;
    talk("UTF8\r\nUTF8\r\nUTF8\r\nUTF8\r\n", "+OK UTF8 enabled\r\n+OK UTF8 enabled\r\n-ERR too "
                                             "many commands without a login, goodbye\r\n");
    ck_assert(is_closed());
}
END_TEST

START_TEST(a_flood_of_commands_is_answered)
{
    static char flood[2000 * 6 + 1];
    size_t answers = 0;

    log_in();
    for (unsigned i = 0; i < 2000; i++)
        memcpy(flood + 6 * (size_t)i, "NOOP\r\n", 6);
    say(flood);
    hear();
    for (const char *p = heard; (p = strstr(p, "+OK nothing done\r\n")); p++)
        answers++;
    ck_assert_uint_eq(answers, 2000);
}
END_TEST

/* ---- filters ---- */

/* A filter takes its time. */
static void hooked(enum fct_hook hook, enum fct_verdict verdict, const char *text)
{
    slow = true;
    fake_filter_answer(hook, verdict, text);
}

START_TEST(connect_changes_the_banner)
{
    hooked(FCT_HOOK_connect, FCT_NEXT, "");
    fake_filter_change(FCT_HOOK_connect, "banner", "hello <apop@x>");
    listener_conf.proxy = true;
    connect_client();
    talk("PROXY TCP4 127.0.0.1 127.0.0.1 1 110\r\n", "+OK hello (apop@x>\r\n");
    ck_assert_str_eq(fake_filter_said(), "ask connect implicit_tls=no\n");
}
END_TEST

START_TEST(connect_refuses)
{
    hooked(FCT_HOOK_connect, FCT_REJECT, "go away");
    listener_conf.proxy = true;
    connect_client();
    talk("PROXY TCP4 127.0.0.1 127.0.0.1 1 110\r\n", "-ERR go away\r\n");
    ck_assert(is_closed());
}
END_TEST

static const struct {
    enum fct_hook hook;
    enum fct_verdict verdict;
    const char *text, *want;
} refused_logins[] = {
    {FCT_HOOK_auth, FCT_REJECT, "not at night", "-ERR not at night\r\n"},
    {FCT_HOOK_auth, FCT_TEMPFAIL, "", "-ERR [SYS/TEMP] this is not possible right now\r\n"},
    {FCT_HOOK_login, FCT_REJECT, "", "-ERR refused by policy\r\n"},
    {FCT_HOOK_login, FCT_TEMPFAIL, "moving", "-ERR [SYS/TEMP] moving\r\n"},
};

START_TEST(logins_are_refused)
{
    char want[200];

    greet();
    hooked(refused_logins[_i].hook, refused_logins[_i].verdict, refused_logins[_i].text);
    snprintf(want, sizeof want, "+OK send PASS\r\n%s-ERR log in first\r\n",
             refused_logins[_i].want);
    talk("USER alice@example.org\r\nPASS secret word\r\nSTAT\r\n", want);
    ck_assert_uint_eq(logouts, 1);
}
END_TEST

START_TEST(logins_are_asked_for)
{
    greet();
    hooked(FCT_HOOK_auth, FCT_NEXT, "");
    hooked(FCT_HOOK_login, FCT_NEXT, "");
    talk("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldCB3b3Jk\r\n", WELCOME);
    ck_assert_str_eq(fake_filter_said(),
                     "ask auth mechanism=PLAIN user=alice@example.org protocol=pop3\n"
                     "ask login protocol=pop3 account=alice@example.org client=\n");
}
END_TEST

START_TEST(reading_is_asked_for_in_order)
{
    log_in();
    hooked(FCT_HOOK_retrieve, FCT_NEXT, "");
    talk("TOP 2 0\r\nRETR 2\r\nTOP 2 1\r\nNOOP\r\n",
         "+OK 43 octets\r\nSubject: second\r\n\r\n.\r\n"
         "+OK 43 octets\r\nSubject: second\r\n\r\nbody 0\r\nbody 1\r\nbody 2\r\n.\r\n"
         "+OK 43 octets\r\nSubject: second\r\n\r\nbody 0\r\n.\r\n+OK nothing done\r\n");
    ck_assert_str_eq(fake_filter_said(),
                     "ask retrieve account=alice@example.org mailbox=INBOX uids=102 section=RETR\n"
                     "ask retrieve account=alice@example.org mailbox=INBOX uids=102 section=TOP\n");
}
END_TEST

START_TEST(reading_is_refused)
{
    log_in();
    hooked(FCT_HOOK_retrieve, FCT_REJECT, "not this one");
    talk("RETR 2\r\nTOP 2 1\r\nSTAT\r\n",
         "-ERR not this one\r\n-ERR not this one\r\n+OK 3 130\r\n");
}
END_TEST

START_TEST(deleting_is_asked_for_and_told)
{
    log_in();
    hooked(FCT_HOOK_store_expunge, FCT_NEXT, "");
    fake_filter_want(FCT_HOOK_store_commit);
    fake_filter_want(FCT_HOOK_logout);
    fake_filter_want(FCT_HOOK_disconnect);
    talk("DELE 1\r\nDELE 3\r\nQUIT\r\n",
         "+OK marked for deletion\r\n+OK marked for deletion\r\n+OK bye\r\n");
    close(client);
    client = -1;
    while (edge.session_count > 0)
        turns(1);
    ck_assert_uint_eq(expunges, 1);
    ck_assert_str_eq(fake_filter_said(),
                     "ask store.expunge account=alice@example.org mailbox=INBOX uids=101,103\n"
                     "tell store.commit account=alice@example.org change=expunge mailbox=INBOX "
                     "uids=101,103 target= target_uids= added=() removed=()\n"
                     "tell logout account=alice@example.org protocol=pop3\n"
                     "tell disconnect messages=0\n");
}
END_TEST

START_TEST(deleting_is_refused)
{
    log_in();
    hooked(FCT_HOOK_store_expunge, FCT_REJECT, "kept");
    fake_filter_want(FCT_HOOK_store_commit);
    talk("DELE 1\r\nQUIT\r\n", "+OK marked for deletion\r\n-ERR kept\r\n");
    ck_assert(is_closed());
    ck_assert_uint_eq(expunges, 0);
    ck_assert_ptr_null(strstr(fake_filter_said(), "store.commit"));
}
END_TEST

START_TEST(quit_without_marks_asks_nobody)
{
    log_in();
    hooked(FCT_HOOK_store_expunge, FCT_REJECT, "kept");
    talk("QUIT\r\n", "+OK bye\r\n");
    ck_assert_uint_eq(fake_filter_asked(), 0);
}
END_TEST

START_TEST(a_client_leaves_while_a_filter_thinks)
{
    log_in();
    hooked(FCT_HOOK_store_expunge, FCT_NEXT, "");
    say("DELE 1\r\nQUIT\r\n");
    turns(1);
    close(client);
    client = -1;
}
END_TEST

START_TEST(a_drain_ends_sessions)
{
    log_in();
    edge.sessions->drain(edge.sessions);
    ck_assert(is_closed());
}
END_TEST

START_TEST(silence_ends_a_session)
{
    settings()->login_timeout.ms = 5;
    greet();
    while (edge.session_count > 0)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert(is_closed());
}
END_TEST

/* STLS with a command injected behind it (RFC 2595 4): it must not be answered, neither in the
 * clear nor inside. */
START_TEST(stls_drops_what_was_injected)
{
    char folder[] = "/tmp/fct-pop3-XXXXXX", certificate[64], key[64];
    struct fct_err err = {0};
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;
    char got[4096];
    size_t n = 0;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(certificate, sizeof certificate, "%s/c.pem", folder);
    snprintf(key, sizeof key, "%s/k.pem", folder);
    ck_assert_msg(tls_self_sign(certificate, key, "mx.example.org", &err), "%s", err.text);
    ck_assert_msg(
        tls_context_new(&(struct tls_conf){certificate, key}, "pop3", &listener.tls, &err), "%s",
        err.text);
    listener.tls_mode = EDGE_TLS_STARTTLS;
    listener_conf.plain_login = false;
    greet();
    say("CAPA\r\n");
    ck_assert_ptr_nonnull(strstr(hear(), "\r\nSTLS\r\n"));
    talk("STLS\r\nUSER alice@example.org\r\n", "+OK begin TLS\r\n");
    ssl = SSL_new(ctx);
    SSL_set_fd(ssl, client);
    for (unsigned i = 0; i < 20 && SSL_connect(ssl) != 1; i++)
        turns(2);
    ck_assert(SSL_is_init_finished(ssl));
    ck_assert_int_eq(SSL_write_ex(ssl, "PASS secret word\r\nSTLS\r\nQUIT\r\n", 30, &n), 1);
    turns(5);
    ck_assert_int_eq(SSL_read_ex(ssl, got, sizeof got, &n), 1);
    ck_assert_msg(
        str_equal((struct fct_str){got, n},
                  FCT_STR("-ERR say USER first\r\n-ERR TLS is active already\r\n+OK bye\r\n")),
        "%.*s", (int)n, got);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    unlink(certificate);
    unlink(key);
    rmdir(folder);
    close(client);
    client = -1;
    turns(5);
    tls_context_unref(&listener.tls);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pop3_session");
    TCase *t = tcase_create("pop3_session");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, before_login, 0, FCT_COUNT(early));
    tcase_add_loop_test(t, before_login_byte_by_byte_and_slow, 0, FCT_COUNT(early));
    tcase_add_loop_test(t, after_login, 0, FCT_COUNT(late));
    tcase_add_loop_test(t, after_login_with_a_slow_store, 0, FCT_COUNT(late));
    tcase_add_test(t, capabilities_before_login);
    tcase_add_test(t, passwords_need_tls);
    tcase_add_test(t, quit_removes_what_is_marked);
    tcase_add_test(t, quit_says_when_nothing_was_removed);
    tcase_add_test(t, a_lost_connection_removes_nothing);
    tcase_add_test(t, a_client_that_leaves_during_a_command);
    tcase_add_test(t, trouble_with_the_store_is_temporary);
    tcase_add_test(t, long_lines_and_many_errors_end_the_session);
    tcase_add_test(t, errors_are_counted);
    tcase_add_test(t, commands_before_login_are_counted);
    tcase_add_test(t, a_flood_of_commands_is_answered);
    tcase_add_test(t, connect_changes_the_banner);
    tcase_add_test(t, connect_refuses);
    tcase_add_test(t, logins_are_asked_for);
    tcase_add_test(t, reading_is_asked_for_in_order);
    tcase_add_test(t, reading_is_refused);
    tcase_add_test(t, deleting_is_asked_for_and_told);
    tcase_add_test(t, deleting_is_refused);
    tcase_add_test(t, quit_without_marks_asks_nobody);
    tcase_add_test(t, a_client_leaves_while_a_filter_thinks);
    tcase_add_loop_test(t, logins_are_refused, 0, FCT_COUNT(refused_logins));
    tcase_add_test(t, a_drain_ends_sessions);
    tcase_add_test(t, silence_ends_a_session);
    tcase_add_test(t, stls_drops_what_was_injected);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
