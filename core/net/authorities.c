/* authorities.c - see authorities.h. */
#include "core/net/authorities.h"

#include "core/base/str.h"
#include "core/log/log.h"
#include "core/net/tls_int.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>

struct authorities {
    struct authorities *next;
    unsigned refs;
    BIO *pem;          /* the file; NULL: decoded */
    X509_STORE *store; /* NULL: not yet */
    struct stat file;
    char path[];
};

static struct authorities *all; /* that somebody has */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- reading ---- */

static BIO *read_file(const char *path)
{
    BIO *file = BIO_new_file(path, "r"), *pem = file ? BIO_new(BIO_s_mem()) : NULL;
    char block[16384];
    int n;

    while (pem && (n = BIO_read(file, block, sizeof block)) > 0)
        if (BIO_write(pem, block, n) != n) {
            BIO_free(pem);
            pem = NULL;
        }
    BIO_free(file);
    return pem;
}

static bool is_certificate(const char *name)
{
    struct fct_str s = str_from(name);

    return str_equal(s, FCT_STR(PEM_STRING_X509)) || str_equal(s, FCT_STR(PEM_STRING_X509_OLD)) ||
           str_equal(s, FCT_STR(PEM_STRING_X509_TRUSTED));
}

/* False: a block of it is broken, or none is a certificate. */
static bool is_pem(BIO *pem)
{
    char *memory, *name, *header;
    long n = BIO_get_mem_data(pem, &memory);
    BIO *copy = BIO_new_mem_buf(memory, (int)n);
    size_t certificates = 0;
    unsigned char *data;
    bool whole;

    while (copy && PEM_read_bio(copy, &name, &header, &data, &n) == 1) {
        certificates += is_certificate(name);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(copy);
    if (whole && certificates > 0)
        ERR_clear_error();
    return whole && certificates > 0;
}

static bool read_all(const char *path, const struct stat *file, struct authorities **out,
                     struct fct_err *err)
{
    size_t n = strlen(path) + 1;
    struct authorities *a = calloc(1, sizeof *a + n);

    *out = a;
    if (!a)
        return fct_fail(err, FCT_TEMP, "no memory for TLS");
    memcpy(a->path, path, n);
    a->file = *file;
    a->pem = read_file(path);
    if (a->pem && is_pem(a->pem))
        return true;
    BIO_free(a->pem);
    free(a);
    return fct_fail(err, FCT_SYNTAX, "%s holds no certificates: %s", path, tls_error());
}

/* ---- decoding ---- */

static void add_all(X509_STORE *store, STACK_OF(X509_INFO) * found)
{
    for (int i = 0; i < sk_X509_INFO_num(found); i++) {
        const X509_INFO *one = sk_X509_INFO_value(found, i);

        if (one->x509)
            X509_STORE_add_cert(store, one->x509);
        if (one->crl)
            X509_STORE_add_crl(store, one->crl);
    }
}

/* What is broken inside a block trusts nobody, and the log says so. */
static void decode(struct authorities *a)
{
    STACK_OF(X509_INFO) *found = PEM_X509_INFO_read_bio(a->pem, NULL, NULL, NULL);

    if (found)
        add_all(a->store, found);
    else
        log_event(EV_WARNING, FCT_STR(""), F_C("text", "authorities that cannot be read"),
                  F_C("file", a->path), F_C("why", tls_error()));
    sk_X509_INFO_pop_free(found, X509_INFO_free);
    BIO_free(a->pem);
    a->pem = NULL;
    ERR_clear_error();
}

struct x509_store_st *authorities_store(struct authorities *a)
{
    if (!a->store)
        a->store = X509_STORE_new();
    if (a->store && a->pem)
        decode(a);
    return a->store;
}

/* ---- those there are ---- */

bool authorities_take(const char *path, struct authorities **out, struct fct_err *err)
{
    struct authorities *a = all;
    struct stat now;

    *out = NULL;
    if (stat(path, &now) != 0)
        return fct_fail(err, FCT_SYNTAX, "%s: %s", path, strerror(errno));
    while (a && (!str_equal(str_from(a->path), str_from(path)) || !same_file(&a->file, &now)))
        a = a->next;
    if (!a) {
        if (!read_all(path, &now, &a, err))
            return false;
        a->next = all;
        all = a;
    }
    a->refs++;
    *out = a;
    return true;
}

void authorities_drop(struct authorities **authorities)
{
    struct authorities *a = *authorities, **at = &all;

    *authorities = NULL;
    if (!a || --a->refs > 0)
        return;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    BIO_free(a->pem);
    X509_STORE_free(a->store);
    free(a);
}
