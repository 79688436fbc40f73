/* directory.c - resolving addresses: exact account, alias, +detail, catch-all, in this order. */
#include "store/directory.h"

#include "core/base/str.h"
#include "core/base/utf8.h"

#include <stdlib.h>

#define DIRECTORY_VERSION 1
#define SETTINGS_VERSION  2 /* of an account that has settings */
#define ADDRESS_MAX                                                                                \
    160 /* bytes of a stored key; RFC 5321 4.5.3.1.1 local part 64, domain as long as it can be in \
           practice */
#define ALIAS_DEPTH_MAX 10
#define TARGETS_MAX     1000
#define VALUE_MAX       (256u << 10)

static struct key address_key(char type, struct fct_str folded)
{
    struct key k = key_of(type);

    FCT_ASSERT(folded.n <= sizeof k.p - 1);
    if (folded.n)
        memcpy(k.p + 1, folded.p, folded.n);
    k.n += folded.n;
    return k;
}

static struct fct_str domain_of(struct fct_str address)
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
    batch_add(b, address_key('d', domain_of(folded)), 1);
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
    batch_add(b, address_key('d', domain_of(folded)), -1);
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
    if ((n > 0) != existed && domain_of(folded).n > 0)
        batch_add(b, address_key('d', domain_of(folded)), n > 0 ? 1 : -1);
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

bool directory_account_settings(struct server *s, struct fct_str folded, struct arena *arena,
                                uint64_t *account, struct settings *settings, struct fct_err *err)
{
    struct buf value = BUF_INIT(VALUE_MAX);
    bool found, ok = get(s, address_key('a', folded), &value, &found, err);

    *account = 0;
    *settings = (struct settings){0};
    if (ok && found && !directory_decode_account(buf_str(&value), arena, account, settings))
        ok = fct_fail(err, FCT_TEMP, "a directory record is damaged");
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

void directory_changed(struct server *s)
{
    map_free(&s->domains);
    s->domains = map_new();
}

/* Asked for every recipient, changed by an administrator now and then: remembered until then. */
static bool is_local(struct server *s, struct fct_str domain, bool *local, struct fct_err *err)
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
        directory_changed(s);
    if (ok)
        map_put(s->domains, domain, *local ? &is_ours : &is_not);
    return ok;
}

/* ---- resolving ---- */

struct resolve {
    struct server *s;
    struct arena *arena;
    struct store_target *target;
    size_t n, room, steps;
    struct fct_err *err;
};

static bool add_target(struct resolve *r, uint64_t account, struct fct_str name,
                       struct fct_str detail, struct settings settings)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->target[i].account == account)
            return true;
    if (r->n == TARGETS_MAX)
        return fct_fail(r->err, FCT_LIMIT, "an alias leads to more than %d accounts", TARGETS_MAX);
    if (r->n == r->room) {
        r->target = arena_grow(r->arena, r->target, r->room * sizeof *r->target,
                               (r->room ? 2 * r->room : 4) * sizeof *r->target);
        r->room = r->room ? 2 * r->room : 4;
    }
    r->target[r->n++] = (struct store_target){
        .account = account,
        .name = arena_str(r->arena, name),
        .detail = arena_str(r->arena, detail),
        .setting = settings.item,
        .nsettings = settings.n,
    };
    return true;
}

/* "user+detail@domain" → "user@domain" and "detail" (RFC 5233). */
static bool split_detail(struct resolve *r, struct fct_str folded, struct fct_str *base,
                         struct fct_str *detail)
{
    ptrdiff_t plus = str_find_char(folded, '+'), at = str_find_last_char(folded, '@');

    if (plus <= 0 || plus > at)
        return false;
    *detail = (struct fct_str){folded.p + plus + 1, (size_t)(at - plus - 1)};
    *base = arena_printf(r->arena, "%.*s%.*s", (int)plus, folded.p, (int)(folded.n - (size_t)at),
                         folded.p + at);
    return true;
}

static bool resolve_one(struct resolve *r, struct fct_str folded, struct fct_str detail,
                        unsigned depth, bool *hit);

static bool resolve_targets(struct resolve *r, const struct fct_str *target, size_t n,
                            struct fct_str detail, unsigned depth)
{
    if (depth >= ALIAS_DEPTH_MAX)
        return true; /* a loop, or too deep: this branch leads nowhere */
    for (size_t i = 0; i < n; i++) {
        bool hit;

        if (++r->steps > 10 * TARGETS_MAX)
            return fct_fail(r->err, FCT_LIMIT, "an alias leads to too many others");
        if (!resolve_one(r, target[i], detail, depth + 1, &hit))
            return false;
    }
    return true;
}

/* The address as it is: account, then alias. */
static bool resolve_exact(struct resolve *r, struct fct_str folded, struct fct_str detail,
                          unsigned depth, bool *hit)
{
    const struct fct_str *target;
    struct settings settings;
    uint64_t account;
    size_t n;

    *hit = true;
    if (!directory_account_settings(r->s, folded, r->arena, &account, &settings, r->err))
        return false;
    if (account)
        return add_target(r, account, folded, detail, settings);
    if (!directory_alias(r->s, folded, r->arena, &target, &n, r->err))
        return false;
    *hit = n > 0;
    return resolve_targets(r, target, n, detail, depth);
}

static bool resolve_one(struct resolve *r, struct fct_str folded, struct fct_str detail,
                        unsigned depth, bool *hit)
{
    struct fct_str base, found, domain = domain_of(folded);

    if (!resolve_exact(r, folded, detail, depth, hit))
        return false;
    if (!*hit && split_detail(r, folded, &base, &found) &&
        !resolve_exact(r, base, found, depth, hit))
        return false;
    if (*hit || domain.n == 0)
        return true;
    return resolve_exact(r, (struct fct_str){domain.p - 1, domain.n + 1}, detail, depth, hit);
}

struct first_account {
    uint64_t account;
    struct fct_str name;
    struct arena *arena;
};

static bool take_lowest(void *arg, struct fct_str address, uint64_t account)
{
    struct first_account *f = arg;

    if (!f->account || account < f->account) {
        f->account = account;
        f->name = arena_str(f->arena, address);
    }
    return true;
}

/* "postmaster" without a domain: alias postmaster, or the first account (RFC 5321 4.5.1). */
static bool resolve_postmaster(struct resolve *r)
{
    struct first_account first = {.arena = r->arena};
    const struct fct_str *target;
    struct settings settings;
    size_t n;

    if (!directory_alias(r->s, FCT_STR("postmaster"), r->arena, &target, &n, r->err))
        return false;
    if (n > 0)
        return resolve_targets(r, target, n, FCT_STR(""), 0);
    if (!directory_accounts(r->s->driver, NULL, take_lowest, &first, r->err))
        return false;
    if (!first.account)
        return true;
    return directory_account_settings(r->s, first.name, r->arena, &first.account, &settings,
                                      r->err) &&
           add_target(r, first.account, first.name, FCT_STR(""), settings);
}

bool directory_resolve(struct server *s, struct fct_str address, struct arena *arena,
                       struct store_resolution *out, struct fct_err *err)
{
    struct resolve r = {.s = s, .arena = arena, .err = err};
    struct fct_str folded;
    bool local = true, hit, ok;

    *out = (struct store_resolution){.what = RESOLVED_NOT_LOCAL};
    if (str_equal_nocase(address, FCT_STR("postmaster"))) {
        ok = resolve_postmaster(&r);
    } else {
        if (!directory_fold(address, false, arena, &folded, err) ||
            !is_local(s, domain_of(folded), &local, err))
            return false;
        ok = !local || resolve_one(&r, folded, FCT_STR(""), 0, &hit);
    }
    if (!ok)
        return false;
    if (local)
        out->what = r.n > 0 ? RESOLVED_LOCAL : RESOLVED_UNKNOWN_USER;
    out->target = r.target;
    out->n = r.n;
    return true;
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
