/* test_redis.c - against a real redis-server, and against things that only look like one. */
#include "core/redis/redis_int.h"
#include "tests/unit/core/redis/redis_rig.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- what needs no server ---- */

START_TEST(shared_connections)
{
    static const struct {
        const char *command;
        bool allowed;
    } cases[] = {
        {"GET a", true},
        {"get a", true},
        {"EVAL x 0", true},
        {"XREAD STREAMS a 0", true},
        {"BLPOP a 0", false},
        {"blpop a 0", false},
        {"SUBSCRIBE a", false},
        {"MULTI", false},
        {"EXEC", false},
        {"SELECT 1", false},
        {"MONITOR", false},
        {"AUTH x", false},
        {"xread block 0 streams a 0", false},
        {"CLIENT REPLY OFF", false},
        {"WAIT 1 0", false},
        {"HELLO 3", false},
        {"", false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str word[8], rest = str_from(cases[i].command);
        struct fct_err err = {0};
        size_t n = 0;

        while (rest.p)
            word[n++] = str_split(&rest, ' ');
        ck_assert_msg(redis_command_allowed(word, n, &err) == cases[i].allowed, "%s",
                      cases[i].command);
        ck_assert_int_eq(err.class, cases[i].allowed ? FCT_OK : FCT_DENIED);
    }
}
END_TEST

/* What a URL means: the server's name, user, password, database; sentinel's user, password. */
static struct fct_str place_text(struct arena *arena, const struct redis_place *p)
{
    struct fct_str text = arena_printf(arena, "%.*s", FCT_FMT(redis_place_name(arena, p)));

    for (size_t i = 0; p->kind != REDIS_SINGLE && i < p->n; i++)
        text = arena_printf(arena, "%.*s,%.*s", FCT_FMT(text),
                            FCT_FMT(redis_address_name(arena, &p->address[i])));
    return arena_printf(arena, "%.*s %.*s %.*s %u%s%.*s", FCT_FMT(text), FCT_FMT(p->login.user),
                        FCT_FMT(p->login.password), (unsigned)p->database,
                        p->kind == REDIS_SENTINEL ? " " : "", FCT_FMT(p->sentinel_login.password));
}

START_TEST(places)
{
    static const struct {
        const char *url, *want; /* NULL: refused; "def": with a password file */
    } cases[] = {
        {"", "unix:/run/redis/redis.sock   4"},
        {"unix:/run/redis.sock", "unix:/run/redis.sock  def 4"},
        {"redis://127.0.0.1", "redis://127.0.0.1:6379  def 4"},
        {"redis://Example.com:1/2", "redis://example.com:1  def 2"},
        {"rediss://u:p%40q@[::1]:7/", "rediss://[::1]:7 u p@q 4"},
        {"redis://:p@h", "redis://h:6379  p 4"},
        {"redis://h/x", NULL},
        {"http://h", NULL},
        {"h:6379", NULL},
        {"redis://h/1?x=y", NULL},
        {"unix:x", NULL},
        {"sentinel://a/mymaster", "sentinel:mymaster,a:26379   4 "},
        {"sentinel://u:p%40q@A.example:1,10.0.0.1,[::1]:3/my%20master/2",
         "sentinel:my master,a.example:1,10.0.0.1:26379,[::1]:3 u p@q 2 "},
        {"sentinels://a/m", "sentinels:m,a:26379   4 "},
        {"sentinel://a", NULL},
        {"sentinel:///m", NULL},
        {"sentinel://a,/m", NULL},
        {"sentinel://a:0/m", NULL},
        {"sentinel://a:65536/m", NULL},
        {"sentinel://[::1/m", NULL},
        {"sentinel://a/m/x", NULL},
        {"sentinel://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a/m", NULL},
        {"cluster://a,b:7000", "redis://a:6379,a:6379,b:7000   0"},
        {"clusters://u:p@a", "rediss://a:6379,a:6379 u p 0"},
        {"cluster://a/1", NULL},
        {"cluster://", NULL},
    };
    char file[] = "/tmp/fct-redis.XXXXXX";
    int fd = mkstemp(file);

    ck_assert_int_eq(write(fd, "def\nx", 5), 5);
    close(fd);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct redis_conf conf = {.url = cases[i].url,
                                  .user = "",
                                  .password_file = "",
                                  .sentinel_user = "",
                                  .sentinel_password_file = "",
                                  .database = 4};
        struct arena *arena = arena_new(NULL);
        struct redis_place p;
        struct fct_err err = {0};
        bool ok;

        if (cases[i].want && strstr(cases[i].want, "def"))
            conf.password_file = file;
        ok = redis_place_parse(arena, &conf, "/run", &p, &err);
        ck_assert_msg(ok == (cases[i].want != NULL), "%s: %s", cases[i].url, err.text);
        if (ok)
            ck_assert_str_eq(place_text(arena, &p).p, cases[i].want);
        arena_free(&arena);
    }
    unlink(file);
}
END_TEST

/* ---- a cluster's arithmetic ---- */

START_TEST(slots)
{
    static const struct {
        const char *key;
        unsigned slot; /* as CLUSTER KEYSLOT says */
    } cases[] = {
        {"", 0},
        {"123456789", 12739},
        {"foo", 12182},
        {"{foo}bar", 12182},
        {"x{foo}", 12182},
        {"foo{}{bar}", 8363},
        {"{", 4092},
        {"a{b", 13340},
        {"{foo}{bar}", 12182},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(redis_slot_of(str_from(cases[i].key)) == cases[i].slot, "%s: %u",
                      cases[i].key, redis_slot_of(str_from(cases[i].key)));
}
END_TEST

START_TEST(redirections)
{
    static const struct {
        const char *text, *want; /* NULL: none */
    } cases[] = {
        {"MOVED 3999 127.0.0.1:6381", "moved 3999 127.0.0.1 6381"},
        {"ASK 16383 ::1:6381", "ask 16383 ::1 6381"},
        {"MOVED 0 :6381", "moved 0  6381"},
        {"MOVED 16384 127.0.0.1:6381", NULL},
        {"MOVED x 127.0.0.1:6381", NULL},
        {"MOVED 1 127.0.0.1", NULL},
        {"MOVED 1 127.0.0.1:0", NULL},
        {"MOVED 1 127.0.0.1:70000", NULL},
        {"MOVED 1", NULL},
        {"MOVED", NULL},
        {"ERR no", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct redis_redirection to;
        char text[100];
        bool ok = redis_redirection_parse(str_from(cases[i].text), &to);

        ck_assert_msg(ok == (cases[i].want != NULL), "%s", cases[i].text);
        if (!ok)
            continue;
        snprintf(text, sizeof text, "%s %u %.*s %u", to.ask ? "ask" : "moved", to.slot,
                 FCT_FMT(to.to.host), (unsigned)to.to.port);
        ck_assert_str_eq(text, cases[i].want);
    }
}
END_TEST

START_TEST(keys_of_commands)
{
    static const struct {
        const char *command;
        size_t key;
    } cases[] = {
        {"GET a", 1},
        {"mget a b", 1},
        {"EVALSHA x 1 a", 3},
        {"EVAL x 0 a", 0},
        {"EVAL x", 0},
        {"PING", 0},
        {"ping a", 0},
        {"GET", 0},
        {"XREAD COUNT 1 STREAMS a 0", 4},
        {"XREAD STREAMS", 0},
        {"XINFO STREAM a", 2},
        {"OBJECT ENCODING a", 2},
        {"XADD fct:hist * a b", 1},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str word[8], rest = str_from(cases[i].command);
        size_t n = 0;

        while (rest.p)
            word[n++] = str_split(&rest, ' ');
        ck_assert_msg(redis_command_key(word, n) == cases[i].key, "%s", cases[i].command);
    }
}
END_TEST

START_TEST(no_redis_configured)
{
    struct fct_err err = {0};

    ck_assert(redis_new(rig.base, &rig.conf, NULL, NULL, &rig.redis, &err));
    ck_assert_ptr_null(rig.redis);
    rig.conf.url = "nonsense";
    ck_assert(!redis_new(rig.base, &rig.conf, NULL, NULL, &rig.redis, &err));
    ck_assert_ptr_null(rig.redis);
    ck_assert_int_eq(err.class, FCT_SYNTAX);
}
END_TEST

/* ---- a real one ---- */

static void with_server(void)
{
    redis_rig_start();
    redis_rig_server(NULL);
    redis_rig_client();
}

static struct redis_asked ask_until_away(void)
{
    struct redis_asked a;

    do {
        a = redis_rig_ask("GET a");
        event_base_loop(rig.base, EVLOOP_NONBLOCK); /* calls fail at once after redis.timeout */
    } while (!redis_stats(rig.redis).away);
    return a;
}

START_TEST(replies)
{
    struct redis_asked a = redis_rig_ask("SET key v");

    ck_assert_msg(a.reply != NULL, "%s", a.err.text);
    ck_assert_uint_eq(a.reply->kind, FCT_REDIS_STRING);
    a = redis_rig_ask("GET key");
    ck_assert(str_equal(a.reply->string, FCT_STR("v")));
    a = redis_rig_ask("GET nothing");
    ck_assert_uint_eq(a.reply->kind, FCT_REDIS_NIL);
    a = redis_rig_ask("INCRBY number 41");
    ck_assert_uint_eq(a.reply->kind, FCT_REDIS_INTEGER);
    ck_assert_int_eq(a.reply->integer, 41);
    a = redis_rig_ask("MGET key nothing number");
    ck_assert_uint_eq(a.reply->kind, FCT_REDIS_ARRAY);
    ck_assert_uint_eq(a.reply->n, 3);
    ck_assert(str_equal(a.reply->item[2].string, FCT_STR("41")));
    ck_assert_uint_eq(a.reply->item[1].kind, FCT_REDIS_NIL);
    a = redis_rig_ask("LPUSH key x");
    ck_assert_ptr_null(a.reply);
    ck_assert_int_eq(a.err.class, FCT_DENIED);
    ck_assert_ptr_nonnull(strstr(a.err.text, "WRONGTYPE"));
    a = redis_rig_ask("BLPOP key 0");
    ck_assert_int_eq(a.err.class, FCT_DENIED);
    ck_assert(redis_stats(rig.redis).there);
}
END_TEST

static void binary(void *arg)
{
    struct fct_str value = {"a\0\r\n\xFF", 5};
    struct fct_str set[] = {FCT_STR("SET"), FCT_STR("k\0\r\n"), value};
    struct fct_err err = {0};
    const struct fct_redis_reply *reply;

    (void)arg;
    ck_assert_ptr_nonnull(redis_call(rig.redis, rig.arena, set, 3, &err));
    reply = redis_call(rig.redis, rig.arena, (struct fct_str[]){FCT_STR("GET"), set[1]}, 2, &err);
    ck_assert(str_equal(reply->string, value));
}

START_TEST(any_byte)
{
    redis_rig_run(binary, NULL);
}
END_TEST

/* Every fiber gets its own answer. */
START_TEST(many_at_once)
{
    enum { MANY = 1000 };
    struct redis_asked *asked = calloc(MANY, sizeof *asked);
    char(*text)[24] = calloc(MANY, sizeof *text);

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "ECHO %u", i);
        asked[i].command = text[i];
        fiber_start(redis_rig_ask_fiber, &asked[i]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        while (!asked[i].done)
            event_base_loop(rig.base, EVLOOP_ONCE);
        ck_assert(str_equal(asked[i].reply->string, str_from(text[i] + 5)));
    }
    ck_assert_uint_eq(redis_stats(rig.redis).connections, 1);
    ck_assert_uint_eq(redis_stats(rig.redis).pending, 0);
    free(asked);
    free(text);
}
END_TEST

static void scripts_fiber(void *arg)
{
    static const struct fct_redis_script sum = {"sum", "return KEYS[1] .. ARGV[1] + ARGV[2]"};
    static const struct fct_redis_script wrong = {"wrong", "return nothing.x"};
    const struct fct_str key = FCT_STR("k"), args[] = {FCT_STR("1"), FCT_STR("2")};
    struct fct_err err = {0};

    (void)arg;
    for (unsigned round = 0; round < 3; round++) {
        const struct fct_redis_reply *reply =
            redis_script(rig.redis, rig.arena, &sum, &key, 1, args, 2, &err);

        ck_assert_msg(reply && str_equal(reply->string, FCT_STR("k3")), "%s", err.text);
        if (round == 1) /* it forgot: the text is sent once more */
            redis_call(rig.redis, rig.arena,
                       (struct fct_str[]){FCT_STR("SCRIPT"), FCT_STR("FLUSH")}, 2, &err);
    }
    ck_assert_uint_eq(redis_stats(rig.redis).commands, 1 + 2 + 1 + 1 + 2); /* with the greeting */
    ck_assert_ptr_null(redis_script(rig.redis, rig.arena, &wrong, NULL, 0, NULL, 0, &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "script wrong"));
}

START_TEST(scripts)
{
    redis_rig_run(scripts_fiber, NULL);
}
END_TEST

START_TEST(a_fiber_that_goes_away)
{
    struct redis_asked gone = {.command = "ECHO gone"};
    struct fiber_id id;

    (void)redis_rig_ask("PING");
    id = fiber_start(redis_rig_ask_fiber, &gone);
    fiber_cancel(id);
    while (!gone.done)
        event_base_loop(rig.base, EVLOOP_ONCE);
    ck_assert_ptr_null(gone.reply);
    ck_assert_int_eq(gone.err.class, FCT_TEMP);
    ck_assert(str_equal(redis_rig_ask("ECHO next").reply->string, FCT_STR("next")));
    ck_assert_uint_eq(redis_stats(rig.redis).connections, 1);
}
END_TEST

START_TEST(death_and_return)
{
    struct redis_asked a;

    ck_assert_ptr_nonnull(redis_rig_ask("SET a b").reply);
    redis_rig_kill();
    a = ask_until_away();
    a = redis_rig_ask("GET a");
    ck_assert_ptr_null(a.reply);
    ck_assert_int_eq(a.err.class, FCT_TEMP);
    ck_assert_uint_gt(redis_stats(rig.redis).refused, 0);
    unlink(rig.socket);
    redis_rig_server(NULL);
    while (redis_stats(rig.redis).away)
        event_base_loop(rig.base, EVLOOP_ONCE);
    ck_assert_uint_eq(redis_rig_ask("GET a").reply->kind, FCT_REDIS_NIL);
}
END_TEST

START_TEST(who_may)
{
    static const char *const more[] = {"--requirepass", "secret", NULL};
    struct redis_asked a;

    redis_rig_server(more);
    redis_rig_client();
    while (!redis_stats(rig.redis).away)
        (void)redis_rig_ask("PING");
    a = redis_rig_ask("PING");
    ck_assert_int_eq(a.err.class, FCT_TEMP);
    redis_free(&rig.redis);
    event_base_loop(rig.base, EVLOOP_NONBLOCK);
    char file[] = "/tmp/fct-redis.XXXXXX";
    int fd = mkstemp(file);

    ck_assert_int_eq(write(fd, "secret", 6), 6);
    close(fd);
    rig.conf.password_file = file;
    rig.conf.user = "default";
    rig.conf.database = 3;
    redis_rig_client();
    ck_assert_ptr_nonnull(redis_rig_ask("SET a b").reply);
    a = redis_rig_ask("INFO keyspace");
    ck_assert_ptr_nonnull(strstr(a.reply->string.p, "db3:keys=1"));
    unlink(file);
}
END_TEST

static unsigned free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* The certificate is for 127.0.0.1 and vouches for itself. */
START_TEST(tls)
{
    char cert[120], key[120], port[12], url[80], command[600];
    const char *more[] = {"--tls-port",
                          port,
                          "--tls-cert-file",
                          cert,
                          "--tls-key-file",
                          key,
                          "--tls-ca-cert-file",
                          cert,
                          "--tls-auth-clients",
                          "no",
                          NULL};

    snprintf(cert, sizeof cert, "%s/cert.pem", rig.dir);
    snprintf(key, sizeof key, "%s/key.pem", rig.dir);
    snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=x -addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
        key, cert);
    ck_assert_int_eq(system(command), 0);
    snprintf(port, sizeof port, "%u", free_port());
    redis_rig_server(more);
    snprintf(url, sizeof url, "rediss://127.0.0.1:%s/2", port);
    rig.conf.url = url;
    rig.conf.ca_file = cert;
    redis_rig_client();
    ck_assert_ptr_nonnull(redis_rig_ask("SET a b").reply);
    ck_assert(str_equal(redis_rig_ask("GET a").reply->string, FCT_STR("b")));
    redis_free(&rig.redis);
    event_base_loop(rig.base, EVLOOP_NONBLOCK);

    snprintf(url, sizeof url, "rediss://127.0.0.2:%s/2", port); /* not what the certificate says */
    rig.conf.retry.ms = 60000;
    redis_rig_client();
    while (!redis_stats(rig.redis).away)
        (void)redis_rig_ask("PING");
    ck_assert_uint_eq(redis_stats(rig.redis).connections, 0);
    unlink(cert);
    unlink(key);
}
END_TEST

/* ---- false ones ---- */

START_TEST(silence)
{
    struct redis_false server;
    struct redis_asked a;

    rig.conf.timeout.ms = 30;
    rig.conf.retry.ms = 60000;
    redis_rig_pretend(&server, NULL);
    redis_rig_client();
    a = ask_until_away();
    ck_assert_ptr_null(a.reply);
    ck_assert_int_eq(a.err.class, FCT_TEMP);
    ck_assert_uint_eq(redis_stats(rig.redis).timeouts, 1);
    ck_assert_ptr_null(
        redis_rig_ask("GET a").reply); /* at once: the loop has nothing to wait for */
    redis_rig_end(&server);
}
END_TEST

static void busy(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    (void)usleep(150000);
}

static void ask_and_be_busy(void *asked)
{
    struct event *ev = event_new(rig.base, -1, 0, busy, NULL);

    event_active(ev, EV_TIMEOUT, 1); /* as soon as we wait, and before anything is written */
    redis_rig_ask_fiber(asked);
    event_free(ev);
}

/* A process that has so much to do that it comes to write its question too late blames nobody. */
START_TEST(our_own_delay)
{
    struct redis_asked a = {.command = "GET a"};

    redis_rig_server(NULL);
    redis_rig_client();
    ck_assert_ptr_nonnull(redis_rig_ask("SET a b").reply);
    rig.conf.timeout.ms = 100;
    redis_rig_run(ask_and_be_busy, &a);
    ck_assert_msg(a.reply && str_equal(a.reply->string, FCT_STR("b")), "%s", a.err.text);
    ck_assert_uint_eq(redis_stats(rig.redis).timeouts, 0);
}
END_TEST

START_TEST(nonsense)
{
    static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
                                          "+PONG\r\n+PONG\r\n",
                                          "-ERR no\r\n",
                                          "*-5\r\n",
                                          "$99999999999\r\n",
                                          "*456789012\r\n"};

    for (size_t i = 0; i < FCT_COUNT(answers); i++) {
        struct redis_false server;
        struct redis_asked a;

        rig.conf.retry.ms = 60000;
        rig.conf.timeout.ms = 100;
        redis_rig_pretend(&server, answers[i]);
        redis_rig_client();
        a = ask_until_away();
        ck_assert_msg(!a.reply, "%s", answers[i]);
        redis_free(&rig.redis);
        event_base_loop(rig.base, EVLOOP_NONBLOCK);
        redis_rig_end(&server);
    }
}
END_TEST

START_TEST(an_answer_too_large)
{
    struct redis_asked a;

    rig.conf.max_reply.bytes = 100000;
    redis_rig_server(NULL);
    redis_rig_client();
    ck_assert_ptr_nonnull(redis_rig_ask("SETRANGE a 99000 x").reply);
    ck_assert_ptr_nonnull(redis_rig_ask("GET a").reply);
    ck_assert_ptr_nonnull(redis_rig_ask("SETRANGE a 9900000 x").reply);
    a = redis_rig_ask("GET a");
    ck_assert_ptr_null(a.reply);
    ck_assert_ptr_nonnull(strstr(a.err.text, "redis.max_reply"));
    ck_assert_ptr_nonnull(redis_rig_ask("PING").reply); /* over a new connection */
    ck_assert_uint_eq(redis_stats(rig.redis).connections, 2);
}
END_TEST

START_TEST(too_many_wait)
{
    enum { MANY = 12 };
    struct redis_asked asked[MANY] = {0};
    unsigned refused = 0;

    rig.conf.max_pending = 10;
    redis_rig_server(NULL);
    redis_rig_client();
    (void)redis_rig_ask("PING");
    for (unsigned i = 0; i < MANY; i++) {
        asked[i].command = "PING";
        fiber_start(redis_rig_ask_fiber, &asked[i]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        while (!asked[i].done)
            event_base_loop(rig.base, EVLOOP_ONCE);
        refused += asked[i].err.class == FCT_LIMIT;
    }
    ck_assert_uint_eq(refused, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis");
    TCase *plain = tcase_create("plain"), *real = tcase_create("real"), *odd = tcase_create("odd");
    SRunner *runner;
    int failed;

    tcase_add_test(plain, shared_connections);
    tcase_add_test(plain, places);
    tcase_add_test(plain, slots);
    tcase_add_test(plain, redirections);
    tcase_add_test(plain, keys_of_commands);
    tcase_add_checked_fixture(real, with_server, redis_rig_stop);
    tcase_add_test(real, replies);
    tcase_add_test(real, any_byte);
    tcase_add_test(real, many_at_once);
    tcase_add_test(real, scripts);
    tcase_add_test(real, a_fiber_that_goes_away);
    tcase_add_test(real, death_and_return);
    tcase_add_checked_fixture(odd, redis_rig_start, redis_rig_stop);
    tcase_add_test(odd, no_redis_configured);
    tcase_add_test(odd, who_may);
    tcase_add_test(odd, tls);
    tcase_add_test(odd, silence);
    tcase_add_test(odd, our_own_delay);
    tcase_add_test(odd, nonsense);
    tcase_add_test(odd, an_answer_too_large);
    tcase_add_test(odd, too_many_wait);
    suite_add_tcase(suite, plain);
    suite_add_tcase(suite, real);
    suite_add_tcase(suite, odd);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
