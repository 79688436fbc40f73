/* authorities.c - see authorities.h. */
#include "core/net/authorities.h"

#include "core/base/str.h"
#include "core/net/tls_int.h"
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <sys/stat.h>

struct authorities {
    struct authorities *next;
    unsigned refs;
    X509_STORE *store;
    struct stat file;
    char path[];
};

static struct authorities *all; /* that somebody has */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool read_all(const char *path, const struct stat *file, struct authorities **out,
                     struct fct_err *err)
{
    size_t n = strlen(path) + 1;
    struct authorities *a = calloc(1, sizeof *a + n);

    *out = a;
    if (!a || !(a->store = X509_STORE_new())) {
        free(a);
        return fct_fail(err, FCT_TEMP, "no memory for TLS");
    }
    memcpy(a->path, path, n);
    a->file = *file;
    if (X509_STORE_load_file(a->store, path) == 1)
        return true;
    X509_STORE_free(a->store);
    free(a);
    return fct_fail(err, FCT_SYNTAX, "%s holds no certificates: %s", path, tls_error());
}

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
    X509_STORE_free(a->store);
    free(a);
}

struct x509_store_st *authorities_store(const struct authorities *authorities)
{
    return authorities->store;
}
