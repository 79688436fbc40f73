/* test_dmarc_collect.c - rows counted in a process and written by a tick; a host that keeps what
 * Redis would get. */
#include "plugins/dmarc/dmarc_collect.h"

#include "core/base/str.h"
#include "plugins/dmarc/report_line.h"
#include <check.h>
#include <stdlib.h>

#define SENT_MAX 4096

static struct {
    struct fct_hook_row tick;
    const char *frontend;
    bool away;
    unsigned warnings, calls;
    double lost;
    int64_t answer; /* of the script */
    char domain[64], policy[8192], method[16];
    size_t batch; /* lines of the largest call */
    struct {
        char line[400];
        uint64_t count;
    } sent[SENT_MAX];
    size_t n;
} host;

/* ---- the host ---- */

static bool add_hook(struct fct_self *self, const struct fct_hook_row *row, struct fct_err *err)
{
    (void)self, (void)err;
    host.tick = *row;
    return true;
}

static void note(struct fct_call *call, enum fct_level level, const char *fmt, ...)
{
    (void)call, (void)fmt;
    host.warnings += level == FCT_WARNING;
}

static void count(struct fct_call *call, const char *metric, double by)
{
    (void)call;
    ck_assert_str_eq(metric, "reports_lost");
    host.lost += by;
}

static const struct fct_conn *conn(struct fct_call *call)
{
    static struct fct_conn now;

    (void)call;
    now = (struct fct_conn){.size = sizeof now, .frontend = str_from(host.frontend)};
    return &now;
}

static void keep(const struct fct_str *arg, size_t args)
{
    for (size_t i = 7; i + 1 < args; i += 2) {
        size_t at = 0;

        while (at < host.n && !str_equal(str_from(host.sent[at].line), arg[i]))
            at++;
        if (at == host.n && host.n < SENT_MAX)
            str_copy_c(host.sent[host.n++].line, sizeof host.sent->line, arg[i]);
        if (at < SENT_MAX)
            host.sent[at].count += strtoull(arg[i + 1].p, NULL, 10);
    }
}

static const struct fct_redis_reply *
script(struct fct_call *call, const struct fct_redis_script *what, const struct fct_str *key,
       size_t keys, const struct fct_str *arg, size_t args, struct fct_err *err)
{
    static struct fct_redis_reply reply;
    char prefix[REPORT_KEY_MAX];

    (void)call;
    host.calls++;
    if (host.away) {
        err->class = FCT_TEMP;
        str_copy_c(err->text, sizeof err->text, FCT_STR("Redis is away"));
        return NULL;
    }
    ck_assert_str_eq(what->name, "dmarc-keep");
    ck_assert_uint_eq(keys, 2);
    str_copy_c(prefix, sizeof prefix, key[0]);
    ck_assert(str_starts(key[1], key[0]) && str_starts(key[0], FCT_STR("fct:dmarc:{20")));
    ck_assert(str_ends_nocase(key[1], arg[0]));
    ck_assert(str_equal(arg[1], FCT_STR("86400")) && str_equal(arg[2], FCT_STR("5")) &&
              str_equal(arg[3], FCT_STR("6")) && str_equal(arg[4], FCT_STR("7")));
    str_copy_c(host.domain, sizeof host.domain, arg[0]);
    str_copy_c(host.policy, sizeof host.policy, arg[5]);
    str_copy_c(host.method, sizeof host.method, arg[6]);
    host.batch = (args - 7) / 2 > host.batch ? (args - 7) / 2 : host.batch;
    keep(arg, args);
    reply = (struct fct_redis_reply){.kind = FCT_REDIS_INTEGER, .integer = host.answer};
    return &reply;
}

static const struct fct_host functions = {.size = sizeof functions,
                                          .add_hook = add_hook,
                                          .log = note,
                                          .count = count,
                                          .conn = conn,
                                          .redis_script = script};

static const struct dmarc_conf conf = {.reports = true,
                                       .report_keep = {86400000},
                                       .report_domains = 5,
                                       .report_lines = 6,
                                       .report_day_lines = 7};

static struct dmarc_collect *begin(void)
{
    struct dmarc_collect *c;
    struct fct_err err;

    memset(&host, 0, sizeof host);
    host.frontend = "smtp";
    ck_assert(dmarc_collect_start(NULL, &functions, &conf, &c, &err));
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(host.tick.hook, FCT_HOOK_tick);
    ck_assert_uint_eq(host.tick.scope, FCT_EACH);
    return c;
}

static void tick(void)
{
    const struct fct_ev_tick ev = {0};

    ck_assert_int_eq(host.tick.fn.tick(NULL, &ev, host.tick.state), FCT_NEXT);
}

static const struct dmarc_record wanted = {.has_rua = true};

static void add(struct dmarc_collect *c, const char *domain, const char *from, const char *policy)
{
    struct dmarc_row row = {.source_ip = FCT_STR("192.0.2.1"),
                            .header_from = str_from(from),
                            .envelope_from = FCT_STR("a.example"),
                            .envelope_to = FCT_STR("b.example"),
                            .policy_domain = str_from(domain),
                            .policy_text = str_from(policy),
                            .policy = &wanted,
                            .discovery = DMARC_BY_LIST};

    dmarc_collect_row(c, NULL, &row);
}

static uint64_t sent(const char *from)
{
    for (size_t i = 0; i < host.n; i++)
        if (strstr(host.sent[i].line, from))
            return host.sent[i].count;
    return 0;
}

/* ---- tests ---- */

START_TEST(nothing_is_asked_for)
{
    struct dmarc_collect *c;
    struct dmarc_conf off = conf;
    struct fct_err err;

    off.reports = false;
    ck_assert(dmarc_collect_start(NULL, &functions, &off, &c, &err));
    ck_assert_ptr_null(c);
    add(c, "d.example", "d.example", "v=DMARC1");
    dmarc_collect_free(&c);
}
END_TEST

START_TEST(equal_rows_are_one_line)
{
    struct dmarc_collect *c = begin();

    add(c, "d.example", "x.example", "v=DMARC1; p=none");
    add(c, "d.example", "y.example", "v=DMARC1; p=none");
    add(c, "d.example", "x.example", "v=DMARC1; p=reject");
    ck_assert_uint_eq(host.calls, 0); /* no message waits */
    tick();
    ck_assert_uint_eq(host.calls, 1);
    ck_assert_uint_eq(sent("x.example"), 2);
    ck_assert_uint_eq(sent("y.example"), 1);
    ck_assert_str_eq(host.domain, "d.example");
    ck_assert_str_eq(host.policy, "v=DMARC1; p=reject"); /* as last seen */
    ck_assert_str_eq(host.method, "psl");
    tick();
    ck_assert_uint_eq(host.calls, 1); /* nothing new */
    ck_assert_uint_eq(host.warnings, 0);
    dmarc_collect_free(&c);
}
END_TEST

START_TEST(who_gets_no_report)
{
    static const struct dmarc_record silent = {.has_rua = false};
    struct dmarc_collect *c = begin();
    struct dmarc_row row = {.policy = &silent, .policy_domain = FCT_STR("d.example")};

    dmarc_collect_row(c, NULL, &row);
    host.frontend = "scan";
    add(c, "d.example", "x.example", "v=DMARC1");
    host.frontend = "replay";
    add(c, "d.example", "x.example", "v=DMARC1");
    tick();
    ck_assert_uint_eq(host.calls, 0);
    host.frontend = "milter";
    add(c, "d.example", "x.example", "v=DMARC1");
    tick();
    ck_assert_uint_eq(host.calls, 1);
    dmarc_collect_free(&c);
}
END_TEST

START_TEST(many_lines_go_in_pieces)
{
    struct dmarc_collect *c = begin();
    char from[32];

    for (int i = 0; i < 1000; i++) {
        (void)snprintf(from, sizeof from, "x%d.example", i);
        add(c, "d.example", from, "v=DMARC1");
    }
    host.answer = 2; /* of each piece */
    tick();
    ck_assert_uint_eq(host.n, 1000);
    ck_assert_uint_eq(host.batch, 200);
    ck_assert_uint_eq(host.calls, 5);
    ck_assert_double_eq(host.lost, 10);
    dmarc_collect_free(&c);
}
END_TEST

START_TEST(redis_is_away_for_a_while)
{
    struct dmarc_collect *c = begin();

    add(c, "d.example", "x.example", "v=DMARC1");
    add(c, "e.example", "y.example", "v=DMARC1");
    host.away = true;
    tick();
    tick();
    ck_assert_uint_eq(host.warnings, 1);
    add(c, "d.example", "x.example", "v=DMARC1");
    tick();
    host.away = false;
    tick();
    ck_assert_uint_eq(sent("x.example"), 2);
    ck_assert_uint_eq(sent("y.example"), 1);
    ck_assert_double_eq(host.lost, 0);
    host.away = true;
    add(c, "d.example", "x.example", "v=DMARC1");
    tick();
    ck_assert_uint_eq(host.warnings, 2); /* again away is said again */
    dmarc_collect_free(&c);              /* with something in it */
}
END_TEST

START_TEST(memory_has_an_end)
{
    struct dmarc_collect *c = begin();
    char from[32];
    double before;

    for (int i = 0; i < 60000; i++) {
        (void)snprintf(from, sizeof from, "x%d.example", i);
        add(c, i % 2 ? "d.example" : from, from, "v=DMARC1");
    }
    ck_assert_double_gt(host.lost, 1000);
    before = host.lost;
    add(c, "d.example", "x1.example", "v=DMARC1"); /* one that is there has its place */
    ck_assert_double_eq(host.lost, before);
    add(c, "z.example", "z.example", "v=DMARC1");
    ck_assert_double_eq(host.lost, before + 1);
    tick();
    add(c, "z.example", "z.example", "v=DMARC1");
    ck_assert_double_eq(host.lost, before + 1);
    dmarc_collect_free(&c);
}
END_TEST

/* Half an address would be somebody else's. */
START_TEST(a_long_record_ends_behind_a_tag)
{
    struct dmarc_collect *c = begin();
    static char text[9000];

    (void)snprintf(text, sizeof text, "v=DMARC1; p=none; rua=mailto:a@b.example");
    memset(text + strlen(text), ' ', 4060 - strlen(text));
    (void)snprintf(text + 4060, sizeof text - 4060, "; x=%0200d; y=1", 1);
    add(c, "d.example", "x.example", text);
    tick();
    ck_assert_uint_eq(strlen(host.policy), 4060);
    memset(text, 'a', 5000);
    text[5000] = 0;
    add(c, "d.example", "x.example", text);
    tick();
    ck_assert_str_eq(host.policy, "");
    dmarc_collect_free(&c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_collect");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, nothing_is_asked_for);
    tcase_add_test(tc, equal_rows_are_one_line);
    tcase_add_test(tc, who_gets_no_report);
    tcase_add_test(tc, many_lines_go_in_pieces);
    tcase_add_test(tc, redis_is_away_for_a_while);
    tcase_add_test(tc, memory_has_an_end);
    tcase_add_test(tc, a_long_record_ends_behind_a_tag);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
