/* tls_result.h - how TLS with a server came out, in the words of reports (RFC 8460 4.3). */
#ifndef PROTOCOLS_RELAY_POLICY_TLS_RESULT_H
#define PROTOCOLS_RELAY_POLICY_TLS_RESULT_H

#include <facteur/base.h>

enum tls_result {
    TLS_RESULT_SUCCESS,
    TLS_RESULT_STARTTLS_NOT_SUPPORTED,
    TLS_RESULT_HOST_MISMATCH,
    TLS_RESULT_EXPIRED,
    TLS_RESULT_NOT_TRUSTED,
    TLS_RESULT_VALIDATION_FAILURE,
    TLS_RESULT_TLSA_INVALID,
    TLS_RESULT_DNSSEC_INVALID,
    TLS_RESULT_DANE_REQUIRED,
    TLS_RESULT_STS_FETCH_ERROR,
    TLS_RESULT_STS_INVALID,
    TLS_RESULT_STS_WEBPKI_INVALID,
    TLS_RESULTS
};
/* "certificate-host-mismatch" */
const char *tls_result_word(enum tls_result result);
FCT_MUST_CHECK bool tls_result_from_word(struct fct_str word, enum tls_result *out);
/* Of OpenSSL's X509_V_ERR_…; X509_V_OK is success. */
enum tls_result tls_result_from_x509(long verify_result);

#endif
