/* dkim_keys.c - see dkim_keys.h. */
#include "plugins/dkim/dkim_keys.h"

#include "plugins/dkim/dkim_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <idn2.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX     ".pem"
#define OTHERS_MAY (S_IWGRP | S_IROTH | S_IWOTH)

/* ---- one file ---- */

static bool is_private(int fd, struct fct_err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return dkim_fail(err, FCT_DENIED, "is no file");
    return (st.st_mode & OTHERS_MAY) == 0 ||
           dkim_fail(err, FCT_DENIED, "others may read or change it: chmod 600");
}

static bool is_fit(EVP_PKEY *key, struct fct_err *err)
{
    static const struct dkim_key_limits limits = DKIM_KEY_LIMITS_DEFAULT;
    int kind = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key);

    if (kind == EVP_PKEY_ED25519)
        return true;
    if (kind != EVP_PKEY_RSA)
        return dkim_fail(err, FCT_DENIED, "is neither an RSA nor an Ed25519 key");
    return ((unsigned)bits >= limits.min_bits && (unsigned)bits <= limits.max_bits) ||
           dkim_fail(err, FCT_DENIED, "is an RSA key of %d bits, not %u to %u", bits,
                     limits.min_bits, limits.max_bits);
}

/* Keys that need a password are no use to a server that starts alone. */
static int no_password(char *to, int size, int writing, void *arg)
{
    (void)to, (void)size, (void)writing, (void)arg;
    return -1;
}

static EVP_PKEY *read_open(int fd, struct fct_err *err)
{
    FILE *f = fdopen(fd, "r");
    EVP_PKEY *key;

    if (!f) {
        close(fd);
        (void)dkim_fail(err, FCT_TEMP, "%s", strerror(errno));
        return NULL;
    }
    key = PEM_read_PrivateKey(f, NULL, no_password, NULL);
    (void)fclose(f);
    if (!key)
        (void)dkim_fail(err, FCT_SYNTAX, "is no private key in PEM form without a password");
    if (key && !is_fit(key, err)) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

EVP_PKEY *dkim_keys_read(const char *path, struct fct_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct fct_err why = {0};
    EVP_PKEY *key = NULL;

    if (fd < 0) {
        (void)dkim_fail(err, FCT_TEMP, "%s: %s", path, strerror(errno));
        return NULL;
    }
    if (is_private(fd, &why))
        key = read_open(fd, &why);
    else
        close(fd);
    if (!key)
        (void)dkim_fail(err, why.class, "%.*s: %s", 140, path, why.text);
    return key;
}

/* ---- names ---- */

static bool is_ascii(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* In lower case, A-labels for U-labels (RFC 5891): signatures name domains so that every verifier
 * understands them (RFC 8616 4). NULL: it is no name. The caller frees it. */
static char *canonical_name(struct fct_str name)
{
    char *plain = strndup(name.p, name.n), *ascii = NULL, *out = NULL;

    for (char *p = plain; p && *p; p++)
        *p = dkim_lower(*p);
    if (!plain || is_ascii(name))
        return plain;
    if (idn2_to_ascii_8z(plain, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
        out = strdup(ascii);
    idn2_free(ascii);
    free(plain);
    return out;
}

/* ---- the folder ---- */

static bool keep(struct dkim_keys *keys, struct fct_str domain, struct fct_str selector,
                 EVP_PKEY *key, struct fct_err *err)
{
    struct dkim_private_key *at;

    if (keys->n == keys->room) {
        size_t room = keys->room ? keys->room * 2 : 16;

        at = realloc(keys->key, room * sizeof *at);
        if (!at)
            return dkim_fail(err, FCT_TEMP, "no memory");
        keys->key = at;
        keys->room = room;
    }
    at = &keys->key[keys->n];
    *at = (struct dkim_private_key){canonical_name(domain), strndup(selector.p, selector.n), key};
    if (at->domain && at->selector) {
        keys->n++;
        return true;
    }
    free(at->domain);
    free(at->selector);
    return dkim_fail(err, FCT_SYNTAX, "keys: %.*s is no domain", FCT_FMT(domain));
}

/* "SELECTOR.pem" */
static bool is_key_file(const char *name, struct fct_str *selector)
{
    size_t n = strlen(name), suffix = sizeof SUFFIX - 1;

    if (n <= suffix || memcmp(name + n - suffix, SUFFIX, suffix) != 0)
        return false;
    *selector = (struct fct_str){name, n - suffix};
    return dkim_is_domain(*selector, 1);
}

static bool load_domain(struct dkim_keys *keys, const char *folder, const char *domain,
                        struct fct_err *err)
{
    char path[4096];
    struct dirent *entry;
    struct fct_str selector;
    bool ok = true;
    DIR *dir;

    (void)snprintf(path, sizeof path, "%s/%s", folder, domain);
    dir = opendir(path);
    if (!dir) /* a file beside the folders of domains says nothing */
        return errno == ENOTDIR || dkim_fail(err, FCT_TEMP, "%.140s: %s", path, strerror(errno));
    while (ok && (entry = readdir(dir))) {
        EVP_PKEY *key;

        if (!is_key_file(entry->d_name, &selector))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s/%s", folder, domain, entry->d_name);
        key = dkim_keys_read(path, err);
        ok = key && keep(keys, (struct fct_str){domain, strlen(domain)}, selector, key, err);
        if (key && !ok)
            EVP_PKEY_free(key);
    }
    (void)closedir(dir);
    return ok;
}

static int by_domain(const void *a, const void *b)
{
    const struct dkim_private_key *x = a, *y = b;
    int order = strcmp(x->domain, y->domain);

    return order ? order : strcmp(x->selector, y->selector);
}

bool dkim_keys_load(struct dkim_keys *keys, const char *folder, struct fct_err *err)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool ok = true;

    *keys = (struct dkim_keys){0};
    if (!dir)
        return dkim_fail(err, FCT_TEMP, "keys: %.140s: %s", folder, strerror(errno));
    while (ok && (entry = readdir(dir)))
        if (dkim_is_domain((struct fct_str){entry->d_name, strlen(entry->d_name)}, 1))
            ok = load_domain(keys, folder, entry->d_name, err);
    (void)closedir(dir);
    if (keys->n > 0 && ok)
        qsort(keys->key, keys->n, sizeof *keys->key, by_domain);
    if (!ok)
        dkim_keys_free(keys);
    return ok;
}

void dkim_keys_free(struct dkim_keys *keys)
{
    for (size_t i = 0; i < keys->n; i++) {
        free(keys->key[i].domain);
        free(keys->key[i].selector);
        EVP_PKEY_free(keys->key[i].key);
    }
    free(keys->key);
    *keys = (struct dkim_keys){0};
}

/* ---- looking ---- */

static size_t find_exactly(const struct dkim_keys *keys, struct fct_str domain,
                           const struct dkim_private_key **first)
{
    size_t low = 0, high = keys->n, n = 0;

    while (low < high) { /* the first that is not before it */
        size_t middle = (low + high) / 2;
        int order = strncmp(keys->key[middle].domain, domain.p, domain.n);

        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + n < keys->n && dkim_is(domain, keys->key[low + n].domain))
        n++;
    *first = n > 0 ? &keys->key[low] : NULL;
    return n < DKIM_KEYS_OF_DOMAIN ? n : DKIM_KEYS_OF_DOMAIN;
}

size_t dkim_keys_find(const struct dkim_keys *keys, struct fct_str name,
                      const struct dkim_private_key **first)
{
    char *canonical = canonical_name(name);
    struct fct_str rest = {canonical, canonical ? strlen(canonical) : 0};
    size_t n = 0;

    *first = NULL;
    while (n == 0 && rest.n > 0) {
        const char *dot = memchr(rest.p, '.', rest.n);

        n = find_exactly(keys, rest, first);
        rest = dot ? (struct fct_str){dot + 1, rest.n - (size_t)(dot + 1 - rest.p)}
                   : (struct fct_str){"", 0};
    }
    free(canonical);
    return n;
}
