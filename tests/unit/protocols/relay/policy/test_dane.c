/* test_dane.c - which TLSA records count (RFC 7672 2, 3), and which certificates match them. */
#include "protocols/relay/policy/dane.h"
#include "tests/unit/core/message/message_test.h"
#include "tests/unit/protocols/relay/policy/policy_fixture.h"

/* ---- records ---- */

START_TEST(records_on_the_wire)
{
    static const struct {
        const char *name, *head;
        size_t data;
        bool ok, usable;
    } cases[] = {
        {"3 1 1", "\3\1\1", 32, true, true},      {"3 1 2", "\3\1\2", 64, true, true},
        {"2 0 1", "\2\0\1", 32, true, true},      {"3 0 0", "\3\0\0", 500, true, true},
        {"0 0 1", "\0\0\1", 32, true, false},     {"1 1 1", "\1\1\1", 32, true, false},
        {"4 1 1", "\4\1\1", 32, true, false},     {"255 1 1", "\377\1\1", 32, true, false},
        {"3 2 1", "\3\2\1", 32, true, false},     {"3 1 3", "\3\1\3", 32, true, false},
        {"short digest", "\3\1\1", 31, false, 0}, {"long digest", "\3\1\1", 33, false, 0},
        {"512 of 32", "\3\1\2", 32, false, 0},    {"no data", "\3\1\1", 0, false, 0},
        {"too long", "\3\0\0", 8193, false, 0},
    };
    static char wire[9000];

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct tlsa_record r;
        bool ok;

        memcpy(wire, cases[i].head, 3);
        ok = tlsa_record_parse((struct fct_str){wire, 3 + cases[i].data}, &r);
        ck_assert_msg(ok == cases[i].ok, "%s", cases[i].name);
        if (ok)
            ck_assert_msg(tlsa_record_is_usable(&r) == cases[i].usable, "%s", cases[i].name);
    }
    ck_assert(!tlsa_record_parse(FCT_STR("\3\1"), &(struct tlsa_record){0}));
}
END_TEST

/* ---- what the DNS says ---- */

#define KEY32 \
    "\3\1\1"  \
    "0123456789abcdef0123456789abcdef"
#define PKIX \
    "\1\1\1" \
    "0123456789abcdef0123456789abcdef"

/* clang-format off */
static const struct fake_row rows[] = {
    {"_25._tcp.good.example", FCT_DNS_TLSA, FCT_DNS_OK, true, {FCT_STR_INIT(KEY32)}, NULL},
    {"_25._tcp.insecure.example", FCT_DNS_TLSA, FCT_DNS_OK, false, {FCT_STR_INIT(KEY32)}, NULL},
    {"_25._tcp.pkix.example", FCT_DNS_TLSA, FCT_DNS_OK, true, {FCT_STR_INIT(PKIX)}, NULL},
    {"_25._tcp.mixed.example", FCT_DNS_TLSA, FCT_DNS_OK, true, {FCT_STR_INIT(PKIX), FCT_STR_INIT(KEY32)}, NULL},
    {"_25._tcp.bogus.example", FCT_DNS_TLSA, FCT_DNS_BOGUS, false, {{0}}, NULL},
    {"_25._tcp.silent.example", FCT_DNS_TLSA, FCT_DNS_FAILED, false, {{0}}, NULL},
    {"alias.example", FCT_DNS_CNAME, FCT_DNS_OK, true, {FCT_STR_INIT("elsewhere.example")}, NULL},
    {"_25._tcp.alias.example", FCT_DNS_TLSA, FCT_DNS_OK, true, {FCT_STR_INIT(KEY32)}, NULL},
    {NULL, FCT_DNS_A, FCT_DNS_OK, false, {{0}}, NULL},
};
static const struct {
    const char *name, *host, *canonical;
    bool mx, addresses;
    enum dane_state want;
    const char *base;
    unsigned asked;
} hosts[] = {
    {"all is signed", "good.example", "good.example", true, true, DANE_USABLE, "good.example", 1},
    {"MX not signed", "good.example", "good.example", false, true, DANE_ABSENT, "good.example", 0},
    {"addresses not signed", "good.example", "good.example", true, false, DANE_ABSENT, "good.example", 0},
    {"TLSA not signed", "insecure.example", "insecure.example", true, true, DANE_ABSENT, "insecure.example", 1},
    {"no TLSA", "none.example", "none.example", true, true, DANE_ABSENT, "none.example", 1},
    {"usage 1 only", "pkix.example", "pkix.example", true, true, DANE_UNUSABLE, "pkix.example", 1},
    {"usage 1 and 3", "mixed.example", "mixed.example", true, true, DANE_USABLE, "mixed.example", 1},
    {"forged", "bogus.example", "bogus.example", true, true, DANE_FAILED, "bogus.example", 1},
    {"no answer", "silent.example", "silent.example", true, true, DANE_FAILED, "silent.example", 1},
    {"alias to one that has TLSA", "x.example", "good.example", true, true, DANE_USABLE, "good.example", 1},
    {"alias to one without", "alias.example", "none.example", true, true, DANE_USABLE, "alias.example", 2},
    {"signed alias to an unsigned zone", "alias.example", "elsewhere.example", true, false, DANE_USABLE, "alias.example", 2},
    {"unsigned alias", "x.example", "elsewhere.example", true, false, DANE_ABSENT, "x.example", 1},
    {"alias to a forged one", "alias.example", "bogus.example", true, true, DANE_FAILED, "bogus.example", 1},
};
/* clang-format on */

START_TEST(what_must_be_signed)
{
    for (size_t i = 0; i < FCT_COUNT(hosts); i++) {
        struct arena *arena = arena_new(NULL);
        struct fake_dns dns = {.row = rows};
        struct fct_dns_answer addresses = {.status = FCT_DNS_OK,
                                           .authentic = hosts[i].addresses,
                                           .canonical = str_from(hosts[i].canonical)};
        struct dane_host host;

        dane_find(&(struct dane_dns){fake_ask, &dns}, arena, str_from(hosts[i].host), 25,
                  hosts[i].mx, &addresses, &host);
        ck_assert_msg(host.state == hosts[i].want, "%s: %d", hosts[i].name, (int)host.state);
        assert_text(hosts[i].name, host.base, str_from(hosts[i].base));
        ck_assert_msg(dns.asked == hosts[i].asked, "%s: asked %u times", hosts[i].name, dns.asked);
        ck_assert_msg((host.state == DANE_FAILED || host.state == DANE_UNUSABLE) ==
                          (host.why != NULL),
                      "%s", hosts[i].name);
        ck_assert_msg((host.n > 0) == (host.state == DANE_USABLE), "%s", hosts[i].name);
        arena_free(&arena);
    }
}
END_TEST

/* ---- certificates ---- */

enum who { LEAF, AUTHORITY, OTHER, EXPIRED, WHO };

/* clang-format off */
static const struct {
    const char *name;
    enum who server, of; /* whose certificate is sent, whose is in the record */
    unsigned usage, selector, matching;
    const char *base, *next_hop;
    bool want;
} chains[] = {
    {"3 1 1", LEAF, LEAF, 3, 1, 1, "mx.example.org", "", true},
    {"3 1 2", LEAF, LEAF, 3, 1, 2, "mx.example.org", "", true},
    {"3 1 0", LEAF, LEAF, 3, 1, 0, "mx.example.org", "", true},
    {"3 0 1", LEAF, LEAF, 3, 0, 1, "mx.example.org", "", true},
    {"3 0 2", LEAF, LEAF, 3, 0, 2, "mx.example.org", "", true},
    {"3 0 0", LEAF, LEAF, 3, 0, 0, "mx.example.org", "", true},
    {"3 1 1 of another key", LEAF, OTHER, 3, 1, 1, "mx.example.org", "", false},
    {"3 0 0 of another", LEAF, OTHER, 3, 0, 0, "mx.example.org", "", false},
    {"3 1 1 of the authority is no leaf", LEAF, AUTHORITY, 3, 1, 1, "mx.example.org", "", false},
    {"3 x x: any name (RFC 7672 3.1.1)", LEAF, LEAF, 3, 1, 1, "other.example", "", true},
    {"3 x x: expired, too", EXPIRED, EXPIRED, 3, 1, 1, "mx.example.org", "", true},
    {"2 0 1", LEAF, AUTHORITY, 2, 0, 1, "mx.example.org", "", true},
    {"2 0 2", LEAF, AUTHORITY, 2, 0, 2, "mx.example.org", "", true},
    {"2 1 1", LEAF, AUTHORITY, 2, 1, 1, "mx.example.org", "", true},
    {"2 0 0", LEAF, AUTHORITY, 2, 0, 0, "mx.example.org", "", true},
    {"2 1 0", LEAF, AUTHORITY, 2, 1, 0, "mx.example.org", "", true},
    {"2 0 1 of another authority", LEAF, OTHER, 2, 0, 1, "mx.example.org", "", false},
    {"2 0 1: the name counts", LEAF, AUTHORITY, 2, 0, 1, "other.example", "", false},
    {"2 0 1: or that of the next hop", LEAF, AUTHORITY, 2, 0, 1, "other.example", "mx.example.org", true},
    {"2 0 1: expired", EXPIRED, AUTHORITY, 2, 0, 1, "mx.example.org", "", false},
};
/* clang-format on */

static void make_all(struct identity id[WHO])
{
    id[AUTHORITY] = make_identity("An Authority", NULL, true, false);
    id[OTHER] = make_identity("Another Authority", NULL, true, false);
    id[LEAF] = make_identity("mx.example.org", &id[AUTHORITY], false, false);
    id[EXPIRED] = make_identity("mx.example.org", &id[AUTHORITY], false, true);
}

static bool run(const struct identity *server, const struct identity *authority,
                const struct dane_host *host, const char *next_hop, size_t *taken)
{
    struct handshake h;
    struct fct_err err = {0};
    bool matched;

    handshake_begin(&h, server, authority, NULL);
    ck_assert_msg(dane_connection_prepare(h.client, host, str_from(next_hop), taken, &err), "%s",
                  err.text);
    ck_assert(handshake_run(&h)); /* it never ends for a certificate */
    matched = dane_connection_matched(h.client, &err);
    ck_assert(matched || (err.class == FCT_DENIED && err.text[0]));
    assert_text("SNI", str_from(SSL_get_servername(h.server, TLSEXT_NAMETYPE_host_name)),
                host->base);
    handshake_end(&h);
    return matched;
}

START_TEST(chains_that_match)
{
    struct arena *arena = arena_new(NULL);
    struct identity id[WHO];

    make_all(id);
    for (size_t i = 0; i < FCT_COUNT(chains); i++) {
        struct fct_dns_record record = {.data = make_tlsa(arena, id[chains[i].of].certificate,
                                                          chains[i].usage, chains[i].selector,
                                                          chains[i].matching)};
        struct fct_dns_answer answer = {
            .status = FCT_DNS_OK, .authentic = true, .record = &record, .n = 1};
        struct dane_host host;
        size_t taken;

        dane_from_answer(arena, str_from(chains[i].base), &answer, &host);
        ck_assert_int_eq(host.state, DANE_USABLE);
        ck_assert_msg(run(&id[chains[i].server], &id[AUTHORITY], &host, chains[i].next_hop,
                          &taken) == chains[i].want,
                      "%s", chains[i].name);
        ck_assert_uint_eq(taken, 1);
    }
    for (int i = 0; i < WHO; i++)
        free_identity(&id[i]);
    arena_free(&arena);
}
END_TEST

/* RFC 7671 9: a matching SHA-256 does not help beside a SHA-512 that does not match. */
START_TEST(the_strongest_digest_counts)
{
    struct arena *arena = arena_new(NULL);
    struct identity id[WHO];
    struct dane_host host = {.state = DANE_USABLE, .base = FCT_STR("mx.example.org")};
    struct tlsa_record record[2];
    size_t taken;

    make_all(id);
    ck_assert(tlsa_record_parse(make_tlsa(arena, id[LEAF].certificate, 3, 1, 1), &record[0]));
    ck_assert(tlsa_record_parse(make_tlsa(arena, id[OTHER].certificate, 3, 1, 2), &record[1]));
    host.record = record;
    host.n = 2;
    ck_assert(!run(&id[LEAF], &id[AUTHORITY], &host, "", &taken));
    /* Of the same kind each of them may match: that is how keys are rolled over. */
    ck_assert(tlsa_record_parse(make_tlsa(arena, id[OTHER].certificate, 3, 1, 1), &record[1]));
    ck_assert(run(&id[LEAF], &id[AUTHORITY], &host, "", &taken));
    for (int i = 0; i < WHO; i++)
        free_identity(&id[i]);
    arena_free(&arena);
}
END_TEST

START_TEST(records_that_openssl_cannot_read)
{
    struct arena *arena = arena_new(NULL);
    struct identity id[WHO];
    struct tlsa_record record;
    struct dane_host host = {
        .state = DANE_USABLE, .base = FCT_STR("mx.example.org"), .record = &record, .n = 1};
    size_t taken;

    make_all(id);
    ck_assert(tlsa_record_parse(FCT_STR("\3\0\0 no certificate"), &record));
    (void)run(&id[LEAF], &id[AUTHORITY], &host, "", &taken);
    ck_assert_uint_eq(taken, 0);
    for (int i = 0; i < WHO; i++)
        free_identity(&id[i]);
    arena_free(&arena);
}
END_TEST

START_TEST(our_own_record)
{
    struct arena *arena = arena_new(NULL);
    struct identity id = make_identity("mx.example.org", NULL, false, false);
    struct tlsa_record record, again;
    struct fct_str shown;

    ck_assert(tlsa_record_of(arena, id.certificate, &record));
    ck_assert(tlsa_record_parse(make_tlsa(arena, id.certificate, 3, 1, 1), &again));
    assert_text("the same", record.data, again.data);
    shown = tlsa_record_show(arena, &record);
    ck_assert(str_starts(shown, FCT_STR("3 1 1 ")));
    ck_assert_uint_eq(shown.n, 6 + 64);
    free_identity(&id);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, records_on_the_wire);
    tcase_add_test(tc, what_must_be_signed);
    tcase_add_test(tc, chains_that_match);
    tcase_add_test(tc, the_strongest_digest_counts);
    tcase_add_test(tc, records_that_openssl_cannot_read);
    tcase_add_test(tc, our_own_record);
}

int main(void)
{
    return run_suite("dane", add);
}
