/* mailbox_index.c - loading, changing and forgetting the record arrays of mailboxes. */
#include "store/mailbox_index.h"

#include "store/account.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define VANISHED_VERSION 1
#define LOAD_IN_LOOP_MAX 4096 /* messages: more are read by a thread */

/* ---- the array ---- */

static void resize(struct server *s, struct mailbox_index *ix, size_t room)
{
    ix->record = realloc(ix->record, room * sizeof *ix->record);
    FCT_ASSERT(ix->record);
    if (s)
        s->index_bytes += (room - ix->room) * sizeof *ix->record;
    ix->room = room;
}

static void append(struct server *s, struct mailbox_index *ix, const struct hot_record *r)
{
    if (ix->n == ix->room)
        resize(s, ix, ix->room ? ix->room + ix->room / 2 : 32);
    ix->record[ix->n++] = *r;
}

void mailbox_index_add(struct server *s, struct mailbox_index *ix, const struct hot_record *r)
{
    if (ix->state != INDEX_NONE)
        append(s, ix, r);
}

size_t mailbox_index_first(const struct mailbox_index *ix, uint32_t uid)
{
    size_t low = 0, high = ix->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ix->record[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct hot_record *mailbox_index_find(const struct mailbox_index *ix, uint32_t uid)
{
    size_t at = mailbox_index_first(ix, uid);

    return at < ix->n && ix->record[at].uid == uid ? &ix->record[at] : NULL;
}

void mailbox_index_drop(struct mailbox_index *ix, const uint32_t *gone, size_t n)
{
    size_t kept = n ? mailbox_index_first(ix, gone[0]) : ix->n;

    for (size_t i = kept, g = 0; i < ix->n; i++) {
        while (g < n && gone[g] < ix->record[i].uid)
            g++;
        if (g == n || gone[g] != ix->record[i].uid)
            ix->record[kept++] = ix->record[i];
    }
    ix->n = kept;
}

void mailbox_index_vanish(struct mailbox_index *ix, uint64_t mod_seq, struct uid_range uids)
{
    if (ix->nvanished == ix->vanished_room) {
        ix->vanished_room = ix->vanished_room ? 2 * ix->vanished_room : 16;
        ix->vanished = realloc(ix->vanished, ix->vanished_room * sizeof *ix->vanished);
        FCT_ASSERT(ix->vanished);
    }
    ix->vanished[ix->nvanished++] = (struct vanished){mod_seq, uids};
}

void mailbox_index_free(struct mailbox_index *ix)
{
    free(ix->record);
    free(ix->vanished);
    if (ix->snapshot >= 0)
        close(ix->snapshot);
    *ix = (struct mailbox_index){.snapshot = -1};
}

/* ---- reading from the driver ---- */

struct reading {
    struct mailbox_index *ix;
    struct hot_record chunk[CHUNK_UIDS];
    uint32_t mailbox;
    bool bad;
};

static bool read_chunk(void *arg, struct fct_str key, struct fct_str value)
{
    struct reading *r = arg;
    size_t n;

    r->bad = key.n != 9 || !hot_chunk_decode(value, r->chunk, &n);
    for (size_t i = 0; !r->bad && i < n; i++) {
        r->bad = chunk_of(r->chunk[i].uid) != key_get_u32(key.p + 5);
        append(NULL, r->ix, &r->chunk[i]);
    }
    return !r->bad;
}

static bool read_vanished(void *arg, struct fct_str key, struct fct_str value)
{
    struct reading *r = arg;
    struct unpack u;
    uint64_t last = 0;

    r->bad = key.n != 13 || !record_open(value, VANISHED_VERSION, &u);
    while (!r->bad && unpack_more(&u)) {
        uint64_t first = last + unpack_uint32(&u);

        last = first + unpack_uint32(&u);
        r->bad = u.bad || last > UINT32_MAX;
        if (!r->bad)
            mailbox_index_vanish(r->ix, key_get_u64(key.p + 5),
                                 (struct uid_range){(uint32_t)first, (uint32_t)last});
    }
    return !r->bad;
}

static bool read_kind(struct driver *d, struct driver_snap *snap, uint64_t account, char type,
                      struct reading *r, driver_entry fn, struct fct_err *err)
{
    struct key from = key_of(type), to;

    key_u32(&from, r->mailbox);
    to = key_after(&from);
    if (!d->ops->scan(d, snap, account, key_str(&from), key_str(&to), fn, r, err))
        return false;
    return !r->bad || fct_fail(err, FCT_TEMP, "account %llu, mailbox %u: record %c is damaged",
                               (unsigned long long)account, r->mailbox, type);
}

bool mailbox_index_read(struct driver *d, struct driver_snap *snap, uint64_t account,
                        uint32_t mailbox, struct mailbox_index *out, struct fct_err *err)
{
    struct reading *r = calloc(1, sizeof *r);
    bool ok;

    FCT_ASSERT(r);
    *out = (struct mailbox_index){.snapshot = -1};
    r->ix = out;
    r->mailbox = mailbox;
    ok = read_kind(d, snap, account, 'h', r, read_chunk, err) &&
         read_kind(d, snap, account, 'x', r, read_vanished, err);
    free(r);
    if (!ok)
        mailbox_index_free(out);
    return ok;
}

/* ---- loading for use ---- */

struct load {
    struct driver *d;
    uint64_t account;
    uint32_t mailbox;
    struct mailbox_index ix;
    bool ok;
    struct fct_err err;
};

static void load_work(void *arg)
{
    struct load *l = arg;

    l->ok = mailbox_index_read(l->d, NULL, l->account, l->mailbox, &l->ix, &l->err);
}

/* What was read, then what was added meanwhile and is not in it. */
static void join_loaded(struct server *s, struct mailbox *m, struct mailbox_index *loaded)
{
    struct mailbox_index added = m->index;
    uint32_t last = loaded->n ? loaded->record[loaded->n - 1].uid : 0;

    s->index_bytes += (loaded->room - added.room) * sizeof(struct hot_record);
    m->index = *loaded;
    m->index.state = INDEX_READY;
    for (size_t i = 0; i < added.n; i++)
        if (added.record[i].uid > last)
            append(s, &m->index, &added.record[i]);
    free(added.record);
}

static void wake_waiting(struct server *s)
{
    for (size_t i = 0; i < s->nindex_waiting; i++)
        fiber_wake(s->index_waiting[i]);
    s->nindex_waiting = 0;
}

static void wait_for_loading(struct server *s)
{
    if (s->nindex_waiting == s->index_waiting_room) {
        s->index_waiting_room = s->index_waiting_room ? 2 * s->index_waiting_room : 16;
        s->index_waiting =
            realloc(s->index_waiting, s->index_waiting_room * sizeof *s->index_waiting);
        FCT_ASSERT(s->index_waiting);
    }
    s->index_waiting[s->nindex_waiting++] = fiber_token();
    fiber_park_fully();
}

static bool find(struct server *s, uint64_t account, uint32_t mailbox, struct account **a,
                 struct mailbox **m, struct fct_err *err)
{
    if (!account_find(s, account, a, err))
        return false;
    *m = account_mailbox(*a, mailbox);
    return (*m && (*m)->selectable) || fct_fail(err, FCT_DENIED, "no such mailbox");
}

/* Additions from now on are kept beside; what was handed over before is read once it is there. */
static bool load(struct server *s, uint64_t account, uint32_t mailbox, struct mailbox *m,
                 struct fct_err *err)
{
    struct load l = {.d = s->driver, .account = account, .mailbox = mailbox};
    struct fct_err ignored;
    struct account *a;
    bool waited;

    m->index.state = INDEX_LOADING;
    waited = commit_wait(s->commit, m->seq, err);
    if (waited && find(s, account, mailbox, &a, &m, err)) {
        if (m->exists > LOAD_IN_LOOP_MAX)
            offload(load_work, &l);
        else
            load_work(&l);
    }
    wake_waiting(s);
    if (!find(s, account, mailbox, &a, &m, &ignored) || m->index.state != INDEX_LOADING) {
        mailbox_index_free(&l.ix); /* gone, or forgotten after a failed commit: look again */
        return waited;
    }
    if (l.ok) {
        join_loaded(s, m, &l.ix);
        return true;
    }
    s->index_bytes -= m->index.room * sizeof(struct hot_record);
    mailbox_index_free(&m->index);
    *err = l.err;
    return false;
}

bool mailbox_index_open(struct server *s, uint64_t account, uint32_t mailbox, struct account **a,
                        struct mailbox **m, struct fct_err *err)
{
    for (;;) {
        if (!find(s, account, mailbox, a, m, err))
            return false;
        (*m)->index.used = ++s->clock;
        if ((*m)->index.state == INDEX_READY)
            return true;
        if ((*m)->index.state == INDEX_LOADING)
            wait_for_loading(s);
        else if (!load(s, account, mailbox, *m, err))
            return false;
    }
}

/* ---- forgetting ---- */

static void forget(struct server *s, struct mailbox *m)
{
    s->index_bytes -= m->index.room * sizeof(struct hot_record);
    mailbox_index_free(&m->index);
}

static void forget_older(struct server *s, uint64_t than)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(s->accounts, &at, &key, &value)) {
        const struct account *a = value;

        for (size_t i = 0; i < a->nmailboxes && s->index_bytes > s->conf->mailbox_cache.bytes; i++)
            if (a->mailbox[i]->index.state == INDEX_READY && a->mailbox[i]->index.used < than)
                forget(s, a->mailbox[i]);
    }
}

/* Once a second: those not used for longest go first, in coarse steps. */
void mailbox_index_forget_unused(struct server *s)
{
    for (uint64_t recent = s->clock; s->index_bytes > s->conf->mailbox_cache.bytes && recent > 0;
         recent /= 2)
        forget_older(s, s->clock - recent / 2);
}

/* ---- snapshots ---- */

static int sealed_copy(const void *p, size_t n)
{
    int fd = memfd_create("mailbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const char *from = p;

    while (fd >= 0 && n > 0) {
        ssize_t done = write(fd, from, n);

        if (done <= 0) {
            close(fd);
            return -1;
        }
        from += done;
        n -= (size_t)done;
    }
    if (fd >= 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int mailbox_index_snapshot(struct mailbox *m)
{
    struct mailbox_index *ix = &m->index;

    if (ix->snapshot >= 0 && ix->snapshot_mod_seq == m->mod_seq)
        return ix->snapshot;
    if (ix->snapshot >= 0)
        close(ix->snapshot);
    ix->snapshot = sealed_copy(ix->record, ix->n * sizeof *ix->record);
    ix->snapshot_mod_seq = m->mod_seq;
    return ix->snapshot;
}
