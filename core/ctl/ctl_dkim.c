/* ctl_dkim.c - keys for signing: DOMAIN/SELECTOR.pem signs, SELECTOR.next will, SELECTOR.old did.
 *
 * Rotation in two steps (RFC 6376 3.1): a key signs only when the DNS has it, so the first run
 * makes the next keys and says what to publish, the second looks whether it is there and changes
 * over. */
#include "core/ctl/ctl_dkim.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/dns_name.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/plugin/plugin_conf.h"
#include "plugins/dkim/dkim_key.h"
#include "plugins/dkim/dkim_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_KEYS "/etc/facteur/dkim"
#define DEFAULT_BITS 2048
#define MOST_KEYS    32
#define TEXT_MAX     (1u << 20)
#define TXT_PIECE    255 /* RFC 1035 3.3: a character-string */

enum state { SIGNS, NEXT, OLD, STATES };
static const char *const suffix_of[STATES] = {".pem", ".next", ".old"};
static const char *const word_of[STATES] = {"signs", "next", "old"};

struct key {
    enum state state;
    const char *selector, *path, *record;
    int kind; /* EVP_PKEY_RSA, EVP_PKEY_ED25519 */
    int bits;
    bool published; /* rotate: the DNS has it */
};

struct domain {
    struct ctl *c;
    struct arena *arena;
    const char *name, *folder;
    struct key key[MOST_KEYS];
    size_t n;
    struct dns_resolver *resolver;
};

/* ---- where ---- */

/* `keys` of the block `plugin dkim`, of whatever name. */
static const char *configured_folder(const struct ctl *c)
{
    const struct plugin_conf *conf;
    const char *label;

    for (size_t i = 0; (conf = config_each(c->config, &plugin_block, i, &label)); i++) {
        const struct conf_pair *pair;
        size_t n = config_extra(c->config, &plugin_block, i, &pair);
        const char *name = conf->use[0] ? conf->use : label;

        for (size_t k = 0; k < n && str_equal(str_from(name), FCT_STR("dkim")); k++)
            if (str_equal(str_from(pair[k].key), FCT_STR("keys")) && pair[k].values.n == 1)
                return pair[k].values.item[0];
    }
    return DEFAULT_KEYS;
}

static bool open_domain(struct domain *d, struct ctl *c, const char *word, struct fct_err *err)
{
    const char *given = ctl_option(c, "--keys"), *name;
    struct dns_name parsed;

    if (!dns_name_parse(str_from(word), &parsed, err) || !dkim_is_domain(dns_name_str(&parsed), 2))
        return fct_fail(err, FCT_SYNTAX, "%s is no domain", word);
    name = arena_cstr(c->arena, dns_name_str(&parsed)); /* in A-labels, as signatures say it */
    *d = (struct domain){.c = c, .arena = c->arena, .name = name};
    d->folder = arena_printf(c->arena, "%s/%s", given ? given : configured_folder(c), name).p;
    return true;
}

/* ---- what is there ---- */

static bool has_suffix(const char *name, enum state *state, size_t *length)
{
    size_t n = strlen(name);

    for (unsigned s = 0; s < STATES; s++) {
        size_t suffix = strlen(suffix_of[s]);

        if (n > suffix && strcmp(name + n - suffix, suffix_of[s]) == 0) {
            *state = (enum state)s;
            *length = n - suffix;
            return true;
        }
    }
    return false;
}

static void describe(struct domain *d, struct key *key, EVP_PKEY *pkey)
{
    char *record = dkim_key_record(pkey);

    key->kind = EVP_PKEY_get_base_id(pkey);
    key->bits = EVP_PKEY_get_bits(pkey);
    key->record = record ? arena_cstr(d->arena, str_from(record)) : "";
    free(record);
}

static bool add_key(struct domain *d, const char *file, struct fct_err *err)
{
    struct key *key = &d->key[d->n];
    EVP_PKEY *pkey;
    size_t n;

    if (d->n == MOST_KEYS || !has_suffix(file, &key->state, &n))
        return true;
    key->selector = arena_cstr(d->arena, (struct fct_str){file, n});
    key->path = arena_printf(d->arena, "%s/%s", d->folder, file).p;
    pkey = dkim_keys_read(key->path, err);
    if (!pkey)
        return false;
    describe(d, key, pkey);
    EVP_PKEY_free(pkey);
    d->n++;
    return true;
}

static int by_selector(const void *a, const void *b)
{
    const struct key *x = a, *y = b;

    return x->state != y->state ? (int)x->state - (int)y->state : strcmp(x->selector, y->selector);
}

static bool read_domain(struct domain *d, struct fct_err *err)
{
    DIR *dir = opendir(d->folder);
    struct dirent *entry;
    bool ok = true;

    if (!dir && errno == ENOENT)
        return true;
    if (!dir)
        return fct_fail(err, FCT_TEMP, "%s: %s", d->folder, strerror(errno));
    while (ok && (entry = readdir(dir)))
        ok = add_key(d, entry->d_name, err);
    closedir(dir);
    qsort(d->key, d->n, sizeof d->key[0], by_selector);
    return ok;
}

static size_t count(const struct domain *d, enum state state)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++)
        n += d->key[i].state == state;
    return n;
}

/* ---- making ---- */

static bool make_folder(const struct domain *d, struct fct_err *err)
{
    char *parent = strdup(d->folder);
    bool ok;

    if (!parent)
        return fct_fail(err, FCT_TEMP, "no memory");
    *strrchr(parent, '/') = '\0';
    ok = (mkdir(parent, 0700) == 0 || errno == EEXIST) &&
         (mkdir(d->folder, 0700) == 0 || errno == EEXIST);
    free(parent);
    return ok || fct_fail(err, FCT_TEMP, "%s: %s", d->folder, strerror(errno));
}

/* A key that exists is never written over: its record may be published. */
static bool write_key(const char *path, EVP_PKEY *pkey, struct fct_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok;

    if (!f) {
        if (fd >= 0)
            close(fd);
        return fct_fail(err, FCT_TEMP, "%s: %s", path, strerror(errno));
    }
    ok = PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL) == 1 && fflush(f) == 0 &&
         fsync(fd) == 0;
    ok = fclose(f) == 0 && ok;
    if (!ok)
        (void)unlink(path);
    return ok || fct_fail(err, FCT_TEMP, "%s: cannot be written", path);
}

static bool selector_is_free(const struct domain *d, const char *selector)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->key[i].selector, selector) == 0)
            return false;
    return true;
}

/* Of today, with a letter for the kind: "20250131r", "20250131r2". */
static const char *new_selector(struct domain *d, int kind)
{
    time_t now = time(NULL);
    char day[16] = "";
    struct tm tm;

    if (gmtime_r(&now, &tm))
        (void)strftime(day, sizeof day, "%Y%m%d", &tm);
    for (unsigned i = 1;; i++) {
        const char letter = kind == EVP_PKEY_ED25519 ? 'e' : 'r';
        struct fct_str s = i == 1 ? arena_printf(d->arena, "%s%c", day, letter)
                                  : arena_printf(d->arena, "%s%c%u", day, letter, i);

        if (selector_is_free(d, s.p))
            return s.p;
    }
}

static bool make_key(struct domain *d, const char *selector, enum state state, int kind, int bits,
                     struct fct_err *err)
{
    struct key *key = &d->key[d->n];
    EVP_PKEY *pkey;
    bool ok;

    if (d->n == MOST_KEYS)
        return fct_fail(err, FCT_LIMIT, "%s has %d keys already", d->name, MOST_KEYS);
    if (!selector_is_free(d, selector))
        return fct_fail(err, FCT_DENIED, "%s has a key %s already", d->name, selector);
    pkey = kind == EVP_PKEY_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                    : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
    if (!pkey)
        return fct_fail(err, FCT_BUG, "OpenSSL makes no key");
    *key = (struct key){.state = state, .selector = selector};
    key->path = arena_printf(d->arena, "%s/%s%s", d->folder, selector, suffix_of[state]).p;
    describe(d, key, pkey);
    ok = make_folder(d, err) && write_key(key->path, pkey, err);
    EVP_PKEY_free(pkey);
    d->n += ok;
    return ok;
}

/* ---- saying ---- */

/* As in a zone file, in pieces of 255 bytes. */
static void put_record(const struct domain *d, const struct key *key, struct buf *out)
{
    struct fct_str rest = str_from(key->record);

    buf_printf(out, "%s._domainkey.%s. IN TXT (", key->selector, d->name);
    while (rest.n > 0) {
        struct fct_str piece = str_head(rest, TXT_PIECE);

        buf_printf(out, " \"%.*s\"", FCT_FMT(piece));
        rest = str_skip(rest, piece.n);
    }
    buf_put_c(out, " )\n");
}

static json_t *key_json(const struct domain *d, const struct key *key)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "domain", d->name, "selector",
                     key->selector, "state", word_of[key->state], "algorithm",
                     key->kind == EVP_PKEY_ED25519 ? "ed25519" : "rsa", "file", key->path, "bits",
                     key->bits, "name",
                     arena_printf(d->arena, "%s._domainkey.%s", key->selector, d->name).p, "record",
                     key->record);
}

/* Keys in `state`, and what to do with them. */
static void say(const struct domain *d, enum state state, const char *what)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    if (d->c->json) {
        json_t *all = json_array();

        for (size_t i = 0; i < d->n; i++)
            if (d->key[i].state == state || state == STATES)
                json_array_append_new(all, key_json(d, &d->key[i]));
        ctl_print_json(all);
        return;
    }
    for (size_t i = 0; i < d->n; i++) {
        if (d->key[i].state != state && state != STATES)
            continue;
        if (state == STATES)
            buf_printf(&out, "; %s: %s\n", word_of[d->key[i].state], d->key[i].path);
        put_record(d, &d->key[i], &out);
    }
    buf_put_c(&out, what);
    ctl_print(&out);
}

/* ---- for others ---- */

bool ctl_dkim_records(struct ctl *c, const char *domain, struct ctl_dkim_record *out, size_t max,
                      size_t *n, struct fct_err *err)
{
    struct domain *d = ARENA_NEW(c->arena, struct domain);

    *n = 0;
    if (!open_domain(d, c, domain, err) || !read_domain(d, err))
        return false;
    for (size_t i = 0; i < d->n && *n < max; i++)
        if (d->key[i].state != OLD)
            out[(*n)++] = (struct ctl_dkim_record){
                arena_printf(d->arena, "%s._domainkey.%s", d->key[i].selector, d->name).p,
                d->key[i].record, d->key[i].state == NEXT};
    return true;
}

/* ---- genkey, record ---- */

static bool take_kind(const struct ctl *c, int *kind, int *bits, struct fct_err *err)
{
    const char *type = ctl_option(c, "--type"), *size = ctl_option(c, "--bits");
    uint32_t n = DEFAULT_BITS;

    *kind = EVP_PKEY_RSA;
    if (type && strcmp(type, "ed25519") == 0)
        *kind = EVP_PKEY_ED25519;
    else if (type && strcmp(type, "rsa") != 0)
        return fct_fail(err, FCT_SYNTAX, "--type %s: must be rsa or ed25519", type);
    if (size && (!str_to_u32(str_from(size), &n) || n < 1024 || n > 4096 || n % 8))
        return fct_fail(err, FCT_SYNTAX, "--bits %s: must be 1024 to 4096", size);
    if (size && *kind == EVP_PKEY_ED25519)
        return fct_fail(err, FCT_SYNTAX, "--bits is for --type rsa");
    *bits = (int)n;
    return true;
}

int ctl_dkim_genkey(struct ctl *c)
{
    struct domain *d = ARENA_NEW(c->arena, struct domain);
    const char *selector = c->words > 1 ? c->word[1] : NULL;
    struct fct_err err = {0};
    int kind = 0, bits = 0;

    if (!open_domain(d, c, c->word[0], &err) || !take_kind(c, &kind, &bits, &err) ||
        !read_domain(d, &err))
        return ctl_error(&err);
    if (selector && !dkim_is_domain(str_from(selector), 1))
        (void)fct_fail(&err, FCT_SYNTAX, "%s is no selector", selector);
    else if (make_key(d, selector ? selector : new_selector(d, kind), SIGNS, kind, bits, &err)) {
        d->key[0] = d->key[d->n - 1];
        d->n = 1;
        say(d, SIGNS, "; publish this, then set sign = yes in plugin dkim, or facteurctl reload\n");
        return CTL_OK;
    }
    return ctl_error(&err);
}

int ctl_dkim_record(struct ctl *c)
{
    struct domain *d = ARENA_NEW(c->arena, struct domain);
    struct fct_err err = {0};

    if (!open_domain(d, c, c->word[0], &err) || !read_domain(d, &err))
        return ctl_error(&err);
    if (d->n == 0) {
        (void)fct_fail(&err, FCT_DENIED, "%s has no keys; see facteurctl dkim genkey", d->folder);
        return ctl_error(&err);
    }
    say(d, STATES, "");
    return CTL_OK;
}

/* ---- rotate ---- */

static bool make_next(struct domain *d, struct fct_err *err)
{
    size_t present = d->n;

    for (size_t i = 0; i < present; i++)
        if (d->key[i].state == SIGNS &&
            !make_key(d, new_selector(d, d->key[i].kind), NEXT, d->key[i].kind,
                      d->key[i].kind == EVP_PKEY_RSA && d->key[i].bits < DEFAULT_BITS
                          ? DEFAULT_BITS
                          : d->key[i].bits,
                      err))
            return false;
    return true;
}

static void look_up(void *arg)
{
    struct domain *d = arg;

    for (size_t i = 0; i < d->n; i++) {
        struct key *key = &d->key[i];
        struct fct_dns_answer answer;

        if (key->state != NEXT)
            continue;
        (void)dns_resolve(d->resolver, d->arena, FCT_DNS_TXT,
                          arena_printf(d->arena, "%s._domainkey.%s", key->selector, d->name),
                          CLOCK_NEVER, &answer);
        for (size_t k = 0; k < answer.n; k++)
            key->published =
                key->published || str_equal(answer.record[k].data, str_from(key->record));
    }
}

static bool is_published(struct domain *d, struct fct_err *err)
{
    if (ctl_option(d->c, "--force"))
        return true;
    if (!ctl_resolver_run(d->c, look_up, d, &d->resolver, err))
        return false;
    for (size_t i = 0; i < d->n; i++)
        if (d->key[i].state == NEXT && !d->key[i].published)
            return fct_fail(
                err, FCT_TEMP,
                "the DNS does not have the record of %s yet; see facteurctl dkim record %s",
                d->key[i].selector, d->name);
    return true;
}

static bool move(struct domain *d, struct key *key, enum state to, struct fct_err *err)
{
    const char *path = arena_printf(d->arena, "%s/%s%s", d->folder, key->selector, suffix_of[to]).p;

    if (rename(key->path, path) != 0)
        return fct_fail(err, FCT_TEMP, "%s: %s", key->path, strerror(errno));
    key->path = path;
    key->state = to;
    return true;
}

/* The new ones first: interrupted, both sign. */
static bool change_over(struct domain *d, struct fct_err *err)
{
    bool next[MOST_KEYS];
    bool ok = true;

    for (size_t i = 0; i < d->n; i++)
        next[i] = d->key[i].state == NEXT;
    for (size_t i = 0; i < d->n && ok; i++)
        if (next[i])
            ok = move(d, &d->key[i], SIGNS, err);
    for (size_t i = 0; i < d->n && ok; i++)
        if (!next[i] && d->key[i].state == SIGNS)
            ok = move(d, &d->key[i], OLD, err);
    return ok;
}

static bool begin_rotation(struct domain *d, struct fct_err *err)
{
    if (!make_next(d, err))
        return false;
    say(d, NEXT, "; publish this, then run the same command again\n");
    return true;
}

static bool end_rotation(struct domain *d, struct fct_err *err)
{
    if (!is_published(d, err) || !change_over(d, err))
        return false;
    say(d, SIGNS,
        "; these sign after facteurctl reload; remove the records of the old ones, and their files "
        "*.old, in a week\n");
    return true;
}

int ctl_dkim_rotate(struct ctl *c)
{
    struct domain *d = ARENA_NEW(c->arena, struct domain);
    struct fct_err err = {0};
    bool ok;

    if (!open_domain(d, c, c->word[0], &err) || !read_domain(d, &err))
        return ctl_error(&err);
    if (count(d, SIGNS) == 0)
        ok = fct_fail(&err, FCT_DENIED, "%s has no key that signs; see facteurctl dkim genkey",
                      d->folder);
    else
        ok = count(d, NEXT) == 0 ? begin_rotation(d, &err) : end_rotation(d, &err);
    return ok ? CTL_OK : ctl_error(&err);
}
