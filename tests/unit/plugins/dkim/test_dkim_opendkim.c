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
        .pem = pem[0], .relaxed_header = form & 2, .relaxed_body = form & 4, .length = -1};
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

/* Lines and fields as long as they may be, and longer. */
START_TEST(both_agree_on_long_lines)
{
    static const size_t lengths[] = {76, 998, 4095, 4096, 4097, 65536, 300000};
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(2u << 20);

    buf_put_c(&text, FROM "Subject: ");
    for (size_t i = 0; i < lengths[_i]; i++)
        buf_put_char(&text, i % 61 ? 'a' : ' ');
    buf_put_c(&text, "e\r\nX-Twice:");
    for (size_t i = 0; i < lengths[_i]; i++)
        buf_put_c(&text, i % 50 ? "\xc3\xa9" : "\r\n\t");
    buf_put_c(&text, "e\r\n\r\n");
    for (size_t i = 0; i < lengths[_i]; i++)
        buf_put_char(&text, i % 67 ? 'b' : '\t');
    buf_put_c(&text, "\r\n");
    for (int form = 0; form < FORMS; form++)
        compare("long", buf_str(&text), form);
}
END_TEST

/* ---- by chance: DKIM_SEED repeats what a failure printed ---- */

static uint32_t seed;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* What to begin with; printed, so that it can be done again. */
static void take_seed(uint32_t usual)
{
    const char *given = getenv("DKIM_SEED");

    seed = given ? (uint32_t)strtoul(given, NULL, 10) : usual;
    printf("DKIM_SEED=%u\n", seed);
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
    take_seed(20240601 + (uint32_t)_i);
    for (int round = 0; round < ROUNDS; round++) {
        FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 20);
        char name[64];

        (void)snprintf(name, sizeof name, "round %d of seed %u", round, seed);
        put_message(&text);
        compare(name, buf_str(&text), round % FORMS);
    }
}
END_TEST

/* A byte more, less, or another, anywhere but in the signature: both see it, or neither does. */
static void change_somewhere(struct buf *text, size_t from)
{
    static const char bytes[] = " \t\r\n:;=aA.\xc3";
    size_t at = from + chance((uint32_t)(text->n - from));
    char other = bytes[chance(sizeof bytes - 1)];

    switch (chance(3)) {
    case 0:
        text->p[at] = other;
        break;
    case 1:
        memmove(text->p + at, text->p + at + 1, text->n - at - 1);
        text->n--;
        break;
    default:
        buf_put_char(text, ' ');
        memmove(text->p + at + 1, text->p + at, text->n - at - 1);
        text->p[at] = other;
        break;
    }
}

/* libopendkim refuses a message with any other name, we only do not find such a field. */
static bool is_common_name(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] > 0x7e || p[i] == ';')
            return false;
    return n > 0;
}

/* What a server takes: every line ends with CRLF, no field without a name (SMTP refuses the rest).
 */
static bool is_mail(struct fct_str text)
{
    const char *end = memmem(text.p, text.n, "\r\n\r\n", 4);
    bool at_start = true;

    for (size_t i = 0; i < text.n; i++) {
        if ((text.p[i] == '\r') != (i + 1 < text.n && text.p[i + 1] == '\n'))
            return false;
        if (at_start && end && text.p + i < end && !strchr(" \t", text.p[i])) {
            struct fct_str line = {text.p + i, (size_t)(end - text.p) - i};
            size_t name = strcspn(text.p + i, ": \t\r");

            if (name >= line.n || line.p[name] != ':' || !is_common_name(line.p, name))
                return false;
        }
        at_start = text.p[i] == '\n';
    }
    return end != NULL;
}

START_TEST(both_see_what_was_changed)
{
    struct dkim_record own = {"s1._domainkey.example.org", record[0]};
    int kept = 0, lost = 0;

    take_seed(7 + (uint32_t)_i);
    rig.record = &own;
    rig.records = 1;
    for (int round = 0; round < ROUNDS; round++) {
        FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 20), changed = BUF_INIT(1u << 20);
        struct dkim_signing ours = dkim_rig_signing(key[0]);
        struct fct_str signed_text;
        bool we, they;

        put_message(&text);
        ours.relaxed_header = chance(2);
        ours.relaxed_body = chance(2);
        ours.has_length = chance(3) == 0;
        ours.time = rig.limits.now;
        signed_text = dkim_rig_sign(&rig, &ours, buf_str(&text));
        buf_put_str(&changed, signed_text);
        change_somewhere(&changed, signed_text.n - text.n);
        if (!is_mail(buf_str(&changed)) || strchr(" \t", changed.p[signed_text.n - text.n]))
            continue; /* not mail, or it became a part of the signature */
        we = dkim_rig_judge(&rig, buf_str(&changed)) >= DKIM_POLICY;
        they = opendkim_oracle_verify(oracle, record[0], buf_str(&changed));
        ck_assert_msg(we == they, "round %d: we say %s (%s), libopendkim says %s:\n%.*s", round,
                      we ? "pass" : "fail", rig.verify.check[0].why.text, they ? "pass" : "fail",
                      FCT_FMT(buf_str(&changed)));
        kept += we;
        lost += !we;
    }
    ck_assert_int_gt(kept, 10); /* white space that a relaxed form forgives, fields not covered */
    ck_assert_int_gt(lost, 50);
}
END_TEST

/* l= of both makes: what follows may change, what is covered may not. */
START_TEST(both_agree_on_lengths)
{
    struct dkim_record own = {"s1._domainkey.example.org", record[0]};
    static const char text[] = FROM "Subject: s\r\n\r\nfirst line\r\nsecond  line\r\n\r\n";

    rig.record = &own;
    rig.records = 1;
    for (int form = 0; form < FORMS; form += 2) {
        for (int64_t length = 0; length < 24; length++) {
            FCT_CLEANUP(buf_free) struct buf all = BUF_INIT(1u << 16);
            struct opendkim_signing theirs = {.pem = pem[0], .length = length};
            char *value;

            theirs.relaxed_header = form & 2;
            theirs.relaxed_body = form & 4;
            value = opendkim_oracle_sign(oracle, &theirs, str_from(text));
            ck_assert(value);
            buf_printf(&all, "DKIM-Signature: %s\r\n%sappended\r\n", value, text);
            free(value);
            ck_assert_msg(dkim_rig_judge(&rig, buf_str(&all)) == DKIM_POLICY, "form %d, l=%lld: %s",
                          form, (long long)length, rig.verify.check[0].why.text);
            ck_assert(opendkim_oracle_verify(oracle, record[0], buf_str(&all)));
        }
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
    tcase_add_loop_test(tc, both_agree_on_long_lines, 0, 7);
    tcase_add_loop_test(tc, both_agree_on_what_chance_makes, 0, 2);
    tcase_add_loop_test(tc, both_see_what_was_changed, 0, 4);
    tcase_add_test(tc, both_agree_on_lengths);
    tcase_add_test(tc, both_agree_on_25_megabytes);)
