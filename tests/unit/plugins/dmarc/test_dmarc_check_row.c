/* test_dmarc_check_row.c - what a message has to say in a report: what was done, why, to whom. */
#include "plugins/dmarc/dmarc_check.h"

#include "core/base/str.h"
#include <check.h>
#include <stdlib.h>

/* ---- a host with one message ---- */

static struct fct_conn conn;
static struct fct_envelope envelope;
static const char *const *facts; /* NULL ends them */
static struct arena_of_test {
    char room[16384];
    size_t used;
} memory;

static void *take(struct fct_call *call, size_t bytes)
{
    char *p = memory.room + memory.used;

    (void)call;
    memory.used += (bytes + 15) & ~(size_t)15;
    ck_assert_uint_le(memory.used, sizeof memory.room);
    return p;
}

static struct fct_str fact(struct fct_call *call, const char *name, size_t nth)
{
    size_t n = 0;

    (void)call;
    ck_assert_str_eq(name, "auth");
    while (facts && facts[n] && n < nth)
        n++;
    return facts ? str_from(facts[n]) : (struct fct_str){NULL, 0};
}

static const struct fct_conn *conn_of(struct fct_call *call)
{
    (void)call;
    return &conn;
}

static const struct fct_envelope *envelope_of(struct fct_call *call)
{
    (void)call;
    return &envelope;
}

static const struct fct_host host = {
    .size = sizeof host,
    .alloc = take,
    .fact = fact,
    .conn = conn_of,
    .envelope = envelope_of,
};

static void set_up(void)
{
    memory.used = 0;
    facts = NULL;
    conn = (struct fct_conn){.size = sizeof conn,
                             .role = FCT_ROLE_MX,
                             .client_ip = FCT_STR("192.0.2.1"),
                             .frontend = FCT_STR("smtp")};
    envelope = (struct fct_envelope){.size = sizeof envelope, .reverse_path = FCT_STR("")};
}

static struct dmarc_check *new_check(const struct dmarc_plan *plan,
                                     const struct dmarc_record *record, enum dmarc_result result,
                                     enum dmarc_policy policy)
{
    struct dmarc_check *c = calloc(1, sizeof *c);

    c->host = &host;
    c->plan = plan;
    c->outcome.result = result;
    c->outcome.policy = policy;
    c->outcome.record = record;
    ck_assert(dmarc_domain_parse(FCT_STR("news.bank.example"), &c->outcome.author));
    ck_assert(dmarc_domain_parse(FCT_STR("bank.example"), &c->outcome.found));
    ck_assert(dmarc_domain_parse(FCT_STR("lists.example"), &c->excused_by));
    return c;
}

/* ---- what was done, and why ---- */

#define NO   DMARC_POLICY_NONE
#define QUAR DMARC_POLICY_QUARANTINE
#define REJ  DMARC_POLICY_REJECT

static const struct {
    enum dmarc_policy policy;
    bool testing;
    enum dmarc_mode mode;
    enum dmarc_excuse excuse;
    enum fct_action wish;
    const char *action; /* at verdict */
    enum dmarc_disposition done;
    const char *reasons; /* their words, with spaces between */
} failures[] = {
    {REJ, false, DMARC_ENFORCE, 0, FCT_REFUSE, "reject", DMARC_DONE_REJECT, ""},
    {QUAR, false, DMARC_ENFORCE, 0, FCT_JUNK, "junk", DMARC_DONE_QUARANTINE, ""},
    {QUAR, false, DMARC_ENFORCE, 0, FCT_HOLD, "quarantine", DMARC_DONE_QUARANTINE, ""},
    {NO, false, DMARC_ENFORCE, 0, FCT_KEEP, "keep", DMARC_DONE_NONE, ""},
    {NO, false, DMARC_ENFORCE, 0, FCT_KEEP, "reject", DMARC_DONE_NONE, ""}, /* for other reasons */
    {REJ, false, DMARC_ENFORCE, 0, FCT_DROP, "discard", DMARC_DONE_REJECT, ""},
    {REJ, false, DMARC_ENFORCE, 0, FCT_JUNK, "junk", DMARC_DONE_QUARANTINE, "local_policy"},
    {REJ, false, DMARC_ENFORCE, 0, FCT_REFUSE, "keep", DMARC_DONE_NONE, "local_policy"},
    {REJ, false, DMARC_ENFORCE, 0, FCT_REFUSE, "junk", DMARC_DONE_QUARANTINE, "local_policy"},
    {REJ, false, DMARC_SYMBOL, 0, FCT_KEEP, "junk", DMARC_DONE_NONE, "local_policy"},
    {REJ, false, DMARC_ENFORCE, DMARC_EXCUSE_FORWARDER, FCT_KEEP, "keep", DMARC_DONE_NONE,
     "trusted_forwarder"},
    {REJ, false, DMARC_ENFORCE, DMARC_EXCUSE_SEALER, FCT_KEEP, "keep", DMARC_DONE_NONE,
     "trusted_forwarder"},
    {REJ, false, DMARC_ENFORCE, DMARC_EXCUSE_LIST, FCT_JUNK, "junk", DMARC_DONE_QUARANTINE,
     "mailing_list"},
    {NO, false, DMARC_ENFORCE, DMARC_EXCUSE_LIST, FCT_KEEP, "keep", DMARC_DONE_NONE, ""},
    {QUAR, true, DMARC_ENFORCE, 0, FCT_JUNK, "junk", DMARC_DONE_QUARANTINE, "policy_test_mode"},
    {NO, true, DMARC_ENFORCE, 0, FCT_KEEP, "keep", DMARC_DONE_NONE, "policy_test_mode"},
    {QUAR, true, DMARC_ENFORCE, DMARC_EXCUSE_LIST, FCT_JUNK, "tag", DMARC_DONE_NONE,
     "policy_test_mode mailing_list local_policy"},
};

START_TEST(what_was_done)
{
    const struct dmarc_plan plan = {.mode = failures[_i].mode};
    const struct dmarc_record record = {.usable = true, .p = REJ};
    struct dmarc_check *c = new_check(&plan, &record, DMARC_FAIL, failures[_i].policy);
    struct dmarc_row row;
    char reasons[200] = "";

    c->outcome.testing = failures[_i].testing;
    c->excuse = failures[_i].excuse;
    c->wish = failures[_i].wish;
    ck_assert(dmarc_check_row(c, str_from(failures[_i].action), &row));
    ck_assert_str_eq(dmarc_disposition_word(row.disposition),
                     dmarc_disposition_word(failures[_i].done));
    for (size_t i = 0; i < row.reasons; i++) {
        (void)snprintf(reasons + strlen(reasons), sizeof reasons - strlen(reasons), "%s%s",
                       i ? " " : "", dmarc_override_word(row.reason[i].type));
        ck_assert_uint_gt(row.reason[i].comment.n, 0);
    }
    ck_assert_str_eq(reasons, failures[_i].reasons);
    free(c);
}
END_TEST

START_TEST(a_seal_is_named)
{
    const struct dmarc_plan plan = {.mode = DMARC_ENFORCE};
    const struct dmarc_record record = {.usable = true, .p = REJ};
    struct dmarc_check *c = new_check(&plan, &record, DMARC_FAIL, REJ);
    struct dmarc_row row;

    c->excuse = DMARC_EXCUSE_SEALER;
    ck_assert(dmarc_check_row(c, FCT_STR("keep"), &row));
    ck_assert(str_equal(row.reason[0].comment, FCT_STR("arc=pass arc.chain=lists.example")));
    free(c);
}
END_TEST

/* ---- the rest of a row ---- */

START_TEST(names_and_results)
{
    static const char *const auth[] = {"spf=pass smtp.mailfrom=bounce.bank.example",
                                       "spf=none smtp.helo=mx.example",
                                       "dkim=pass (2048 bits) header.d=Bank.example header.s=s1",
                                       "dkim=fail header.d=evil.example",
                                       "iprev=pass policy.iprev=192.0.2.1",
                                       "dmarc=pass header.from=news.bank.example",
                                       "rubbish",
                                       NULL};
    const struct fct_str to[] = {FCT_STR("a@Here.example"), FCT_STR("b@here.example"),
                                 FCT_STR("c@there.example")};
    const struct dmarc_plan plan = {.mode = DMARC_ENFORCE, .discovery = DMARC_BY_LIST};
    const struct dmarc_record record = {.usable = true, .p = REJ};
    struct dmarc_check *c = new_check(&plan, &record, DMARC_PASS, NO);
    struct dmarc_row row;

    facts = auth;
    envelope.reverse_path = FCT_STR("\"x@y\"@Bounce.b\xC3\xBC"
                                    "cher.example");
    envelope.recipient = to;
    envelope.recipients = 2;
    c->outcome.dkim_aligned = true;
    c->outcome.text = FCT_STR("v=DMARC1; p=reject");
    ck_assert(dmarc_check_row(c, FCT_STR("junk"), &row));
    ck_assert_int_eq(row.disposition, DMARC_DONE_PASS);
    ck_assert(row.dkim_aligned && !row.spf_aligned && row.reasons == 0);
    ck_assert(str_equal(row.source_ip, FCT_STR("192.0.2.1")));
    ck_assert(str_equal(row.header_from, FCT_STR("news.bank.example")));
    ck_assert(str_equal(row.policy_domain, FCT_STR("bank.example")));
    ck_assert(str_equal(row.envelope_from, FCT_STR("bounce.xn--bcher-kva.example")));
    ck_assert(str_equal(row.envelope_to, FCT_STR("here.example")));
    ck_assert_int_eq(row.discovery, DMARC_BY_LIST);
    ck_assert_uint_eq(row.auths, 4);
    ck_assert(row.auth[0].method == DMARC_AUTH_SPF && !row.auth[0].helo);
    ck_assert(row.auth[1].method == DMARC_AUTH_SPF && row.auth[1].helo);
    ck_assert(row.auth[2].method == DMARC_AUTH_DKIM &&
              str_equal(row.auth[2].domain, FCT_STR("bank.example")) &&
              str_equal(row.auth[2].selector, FCT_STR("s1")) &&
              str_equal(row.auth[2].result, FCT_STR("pass")));
    ck_assert_uint_eq(row.auth[3].selector.n, 0);
    envelope.recipients = 3;
    ck_assert(dmarc_check_row(c, FCT_STR("keep"), &row));
    ck_assert_uint_eq(row.envelope_to.n, 0);
    free(c);
}
END_TEST

START_TEST(what_nobody_is_told)
{
    static const char *const tried[] = {"scan", "replay"};
    const struct dmarc_plan plan = {.mode = DMARC_ENFORCE};
    const struct dmarc_record record = {.usable = true, .p = REJ};
    struct dmarc_check *c = new_check(&plan, &record, DMARC_TEMPERROR, NO);
    struct dmarc_row row;

    (void)snprintf(c->outcome.why, sizeof c->outcome.why, "DKIM was not checked");
    ck_assert(dmarc_check_row(c, FCT_STR("keep"), &row));
    ck_assert(row.reasons == 1 && row.reason[0].type == DMARC_OTHER);
    c->outcome.result = DMARC_PERMERROR;
    ck_assert(!dmarc_check_row(c, FCT_STR("keep"), &row));
    c->outcome.result = DMARC_PASS;
    for (size_t i = 0; i < FCT_COUNT(tried); i++) {
        conn.frontend = str_from(tried[i]);
        ck_assert(!dmarc_check_row(c, FCT_STR("keep"), &row));
    }
    conn.frontend = FCT_STR("milter");
    ck_assert(dmarc_check_row(c, FCT_STR("keep"), &row));
    conn.role = FCT_ROLE_REPLAY;
    ck_assert(!dmarc_check_row(c, FCT_STR("keep"), &row));
    conn.role = FCT_ROLE_MX;
    c->outcome.record = NULL;
    ck_assert(!dmarc_check_row(c, FCT_STR("keep"), &row));
    free(c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_check_row");
    TCase *tc = tcase_create("rows");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_loop_test(tc, what_was_done, 0, (int)FCT_COUNT(failures));
    tcase_add_test(tc, a_seal_is_named);
    tcase_add_test(tc, names_and_results);
    tcase_add_test(tc, what_nobody_is_told);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
