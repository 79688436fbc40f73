/* test_tls_policy.c - what is asked of a server, and whether it may have the mail: every
 * combination of DANE, MTA-STS, configuration, certificate. */
#include "protocols/relay/policy/tls_policy.h"
#include "tests/unit/core/message/message_test.h"
#include "tests/unit/protocols/relay/policy/policy_fixture.h"

#define NOW    1000000
#define DOMAIN FCT_STR("example.org")

enum certificate { GOOD, NO_TLS, OTHER_NAME, UNTRUSTED, CERTIFICATES };
enum sts { NO_STS, TESTING, ENFORCE, TESTING_UNNAMED, ENFORCE_UNNAMED };

static struct {
    struct identity authority, id[CERTIFICATES];
    struct fct_str of_good, of_other, unusable; /* TLSA records */
} made;

static void setup(struct arena *arena)
{
    made.authority = make_identity("An Authority", NULL, true, false);
    made.id[GOOD] = make_identity("mx.example.org", &made.authority, false, false);
    made.id[OTHER_NAME] = make_identity("other.example", &made.authority, false, false);
    made.id[UNTRUSTED] = make_identity("mx.example.org", NULL, false, false);
    made.of_good = make_tlsa(arena, made.id[GOOD].certificate, 3, 1, 1);
    made.of_other = make_tlsa(arena, made.id[OTHER_NAME].certificate, 3, 1, 1);
    made.unusable = make_tlsa(arena, made.id[GOOD].certificate, 1, 1, 1);
}

static void teardown(void)
{
    free_identity(&made.authority);
    free_identity(&made.id[GOOD]);
    free_identity(&made.id[OTHER_NAME]);
    free_identity(&made.id[UNTRUSTED]);
}

/* clang-format off */
enum tlsa { NO_TLSA, TLSA_GOOD, TLSA_OTHER, TLSA_UNUSABLE, TLSA_BOGUS, TLSA_GARBAGE };
static const struct {
    const char *name;
    enum tlsa tlsa;
    enum sts sts;
    struct tls_policy_wish wish;
    bool mx_signed;
    enum certificate certificate;
    bool use; enum tls_need need; bool goes; enum tls_result result;
    const char *word;
} cases[] = {
    {"nothing is asked: good TLS", NO_TLSA, NO_STS, {0}, true, GOOD, true, TLS_NEED_NOTHING, true, TLS_RESULT_SUCCESS, "may"},
    {"nothing is asked: no TLS", NO_TLSA, NO_STS, {0}, true, NO_TLS, true, TLS_NEED_NOTHING, true, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "may"},
    {"nothing is asked: any certificate", NO_TLSA, NO_STS, {0}, true, UNTRUSTED, true, TLS_NEED_NOTHING, true, TLS_RESULT_NOT_TRUSTED, "may"},
    {"TLS wanted: none", NO_TLSA, NO_STS, {TLS_NEED_ENCRYPTION, false}, true, NO_TLS, true, TLS_NEED_ENCRYPTION, false, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "encrypt"},
    {"TLS wanted: any", NO_TLSA, NO_STS, {TLS_NEED_ENCRYPTION, false}, true, UNTRUSTED, true, TLS_NEED_ENCRYPTION, true, TLS_RESULT_NOT_TRUSTED, "encrypt"},
    {"a name wanted: good", NO_TLSA, NO_STS, {TLS_NEED_AUTHENTICATION, false}, true, GOOD, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "verify"},
    {"a name wanted: another", NO_TLSA, NO_STS, {TLS_NEED_AUTHENTICATION, false}, true, OTHER_NAME, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_HOST_MISMATCH, "verify"},
    {"DANE: matches", TLSA_GOOD, NO_STS, {0}, true, GOOD, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "dane"},
    {"DANE: another key", TLSA_OTHER, NO_STS, {0}, true, GOOD, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_VALIDATION_FAILURE, "dane"},
    {"DANE: no authority is needed, nor a name", TLSA_OTHER, NO_STS, {0}, true, OTHER_NAME, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "dane"},
    {"DANE: TLS taken away", TLSA_GOOD, NO_STS, {0}, true, NO_TLS, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "dane"},
    {"DANE: MX not signed", TLSA_OTHER, NO_STS, {0}, false, GOOD, true, TLS_NEED_NOTHING, true, TLS_RESULT_SUCCESS, "may"},
    {"DANE: unusable records, any certificate", TLSA_UNUSABLE, NO_STS, {0}, true, UNTRUSTED, true, TLS_NEED_ENCRYPTION, true, TLS_RESULT_SUCCESS, "dane"},
    {"DANE: unusable records, no TLS", TLSA_UNUSABLE, NO_STS, {0}, true, NO_TLS, true, TLS_NEED_ENCRYPTION, false, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "dane"},
    {"DANE: garbage is unusable, too", TLSA_GARBAGE, NO_STS, {0}, true, UNTRUSTED, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "dane"},
    {"DANE: garbage does not weaken the configuration", TLSA_GARBAGE, NO_STS, {TLS_NEED_AUTHENTICATION, false}, true, UNTRUSTED, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_NOT_TRUSTED, "dane"},
    {"DANE: forged", TLSA_BOGUS, NO_STS, {0}, true, GOOD, false, TLS_NEED_NOTHING, false, TLS_RESULT_DNSSEC_INVALID, "dane"},
    {"DANE before MTA-STS: DANE fails", TLSA_OTHER, ENFORCE, {0}, true, GOOD, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_VALIDATION_FAILURE, "dane"},
    {"DANE before MTA-STS: DANE matches", TLSA_OTHER, ENFORCE_UNNAMED, {0}, true, OTHER_NAME, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "dane"},
    {"unusable DANE does not take MTA-STS away", TLSA_UNUSABLE, ENFORCE, {0}, true, UNTRUSTED, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_NOT_TRUSTED, "dane"},
    {"MTA-STS: good", NO_TLSA, ENFORCE, {0}, false, GOOD, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "sts"},
    {"MTA-STS: TLS taken away", NO_TLSA, ENFORCE, {0}, false, NO_TLS, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "sts"},
    {"MTA-STS: another name", NO_TLSA, ENFORCE, {0}, false, OTHER_NAME, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_HOST_MISMATCH, "sts"},
    {"MTA-STS: nobody vouches for it", NO_TLSA, ENFORCE, {0}, false, UNTRUSTED, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_NOT_TRUSTED, "sts"},
    {"MTA-STS: not named", NO_TLSA, ENFORCE_UNNAMED, {0}, false, GOOD, false, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_VALIDATION_FAILURE, "sts"},
    {"testing: fails and goes", NO_TLSA, TESTING, {0}, false, OTHER_NAME, true, TLS_NEED_NOTHING, true, TLS_RESULT_HOST_MISMATCH, "sts"},
    {"testing: no TLS, and goes", NO_TLSA, TESTING, {0}, false, NO_TLS, true, TLS_NEED_NOTHING, true, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "sts"},
    {"testing: not named, and goes", NO_TLSA, TESTING_UNNAMED, {0}, false, GOOD, true, TLS_NEED_NOTHING, true, TLS_RESULT_VALIDATION_FAILURE, "sts"},
    {"REQUIRETLS: MX signed", NO_TLSA, NO_STS, {0, true}, true, GOOD, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "verify"},
    {"REQUIRETLS: MX signed, no good certificate", NO_TLSA, NO_STS, {0, true}, true, UNTRUSTED, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_NOT_TRUSTED, "verify"},
    {"REQUIRETLS: DANE", TLSA_GOOD, NO_STS, {0, true}, true, GOOD, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "dane"},
    {"REQUIRETLS: DANE unusable proves nothing", TLSA_UNUSABLE, NO_STS, {0, true}, true, UNTRUSTED, true, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_NOT_TRUSTED, "dane"},
    {"REQUIRETLS: MTA-STS names it", NO_TLSA, TESTING, {0, true}, false, GOOD, true, TLS_NEED_AUTHENTICATION, true, TLS_RESULT_SUCCESS, "sts"},
    {"REQUIRETLS: nobody names it", NO_TLSA, NO_STS, {0, true}, false, GOOD, false, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_SUCCESS, "verify"},
    {"REQUIRETLS: MTA-STS names others", NO_TLSA, TESTING_UNNAMED, {0, true}, false, GOOD, false, TLS_NEED_AUTHENTICATION, false, TLS_RESULT_SUCCESS, "sts"},
};
/* clang-format on */

static struct mta_sts_cache *cache_of(enum sts sts)
{
    struct mta_sts_cache *cache = mta_sts_cache_new(10);
    struct arena *arena = arena_new(NULL);
    struct mta_sts_policy policy;
    struct fct_err err = {0};
    bool enforce = sts == ENFORCE || sts == ENFORCE_UNNAMED;
    bool named = sts == ENFORCE || sts == TESTING;

    if (sts != NO_STS) {
        ck_assert(mta_sts_policy_parse(
            arena,
            arena_printf(arena, "version: STSv1\nmode: %s\nmx: %s\nmax_age: 1000\n",
                         enforce ? "enforce" : "testing",
                         named ? "*.example.org" : "elsewhere.example"),
            &policy, &err));
        mta_sts_cache_put(cache, DOMAIN, FCT_STR("1"), &policy, NOW);
    }
    arena_free(&arena);
    return cache;
}

static struct fake_row tlsa_row(enum tlsa tlsa)
{
    struct fct_str data[] = {{0},           made.of_good, made.of_other,
                             made.unusable, {0},          FCT_STR("\3\0\0garbage")};

    return (struct fake_row){"_25._tcp.mx.example.org",
                             FCT_DNS_TLSA,
                             tlsa == NO_TLSA      ? FCT_DNS_NO_NAME
                             : tlsa == TLSA_BOGUS ? FCT_DNS_BOGUS
                                                  : FCT_DNS_OK,
                             true,
                             {data[tlsa]},
                             NULL};
}

static bool connect_and_judge(const struct tls_policy_service *service,
                              struct tls_host_policy *policy, enum certificate certificate,
                              enum tls_result *result)
{
    static const struct tls_policy_peer peer = {
        FCT_STR_INIT("192.0.2.1"), FCT_STR_INIT("192.0.2.2"), FCT_STR_INIT("mx.example.org")};
    struct fct_err err = {0};
    struct handshake h;
    bool goes;

    if (certificate == NO_TLS)
        return tls_policy_judge(service, policy, NULL, NULL, &peer, result, &err);
    handshake_begin(&h, &made.id[certificate], NULL, made.authority.certificate);
    ck_assert_msg(tls_policy_prepare(policy, h.client, &err), "%s", err.text);
    ck_assert(handshake_run(&h));
    goes = tls_policy_judge(service, policy, h.client, NULL, &peer, result, &err);
    ck_assert(goes || (err.class == FCT_TEMP && err.text[0]));
    handshake_end(&h);
    return goes;
}

/* The one session, as a report tells it. */
static void check_counted(const char *name, const struct tls_report *report, bool promised,
                          bool no_tls, enum tls_result result)
{
    static const struct tls_report_head head = {{0}, {0}, {0}, 0, 1};
    struct arena *arena = arena_new(NULL);
    struct buf json = BUF_INIT(65536);
    struct tls_report_read r;
    struct fct_err err = {0};
    bool failed = result != TLS_RESULT_SUCCESS && (promised || no_tls);

    ck_assert(tls_report_write(report, DOMAIN, &head, &json));
    ck_assert(tls_report_parse(arena, buf_str(&json), &r, &err));
    ck_assert_msg(r.policies == 1, "%s: %zu policies", name, r.policies);
    ck_assert_msg(r.policy[0].failed == failed && r.policy[0].successful == !failed, "%s", name);
    ck_assert_msg((r.policy[0].policy.type != TLS_POLICY_NONE) == promised, "%s", name);
    if (failed)
        ck_assert_msg(r.policy[0].failure[0].is.result == result, "%s: %.*s", name,
                      FCT_FMT(r.policy[0].failure[0].word));
    buf_free(&json);
    arena_free(&arena);
}

static void run_case(size_t i)
{
    static const struct tls_report_limits limits = {10, 10, 10};
    struct arena *arena = arena_new(NULL);
    struct fake_row rows[] = {tlsa_row(cases[i].tlsa), {0}};
    struct fake_dns dns = {.row = rows};
    struct tls_policy_service service = {.dns = {fake_ask, &dns},
                                         .cache = cache_of(cases[i].sts),
                                         .dane = true,
                                         .report = tls_report_new(&limits)};
    struct fct_dns_answer addresses = {
        .status = FCT_DNS_OK, .authentic = true, .canonical = FCT_STR("mx.example.org")};
    struct tls_domain_policy domain;
    struct tls_host_policy host;
    enum tls_result result = cases[i].result;
    bool promised;

    tls_policy_find_domain(&service, arena, DOMAIN, NOW, &domain);
    tls_policy_find_host(&service, arena, &domain, FCT_STR("mx.example.org"), 25,
                         cases[i].mx_signed, &addresses, cases[i].wish, &host);
    promised = host.counted_as.type != TLS_POLICY_NONE;
    ck_assert_msg(host.use == cases[i].use, "%s", cases[i].name);
    ck_assert_msg(host.need == cases[i].need, "%s: need %d", cases[i].name, (int)host.need);
    ck_assert_msg(strcmp(tls_host_policy_word(&host), cases[i].word) == 0, "%s", cases[i].name);
    ck_assert_msg(host.use || host.why.n > 0, "%s", cases[i].name);
    ck_assert_msg(host.use || host.temporary == !cases[i].wish.require_tls, "%s", cases[i].name);
    if (host.use)
        ck_assert_msg(connect_and_judge(&service, &host, cases[i].certificate, &result) ==
                          cases[i].goes,
                      "%s", cases[i].name);
    ck_assert_msg(result == cases[i].result, "%s: %s", cases[i].name, tls_result_word(result));
    if (host.use || !cases[i].wish.require_tls)
        check_counted(cases[i].name, service.report, promised, cases[i].certificate == NO_TLS,
                      result);
    tls_report_free(&service.report);
    mta_sts_cache_free(&service.cache);
    arena_free(&arena);
}

START_TEST(every_combination)
{
    struct arena *arena = arena_new(NULL);

    setup(arena);
    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        run_case(i);
    teardown();
    arena_free(&arena);
}
END_TEST

START_TEST(a_handshake_that_fails)
{
    struct arena *arena = arena_new(NULL);
    struct tls_policy_service service = {0};
    struct tls_domain_policy domain = {.domain = DOMAIN};
    struct tls_policy_peer peer = {0};
    struct fct_dns_answer addresses = {0};
    struct tls_host_policy host;
    enum tls_result result;
    struct fct_err err = {0};

    tls_policy_find_host(&service, arena, &domain, FCT_STR("mx.example.org"), 25, true, &addresses,
                         (struct tls_policy_wish){0}, &host);
    ck_assert(tls_policy_judge(&service, &host, NULL, "wrong version", &peer, &result, &err));
    ck_assert_int_eq(result, TLS_RESULT_VALIDATION_FAILURE);
    host.need = TLS_NEED_ENCRYPTION;
    ck_assert(!tls_policy_judge(&service, &host, NULL, "wrong version", &peer, &result, &err));
    ck_assert_str_eq(err.text, "TLS failed: wrong version");
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, every_combination);
    tcase_add_test(tc, a_handshake_that_fails);
}

int main(void)
{
    return run_suite("tls_policy", add);
}
