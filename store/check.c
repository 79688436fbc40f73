/* check.c - verifying the whole store on a snapshot.
 *
 * Accounts: every key decodes, counters equal what is counted, each record of a mailbox has its
 * e-mail, each e-mail has a place or waits for the sweep. Bodies: the number of uses equals what
 * the accounts use, the bytes hash to their name. */
#include "store/check.h"

#include "store/account.h"
#include "store/blob_name.h"
#include "store/directory.h"
#include "store/mail_record.h"
#include "store/password.h"
#include "store/places.h"
#include "store/privacy_days.h"
#include "store/queue_check.h"

#include "core/base/str.h"

#include <stdlib.h>

#define REPORT_LINES 1000
#define PIECE        (16 * BLAKE3_STEP)

struct check {
    struct driver *d;
    struct driver_snap *snap;
    const uint8_t *blob_key;
    struct store_check_result *out;
    struct buf *report;
    struct map *uses;     /* blob id → number of e-mails, as a pointer-sized integer */
    struct map *accounts; /* partitions that the directory names */
    unsigned lines;
    struct fct_err *err;
    bool ok;
};

static void damaged(struct check *c, const char *fmt, ...) FCT_PRINTF(2, 3);

static void damaged(struct check *c, const char *fmt, ...)
{
    char line[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    c->out->damaged++;
    if (c->lines++ < REPORT_LINES)
        buf_printf(c->report, "%s\n", line);
}

static void *number(uintptr_t n)
{
    return (void *)n; /* a count kept where a map keeps a pointer */
}

/* ---- one account ---- */

struct email_ids {
    uint64_t *id;
    size_t n, room;
};

struct account_check {
    struct check *c;
    const struct account *a;
    struct email_ids hot, sweep; /* e-mails with a record in a mailbox; those to be swept */
    size_t at_hot, at_sweep;
    bool has_password;
};

static void add_id(struct email_ids *ids, uint64_t id)
{
    if (ids->n == ids->room) {
        ids->room = ids->room ? 2 * ids->room : 256;
        ids->id = realloc(ids->id, ids->room * sizeof *ids->id);
        FCT_ASSERT(ids->id);
    }
    ids->id[ids->n++] = id;
}

static int by_id(const void *x, const void *y)
{
    uint64_t a, b;

    memcpy(&a, x, sizeof a);
    memcpy(&b, y, sizeof b);
    return a < b ? -1 : a > b;
}

static void sort_ids(struct email_ids *ids)
{
    size_t kept = 0;

    if (ids->n == 0)
        return;
    qsort(ids->id, ids->n, sizeof *ids->id, by_id);
    for (size_t i = 0; i < ids->n; i++)
        if (kept == 0 || ids->id[kept - 1] != ids->id[i])
            ids->id[kept++] = ids->id[i];
    ids->n = kept;
}

static void check_counters(struct check *c, const struct account *a, const struct mailbox *m,
                           const struct mailbox_index *ix)
{
    uint64_t bytes = 0;
    uint32_t unseen = 0, deleted = 0;

    for (size_t i = 0; i < ix->n; i++) {
        const struct hot_record *r = &ix->record[i];

        bytes += r->size;
        unseen += !(r->flags & FLAG_SEEN);
        deleted += !!(r->flags & FLAG_DELETED);
        if (r->uid > m->last_uid || r->mod_seq > m->mod_seq || r->email_id > a->last_email)
            damaged(c, "%s, mailbox %u, uid %u: a number above its counter", a->name, m->id,
                    r->uid);
    }
    if (ix->n != m->exists || unseen != m->unseen || deleted != m->deleted || bytes != m->bytes)
        damaged(c,
                "%s, mailbox %u: counters say %u messages (%u unseen, %u deleted, %llu bytes), "
                "there are %zu (%u, %u, %llu)",
                a->name, m->id, m->exists, m->unseen, m->deleted, (unsigned long long)m->bytes,
                ix->n, unseen, deleted, (unsigned long long)bytes);
    if (m->mod_seq > a->mod_seq)
        damaged(c, "%s, mailbox %u: mod-sequence above the account's", a->name, m->id);
}

static void check_mailbox(struct account_check *k, const struct mailbox *m)
{
    struct mailbox_index ix;
    struct fct_err err = {0};

    k->c->out->mailboxes++;
    if (!mailbox_index_read(k->c->d, k->c->snap, k->a->id, m->id, &ix, &err)) {
        damaged(k->c, "%s: %s", k->a->name, err.text);
        return;
    }
    check_counters(k->c, k->a, m, &ix);
    k->c->out->messages += ix.n;
    for (size_t i = 0; i < ix.n; i++)
        add_id(&k->hot, ix.record[i].email_id);
    mailbox_index_free(&ix);
}

static bool in_list(const struct email_ids *ids, size_t *at, uint64_t id)
{
    while (*at < ids->n && ids->id[*at] < id)
        ++*at;
    return *at < ids->n && ids->id[*at] == id;
}

/* Cold records come in order of their ids, as the list of hot ones: one walk over both. */
static bool check_email(void *arg, struct fct_str key, struct fct_str value)
{
    struct account_check *k = arg;
    struct mail_record r;
    uint64_t id;
    uintptr_t uses;

    if (key.n != 9 || !mail_record_decode(value, &r)) {
        damaged(k->c, "%s: a cold record is damaged", k->a->name);
        return true;
    }
    id = key_get_u64(key.p + 1);
    while (k->at_hot < k->hot.n && k->hot.id[k->at_hot] < id)
        damaged(k->c, "%s: e-mail %llu has no cold record", k->a->name,
                (unsigned long long)k->hot.id[k->at_hot++]);
    if (k->at_hot < k->hot.n && k->hot.id[k->at_hot] == id)
        k->at_hot++;
    else if (!in_list(&k->sweep, &k->at_sweep, id))
        k->c->out->orphans++;
    uses = (uintptr_t)map_get(k->c->uses, blob_str(&r.blob));
    map_put(k->c->uses, blob_str(&r.blob), number(uses + 1));
    return true;
}

static bool view_is_good(struct check *c, uint64_t account, uint64_t email,
                         const struct mail_view *v)
{
    struct buf value = BUF_INIT(8u << 20);
    struct arena *arena = arena_new(NULL);
    struct mail_record r;
    struct edit_list edits;
    struct fct_err err = {0};
    bool found,
        ok = mail_record_get(c->d, c->snap, account, email, &value, &r, &found, &err) && found;

    ok = ok && (v->edits.n == 0 || (edit_list_decode(arena, v->edits, r.size, &edits, &err) &&
                                    edit_list_size(&edits, r.size) == v->size));
    arena_free(&arena);
    buf_free(&value);
    return ok;
}

static bool check_view(void *arg, struct fct_str key, struct fct_str value)
{
    struct account_check *k = arg;
    struct mail_view v;

    if (key.n != 9 || !mail_view_decode(value, &v) ||
        !view_is_good(k->c, k->a->id, key_get_u64(key.p + 1), &v))
        damaged(k->c, "%s: a view is damaged", k->a->name);
    return true;
}

static bool check_sweep(void *arg, struct fct_str key, struct fct_str value)
{
    struct account_check *k = arg;

    (void)value;
    if (key.n == 17)
        add_id(&k->sweep, key_get_u64(key.p + 9));
    else
        damaged(k->c, "%s: a sweep key is damaged", k->a->name);
    return true;
}

/* Everything else in the partition: types we know, values that decode. */
static bool check_key(void *arg, struct fct_str key, struct fct_str value)
{
    struct account_check *k = arg;
    struct arena *arena = arena_new(NULL);
    struct place *list = NULL;
    struct password p;
    size_t n;

    if (!memchr("AcknpmMhxevygwW", key.p[0], 15))
        damaged(k->c, "%s: a key of unknown type %02x", k->a->name, (unsigned char)key.p[0]);
    else if (key.p[0] == 'y' && (key.n != 9 || !places_decode(value, &list, &n)))
        damaged(k->c, "%s: the places of an e-mail are damaged", k->a->name);
    else if (key.p[0] == PRIVACY_DAY_KEY && (key.n != 5 || !privacy_day_is_good(value)))
        damaged(k->c, "%s: a day of privacy is damaged", k->a->name);
    else if (key.p[0] == 'p' && !password_decode(value, arena, &p))
        damaged(k->c, "%s: the password record is damaged", k->a->name);
    free(list);
    arena_free(&arena);
    return true;
}

static bool scan_type(struct account_check *k, char type, driver_entry fn)
{
    char from[1] = {type}, to[1] = {(char)(type + 1)};

    return k->c->d->ops->scan(k->c->d, k->c->snap, k->a->id, (struct fct_str){from, 1},
                              (struct fct_str){to, 1}, fn, k, k->c->err);
}

static bool check_account_parts(struct account_check *k)
{
    uint64_t messages = 0, bytes = 0;

    for (size_t i = 0; i < k->a->nmailboxes; i++) {
        check_mailbox(k, k->a->mailbox[i]);
        messages += k->a->mailbox[i]->exists;
        bytes += k->a->mailbox[i]->bytes;
    }
    if (messages != k->a->messages || bytes != k->a->bytes)
        damaged(k->c, "%s: counters of the account disagree with its mailboxes", k->a->name);
    sort_ids(&k->hot);
    if (!scan_type(k, 'g', check_sweep))
        return false;
    sort_ids(&k->sweep);
    if (!scan_type(k, 'e', check_email) || !scan_type(k, 'v', check_view))
        return false;
    while (k->at_hot < k->hot.n)
        damaged(k->c, "%s: e-mail %llu has no cold record", k->a->name,
                (unsigned long long)k->hot.id[k->at_hot++]);
    return k->c->d->ops->scan(k->c->d, k->c->snap, k->a->id, FCT_STR(""), FCT_STR(""), check_key, k,
                              k->c->err);
}

static bool check_account(void *arg, struct fct_str address, uint64_t id)
{
    struct check *c = arg;
    struct account_check k = {.c = c};
    struct fct_err err = {0};
    struct account *a;

    c->out->accounts++;
    map_put(c->accounts, map_u64(&id), c);
    if (!account_load(c->d, c->snap, id, &a, &err)) {
        damaged(c, "%.*s: %s", FCT_FMT(address), err.text);
        return true;
    }
    k.a = a;
    c->ok = check_account_parts(&k);
    if (!c->ok) /* the driver could not read a part of it: damage, too */
        damaged(c, "%s: %s", a->name, c->err->text);
    c->ok = true;
    free(k.hot.id);
    free(k.sweep.id);
    account_free(a);
    return true;
}

static bool check_partitions(struct check *c)
{
    uint64_t part = PART_ACCOUNTS;
    bool found = true;

    while (c->d->ops->parts(c->d, c->snap, part, &part, &found, c->err)) {
        if (!found || part >= PART_QUEUE)
            return true;
        if (!map_get(c->accounts, map_u64(&part))) {
            c->out->orphans++;
            buf_printf(c->report,
                       "partition %llu belongs to no account (an account being removed, perhaps)\n",
                       (unsigned long long)part);
        }
        part++;
    }
    return false;
}

/* ---- bodies ---- */

static bool name_blob(struct check *c, struct blob_namer *namer, const struct blob_id *id,
                      uint64_t size, struct blob_id *got, struct fct_err *err)
{
    char *piece = malloc(PIECE);
    uint64_t at = 0;
    bool ok = true;

    FCT_ASSERT(piece);
    for (; ok && size - at > PIECE; at += PIECE) {
        ok = c->d->ops->blob_read(c->d, id, NULL, at, piece, PIECE, false, err);
        if (ok)
            blob_namer_add(namer, piece, PIECE);
    }
    size -= at;
    ok = ok &&
         (size == 0 || c->d->ops->blob_read(c->d, id, NULL, at, piece, (size_t)size, false, err));
    if (ok)
        blob_namer_end(namer, piece, (size_t)size, got);
    free(piece);
    return ok;
}

static bool has_its_name(struct check *c, const struct blob_id *id, uint64_t size, bool *has,
                         struct fct_err *err)
{
    static const enum blob_name_kind kind[] = {BLOB_NAME_NOW, BLOB_NAME_FORMAT_3};
    bool ok = true;

    *has = false;
    for (size_t i = 0; ok && i < FCT_COUNT(kind) && !*has; i++) {
        struct blob_namer *namer = blob_namer_new(kind[i], c->blob_key);
        struct blob_id got;

        ok = name_blob(c, namer, id, size, &got, err);
        *has = ok && memcmp(got.b, id->b, sizeof got.b) == 0;
        blob_namer_free(&namer);
    }
    return ok;
}

/* It was in the snapshot; has the last use of it gone meanwhile? */
static bool is_gone_now(struct check *c, const struct blob_id *id)
{
    struct driver_blob now;
    struct fct_err ignored;
    bool found;

    return c->d->ops->blob_stat(c->d, NULL, id, &now, &found, &ignored) && !found;
}

static bool check_blob(void *arg, const struct blob_id *id, const struct driver_blob *blob)
{
    struct check *c = arg;
    struct fct_err err = {0};
    uintptr_t uses;
    bool right;

    c->out->blobs++;
    if (!blob) {
        damaged(c, "a catalogue entry is damaged");
        return true;
    }
    uses = (uintptr_t)map_remove(c->uses, blob_str(id));
    c->out->bytes += blob->size;
    if ((int64_t)uses != blob->references) {
        if (uses == 0)
            c->out->orphans++;
        else
            damaged(c, "body %02x%02x%02x%02x…: %lld uses counted, %lld noted", id->b[0], id->b[1],
                    id->b[2], id->b[3], (long long)uses, (long long)blob->references);
    }
    if (!has_its_name(c, id, blob->size, &right, &err)) {
        if (!is_gone_now(c, id))
            damaged(c, "body %02x%02x%02x%02x…: %s", id->b[0], id->b[1], id->b[2], id->b[3],
                    err.text);
    } else if (!right) {
        damaged(c, "body %02x%02x%02x%02x…: the bytes are not what was stored", id->b[0], id->b[1],
                id->b[2], id->b[3]);
    }
    return true;
}

static void check_missing(struct check *c)
{
    struct fct_str key;
    size_t at = 0;
    void *uses;

    while (map_next(c->uses, &at, &key, &uses))
        damaged(c, "body %02x%02x%02x%02x… is missing; %zu messages use it", (uint8_t)key.p[0],
                (uint8_t)key.p[1], (uint8_t)key.p[2], (uint8_t)key.p[3], (size_t)(uintptr_t)uses);
}

/* ---- the queue ---- */

static void queue_uses(void *arg, const struct blob_id *blob)
{
    struct check *c = arg;
    uintptr_t uses = (uintptr_t)map_get(c->uses, blob_str(blob));

    map_put(c->uses, blob_str(blob), number(uses + 1));
}

static void queue_damaged(void *arg, const char *what, uint64_t id)
{
    damaged(arg, "queue entry %llu: %s", (unsigned long long)id, what);
}

static bool check_queue(struct check *c)
{
    struct queue_check q = {.uses = queue_uses, .damaged = queue_damaged, .arg = c};
    bool ok = queue_check(c->d, c->snap, &q, c->err);

    c->out->queued = q.entries;
    return ok;
}

static void check_work(void *arg)
{
    struct check *c = arg;

    c->ok = true;
    c->ok = directory_accounts(c->d, c->snap, check_account, c, c->err) && check_partitions(c) &&
            check_queue(c) && c->d->ops->blobs(c->d, c->snap, check_blob, c, c->err);
    if (c->ok)
        check_missing(c);
}

bool check_run(struct server *s, struct store_check_result *out, struct buf *report,
               struct fct_err *err)
{
    struct check c = {
        .d = s->driver, .blob_key = s->blob_key, .out = out, .report = report, .err = err};

    *out = (struct store_check_result){0};
    if (!turn_take(&s->maintenance, err)) /* bodies stay where they are meanwhile */
        return false;
    c.snap = s->driver->ops->snap(s->driver);
    c.uses = map_new();
    c.accounts = map_new();
    offload(check_work, &c);
    map_free(&c.uses);
    map_free(&c.accounts);
    s->driver->ops->unsnap(s->driver, c.snap);
    turn_give(&s->maintenance);
    return c.ok;
}
