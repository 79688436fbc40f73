/* test_dkim_opendkim.c - we sign and libopendkim verifies, it signs and we verify: every form, both
 * kinds of keys, odd headers and bodies, and what was made by chance.
 *
 * What libopendkim 2.11 signs with Ed25519 it does not verify itself: there we only sign. */
#include "dkim_rig.h"
#include "opendkim_oracle.h"

static struct dkim_rig rig;
static struct opendkim_oracle *oracle;
static EVP_PKEY *key[2];
static char *pem[2], *record[2];

static char *pem_of(EVP_PKEY *k)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *out;
    long n;

    ck_assert(PEM_write_bio_PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL) == 1);
    n = BIO_get_mem_data(bio, &data);
    out = strndup(data, (size_t)n);
    BIO_free(bio);
    return out;
}

static void make_keys(void)
{
    oracle = opendkim_oracle_new();
    for (int i = 0; i < 2; i++) {
        key[i] = dkim_rig_key(i == 1, 2048);
        pem[i] = pem_of(key[i]);
        record[i] = dkim_key_record(key[i]);
    }
}

static void free_keys(void)
{
    for (int i = 0; i < 2; i++) {
        EVP_PKEY_free(key[i]);
        free(pem[i]);
        free(record[i]);
    }
    opendkim_oracle_free(oracle);
}

static void setup(void)
{
    dkim_rig_start(&rig);
    rig.limits.now = (uint64_t)time(NULL); /* its signatures are of now */
}

static void teardown(void)
{
    dkim_rig_stop(&rig);
}

static void we_sign(const char *name, struct fct_str text, int form)
{
    struct dkim_signing ours = dkim_rig_signing(key[form & 1]);

    ours.relaxed_header = form & 2;
    ours.relaxed_body = form & 4;
    ours.time = rig.limits.now;
    ck_assert_msg(
        opendkim_oracle_verify(oracle, record[form & 1], dkim_rig_sign(&rig, &ours, text)),
        "%s, form %d: libopendkim does not take ours", name, form);
}

static void they_sign(const char *name, struct fct_str text, int form)
{
    struct dkim_record own = {"s1._domainkey.example.org", record[0]};
    struct opendkim_signing theirs = {
        .pem = pem[0], .relaxed_header = form & 2, .relaxed_body = form & 4};
    FCT_CLEANUP(buf_free) struct buf all = BUF_INIT(64u << 20);
    char *value = opendkim_oracle_sign(oracle, &theirs, text);

    ck_assert_msg(value != NULL, "%s: libopendkim does not sign", name);
    buf_printf(&all, "DKIM-Signature: %s\r\n", value);
    buf_put_str(&all, text);
    free(value);
    rig.record = &own;
    rig.records = 1;
    ck_assert_msg(dkim_rig_judge(&rig, buf_str(&all)) == DKIM_PASS, "%s, form %d: %s", name, form,
                  rig.verify.check[0].why.text);
}

/* form: bit 0 Ed25519, bit 1 a relaxed header, bit 2 a relaxed body */
static void compare(const char *name, struct fct_str text, int form)
{
    we_sign(name, text, form);
    if (!(form & 1))
        they_sign(name, text, form);
}

#define FORMS 8
#define FROM  "From: ann@example.org\r\n"

static const struct {
    const char *name, *text;
} messages[] = {
    {"plain", FROM "Subject: s\r\n\r\nHello\r\n"},
    {"nothing but From", FROM "\r\nx\r\n"},
    {"empty body", FROM "\r\n"},
    {"no empty line", FROM},
    {"empty lines only", FROM "\r\n\r\n\r\n\r\n"},
    {"white space only", FROM "\r\n \t \r\n"},
    {"empty lines at the end", FROM "\r\nx\r\n\r\n\r\n"},
    {"white space in lines", FROM "\r\n  a \t b  \r\n\t\r\nc\r\n"},
    {"folded", "From:\r\n ann@example.org\r\nSubject: a\r\n\tb\r\n  c  \r\n\r\nx\r\n"},
    {"spaces around", "From:   ann@example.org   \r\nSubject:\r\n\r\nx\r\n"},
    {"no space", "From:ann@example.org\r\nSubject:\ts\t\r\n\r\nx\r\n"},
    {"capitals", "FROM: ann@example.org\r\nsUBJECT: S\r\n\r\nx\r\n"},
    {"several of a name",
     "Received: 1\r\nReceived: 2\r\nX-Twice: a\r\n" FROM "X-Twice: b\r\nReceived: 3\r\n\r\nx\r\n"},
    {"bytes beyond ASCII", FROM "Subject: \xc3\xa9\xff\r\n\r\n\xc3\xa9\xff\r\n"},
    {"a dot", FROM "\r\n.\r\n..\r\n"},
};

START_TEST(both_agree)
{
    for (int form = 0; form < FORMS; form++)
        compare(messages[_i].name, str_from(messages[_i].text), form);
}
END_TEST

/* ---- by chance, always the same ---- */

static uint32_t seed = 20240601;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void put_some(struct buf *out, const char *const *pieces, uint32_t n, uint32_t most)
{
    for (uint32_t left = chance(most); left > 0; left--)
        buf_put_c(out, pieces[chance(n)]);
}

static void put_message(struct buf *out)
{
    static const char *const names[] = {"Subject", "To", "X-Twice", "Received", "DATE", "X-Other"};
    static const char *const values[] = {"word", " ", "\t", "  ",       "\r\n ", "\r\n\t",
                                         ":",    ";", "=",  "\xc3\xa9", "(c)",   "\"q\""};
    static const char *const lines[] = {"word",   " ", "\t",  "\r\n",     "\r\n",
                                        "  \r\n", ".", "=20", "\r\n\r\n", "long line of words"};

    for (uint32_t left = chance(8); left > 0; left--) {
        buf_printf(out, "%s:%sv", names[chance(FCT_COUNT(names))], chance(2) ? " " : "");
        put_some(out, values, FCT_COUNT(values), 12);
        buf_put_c(out, "e\r\n"); /* a line of white space alone is no folding (RFC 5322 3.2.2) */
    }
    buf_put_c(out, FROM "\r\n");
    put_some(out, lines, FCT_COUNT(lines), 40);
    buf_put_c(out, "\r\n");
}

#define ROUNDS 300

START_TEST(both_agree_on_what_chance_makes)
{
    for (int round = 0; round < ROUNDS; round++) {
        FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 20);

        put_message(&text);
        compare("chance", buf_str(&text), round % FORMS);
    }
}
END_TEST

#define LARGE (25u << 20)

START_TEST(both_agree_on_25_megabytes)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(LARGE + 4096);

    buf_put_c(&text, FROM "\r\n");
    for (unsigned i = 0; text.n < LARGE; i++)
        buf_printf(&text, "%u: %76s  end \r\n%s", i, "x", i % 1000 ? "" : "\r\n\r\n");
    compare("large", buf_str(&text), 6);
    compare("large", buf_str(&text), 0);
}
END_TEST

/* clang-format off */
DKIM_RIG_MAIN("dkim_opendkim",
    tcase_add_unchecked_fixture(tc, make_keys, free_keys);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, both_agree, 0, (int)FCT_COUNT(messages));
    tcase_add_test(tc, both_agree_on_what_chance_makes);
    tcase_add_test(tc, both_agree_on_25_megabytes);)
