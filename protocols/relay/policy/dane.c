/* dane.c - see dane.h. */
#include "protocols/relay/policy/dane.h"

#include "core/base/buf.h"
#include "core/base/str.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#define SHA256_BYTES 32u
#define SHA512_BYTES 64u

/* ---- records ---- */

/* Usage, selector and matching type, an octet each, and the association data   RFC 6698 2.1 */
bool tlsa_record_parse(struct fct_str wire, struct tlsa_record *out)
{
    const uint8_t *octet = (const uint8_t *)wire.p;

    if (wire.n < 4 || wire.n > 3 + DANE_DATA_MAX)
        return false;
    *out = (struct tlsa_record){octet[0], octet[1], octet[2], str_skip(wire, 3)};
    return (out->matching != TLSA_SHA256 || out->data.n == SHA256_BYTES) &&
           (out->matching != TLSA_SHA512 || out->data.n == SHA512_BYTES);
}

bool tlsa_record_is_usable(const struct tlsa_record *record)
{
    return (record->usage == TLSA_DANE_TA || record->usage == TLSA_DANE_EE) &&
           record->selector <= TLSA_SPKI && record->matching <= TLSA_SHA512;
}

struct fct_str tlsa_record_show(struct arena *arena, const struct tlsa_record *record)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(2 * DANE_DATA_MAX + 16);

    buf_printf(&text, "%u %u %u ", record->usage, record->selector, record->matching);
    for (size_t i = 0; i < record->data.n; i++)
        buf_printf(&text, "%02x", (unsigned)(unsigned char)record->data.p[i]);
    return arena_str(arena, buf_str(&text));
}

bool tlsa_record_of(struct arena *arena, X509 *certificate, struct tlsa_record *out)
{
    uint8_t *der = NULL, digest[EVP_MAX_MD_SIZE];
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    unsigned n = 0;
    bool ok = length > 0 && EVP_Digest(der, (size_t)length, digest, &n, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    *out = (struct tlsa_record){TLSA_DANE_EE, TLSA_SPKI, TLSA_SHA256,
                                arena_str(arena, (struct fct_str){(const char *)digest, n})};
    return ok;
}

/* ---- what the DNS says ---- */

static void take_records(struct arena *arena, const struct fct_dns_answer *answer,
                         struct dane_host *out)
{
    struct tlsa_record *record = ARENA_ARRAY(arena, struct tlsa_record, DANE_RECORDS_MAX);

    for (size_t i = 0; i < answer->n && out->n < DANE_RECORDS_MAX; i++) {
        struct tlsa_record *r = &record[out->n];

        if (!tlsa_record_parse(answer->record[i].data, r) || !tlsa_record_is_usable(r))
            continue;
        r->data = arena_str(arena, r->data);
        out->n++;
    }
    out->record = record;
    out->state = out->n > 0 ? DANE_USABLE : DANE_UNUSABLE;
    if (out->n == 0)
        out->why = "none of the TLSA records is of a kind that mail knows";
}

void dane_from_answer(struct arena *arena, struct fct_str base, const struct fct_dns_answer *answer,
                      struct dane_host *out)
{
    *out = (struct dane_host){.state = DANE_ABSENT, .base = base};
    switch ((enum fct_dns_status)answer->status) {
    case FCT_DNS_OK:
        if (answer->authentic)
            take_records(arena, answer, out);
        return;
    case FCT_DNS_NO_NAME:
    case FCT_DNS_NO_DATA:
        return;
    case FCT_DNS_BOGUS:
        out->why = "DNSSEC says that its TLSA records are forged";
        break;
    case FCT_DNS_FAILED:
    case FCT_DNS_REFUSED:
        out->why = "its TLSA records cannot be looked up";
        break;
    }
    out->state = DANE_FAILED;
}

FCT_MAY_WAIT static void ask(const struct dane_dns *dns, struct arena *arena, struct fct_str base,
                             uint16_t port, struct dane_host *out)
{
    struct fct_dns_answer answer;

    (void)dns->ask(dns->ctx, FCT_DNS_TLSA,
                   arena_printf(arena, "_%u._tcp.%.*s", port, FCT_FMT(base)), &answer);
    dane_from_answer(arena, arena_str(arena, base), &answer, out);
}

/* The alias itself may be in a signed zone when what it leads to is not (RFC 7672 2.2.2). */
FCT_MAY_WAIT static bool is_authentic_alias(const struct dane_dns *dns, struct fct_str host)
{
    struct fct_dns_answer answer;

    return dns->ask(dns->ctx, FCT_DNS_CNAME, host, &answer) && answer.authentic;
}

void dane_find(const struct dane_dns *dns, struct arena *arena, struct fct_str host, uint16_t port,
               bool mx_authentic, const struct fct_dns_answer *addresses, struct dane_host *out)
{
    struct fct_str canonical = addresses->canonical;
    bool alias = canonical.n > 0 && !str_equal_nocase(canonical, host);

    *out = (struct dane_host){.state = DANE_ABSENT, .base = host};
    if (!mx_authentic)
        return;
    if (addresses->authentic && alias) {
        ask(dns, arena, canonical, port, out);
        if (out->state != DANE_ABSENT)
            return;
    }
    if (addresses->authentic || (alias && is_authentic_alias(dns, host)))
        ask(dns, arena, host, port, out);
}

/* ---- connections ---- */

static bool openssl_failed(const char *what, struct fct_err *err)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return fct_fail(err, FCT_TEMP, "%s: %s", what, why ? why : "no memory");
}

bool dane_context_prepare(SSL_CTX *context, struct fct_err *err)
{
    return SSL_CTX_dane_enable(context) > 0 || openssl_failed("DANE", err);
}

static bool add_records(SSL *ssl, const struct dane_host *host, size_t *taken, struct fct_err *err)
{
    *taken = 0;
    for (size_t i = 0; i < host->n; i++) {
        const struct tlsa_record *r = &host->record[i];
        int code = SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching,
                                     (const uint8_t *)r->data.p, r->data.n);

        if (code < 0)
            return openssl_failed("a TLSA record", err);
        *taken += code > 0;
    }
    ERR_clear_error(); /* of records that are no certificate or key */
    return true;
}

bool dane_connection_prepare(SSL *ssl, const struct dane_host *host, struct fct_str next_hop,
                             size_t *taken, struct fct_err *err)
{
    char base[256], domain[256];

    str_copy_c(base, sizeof base, host->base);
    str_copy_c(domain, sizeof domain, next_hop);
    if (SSL_dane_enable(ssl, base) <= 0 || (domain[0] && SSL_add1_host(ssl, domain) != 1))
        return openssl_failed("DANE", err);
    /* RFC 7672 3.1.1: the key says it all, its certificate may be expired and for any name. */
    (void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    return add_records(ssl, host, taken, err);
}

bool dane_connection_matched(SSL *ssl, struct fct_err *err)
{
    long code = SSL_get_verify_result(ssl);

    if (code == X509_V_OK && SSL_get0_dane_authority(ssl, NULL, NULL) >= 0)
        return true;
    return fct_fail(err, FCT_DENIED, "the certificate does not match the TLSA records: %s",
                    code == X509_V_OK ? "none was looked at" : X509_verify_cert_error_string(code));
}
