/* policy_fixture.h - certificates made in the test, handshakes in memory, a DNS of rows. */
#ifndef TESTS_POLICY_FIXTURE_H
#define TESTS_POLICY_FIXTURE_H

#include "core/base/str.h"
#include "protocols/relay/policy/dane.h"

#include <check.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

/* ---- certificates ---- */

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

static inline void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    ck_assert_ptr_nonnull(e);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

/* name: of the subject, and where it is no authority, the only DNS name. issuer NULL: signed by
 * itself. */
static inline struct identity make_identity(const char *name, const struct identity *issuer,
                                            bool authority, bool expired)
{
    static long serial = 1;
    struct identity id = {EVP_EC_gen("P-256"), X509_new()};
    X509 *x = id.certificate;
    char san[300];

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), expired ? -3600 : 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer->certificate : x));
    X509_set_pubkey(x, id.key);
    snprintf(san, sizeof san, "DNS:%s", name);
    add_extension(x, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!authority)
        add_extension(x, NID_subject_alt_name, san);
    ck_assert_int_gt(X509_sign(x, issuer ? issuer->key : id.key, EVP_sha256()), 0);
    return id;
}

static inline void free_identity(struct identity *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->certificate);
}

/* The data of a TLSA record, as the DNS has it. */
static inline struct fct_str make_tlsa(struct arena *arena, X509 *x, unsigned usage,
                                       unsigned selector, unsigned matching)
{
    uint8_t *der = NULL, digest[EVP_MAX_MD_SIZE];
    int length = selector ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : i2d_X509(x, &der);
    unsigned n = 0;
    struct fct_str out;

    ck_assert_int_gt(length, 0);
    if (matching)
        EVP_Digest(der, (size_t)length, digest, &n, matching == 1 ? EVP_sha256() : EVP_sha512(),
                   NULL);
    out = arena_printf(arena, "%c%c%c", (int)usage, (int)selector, (int)matching);
    out.n = 3 + (matching ? n : (size_t)length);
    {
        char *p = arena_alloc(arena, out.n);

        p[0] = (char)usage;
        p[1] = (char)selector;
        p[2] = (char)matching;
        memcpy(p + 3, matching ? digest : der, out.n - 3);
        out.p = p;
    }
    OPENSSL_free(der);
    return out;
}

/* ---- handshakes ---- */

struct handshake {
    SSL_CTX *client_context, *server_context;
    SSL *client, *server;
};

/* What the relay's own context does: verify, but never end a handshake for it. */
static inline void handshake_begin(struct handshake *h, const struct identity *leaf,
                                   const struct identity *authority, X509 *trusted)
{
    struct fct_err err = {0};
    BIO *one, *other;

    h->server_context = SSL_CTX_new(TLS_server_method());
    h->client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_use_certificate(h->server_context, leaf->certificate);
    SSL_CTX_use_PrivateKey(h->server_context, leaf->key);
    if (authority)
        SSL_CTX_add1_chain_cert(h->server_context, authority->certificate);
    if (trusted)
        X509_STORE_add_cert(SSL_CTX_get_cert_store(h->client_context), trusted);
    SSL_CTX_set_verify(h->client_context, SSL_VERIFY_NONE, NULL);
    ck_assert(dane_context_prepare(h->client_context, &err));
    h->client = SSL_new(h->client_context);
    h->server = SSL_new(h->server_context);
    ck_assert_int_eq(BIO_new_bio_pair(&one, 0, &other, 0), 1);
    SSL_set_bio(h->client, one, one);
    SSL_set_bio(h->server, other, other);
    SSL_set_connect_state(h->client);
    SSL_set_accept_state(h->server);
}

static inline bool handshake_run(struct handshake *h)
{
    for (int i = 0; i < 20; i++) {
        int a = SSL_do_handshake(h->client), b = SSL_do_handshake(h->server);

        if (a == 1 && b == 1)
            return true;
    }
    ERR_clear_error();
    return false;
}

static inline void handshake_end(struct handshake *h)
{
    SSL_free(h->client);
    SSL_free(h->server);
    SSL_CTX_free(h->client_context);
    SSL_CTX_free(h->server_context);
}

/* ---- the DNS ---- */

struct fake_row {
    const char *name;
    enum fct_dns_type type;
    enum fct_dns_status status;
    bool authentic;
    struct fct_str data[3]; /* ends with an empty one */
    const char *canonical;
};
struct fake_dns {
    const struct fake_row *row; /* ends with a NULL name */
    struct fct_dns_record record[8][3];
    unsigned asked;
    char last[300];
};

static inline bool fake_ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                            struct fct_dns_answer *out)
{
    struct fake_dns *dns = ctx;

    *out = (struct fct_dns_answer){.size = sizeof *out, .status = FCT_DNS_NO_NAME};
    dns->asked++;
    str_copy_c(dns->last, sizeof dns->last, name);
    for (size_t i = 0; dns->row[i].name; i++) {
        const struct fake_row *r = &dns->row[i];

        if (r->type != type || !str_equal_nocase(name, str_from(r->name)))
            continue;
        out->status = (uint32_t)r->status;
        out->authentic = r->authentic;
        out->canonical = str_from(r->canonical ? r->canonical : r->name);
        for (; out->n < 3 && r->data[out->n].n > 0; out->n++)
            dns->record[i][out->n].data = r->data[out->n];
        out->record = dns->record[i];
    }
    return out->status == FCT_DNS_OK && out->n > 0;
}

#endif
