/* tls_result.c - see tls_result.h. */
#include "protocols/relay/policy/tls_result.h"

#include "core/base/str.h"

#include <openssl/x509_vfy.h>

/* clang-format off */
static const char *const words[TLS_RESULTS] = {
    [TLS_RESULT_SUCCESS] = "success",
    [TLS_RESULT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
    [TLS_RESULT_HOST_MISMATCH] = "certificate-host-mismatch",
    [TLS_RESULT_EXPIRED] = "certificate-expired",
    [TLS_RESULT_NOT_TRUSTED] = "certificate-not-trusted",
    [TLS_RESULT_VALIDATION_FAILURE] = "validation-failure",
    [TLS_RESULT_TLSA_INVALID] = "tlsa-invalid",
    [TLS_RESULT_DNSSEC_INVALID] = "dnssec-invalid",
    [TLS_RESULT_DANE_REQUIRED] = "dane-required",
    [TLS_RESULT_STS_FETCH_ERROR] = "sts-policy-fetch-error",
    [TLS_RESULT_STS_INVALID] = "sts-policy-invalid",
    [TLS_RESULT_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
};

static const struct {
    long code;
    enum tls_result result;
} x509_results[] = {
    {X509_V_OK, TLS_RESULT_SUCCESS},
    {X509_V_ERR_HOSTNAME_MISMATCH, TLS_RESULT_HOST_MISMATCH},
    {X509_V_ERR_CERT_HAS_EXPIRED, TLS_RESULT_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, TLS_RESULT_EXPIRED},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, TLS_RESULT_NOT_TRUSTED},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, TLS_RESULT_NOT_TRUSTED},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, TLS_RESULT_NOT_TRUSTED},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, TLS_RESULT_NOT_TRUSTED},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, TLS_RESULT_NOT_TRUSTED},
    {X509_V_ERR_CERT_UNTRUSTED, TLS_RESULT_NOT_TRUSTED},
    {X509_V_ERR_CERT_REVOKED, TLS_RESULT_NOT_TRUSTED},
    {X509_V_ERR_INVALID_CA, TLS_RESULT_NOT_TRUSTED},
};
/* clang-format on */

const char *tls_result_word(enum tls_result result)
{
    return words[result];
}

bool tls_result_from_word(struct fct_str word, enum tls_result *out)
{
    for (int i = 0; i < TLS_RESULTS; i++)
        if (str_equal_nocase(word, str_from(words[i]))) {
            *out = (enum tls_result)i;
            return true;
        }
    return false;
}

enum tls_result tls_result_from_x509(long verify_result)
{
    for (size_t i = 0; i < FCT_COUNT(x509_results); i++)
        if (x509_results[i].code == verify_result)
            return x509_results[i].result;
    return TLS_RESULT_VALIDATION_FAILURE;
}
