/* account.c - loading, keeping and forgetting accounts; their stored records. */
#include "store/account.h"

#include "store/subscription.h"

#include "core/base/clock.h"
#include "core/base/str.h"

#include <stdlib.h>

#define ACCOUNT_VERSION  1
#define COUNTERS_VERSION 1
#define KEYWORDS_VERSION 1
#define KEYWORD_MAX      100 /* bytes */

/* ---- stored forms ---- */

void account_encode(const struct account *a, struct buf *out)
{
    record_begin(out, ACCOUNT_VERSION);
    pack_str(out, str_from(a->name));
    pack_uint(out, (uint64_t)a->created);
    pack_uint(out, a->quota);
    record_end(out);
}

static bool decode(struct fct_str value, struct account *a)
{
    struct unpack u;

    if (!record_open(value, ACCOUNT_VERSION, &u))
        return false;
    a->name = str_dup_c(unpack_str(&u));
    a->created = (int64_t)unpack_uint(&u);
    a->quota = unpack_uint(&u);
    return unpack_ok(&u);
}

void account_encode_counters(const struct account *a, struct buf *out)
{
    record_begin(out, COUNTERS_VERSION);
    pack_uint(out, a->mod_seq);
    pack_uint(out, a->last_email);
    pack_uint(out, a->last_mailbox);
    pack_uint(out, a->last_uid_validity);
    pack_uint(out, a->messages);
    pack_uint(out, a->bytes);
    record_end(out);
}

static bool decode_counters(struct fct_str value, struct account *a)
{
    struct unpack u;

    if (!record_open(value, COUNTERS_VERSION, &u))
        return false;
    a->mod_seq = unpack_uint(&u);
    a->last_email = unpack_uint(&u);
    a->last_mailbox = unpack_uint32(&u);
    a->last_uid_validity = unpack_uint32(&u);
    a->messages = unpack_uint(&u);
    a->bytes = unpack_uint(&u);
    return unpack_ok(&u);
}

void account_encode_keywords(const struct account *a, struct buf *out)
{
    record_begin(out, KEYWORDS_VERSION);
    pack_uint(out, a->keyword_mod_seq);
    for (size_t i = 0; i < a->nkeywords; i++)
        pack_str(out, a->keyword[i]);
    record_end(out);
}

static struct fct_str copy(struct fct_str s)
{
    return (struct fct_str){str_dup_c(s), s.n};
}

static void free_str(struct fct_str *s)
{
    void *p;

    memcpy(&p, &s->p, sizeof p); /* from str_dup_c */
    free(p);
    *s = (struct fct_str){0};
}

static bool decode_keywords(struct fct_str value, struct account *a)
{
    struct unpack u;

    if (!record_open(value, KEYWORDS_VERSION, &u))
        return false;
    a->keyword_mod_seq = unpack_uint(&u);
    while (unpack_more(&u) && a->nkeywords < STORE_MAX_KEYWORDS)
        a->keyword[a->nkeywords++] = copy(unpack_str(&u));
    return unpack_ok(&u);
}

/* ---- loading ---- */

struct loading {
    struct account *a;
    bool bad;
};

struct mailbox *account_new_mailbox(struct account *a)
{
    struct mailbox *m = calloc(1, sizeof *m);

    FCT_ASSERT(m);
    m->index.snapshot = -1;
    if (a->nmailboxes == a->mailbox_room) {
        a->mailbox_room = a->mailbox_room ? 2 * a->mailbox_room : 8;
        a->mailbox = realloc(a->mailbox, a->mailbox_room * sizeof(struct mailbox *));
        FCT_ASSERT(a->mailbox);
    }
    a->mailbox[a->nmailboxes++] = m;
    return m;
}

static bool load_mailbox(void *arg, struct fct_str key, struct fct_str value)
{
    struct loading *l = arg;
    struct mailbox *m = account_new_mailbox(l->a);

    l->bad = key.n != 5 || !mailbox_decode(value, m);
    if (!l->bad)
        m->id = key_get_u32(key.p + 1);
    return !l->bad;
}

static bool load_mailbox_counters(void *arg, struct fct_str key, struct fct_str value)
{
    struct loading *l = arg;
    struct mailbox *m = key.n == 5 ? account_mailbox(l->a, key_get_u32(key.p + 1)) : NULL;

    l->bad = !m || !mailbox_decode_counters(value, m);
    return !l->bad;
}

static bool load_one(struct driver *d, struct driver_snap *snap, struct account *a,
                     struct fct_str key, bool (*decode_it)(struct fct_str, struct account *),
                     bool needed, bool *found, struct fct_err *err)
{
    struct buf value = BUF_INIT(16 << 20);
    bool ok = d->ops->get(d, snap, a->id, key, &value, found, err);

    if (ok && !*found && needed)
        ok = fct_fail(err, FCT_TEMP, "account %llu: record %c is missing",
                      (unsigned long long)a->id, key.p[0]);
    if (ok && *found && !decode_it(buf_str(&value), a))
        ok = fct_fail(err, FCT_TEMP, "account %llu: record %c is damaged",
                      (unsigned long long)a->id, key.p[0]);
    buf_free(&value);
    return ok;
}

static bool load_parts(struct driver *d, struct driver_snap *snap, struct account *a, bool *found,
                       struct fct_err *err)
{
    struct loading l = {.a = a};
    bool there;

    if (!load_one(d, snap, a, FCT_STR("A"), decode, false, found, err) || !*found)
        return !err->class;
    if (!load_one(d, snap, a, FCT_STR("c"), decode_counters, true, &there, err) ||
        !load_one(d, snap, a, FCT_STR("k"), decode_keywords, false, &there, err) ||
        !load_one(d, snap, a, FCT_STR("n"), subscriptions_decode, false, &there, err) ||
        !d->ops->scan(d, snap, a->id, FCT_STR("m"), FCT_STR("n"), load_mailbox, &l, err))
        return false;
    if (!l.bad &&
        !d->ops->scan(d, snap, a->id, FCT_STR("M"), FCT_STR("N"), load_mailbox_counters, &l, err))
        return false;
    return !l.bad || fct_fail(err, FCT_TEMP, "account %s: a mailbox record is damaged", a->name);
}

bool account_load(struct driver *d, struct driver_snap *snap, uint64_t id, struct account **out,
                  struct fct_err *err)
{
    struct account *a = calloc(1, sizeof *a);
    struct fct_err why = {0};
    bool found = false;

    FCT_ASSERT(a);
    a->id = id;
    if (load_parts(d, snap, a, &found, &why) && found) {
        *out = a;
        return true;
    }
    account_free(a);
    if (why.class) {
        *err = why;
        return false;
    }
    return fct_fail(err, FCT_DENIED, "no such account");
}

bool account_find(struct server *s, uint64_t id, struct account **out, struct fct_err *err)
{
    struct account *a = map_get(s->accounts, map_u64(&id));

    if (!a) {
        if (!account_load(s->driver, NULL, id, &a, err))
            return false;
        map_put(s->accounts, map_u64(&id), a);
    }
    a->used = ++s->clock;
    *out = a;
    return true;
}

/* ---- forgetting ---- */

void account_free(struct account *a)
{
    for (size_t i = 0; i < a->nmailboxes; i++)
        mailbox_free(a->mailbox[i]);
    free(a->mailbox);
    for (size_t i = 0; i < a->nkeywords; i++)
        free_str(&a->keyword[i]);
    subscriptions_free(a);
    free(a->name);
    free(a);
}

static void forget(struct server *s, struct account *a)
{
    for (size_t i = 0; i < a->nmailboxes; i++)
        s->index_bytes -= a->mailbox[i]->index.room * sizeof(struct hot_record);
    map_remove(s->accounts, map_u64(&a->id));
    account_free(a);
}

void account_forget(struct server *s, uint64_t id)
{
    struct account *a = map_get(s->accounts, map_u64(&id));

    if (a)
        forget(s, a);
}

void account_forget_failed(struct server *s, uint64_t first, uint64_t last)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(s->accounts, &at, &key, &value)) {
        struct account *a = value;

        if (a->seq >= first && a->seq <= last)
            forget(s, a);
    }
}

static bool is_unused(const struct server *s, const struct account *a)
{
    for (size_t i = 0; i < a->nmailboxes; i++)
        if (a->mailbox[i]->index.state != INDEX_NONE)
            return false;
    return commit_is_done(s->commit, a->seq);
}

/* About the older half of those that can go; called once a second when there are too many. */
void account_forget_unused(struct server *s)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    if (map_count(s->accounts) <= s->conf->account_cache)
        return;
    while (map_next(s->accounts, &at, &key, &value)) {
        struct account *a = value;

        if (a->used < s->clock - s->conf->account_cache / 2 && is_unused(s, a))
            forget(s, a);
    }
}

void accounts_free(struct server *s)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(s->accounts, &at, &key, &value))
        account_free(value);
    map_free(&s->accounts);
}

bool account_is_busy(const struct server *s, uint64_t id)
{
    const struct account *a = map_get(s->accounts, map_u64(&id));

    return a && !commit_is_done(s->commit, a->seq);
}

/* ---- parts ---- */

struct mailbox *account_mailbox(const struct account *a, uint32_t id)
{
    for (size_t i = 0; i < a->nmailboxes; i++)
        if (a->mailbox[i]->id == id)
            return a->mailbox[i];
    return NULL;
}

/* atom, or "$" and such: RFC 9051 9 flag-keyword; no atom-specials, no backslash. */
static bool keyword_is_valid(struct fct_str k)
{
    for (size_t i = 0; i < k.n; i++)
        if (k.p[i] <= ' ' || k.p[i] >= 0x7f || strchr("(){%*\"\\]", k.p[i]))
            return false;
    return k.n > 0 && k.n <= KEYWORD_MAX;
}

static int keyword_bit(const struct account *a, struct fct_str k)
{
    for (size_t i = 0; i < a->nkeywords; i++)
        if (str_equal_nocase(a->keyword[i], k))
            return (int)i;
    return -1;
}

bool account_keywords(struct account *a, const struct fct_str *keyword, size_t n, bool add,
                      uint64_t *bits, bool *grew, struct fct_err *err)
{
    size_t before = a->nkeywords;

    *bits = 0;
    *grew = false;
    for (size_t i = 0; i < n; i++)
        if (!keyword_is_valid(keyword[i]))
            return fct_fail(err, FCT_SYNTAX, "bad keyword");
    for (size_t i = 0; i < n; i++) {
        int bit = keyword_bit(a, keyword[i]);

        if (bit < 0 && !add)
            continue;
        if (bit < 0 && a->nkeywords == STORE_MAX_KEYWORDS) {
            while (a->nkeywords > before) /* all or none */
                free_str(&a->keyword[--a->nkeywords]);
            return fct_fail(err, FCT_LIMIT, "an account has at most %d keywords",
                            STORE_MAX_KEYWORDS);
        }
        if (bit < 0) {
            bit = (int)a->nkeywords;
            a->keyword[a->nkeywords++] = copy(keyword[i]);
            *grew = true;
        }
        *bits |= UINT64_C(1) << bit;
    }
    return true;
}

bool account_has_room(const struct account *a, uint64_t bytes, struct fct_err *err)
{
    if (a->quota && (bytes > a->quota || a->bytes > a->quota - bytes))
        return fct_fail(err, FCT_LIMIT, "mailbox is full");
    return true;
}
