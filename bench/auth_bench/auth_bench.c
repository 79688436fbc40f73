/* auth_bench.c - what sender authentication costs beside the bare cryptographic operation, without
 * processes, sockets or a DNS.
 *
 * auth_bench FOLDER TURNS N WHAT…: FOLDER has rsa.pem and ed25519.pem. Does each WHAT N times,
 * taking turns TURNS times, and prints the nanoseconds of processor time of one in the best turn, a
 * line for each WHAT: a busy machine is unfair to nobody. Counted under valgrind with two values of
 * N, the difference is the instructions of one (bench/auth).
 *
 *   rsa-verify, ed25519-verify  DKIM: a signed message of 4 KiB judged, its key in the cache
 *   rsa-sign, ed25519-sign      DKIM: a message of 4 KiB signed
 *   bare-…                      what of it OpenSSL alone needs, for a hash of 32 bytes
 *   sha256                      a message of 4 KiB hashed
 *   spf                         a record with an include that decides, one question each
 *   dmarc                       a policy one label up, DKIM aligned with it
 *   arc                         a chain of two sets judged: four RSA signatures, a body hash */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/message/rfc5322.h"
#include "plugins/arc/arc_chain.h"
#include "plugins/arc/arc_seal.h"
#include "plugins/dkim/dkim_sign.h"
#include "plugins/dkim/dkim_verify.h"
#include "plugins/dmarc/dmarc_eval.h"
#include "plugins/spf/spf.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <time.h>

#define BYTES           4096 /* of a message */
#define SIGNATURE_BYTES 793  /* of these, with its name and line end */
#define NOW             1700000000

struct signer {
    EVP_PKEY *key;
    char *record;
    struct fct_str signed_message;
    struct dkim_message message; /* the signed one, taken apart as the server does for everybody */
    EVP_PKEY_CTX *sign, *verify; /* bare, RSA */
    uint8_t signature[DKIM_SIGNATURE_BYTES];
    size_t n;
};

struct bench {
    struct arena *arena, *round;
    struct dkim_key_cache *cache;
    struct fct_str text;
    struct dkim_message message;
    struct signer signer[2]; /* RSA, Ed25519 */
    struct dkim_message sealed;
};

static const uint8_t hash[DKIM_HASH_BYTES] = {1, 2, 3};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "auth_bench: %s\n", what);
    exit(1);
}

static void *take_memory(void *arg, size_t bytes)
{
    return arena_alloc(arg, bytes);
}

/* ---- what is judged ---- */

static struct dkim_message take_apart(struct bench *b, struct fct_str text)
{
    static const struct header_limits limits = {10000, 1u << 20};
    struct header_list header;

    header_list_parse(b->arena, text, &limits, &header);
    return (struct dkim_message){header.field, header.n, str_skip(text, header.end)};
}

/* Signed with RSA it has BYTES in all. */
static void make_message(struct bench *b)
{
    struct buf out = BUF_INIT(1u << 20);

    buf_put_c(&out, "Received: from mx.example.org (mx.example.org [192.0.2.7])\r\n"
                    "\tby mx.example.net with ESMTPS id 1; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                    "From: Anna Keller <anna@example.org>\r\nTo: user <u0001@example.net>\r\n"
                    "Subject: minutes of the meeting, and what comes next\r\n"
                    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                    "Message-ID: <1.5f3759df@mail.example.org>\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n\r\n");
    for (unsigned i = 0; out.n < BYTES - 800; i++)
        buf_printf(&out, "A line of the body, number %u, about as long as lines of mail are.\r\n%s",
                   i, i % 6 == 5 ? "\r\n" : "");
    while (out.n < BYTES - SIGNATURE_BYTES - 2)
        buf_put_char(&out, 'x');
    buf_put_c(&out, "\r\n");
    b->text = arena_str(b->arena, buf_str(&out));
    b->message = take_apart(b, b->text);
    buf_free(&out);
}

/* ---- signing ---- */

static const char *const over[] = {"From",         "To",           "Cc",
                                   "Subject",      "Date",         "Message-ID",
                                   "Reply-To",     "In-Reply-To",  "References",
                                   "MIME-Version", "Content-Type", "Content-Transfer-Encoding"};
static const char *const more[] = {"Sender", "List-Id", "List-Unsubscribe"};

static struct fct_str sign_once(struct bench *b, const struct signer *s)
{
    const struct dkim_memory memory = {take_memory, b->round};
    const struct dkim_signing signing = {
        .domain = FCT_STR("example.org"),
        .selector = FCT_STR("s1"),
        .key = s->key,
        .relaxed_header = true,
        .relaxed_body = true,
        .headers = {more, FCT_COUNT(more)},
        .oversign = {over, FCT_COUNT(over)},
        .time = NOW,
    };
    struct fct_str value;
    struct fct_err err = {0};

    must(dkim_sign_message(&signing, &memory, &b->message, &value, &err), err.text);
    return value;
}

static void sign_message(struct bench *b, struct signer *s)
{
    struct buf out = BUF_INIT(1u << 20);

    buf_printf(&out, "DKIM-Signature: %.*s\r\n", FCT_FMT(sign_once(b, s)));
    buf_put_str(&out, b->text);
    s->signed_message = arena_str(b->arena, buf_str(&out));
    s->message = take_apart(b, s->signed_message);
    s->record = dkim_key_record(s->key);
    buf_free(&out);
}

static EVP_PKEY_CTX *ready(EVP_PKEY *key, bool verify)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

    must(context && (verify ? EVP_PKEY_verify_init(context) : EVP_PKEY_sign_init(context)) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1,
         "OpenSSL gives no context");
    return context;
}

static EVP_PKEY *read_key(const char *folder, const char *name)
{
    char path[4096];
    EVP_PKEY *key;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "re");
    must(f, "no rsa.pem or ed25519.pem in FOLDER");
    key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    (void)fclose(f);
    must(key, "OpenSSL does not take a key");
    return key;
}

static void make_signer(struct bench *b, struct signer *s, EVP_PKEY *key)
{
    s->key = key;
    sign_message(b, s);
    if (EVP_PKEY_get_base_id(s->key) == EVP_PKEY_RSA) {
        s->sign = ready(s->key, false);
        s->verify = ready(s->key, true);
    }
    s->n = sizeof s->signature;
    must(dkim_digest_sign(s->key, hash, s->signature, &s->n), "OpenSSL does not sign");
}

/* ---- DKIM, one round ---- */

static void verify_once(struct bench *b, struct signer *s)
{
    static const struct dkim_limits limits = {10, NOW, 300};
    const struct dkim_memory memory = {take_memory, b->round};
    const struct fct_dns_record record = {.data = str_from(s->record)};
    const struct fct_dns_answer answer = {.status = FCT_DNS_OK, .record = &record, .n = 1};
    struct dkim_message message =
        dkim_message_of(s->signed_message, s->message.field, s->message.fields);
    struct dkim_verify verify;

    must(dkim_verify_begin(&verify, &memory, &limits, &message), "no memory");
    must(dkim_verify_question(&verify, &verify.check[0]).n > 0, "no memory");
    dkim_verify_key(&verify.check[0], &answer, b->cache);
    dkim_verify_body(&verify);
    dkim_verify_end(&verify);
    must(dkim_verify_result(&verify) == DKIM_PASS, verify.check[0].why.text);
    dkim_verify_close(&verify);
}

static void rsa_verify(struct bench *b)
{
    verify_once(b, &b->signer[0]);
}

static void ed25519_verify(struct bench *b)
{
    verify_once(b, &b->signer[1]);
}

static void rsa_sign(struct bench *b)
{
    (void)sign_once(b, &b->signer[0]);
}

static void ed25519_sign(struct bench *b)
{
    (void)sign_once(b, &b->signer[1]);
}

/* ---- OpenSSL alone ---- */

static void bare_rsa_verify(struct bench *b)
{
    struct signer *s = &b->signer[0];

    must(EVP_PKEY_verify(s->verify, s->signature, s->n, hash, sizeof hash) == 1, "does not fit");
}

static void bare_rsa_sign(struct bench *b)
{
    uint8_t out[DKIM_SIGNATURE_BYTES];
    size_t n = sizeof out;

    must(EVP_PKEY_sign(b->signer[0].sign, out, &n, hash, sizeof hash) == 1, "does not sign");
}

/* OpenSSL has no context of Ed25519 that serves twice. */
static void bare_ed25519_verify(struct bench *b)
{
    struct signer *s = &b->signer[1];

    must(dkim_digest_verify(s->key, DKIM_ED25519_SHA256, hash, s->signature, s->n), "does not fit");
}

static void bare_ed25519_sign(struct bench *b)
{
    uint8_t out[DKIM_SIGNATURE_BYTES];
    size_t n = sizeof out;

    must(dkim_digest_sign(b->signer[1].key, hash, out, &n), "does not sign");
}

static void sha256(struct bench *b)
{
    static EVP_MD_CTX *context;
    static EVP_MD *md;
    uint8_t out[DKIM_HASH_BYTES];

    if (!context) {
        context = EVP_MD_CTX_new();
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    must(EVP_DigestInit_ex2(context, md, NULL) == 1 &&
             EVP_DigestUpdate(context, b->text.p, b->text.n) == 1 &&
             EVP_DigestFinal_ex(context, out, NULL) == 1,
         "OpenSSL does not hash");
}

/* ---- SPF, DMARC ---- */

static const struct {
    const char *name, *text;
} zone[] = {
    {"example.org", "v=spf1 ip4:203.0.113.0/24 include:_spf.example.net -all"},
    {"_spf.example.net", "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ip4:192.0.2.0/24 ~all"},
    {"_dmarc.example.org", "v=DMARC1; p=reject; sp=quarantine; rua=mailto:dmarc@example.org"},
};

static bool ask(void *ctx, enum fct_dns_type type, struct fct_str name, struct fct_dns_answer *out)
{
    struct bench *b = ctx;
    struct fct_dns_record *record;

    *out = (struct fct_dns_answer){.size = sizeof *out, .status = FCT_DNS_NO_NAME};
    for (size_t i = 0; type == FCT_DNS_TXT && i < FCT_COUNT(zone); i++) {
        if (!str_equal(name, str_from(zone[i].name)))
            continue;
        record = ARENA_NEW(b->round, struct fct_dns_record);
        *record = (struct fct_dns_record){.data = str_from(zone[i].text)};
        out->status = FCT_DNS_OK;
        out->record = record;
        out->n = 1;
    }
    return out->n > 0;
}

static void spf(struct bench *b)
{
    struct spf_query query = {
        .helo = FCT_STR("mx.example.org"),
        .sender = FCT_STR("anna@example.org"),
        .receiver = FCT_STR("mx.example.net"),
        .now = NOW,
        .limits = {SPF_LOOKUPS, SPF_VOID_LOOKUPS, SPF_NAMES},
        .dns = {ask, b},
    };
    struct spf_outcome out;

    must(ip_address_parse(FCT_STR("192.0.2.7"), &query.client), "no address");
    spf_check(&query, &out);
    must(out.result == SPF_PASS, out.why);
}

static void dmarc(struct bench *b)
{
    static const struct dmarc_identifier signer = {FCT_STR_INIT("example.org"), true, false};
    const struct dmarc_query query = {FCT_STR("news.example.org"), &signer, 1};
    struct dmarc_search *search = ARENA_NEW(b->round, struct dmarc_search);
    struct dmarc_outcome out;

    search->n = 0;
    search->discovery = DMARC_BY_WALK;
    search->watch = (struct dmarc_watch){NULL, NULL};
    search->dns = (struct dmarc_dns){ask, NULL, b};
    dmarc_evaluate(search, &query, &out);
    must(out.result == DMARC_PASS, out.why);
}

/* ---- ARC ---- */

static struct fct_str seal_once(struct bench *b, struct fct_str text, uint32_t instance)
{
    static const struct fct_str names[] = {
        FCT_STR_INIT("From"), FCT_STR_INIT("To"),         FCT_STR_INIT("Subject"),
        FCT_STR_INIT("Date"), FCT_STR_INIT("Message-ID"), FCT_STR_INIT("DKIM-Signature")};
    const struct dkim_memory memory = {take_memory, b->arena};
    const struct dkim_message message = take_apart(b, text);
    const struct arc_sealing sealing = {
        .instance = instance,
        .cv = instance == 1 ? "none" : "pass",
        .results = FCT_STR("mx.example.net; dkim=pass header.d=example.org"),
        .domain = FCT_STR("example.org"),
        .selector = FCT_STR("s1"),
        .key = b->signer[0].key,
        .header = names,
        .headers = FCT_COUNT(names),
        .time = NOW,
    };
    struct buf out = BUF_INIT(1u << 20);
    struct arc_new_set set;
    struct fct_err err = {0};

    must(arc_seal_message(&sealing, &memory, &message, &set, &err), err.text);
    buf_printf(
        &out,
        "ARC-Seal: %.*s\r\nARC-Message-Signature: %.*s\r\nARC-Authentication-Results: %.*s\r\n",
        FCT_FMT(set.seal), FCT_FMT(set.message), FCT_FMT(set.results));
    buf_put_str(&out, text);
    text = arena_str(b->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static void make_chain(struct bench *b)
{
    b->sealed = take_apart(b, seal_once(b, seal_once(b, b->signer[0].signed_message, 1), 2));
}

static void arc(struct bench *b)
{
    static const struct arc_limits limits = {ARC_SETS_DEFAULT, ARC_VERIFICATIONS_DEFAULT, NOW,
                                             ARC_SKEW_DEFAULT};
    const struct dkim_memory memory = {take_memory, b->round};
    const struct fct_dns_record record = {.data = str_from(b->signer[0].record)};
    const struct fct_dns_answer answer = {.status = FCT_DNS_OK, .record = &record, .n = 1};
    struct arc_chain chain;
    struct dkim_check *check;

    must(arc_chain_begin(&chain, &memory, &limits, &b->sealed), "no memory");
    for (size_t i = 0; (check = arc_chain_check(&chain, i)); i++)
        if (!check->judged)
            dkim_verify_key(check, &answer, b->cache);
    arc_chain_body(&chain);
    arc_chain_end(&chain);
    must(chain.result == ARC_PASS, chain.why.text);
    arc_chain_close(&chain);
}

/* ---- all of it ---- */

static const struct kind {
    const char *what;
    void (*once)(struct bench *b);
} kinds[] = {
    {"rsa-verify", rsa_verify},
    {"bare-rsa-verify", bare_rsa_verify},
    {"ed25519-verify", ed25519_verify},
    {"bare-ed25519-verify", bare_ed25519_verify},
    {"rsa-sign", rsa_sign},
    {"bare-rsa-sign", bare_rsa_sign},
    {"ed25519-sign", ed25519_sign},
    {"bare-ed25519-sign", bare_ed25519_sign},
    {"sha256", sha256},
    {"spf", spf},
    {"dmarc", dmarc},
    {"arc", arc},
};

static const struct kind *kind_of(const char *what)
{
    for (size_t i = 0; i < FCT_COUNT(kinds); i++)
        if (strcmp(kinds[i].what, what) == 0)
            return &kinds[i];
    must(false, "no such WHAT: it is one of those in auth_bench.c");
    return NULL;
}

static double nanoseconds(struct bench *b, const struct kind *kind, unsigned long n)
{
    struct timespec from, to;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (unsigned long i = 0; i < n; i++) {
        kind->once(b);
        arena_reset(b->round);
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
           (double)n;
}

int main(int argc, char **argv)
{
    static const struct dkim_key_limits limits = DKIM_KEY_LIMITS_DEFAULT;
    struct bench b = {.arena = arena_new(NULL), .round = arena_new(NULL)};
    unsigned long turns = argc > 4 ? strtoul(argv[2], NULL, 10) : 0;
    unsigned long n = argc > 4 ? strtoul(argv[3], NULL, 10) : 0;
    double best[FCT_COUNT(kinds)] = {0};
    int wanted = argc > 4 ? argc - 4 : 0;

    if (turns == 0 || n == 0 || wanted > (int)FCT_COUNT(kinds)) {
        (void)fprintf(stderr,
                      "usage: auth_bench FOLDER TURNS N WHAT…; WHAT is listed in auth_bench.c\n");
        return 64;
    }
    b.cache = dkim_key_cache_new(1000, &limits);
    must(b.cache && dkim_digest_setup(), "OpenSSL gives no SHA-256");
    make_message(&b);
    make_signer(&b, &b.signer[0], read_key(argv[1], "rsa.pem"));
    make_signer(&b, &b.signer[1], read_key(argv[1], "ed25519.pem"));
    make_chain(&b);
    for (unsigned long turn = 0; turn < turns; turn++)
        for (int i = 0; i < wanted; i++) {
            double ns = nanoseconds(&b, kind_of(argv[4 + i]), n);

            best[i] = turn == 0 || ns < best[i] ? ns : best[i];
        }
    for (int i = 0; i < wanted; i++)
        (void)printf("%s %.0f\n", argv[4 + i], best[i]);
    return 0;
}
