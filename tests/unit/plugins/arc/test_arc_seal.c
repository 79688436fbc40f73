/* test_arc_seal.c - sets we make: what they say, what they cover, when we make none. */
#include "arc_rig.h"

static struct arc_rig rig;
static EVP_PKEY *rsa;
static struct dkim_record record;

static void make_keys(void)
{
    rsa = dkim_rig_key(false, 4096);
}

static void free_keys(void)
{
    EVP_PKEY_free(rsa);
}

static void setup(void)
{
    arc_rig_start(&rig);
    rig.key = rsa;
    record = arc_rig_record(&rig, "s1._domainkey.example.org", rsa);
    rig.dkim.record = &record;
    rig.dkim.records = 1;
}

static void teardown(void)
{
    arc_rig_stop(&rig);
}

static bool try(const struct arc_sealing *s, struct fct_str text, struct arc_new_set *set,
                struct fct_err *err)
{
    struct dkim_message message = dkim_rig_message(&rig.dkim, text);

    return arc_seal_message(s, &rig.dkim.memory, &message, set, err);
}

/* ---- form ---- */

START_TEST(form_of_the_fields)
{
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    struct fct_str text = arc_rig_seal(&rig, &s, FCT_STR(ARC_RIG_MESSAGE)), rest = text, line;
    struct arc_sets sets;
    struct dkim_message message = dkim_rig_message(&rig.dkim, text);
    struct fct_err err = {0};
    bool ok = arc_sets_collect(&rig.dkim.memory, message.field, message.fields, 50, &sets, &err);

    ck_assert(ok);
    ck_assert(str_equal(sets.set[0].recorded, FCT_STR("mx.example.org;\r\n\tspf=pass")));
    while ((line = str_split(&rest, '\n')).n > 1) /* RFC 5322 2.1.1 */
        ck_assert_msg(line.n <= 79, "%.*s", FCT_FMT(line));
    /* The order of the alphabet, so that others come to the same signature. */
    ck_assert(str_starts(sets.set[0].seal->value, FCT_STR(" a=rsa-sha256; b=")));
    ck_assert(memmem(text.p, text.n, "cv=none; d=example.org; i=1; s=s1; t=1599999999", 47));
    ck_assert(memmem(text.p, text.n, "h=From:To:Subject;", 18));
}
END_TEST

START_TEST(wide_lines)
{
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    struct arc_new_set set;
    struct fct_err err = {0};
    const char *fold;

    s.wide = true;
    ck_assert(try(&s, FCT_STR(ARC_RIG_MESSAGE), &set, &err));
    fold = memmem(set.seal.p, set.seal.n, "\r\n", 2);
    ck_assert(fold && memcmp(fold, "\r\n\tcv=", 6) == 0); /* the only one */
    ck_assert(!memmem(fold + 2, set.seal.n - (size_t)(fold + 2 - set.seal.p), "\r\n", 2));
}
END_TEST

/* ---- names ---- */

START_TEST(names_that_are_covered)
{
    static const char *const over[] = {"From", "Subject"};
    static const char *const more[] = {"Received", "subject", "List-Id"};
    const struct fct_strings oversign = {over, FCT_COUNT(over)}, headers = {more, FCT_COUNT(more)};
    static const char *const want[] = {"From", "From", "Subject", "Received", "Received"};
    struct dkim_message message = dkim_rig_message(
        &rig.dkim, FCT_STR("Received: a\r\nFrom: b\r\nReceived: c\r\nX-Other: d\r\n\r\n"));
    struct arc_sealing s = {0};

    ck_assert(arc_sealing_names(&s, &rig.dkim.memory, &message, &headers, &oversign));
    ck_assert_uint_eq(s.headers, FCT_COUNT(want));
    for (size_t i = 0; i < FCT_COUNT(want); i++)
        ck_assert_msg(str_equal(s.header[i], str_from(want[i])), "%.*s", FCT_FMT(s.header[i]));
}
END_TEST

/* Many names do not fit a line, and more than a verifier reads are not written. */
START_TEST(many_names)
{
    static const char *const over[] = {"From"};
    static const char *const more[] = {"X-Rather-Long-Name"};
    const struct fct_strings oversign = {over, 1}, headers = {more, 1};
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 20);
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    struct dkim_message message;

    for (unsigned i = 0; i < DKIM_HEADERS_MAX + 10; i++)
        buf_printf(&text, "X-Rather-Long-Name: %u\r\n", i);
    buf_put_c(&text, ARC_RIG_MESSAGE);
    message = dkim_rig_message(&rig.dkim, buf_str(&text));
    ck_assert(arc_sealing_names(&s, &rig.dkim.memory, &message, &headers, &oversign));
    ck_assert_uint_eq(s.headers, DKIM_HEADERS_MAX);
    ck_assert_int_eq(arc_rig_judge(&rig, arc_rig_seal(&rig, &s, buf_str(&text))), ARC_PASS);
    ck_assert_int_eq(rig.chain.oldest_pass, 0);
}
END_TEST

/* The new results are named by h=, too, when older ones are (the lowest is the first). */
START_TEST(results_may_be_covered)
{
    static const struct fct_str names[] = {FCT_STR_INIT("From"),
                                           FCT_STR_INIT("arc-authentication-results"),
                                           FCT_STR_INIT("ARC-Authentication-Results")};
    struct fct_str text = FCT_STR(ARC_RIG_MESSAGE);

    for (uint32_t i = 1; i <= 3; i++) {
        struct arc_sealing s = arc_rig_sealing(&rig, i);

        s.header = names;
        s.headers = i == 1 ? 2 : 3;
        text = arc_rig_seal(&rig, &s, text);
    }
    ck_assert_int_eq(arc_rig_judge(&rig, text), ARC_PASS);
    /* The second set's h= covers both results there were; a third came on top. */
    ck_assert_uint_eq(rig.chain.oldest_pass, 0);
}
END_TEST

/* ---- over what ---- */

START_TEST(chains_that_failed)
{
    struct arc_sealing first = arc_rig_sealing(&rig, 1), second = arc_rig_sealing(&rig, 2);
    struct fct_str text = arc_rig_seal(&rig, &first, FCT_STR(ARC_RIG_MESSAGE)), alone;
    struct dkim_message split;

    text = arc_rig_fill(&rig, text, "end", FCT_STR("END"));
    second.cv = "fail";
    text = arc_rig_seal(&rig, &second, text);
    ck_assert_int_eq(arc_rig_judge(&rig, text), ARC_FAIL);
    ck_assert(rig.chain.ended);
    /* The seal covers its own set only (RFC 8617 5.1.2): as such it can be verified. */
    split = dkim_rig_message(&rig.dkim, text);
    alone = (struct fct_str){text.p, (size_t)(split.field[3].raw.p - text.p)};
    alone = arc_rig_join(&rig, alone, FCT_STR(ARC_RIG_MESSAGE));
    split = dkim_rig_message(&rig.dkim, alone);
    {
        struct dkim_digest digest;
        struct dkim_signature seal;
        struct fct_err err = {0};
        uint8_t hash[DKIM_HASH_BYTES];

        ck_assert(dkim_signature_parse(&rig.dkim.memory, DKIM_ARC_SEAL, split.field[0].value, &seal,
                                       &err));
        ck_assert(dkim_digest_begin(&digest));
        dkim_header_put(&digest.sink, true, &split.field[2], (struct fct_str){NULL, 0}, false);
        dkim_header_put(&digest.sink, true, &split.field[1], (struct fct_str){NULL, 0}, false);
        dkim_header_put(&digest.sink, true, &split.field[0], seal.blank, true);
        ck_assert(dkim_digest_end(&digest, hash));
        ck_assert(dkim_digest_verify(rsa, DKIM_RSA_SHA256, hash, seal.bytes, seal.nbytes));
    }
}
END_TEST

START_TEST(what_is_not_sealed)
{
    struct arc_sealing first = arc_rig_sealing(&rig, 1), failed = arc_rig_sealing(&rig, 2), s;
    struct fct_str one = arc_rig_seal(&rig, &first, FCT_STR(ARC_RIG_MESSAGE));
    failed.cv = "fail";
    const struct {
        const char *name;
        uint32_t instance;
        const char *cv;
        struct fct_str text;
        enum fct_class want;
    } cases[] = {
        {"instance 0", 0, "none", FCT_STR(ARC_RIG_MESSAGE), FCT_LIMIT},
        {"instance 51", 51, "fail", FCT_STR(ARC_RIG_MESSAGE), FCT_LIMIT},
        {"a set more than was judged", 1, "none", one, FCT_DENIED},
        {"a set less", 2, "pass", FCT_STR(ARC_RIG_MESSAGE), FCT_DENIED},
        {"none over a set", 2, "none", one, FCT_DENIED},
        {"pass over nothing", 1, "pass", FCT_STR(ARC_RIG_MESSAGE), FCT_DENIED},
        {"fail over nothing", 1, "fail", FCT_STR(ARC_RIG_MESSAGE), FCT_DENIED},
        {"over an ended chain", 3, "fail", arc_rig_seal(&rig, &failed, one), FCT_DENIED},
        {"sets without form", 2, "pass", arc_rig_fill(&rig, one, "ARC-Seal", FCT_STR("X")),
         FCT_SYNTAX},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arc_new_set set;
        struct fct_err err = {0};

        s = arc_rig_sealing(&rig, cases[i].instance);
        s.cv = cases[i].cv;
        ck_assert_msg(!try(&s, cases[i].text, &set, &err), "%s", cases[i].name);
        ck_assert_msg(err.class == cases[i].want, "%s: %s", cases[i].name, err.text);
    }
    /* The others for the proof: over no form cv=fail is said. */
    s = arc_rig_sealing(&rig, 2);
    s.cv = "fail";
    (void)arc_rig_seal(&rig, &s, arc_rig_fill(&rig, one, "ARC-Seal", FCT_STR("X")));
}
END_TEST

START_TEST(known_bodies)
{
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    uint8_t hash[DKIM_HASH_BYTES];
    uint64_t length;
    struct dkim_message message = dkim_rig_message(&rig.dkim, FCT_STR(ARC_RIG_MESSAGE));

    ck_assert(arc_body_hash(message.body, true, hash, &length));
    s.body_hash = hash;
    ck_assert_int_eq(arc_rig_judge(&rig, arc_rig_seal(&rig, &s, FCT_STR(ARC_RIG_MESSAGE))),
                     ARC_PASS);
    hash[0] ^= 1;
    ck_assert_int_eq(arc_rig_judge(&rig, arc_rig_seal(&rig, &s, FCT_STR(ARC_RIG_MESSAGE))),
                     ARC_FAIL);
}
END_TEST

static void *no_memory(void *arg, size_t bytes)
{
    size_t *left = arg;

    return *left > 0 ? ((*left)--, arena_alloc(rig.dkim.arena, bytes)) : NULL;
}

START_TEST(memory_runs_out)
{
    struct dkim_message message = dkim_rig_message(&rig.dkim, FCT_STR(ARC_RIG_MESSAGE));
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    size_t n = 0, left;
    bool ok = false;

    while (!ok && n < 100) {
        const struct dkim_memory memory = {no_memory, &left};
        struct arc_new_set set;
        struct fct_err err = {0};

        left = n++;
        ok = arc_seal_message(&s, &memory, &message, &set, &err);
        ck_assert(ok || err.class == FCT_TEMP);
    }
    ck_assert_uint_gt(n, 5);
    ck_assert_uint_lt(n, 100);
}
END_TEST

DKIM_RIG_MAIN("arc_seal", {
    tcase_add_unchecked_fixture(tc, make_keys, free_keys);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, form_of_the_fields);
    tcase_add_test(tc, wide_lines);
    tcase_add_test(tc, names_that_are_covered);
    tcase_add_test(tc, many_names);
    tcase_add_test(tc, results_may_be_covered);
    tcase_add_test(tc, chains_that_failed);
    tcase_add_test(tc, what_is_not_sealed);
    tcase_add_test(tc, known_bodies);
    tcase_add_test(tc, memory_runs_out);
})
