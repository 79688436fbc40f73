/* test_http.c - who may be asked and where; questions to a server of our own, plain and TLS. */
#include "core/http/http_client.h"
#include "core/message/url.h"
#include "tests/unit/core/dns/dns_rig.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- rules ---- */

static const char *const allow[] = {"api.example", "*.wild.example", "port.example:8443",
                                    "[2001:db8::1]"};
static const char *const plain[] = {"plain.example:8080", "127.0.0.1"};
static const char *const inside[] = {"inside.example"};
static const struct http_conf rules = {.allow = {allow, FCT_COUNT(allow)},
                                       .plain = {plain, FCT_COUNT(plain)},
                                       .private_hosts = {inside, FCT_COUNT(inside)}};

START_TEST(who_may_be_asked)
{
    static const struct {
        const char *url;
        bool allowed;
    } cases[] = {
        {"https://api.example/x", true},
        {"https://API.example:444/", true}, /* without a port in the rule: any */
        {"https://x.api.example/", false},
        {"http://api.example/", false},
        {"https://a.wild.example/", true},
        {"https://a.b.wild.example/", true},
        {"https://wild.example/", false},
        {"https://evilwild.example/", false},
        {"https://port.example:8443/", true},
        {"https://port.example/", false},
        {"https://[2001:db8::1]/", true},
        {"http://plain.example:8080/", true},
        {"https://plain.example:8080/", true},
        {"http://plain.example/", false},
        {"http://127.1:99/", true},
        {"https://user:pw@api.example/", false},
        {"ftp://api.example/", false},
        {"https://other.example/", false},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};
        struct fct_url url;

        ck_assert(url_parse(arena, str_from(cases[i].url), &url));
        ck_assert_msg(http_url_allowed(&rules, &url, &err) == cases[i].allowed, "%s", cases[i].url);
        ck_assert_int_eq(err.class, cases[i].allowed ? FCT_OK : FCT_DENIED);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(where_hosts_may_be)
{
    static const struct {
        const char *address;
        bool public;
    } cases[] = {
        {"1.1.1.1", true},
        {"9.255.255.255", true},
        {"10.0.0.1", false},
        {"127.0.0.1", false},
        {"172.15.0.1", true},
        {"172.16.0.1", false},
        {"172.31.255.255", false},
        {"172.32.0.1", true},
        {"192.168.0.1", false},
        {"169.254.169.254", false},
        {"100.63.0.1", true},
        {"100.64.0.1", false},
        {"100.128.0.1", true},
        {"0.0.0.0", false},
        {"224.0.0.1", false},
        {"255.255.255.255", false},
        {"192.0.2.1", false},
        {"198.18.0.1", false},
        {"198.20.0.1", true},
        {"2606:4700::1111", true},
        {"::1", false},
        {"::", false},
        {"fe80::1", false},
        {"fc00::1", false},
        {"fd12::1", false},
        {"ff02::1", false},
        {"2001:db8::1", false},
        {"2002:7f00:1::", false},
        {"2001::1", false},
        {"::ffff:127.0.0.1", false},
        {"::ffff:1.1.1.1", true},
        {"64:ff9b::7f00:1", false},
        {"64:ff9b::101:101", true},
        {"nonsense", false},
    };
    struct arena *arena = arena_new(NULL);
    struct fct_url api, in;

    ck_assert(url_parse(arena, FCT_STR("https://api.example/"), &api));
    ck_assert(url_parse(arena, FCT_STR("https://inside.example/"), &in));
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};
        struct fct_str address = str_from(cases[i].address);

        ck_assert_msg(http_address_allowed(&rules, &api, address, &err) == cases[i].public, "%s",
                      cases[i].address);
        ck_assert(http_address_allowed(&rules, &in, address, &err));
    }
    arena_free(&arena);
}
END_TEST

/* "*" lets everybody be asked, and nobody inside. */
START_TEST(everybody_is_not_inside)
{
    static const char *const all[] = {"*"};
    const struct http_conf conf = {.allow = {all, 1}, .private_hosts = {all, 1}};
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};
    struct fct_url url;

    ck_assert(url_parse(arena, FCT_STR("https://any.example/"), &url));
    ck_assert(http_url_allowed(&conf, &url, &err));
    ck_assert(http_address_allowed(&conf, &url, FCT_STR("1.1.1.1"), &err));
    ck_assert(!http_address_allowed(&conf, &url, FCT_STR("10.0.0.1"), &err));
    arena_free(&arena);
}
END_TEST

/* ---- a server ---- */

static const struct dns_row zone[] = {
    {"named.example", FCT_DNS_A, ANSWER, FCT_STR_INIT("\177\0\0\1")},
    {"other.example", FCT_DNS_A, ANSWER, FCT_STR_INIT("\177\0\0\1")},
    {"rebound.example", FCT_DNS_A, ANSWER, FCT_STR_INIT("\177\0\0\1")},
    {"silent.example", FCT_DNS_A, SILENCE, FCT_STR_INIT("")},
    {"silent.example", FCT_DNS_AAAA, SILENCE, FCT_STR_INIT("")},
    {0},
};

static struct {
    pid_t pid;
    int input;
    unsigned plain, tls;
    char dir[64], ca[96], plain_host[40], tls_host[40];
    const char *plain_list[1], *allow_list[5], *private_list[3];
    struct http_conf conf;
    struct http_client *client;
} web;

static void start_server(void)
{
    int in[2], out[2];
    char script[512], line[64] = "";

    snprintf(script, sizeof script, "%s/tests/unit/core/http/http_server.py", getenv("FCT_SOURCE"));
    ck_assert_int_eq(pipe(in) | pipe(out), 0);
    web.pid = fork();
    if (web.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execlp("python3", "python3", script, web.dir, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    web.input = in[1];
    for (size_t n = 0; !strchr(line, '\n'); n++)
        ck_assert(n < sizeof line - 1 && read(out[0], line + n, 1) == 1);
    ck_assert_int_eq(sscanf(line, "%u %u", &web.plain, &web.tls), 2);
    close(out[0]);
}

static void setup(void)
{
    struct fct_err err = {0};

    memset(&web, 0, sizeof web);
    signal(SIGPIPE, SIG_IGN);
    snprintf(web.dir, sizeof web.dir, "/tmp/fct-http.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(web.dir));
    start_server();
    dns_rig_start(zone);
    dns_rig_resolver("");
    snprintf(web.ca, sizeof web.ca, "%s/cert.pem", web.dir);
    snprintf(web.plain_host, sizeof web.plain_host, "127.0.0.1:%u", web.plain);
    snprintf(web.tls_host, sizeof web.tls_host, "127.0.0.1:%u", web.tls);
    web.plain_list[0] = web.plain_host;
    web.allow_list[0] = web.tls_host;
    web.allow_list[1] = "named.example";
    web.allow_list[2] = "other.example";
    web.allow_list[3] = "rebound.example";
    web.allow_list[4] = "silent.example";
    web.private_list[0] = web.tls_host;
    web.private_list[1] = "named.example";
    web.private_list[2] = "other.example";
    web.conf = (struct http_conf){.allow = {web.allow_list, 5},
                                  .plain = {web.plain_list, 1},
                                  .private_hosts = {web.private_list, 3},
                                  .max = {10000},
                                  .timeout = {20000},
                                  .connect_timeout = {20000},
                                  .max_connections = 8,
                                  .max_host_connections = 8,
                                  .max_redirects = 3,
                                  .ca_file = web.ca};
    ck_assert_msg(http_client_new(dns_rig.base, &web.conf, dns_rig.resolver, &web.client, &err),
                  "%s", err.text);
}

static void teardown(void)
{
    char key[96];

    http_client_free(&web.client);
    dns_rig_stop();
    close(web.input);
    waitpid(web.pid, NULL, 0);
    snprintf(key, sizeof key, "%s/key.pem", web.dir);
    unlink(key);
    unlink(web.ca);
    rmdir(web.dir);
}

struct asked {
    struct fct_http_request request;
    struct fct_http_reply reply;
    struct fct_err err;
    bool ok, done;
};

static void ask_fiber(void *arg)
{
    struct asked *a = arg;

    a->request.size = sizeof a->request;
    a->ok = http_ask(web.client, dns_rig.arena, &a->request, &a->reply, &a->err);
    a->done = true;
}

static void finish(struct asked *a)
{
    while (!a->done)
        event_base_loop(dns_rig.base, EVLOOP_ONCE);
}

/* path behind the plain server's address. */
static struct asked ask(const char *method, const char *path, const char *body)
{
    struct asked a = {.request.method = method, .request.body = str_from(body)};

    a.request.url = *path == '/' ? arena_printf(dns_rig.arena, "http://%s%s", web.plain_host, path)
                                 : str_from(path);
    fiber_start(ask_fiber, &a);
    finish(&a);
    return a;
}

static struct asked ask_tls(const char *host, const char *path)
{
    return ask(NULL, arena_printf(dns_rig.arena, "https://%s:%u%s", host, web.tls, path).p, "");
}

static bool holds(const struct asked *a, const char *text)
{
    return str_find(a->reply.body, str_from(text)) >= 0;
}

START_TEST(questions)
{
    struct asked a = ask(NULL, "/echo?x=1", "");

    ck_assert_msg(a.ok, "%s", a.err.text);
    ck_assert_uint_eq(a.reply.status, 200);
    ck_assert(holds(&a, "\"GET\"") && holds(&a, "\"x=1\"") && holds(&a, "user-agent: Facteur\""));
    ck_assert(!holds(&a, "cookie"));
    a = ask(NULL, "/echo", "a=b");
    ck_assert(holds(&a, "\"POST\"") && holds(&a, "\"body\": \"a=b\""));
    ck_assert(!holds(&a, "content-type") && !holds(&a, "expect") && !holds(&a, "cookie"));
    a = ask("PUT", "/echo", "z");
    ck_assert(holds(&a, "\"PUT\"") && holds(&a, "\"body\": \"z\""));
    a = ask("POST", "/echo", "");
    ck_assert(holds(&a, "\"POST\"") && holds(&a, "content-length: 0"));
    a = ask("DELETE", "/echo", "");
    ck_assert(holds(&a, "\"DELETE\""));
    a = ask("HEAD", "/echo", "");
    ck_assert(a.ok && a.reply.body.n == 0 && a.reply.status == 200);
    a = ask(NULL, "/status?404", "");
    ck_assert(a.ok && a.reply.status == 404);
    ck_assert_uint_eq(http_client_stats(web.client).running, 0);
}
END_TEST

START_TEST(headers)
{
    struct fct_str header[] = {FCT_STR("X-Token: secret"), FCT_STR("Content-Type: text/x")};
    struct asked a = {.request = {.header = header, .headers = 2, .body = FCT_STR("b")}};
    unsigned ones = 0;

    a.request.url = arena_printf(dns_rig.arena, "http://%s/echo", web.plain_host);
    fiber_start(ask_fiber, &a);
    finish(&a);
    ck_assert(holds(&a, "x-token: secret") && holds(&a, "content-type: text/x"));
    for (size_t i = 0; i < a.reply.headers; i++)
        ones += str_starts(a.reply.header[i], FCT_STR("x-one: "));
    ck_assert_uint_eq(ones, 2);
}
END_TEST

START_TEST(bad_requests)
{
    static const char *const bad[] = {"X",
                                      "X: a\r\nY: b",
                                      "Host: other",
                                      "Content-Length: 5",
                                      "X Y: a",
                                      ": a",
                                      "Transfer-Encoding: chunked"};

    for (size_t i = 0; i < FCT_COUNT(bad); i++) {
        struct fct_str header = str_from(bad[i]);
        struct asked a = {.request = {.header = &header, .headers = 1}};

        a.request.url = arena_printf(dns_rig.arena, "http://%s/echo", web.plain_host);
        fiber_start(ask_fiber, &a);
        finish(&a);
        ck_assert_msg(!a.ok && a.err.class == FCT_SYNTAX, "%s", bad[i]);
    }
    ck_assert_int_eq(ask("CONNECT", "/echo", "").err.class, FCT_SYNTAX);
    ck_assert_int_eq(ask("get", "/echo", "").err.class, FCT_SYNTAX);
    ck_assert_int_eq(ask(NULL, "no URL", "").err.class, FCT_SYNTAX);
    ck_assert_int_eq(ask(NULL, "http://nobody.example/", "").err.class, FCT_DENIED);
}
END_TEST

START_TEST(tls)
{
    struct asked a = ask_tls("127.0.0.1", "/echo");

    ck_assert_msg(a.ok, "%s", a.err.text);
    a = ask_tls("named.example", "/echo");
    ck_assert_msg(a.ok, "%s", a.err.text);
    a = ask_tls("other.example", "/echo"); /* the certificate is not for this name */
    ck_assert(!a.ok && a.err.class == FCT_TEMP);
}
END_TEST

START_TEST(an_unknown_authority)
{
    char other[120], command[400];
    struct fct_err err = {0};
    struct asked a;

    snprintf(other, sizeof other, "%s/other.pem", web.dir);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
             "-subj /CN=other -keyout /dev/null -out %s 2>/dev/null",
             other);
    ck_assert_int_eq(system(command), 0);
    http_client_free(&web.client);
    web.conf.ca_file = other;
    ck_assert(http_client_new(dns_rig.base, &web.conf, dns_rig.resolver, &web.client, &err));
    a = ask_tls("127.0.0.1", "/echo");
    ck_assert(!a.ok && a.err.class == FCT_TEMP);
    unlink(other);
}
END_TEST

START_TEST(no_authorities)
{
    struct fct_err err = {0};

    http_client_free(&web.client);
    web.conf.ca_file = "/nowhere";
    ck_assert(!http_client_new(dns_rig.base, &web.conf, dns_rig.resolver, &web.client, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    ck_assert_ptr_null(web.client);
    web.conf.allow.n = 0; /* then nobody needs them */
    ck_assert(http_client_new(dns_rig.base, &web.conf, dns_rig.resolver, &web.client, &err));
    ck_assert(ask(NULL, "/echo", "").ok);
}
END_TEST

/* The DNS may say what it wants: nobody gets inside who is not named. */
START_TEST(rebinding)
{
    struct asked a = ask_tls("rebound.example", "/echo");

    ck_assert(!a.ok);
    ck_assert_int_eq(a.err.class, FCT_DENIED);
    ck_assert_ptr_nonnull(strstr(a.err.text, "127.0.0.1"));
}
END_TEST

START_TEST(redirects)
{
    struct asked a = ask(NULL, "/to?302,/echo", "");

    ck_assert_msg(a.ok && holds(&a, "\"GET\""), "%s", a.err.text);
    a = ask(NULL, "/to?302,/echo", "body");
    ck_assert(holds(&a, "\"GET\"") && holds(&a, "\"body\": \"\""));
    a = ask(NULL, "/to?307,/echo", "body");
    ck_assert(holds(&a, "\"POST\"") && holds(&a, "\"body\": \"body\""));
    a = ask(NULL, "/to?302,http://nobody.example/", "");
    ck_assert(!a.ok && a.err.class == FCT_DENIED);
    a = ask(NULL, "/to?302,file:///etc/passwd", "");
    ck_assert(!a.ok);
    a = ask(NULL, "/to?302,/to%3F302,/to%3F302,/to%3F302,/echo", ""); /* the fourth is the answer */
    ck_assert(a.ok && a.reply.status == 302);
}
END_TEST

/* To another host go no headers that were meant for the first. */
START_TEST(redirects_keep_secrets)
{
    struct fct_str header = FCT_STR("Authorization: secret");
    struct asked a = {.request = {.header = &header, .headers = 1}};

    a.request.url = arena_printf(dns_rig.arena, "http://%s/to?302,https://named.example:%u/echo",
                                 web.plain_host, web.tls);
    fiber_start(ask_fiber, &a);
    finish(&a);
    ck_assert_msg(a.ok, "%s", a.err.text);
    ck_assert(!holds(&a, "secret"));
}
END_TEST

START_TEST(too_large)
{
    struct asked a = ask(NULL, "/bytes?10000", "");

    ck_assert(a.ok && a.reply.body.n == 10000);
    a = ask(NULL, "/bytes?10001", "");
    ck_assert(!a.ok && a.err.class == FCT_LIMIT);
    a = ask(NULL, "/headers?150", "");
    ck_assert(a.ok && a.reply.headers > 150);
    a = ask(NULL, "/headers?90", "");
    ck_assert(a.ok);
    a = ask(NULL, "/drop", "");
    ck_assert(!a.ok && a.err.class == FCT_TEMP);
}
END_TEST

START_TEST(too_slow)
{
    struct asked a = {.request.timeout_ms = 50};
    struct asked gone = {0};
    struct fiber_id id;

    a.request.url = gone.request.url =
        arena_printf(dns_rig.arena, "http://%s/slow", web.plain_host);
    fiber_start(ask_fiber, &a);
    finish(&a);
    ck_assert(!a.ok && a.err.class == FCT_TEMP);
    a.done = false;
    a.request.url = FCT_STR("https://silent.example/");
    fiber_start(ask_fiber, &a);
    finish(&a);
    ck_assert(!a.ok && a.err.class == FCT_TEMP);
    id = fiber_start(ask_fiber, &gone);
    event_base_loop(dns_rig.base, EVLOOP_NONBLOCK);
    fiber_cancel(id);
    finish(&gone);
    ck_assert(!gone.ok && gone.err.class == FCT_TEMP);
    ck_assert_uint_eq(http_client_stats(web.client).running, 0);
}
END_TEST

START_TEST(many_at_once)
{
    enum { MANY = 60 };
    struct asked *a = calloc(MANY, sizeof *a);

    for (unsigned i = 0; i < MANY; i++) {
        a[i].request.url = arena_printf(dns_rig.arena, "http://%s/bytes?%u", web.plain_host, i);
        fiber_start(ask_fiber, &a[i]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        finish(&a[i]);
        ck_assert_msg(a[i].ok, "%s", a[i].err.text);
        ck_assert_uint_eq(a[i].reply.body.n, i);
    }
    free(a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *plain_case = tcase_create("rules"), *server = tcase_create("server");
    SRunner *runner;
    int failed;

    tcase_add_test(plain_case, who_may_be_asked);
    tcase_add_test(plain_case, where_hosts_may_be);
    tcase_add_test(plain_case, everybody_is_not_inside);
    tcase_set_timeout(server, 0);
    tcase_add_checked_fixture(server, setup, teardown);
    tcase_add_test(server, questions);
    tcase_add_test(server, headers);
    tcase_add_test(server, bad_requests);
    tcase_add_test(server, tls);
    tcase_add_test(server, an_unknown_authority);
    tcase_add_test(server, no_authorities);
    tcase_add_test(server, rebinding);
    tcase_add_test(server, redirects);
    tcase_add_test(server, redirects_keep_secrets);
    tcase_add_test(server, too_large);
    tcase_add_test(server, too_slow);
    tcase_add_test(server, many_at_once);
    suite_add_tcase(suite, plain_case);
    suite_add_tcase(suite, server);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
