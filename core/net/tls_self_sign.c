/* tls_self_sign.c - the certificate of facteur dev, and of a server that was given none: ECDSA
 * P-256, ten years, for one name and this machine's loopback. */
#include "core/net/tls_int.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#define TEN_YEARS (10L * 366 * 24 * 3600)

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_serial(X509 *x)
{
    uint64_t serial;

    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) == 1;
}

static X509 *certificate_for(EVP_PKEY *key, const char *name)
{
    X509 *x = X509_new();
    X509_NAME *subject = x ? X509_get_subject_name(x) : NULL;
    bool is_localhost = strcmp(name, "localhost") == 0;
    char names[400];

    (void)snprintf(names, sizeof names, "%s%s%sDNS:localhost,IP:127.0.0.1,IP:::1",
                   is_localhost ? "" : "DNS:", is_localhost ? "" : name, is_localhost ? "" : ",");
    if (x && X509_set_version(x, 2) && set_serial(x) &&
        X509_gmtime_adj(X509_getm_notBefore(x), -3600) &&
        X509_gmtime_adj(X509_getm_notAfter(x), TEN_YEARS) && X509_set_pubkey(x, key) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
                                   0) &&
        X509_set_issuer_name(x, subject) &&
        add_extension(x, NID_basic_constraints, "critical,CA:TRUE") &&
        add_extension(x, NID_subject_alt_name, names) && X509_sign(x, key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

/* Private from its first byte on. */
static bool write_pem(const char *path, mode_t mode, X509 *x, EVP_PKEY *key, struct fct_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok;

    if (!f) {
        fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    ok = x ? PEM_write_X509(f, x) == 1
           : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (fclose(f) != 0 || !ok)
        return fct_fail(err, FCT_TEMP, "write %s: %s", path, ok ? strerror(errno) : tls_error());
    return true;
}

static bool write_both(const char *certificate, const char *key_path, const char *name,
                       struct fct_err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = key ? certificate_for(key, name) : NULL;
    bool ok;

    if (!x)
        ok = fct_fail(err, FCT_TEMP, "make a certificate for %s: %s", name, tls_error());
    else
        ok =
            write_pem(key_path, 0600, NULL, key, err) && write_pem(certificate, 0644, x, NULL, err);
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}

bool tls_self_sign(const char *certificate, const char *key, const char *name, struct fct_err *err)
{
    bool has_certificate = access(certificate, F_OK) == 0, has_key = access(key, F_OK) == 0;

    if (has_certificate && has_key)
        return true;
    if (has_certificate || has_key)
        return fct_fail(err, FCT_TEMP, "%s is there without %s", has_key ? key : certificate,
                        has_key ? certificate : key);
    return write_both(certificate, key, name, err);
}
