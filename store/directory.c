/* directory.c - the records of accounts, aliases and domains. resolve.c follows them. */
#include "store/directory.h"

#include "core/base/str.h"
#include "core/base/utf8.h"

#include <stdlib.h>

#define DIRECTORY_VERSION 1
#define SETTINGS_VERSION  2 /* of an account that has settings */
#define ADDRESS_MAX                                                                                \
    160 /* bytes of a stored key; RFC 5321 4.5.3.1.1 local part 64, domain as long as it can be in \
           practice */
#define VALUE_MAX (256u << 10)

static struct key address_key(char type, struct fct_str folded)
{
    struct key k = key_of(type);

    FCT_ASSERT(folded.n <= sizeof k.p - 1);
    if (folded.n)
        memcpy(k.p + 1, folded.p, folded.n);
    k.n += folded.n;
    return k;
}

struct fct_str directory_domain(struct fct_str address)
{
    ptrdiff_t at = str_find_last_char(address, '@');

    return at < 0 ? (struct fct_str){0} : str_skip(address, (size_t)at + 1);
}

bool directory_fold(struct fct_str address, bool catch_all, struct arena *arena,
                    struct fct_str *out, struct fct_err *err)
{
    struct buf folded = BUF_INIT(4096);
    ptrdiff_t at = str_find_last_char(address, '@');
    bool ok = at >= (catch_all ? 0 : 1) && (size_t)at + 1 < address.n && address.n <= ADDRESS_MAX;

    for (size_t i = 0; ok && i < address.n; i++)
        ok = (unsigned char)address.p[i] >= ' ' && address.p[i] != 0x7f;
    ok = ok && utf8_fold(address, &folded) && folded.n <= ADDRESS_MAX;
    if (ok)
        *out = arena_str(arena, buf_str(&folded));
    buf_free(&folded);
    return ok || fct_fail(err, FCT_SYNTAX, "not an address: %.*s",
                          (int)(address.n < 100 ? address.n : 100), address.p);
}

/* ---- stored forms ---- */

static bool decode_number(struct fct_str value, uint64_t *v)
{
    struct unpack u;

    if (!record_open(value, DIRECTORY_VERSION, &u))
        return false;
    *v = unpack_uint(&u);
    return unpack_ok(&u);
}

static bool decode_settings(struct unpack *u, struct arena *arena, struct settings *out)
{
    struct fct_str *list = NULL;
    size_t n = 0;

    while (unpack_more(u)) {
        struct fct_str one = unpack_str(u);

        if (n % 8 == 0)
            list = arena_grow(arena, list, n * sizeof *list, (n + 8) * sizeof *list);
        list[n++] = arena_str(arena, one);
    }
    *out = (struct settings){list, n};
    return unpack_ok(u) && settings_are_good(*out);
}

bool directory_decode_account(struct fct_str value, struct arena *arena, uint64_t *account,
                              struct settings *out)
{
    struct unpack u;

    *out = (struct settings){0};
    if (!record_open(value, SETTINGS_VERSION, &u))
        return decode_number(value, account);
    *account = unpack_uint(&u);
    return decode_settings(&u, arena, out);
}

static void put_number(struct batch *b, struct key key, uint64_t v)
{
    struct buf value = BUF_INIT(64);

    record_begin(&value, DIRECTORY_VERSION);
    pack_uint(&value, v);
    record_end(&value);
    batch_part(b, PART_DIRECTORY);
    batch_put(b, key, buf_str(&value));
    buf_free(&value);
}

void directory_put_account(struct batch *b, struct fct_str folded, uint64_t account)
{
    put_number(b, address_key('a', folded), account);
    batch_add(b, address_key('d', directory_domain(folded)), 1);
}

void directory_put_settings(struct batch *b, struct fct_str folded, uint64_t account,
                            struct settings settings)
{
    struct buf value = BUF_INIT(VALUE_MAX);

    if (settings.n == 0) {
        put_number(b, address_key('a', folded), account);
        return;
    }
    record_begin(&value, SETTINGS_VERSION);
    pack_uint(&value, account);
    for (size_t i = 0; i < settings.n; i++)
        pack_str(&value, settings.item[i]);
    record_end(&value);
    batch_part(b, PART_DIRECTORY);
    batch_put(b, address_key('a', folded), buf_str(&value));
    buf_free(&value);
}

void directory_del_account(struct batch *b, struct fct_str folded)
{
    batch_part(b, PART_DIRECTORY);
    batch_del(b, address_key('a', folded));
    batch_add(b, address_key('d', directory_domain(folded)), -1);
}

void directory_put_alias(struct batch *b, struct fct_str folded, const struct fct_str *target,
                         size_t n, bool existed)
{
    struct buf value = BUF_INIT(VALUE_MAX);

    batch_part(b, PART_DIRECTORY);
    record_begin(&value, DIRECTORY_VERSION);
    for (size_t i = 0; i < n; i++)
        pack_str(&value, target[i]);
    record_end(&value);
    if (n > 0)
        batch_put(b, address_key('l', folded), buf_str(&value));
    else
        batch_del(b, address_key('l', folded));
    if ((n > 0) != existed && directory_domain(folded).n > 0)
        batch_add(b, address_key('d', directory_domain(folded)), n > 0 ? 1 : -1);
    buf_free(&value);
}

static bool decode_alias(struct fct_str value, struct arena *arena, const struct fct_str **target,
                         size_t *n)
{
    struct fct_str *list = NULL;
    struct unpack u;

    *n = 0;
    if (!record_open(value, DIRECTORY_VERSION, &u))
        return false;
    while (unpack_more(&u)) {
        struct fct_str one = unpack_str(&u);

        if (*n % 8 == 0)
            list = arena_grow(arena, list, *n * sizeof *list, (*n + 8) * sizeof *list);
        list[(*n)++] = arena_str(arena, one);
    }
    *target = list;
    return unpack_ok(&u);
}

/* ---- reading ---- */

static bool get(struct server *s, struct key key, struct buf *value, bool *found,
                struct fct_err *err)
{
    return s->driver->ops->get(s->driver, NULL, PART_DIRECTORY, key_str(&key), value, found, err);
}

static bool get_number(struct server *s, struct key key, uint64_t *v, struct fct_err *err)
{
    struct buf value = BUF_INIT(256);
    bool found, ok = get(s, key, &value, &found, err);

    *v = 0;
    if (ok && found && !decode_number(buf_str(&value), v))
        ok = fct_fail(err, FCT_TEMP, "a directory record is damaged");
    buf_free(&value);
    return ok;
}

/* ---- records of accounts in memory: each RCPT asks for one ---- */

struct kept_record {
    size_t n;
    char bytes[];
};

static void forget_records(struct server *s)
{
    struct fct_str key;
    void *value;

    for (size_t at = 0; map_next(s->records, &at, &key, &value);)
        free(value);
    map_free(&s->records);
    s->records = map_new();
}

/* Unknown addresses are not kept: anybody can think of more of them. */
static void keep_record(struct server *s, struct fct_str folded, struct fct_str value)
{
    struct kept_record *kept;

    if (s->conf->settings_cache == 0)
        return;
    if (map_count(s->records) >= s->conf->settings_cache)
        forget_records(s);
    kept = malloc(sizeof *kept + value.n);
    if (!kept)
        return;
    kept->n = value.n;
    memcpy(kept->bytes, value.p, value.n);
    free(map_put(s->records, folded, kept));
}

static bool decode(struct fct_str value, struct arena *arena, uint64_t *account,
                   struct settings *settings, struct fct_err *err)
{
    return directory_decode_account(value, arena, account, settings) ||
           fct_fail(err, FCT_TEMP, "a directory record is damaged");
}

bool directory_account_settings(struct server *s, struct fct_str folded, struct arena *arena,
                                uint64_t *account, struct settings *settings, struct fct_err *err)
{
    const struct kept_record *kept = map_get(s->records, folded);
    struct buf value = BUF_INIT(VALUE_MAX);
    bool found, ok;

    *account = 0;
    *settings = (struct settings){0};
    if (kept)
        return decode((struct fct_str){kept->bytes, kept->n}, arena, account, settings, err);
    ok = get(s, address_key('a', folded), &value, &found, err);
    if (ok && found) {
        ok = decode(buf_str(&value), arena, account, settings, err);
        if (ok)
            keep_record(s, folded, buf_str(&value));
    }
    buf_free(&value);
    return ok;
}

bool directory_account(struct server *s, struct fct_str folded, uint64_t *account,
                       struct fct_err *err)
{
    struct buf value = BUF_INIT(VALUE_MAX);
    bool found, ok = get(s, address_key('a', folded), &value, &found, err);
    struct unpack u;

    *account = 0;
    if (ok && found && record_open(buf_str(&value), SETTINGS_VERSION, &u))
        *account = unpack_uint(&u);
    else if (ok && found && !decode_number(buf_str(&value), account))
        ok = fct_fail(err, FCT_TEMP, "a directory record is damaged");
    buf_free(&value);
    return ok;
}

bool directory_alias(struct server *s, struct fct_str folded, struct arena *arena,
                     const struct fct_str **target, size_t *n, struct fct_err *err)
{
    struct buf value = BUF_INIT(VALUE_MAX);
    bool found, ok = get(s, address_key('l', folded), &value, &found, err);

    *n = 0;
    if (ok && found && !decode_alias(buf_str(&value), arena, target, n))
        ok = fct_fail(err, FCT_TEMP, "a directory record is damaged");
    buf_free(&value);
    return ok;
}

bool directory_last_account(struct server *s, uint64_t *last, struct fct_err *err)
{
    if (!get_number(s, key_of('n'), last, err))
        return false;
    if (*last < PART_ACCOUNTS)
        *last = PART_ACCOUNTS - 1;
    return true;
}

void directory_put_last_account(struct batch *b, uint64_t last)
{
    put_number(b, key_of('n'), last);
}

/* ---- local domains ---- */

#define DOMAINS_KEPT 10000

static char is_ours, is_not; /* what the map remembers about a domain */

static void forget_domains(struct server *s)
{
    map_free(&s->domains);
    s->domains = map_new();
}

void directory_changed(struct server *s)
{
    forget_domains(s);
    forget_records(s);
}

void directory_close(struct server *s)
{
    directory_changed(s);
    map_free(&s->domains);
    map_free(&s->records);
}

/* Asked for every recipient, changed by an administrator now and then: remembered until then. */
bool directory_is_local(struct server *s, struct fct_str domain, bool *local, struct fct_err *err)
{
    const char *known = map_get(s->domains, domain);
    struct buf value = BUF_INIT(64);
    bool ok;

    if (known) {
        *local = known == &is_ours;
        return true;
    }
    ok = get(s, address_key('d', domain), &value, local, err);
    *local = ok && *local && driver_sum(buf_str(&value)) > 0;
    buf_free(&value);
    if (map_count(s->domains) >= DOMAINS_KEPT)
        forget_domains(s);
    if (ok)
        map_put(s->domains, domain, *local ? &is_ours : &is_not);
    return ok;
}

/* ---- listing ---- */

struct account_walk {
    bool (*fn)(void *arg, struct fct_str address, uint64_t account);
    void *arg;
    bool bad;
};

static bool account_entry(void *arg, struct fct_str key, struct fct_str value)
{
    struct arena *arena = arena_new(NULL);
    struct account_walk *w = arg;
    struct settings ignored;
    uint64_t account;

    w->bad = !directory_decode_account(value, arena, &account, &ignored);
    arena_free(&arena);
    return !w->bad && w->fn(w->arg, str_skip(key, 1), account);
}

bool directory_accounts(struct driver *d, struct driver_snap *snap,
                        bool (*fn)(void *arg, struct fct_str address, uint64_t account), void *arg,
                        struct fct_err *err)
{
    struct account_walk w = {fn, arg, false};

    if (!d->ops->scan(d, snap, PART_DIRECTORY, FCT_STR("a"), FCT_STR("b"), account_entry, &w, err))
        return false;
    return !w.bad || fct_fail(err, FCT_TEMP, "a directory record is damaged");
}

struct alias_list {
    struct arena *arena;
    struct store_alias *alias;
    size_t n, room;
    bool bad;
};

static bool alias_entry(void *arg, struct fct_str key, struct fct_str value)
{
    struct alias_list *l = arg;
    struct store_alias *a;

    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 16;

        l->alias = arena_grow(l->arena, l->alias, l->room * sizeof *a, room * sizeof *a);
        l->room = room;
    }
    a = &l->alias[l->n++];
    a->alias = arena_str(l->arena, str_skip(key, 1));
    l->bad = !decode_alias(value, l->arena, &a->target, &a->n);
    return !l->bad;
}

bool directory_aliases(struct server *s, struct arena *arena, const struct store_alias **out,
                       size_t *n, struct fct_err *err)
{
    struct alias_list l = {.arena = arena};

    if (!s->driver->ops->scan(s->driver, NULL, PART_DIRECTORY, FCT_STR("l"), FCT_STR("m"),
                              alias_entry, &l, err))
        return false;
    *out = l.alias;
    *n = l.n;
    return !l.bad || fct_fail(err, FCT_TEMP, "a directory record is damaged");
}
