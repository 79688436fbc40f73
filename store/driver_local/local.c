/* local.c - the embedded driver: a commit is one write and one sync of the log, then the index in
 * memory. */
#include "store/driver_local/local.h"

#include "store/crc32c.h"
#include "store/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLIED_VERSION 1

/* ---- keys of the index ---- */

/* 'P', partition, key. */
static struct fct_str full_key(char space[256 + 16], uint64_t part, struct fct_str key)
{
    struct key head = key_of(ROCKS_PART);

    key_u64(&head, part);
    FCT_ASSERT(key.n <= 200);
    memcpy(space, head.p, head.n);
    if (key.n)
        memcpy(space + head.n, key.p, key.n);
    return (struct fct_str){space, head.n + key.n};
}

#define PART_HEAD 9 /* of a full key */

/* ---- applying ---- */

static void merge(rocksdb_writebatch_t *w, struct fct_str key, char type, struct fct_str bytes)
{
    const char *piece[2] = {&type, bytes.p};
    size_t length[2] = {1, bytes.n};
    const char *keys[1] = {key.p};
    size_t key_length[1] = {key.n};

    rocksdb_writebatch_mergev(w, 1, keys, key_length, 2, piece, length);
}

static void merge_sum(rocksdb_writebatch_t *w, struct fct_str key, int64_t delta)
{
    char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (char)((uint64_t)delta >> (8 * i));
    merge(w, key, MERGE_SUM, (struct fct_str){bytes, sizeof bytes});
}

static void apply_blob(rocksdb_writebatch_t *w, const struct batch_item *item, uint32_t segment,
                       uint64_t *offset)
{
    struct blob_place place = {.references = item->delta};
    struct key key = catalogue_key(&item->id);
    struct buf value = BUF_INIT(128);

    if (item->op == BATCH_BLOB_DEL) {
        rocksdb_writebatch_delete(w, key.p, key.n);
        return;
    }
    if (item->op != BATCH_BLOB_REF) {
        place.placed = true;
        place.segment = segment;
        place.offset = *offset;
        place.size = item->size;
        place.crc = item->crc;
        *offset += item->size;
    }
    catalogue_encode(&place, &value);
    rocksdb_writebatch_merge(w, key.p, key.n, value.p, value.n);
    buf_free(&value);
}

static void apply_key(rocksdb_writebatch_t *w, const struct batch_item *item)
{
    char space[256 + 16], space_end[256 + 16];
    struct fct_str key = full_key(space, item->part, item->key), end;

    if (item->op == BATCH_PUT)
        rocksdb_writebatch_put(w, key.p, key.n, item->value.p, item->value.n);
    else if (item->op == BATCH_DEL)
        rocksdb_writebatch_delete(w, key.p, key.n);
    else if (item->op == BATCH_ADD)
        merge_sum(w, key, item->delta);
    else if (item->op == BATCH_APPEND)
        merge(w, key, MERGE_PIECES, item->value);
    else {
        end = full_key(space_end, item->part, item->value);
        rocksdb_writebatch_delete_range(w, key.p, key.n, end.p, end.n);
    }
}

static void apply_position(rocksdb_writebatch_t *w, const struct log_position *at)
{
    struct buf value = BUF_INIT(64);

    record_begin(&value, APPLIED_VERSION);
    pack_uint(&value, at->segment);
    pack_uint(&value, at->offset);
    pack_uint(&value, at->sequence);
    record_end(&value);
    rocksdb_writebatch_put(w, "A", 1, value.p, value.n);
    buf_free(&value);
}

bool local_apply(struct local *l, struct fct_str ops, const struct group_place *place,
                 struct fct_err *err)
{
    rocksdb_writebatch_t *w = rocksdb_writebatch_create();
    struct batch_reader r = batch_reader(ops);
    struct batch_item item;
    uint64_t offset = place->bodies;
    bool ok = true;

    while (ok && batch_next(&r, &item)) {
        ok = item.key.n <= 200 && (item.op != BATCH_DEL_RANGE || item.value.n <= 200);
        if (ok && item.op >= BATCH_BLOB_NEW)
            apply_blob(w, &item, place->segment, &offset);
        else if (ok)
            apply_key(w, &item);
    }
    apply_position(w, &place->next);
    if (!ok || r.in.bad)
        fct_fail(err, FCT_BUG, "a group of the log cannot be read");
    ok = ok && !r.in.bad && rocks_write(l->rocks, w, err);
    rocksdb_writebatch_destroy(w);
    return ok;
}

bool local_applied(struct local *l, struct log_position *at, bool *found, struct fct_err *err)
{
    struct buf value = BUF_INIT(64);
    struct unpack u;
    bool ok = rocks_get(l->rocks, NULL, FCT_STR("A"), &value, found, err);

    *at = (struct log_position){0};
    if (ok && *found) {
        ok = record_open(buf_str(&value), APPLIED_VERSION, &u);
        at->segment = unpack_uint32(&u);
        at->offset = unpack_uint(&u);
        at->sequence = unpack_uint(&u);
        if (!ok || !unpack_ok(&u))
            ok = fct_fail(err, FCT_TEMP, "the index's position in the log is damaged");
    }
    buf_free(&value);
    return ok;
}

static bool local_commit(struct driver *d, struct batch *const *batch, size_t n,
                         struct fct_err *err)
{
    struct local *l = (struct local *)d;
    uint32_t segment = segment_log_end(l->log).segment;
    struct buf ops = BUF_INIT(BATCH_MAX);
    struct group_place place;
    bool ok;

    if (l->broken)
        return fct_fail(err, FCT_TEMP, "the store must restart first");
    for (size_t i = 0; i < n; i++)
        buf_put_str(&ops, batch_ops(batch[i]));
    ok = !ops.overflow || fct_fail(err, FCT_LIMIT, "a change of more than %u bytes", BATCH_MAX);
    ok = ok && segment_log_append(l->log, buf_str(&ops), batch, n, &place, &l->broken, err);
    if (ok && !local_apply(l, buf_str(&ops), &place, err)) {
        l->broken = true; /* durable, but not readable: recovery will bring it in */
        ok = false;
    }
    if (ok) {
        l->groups++;
        l->written += ops.n;
        if (place.segment != segment &&
            !rocks_flush(l->rocks, false, err)) /* bounds what recovery has to replay */
            l->broken = true;
    }
    buf_free(&ops);
    return ok;
}

static bool local_broken(const struct driver *d)
{
    const struct local *l = (const struct local *)d;

    return l->broken;
}

/* ---- reading ---- */

static bool local_get(struct driver *d, struct driver_snap *snap, uint64_t part, struct fct_str key,
                      struct buf *value, bool *found, struct fct_err *err)
{
    char space[256 + 16];

    return rocks_get(((struct local *)d)->rocks, snap, full_key(space, part, key), value, found,
                     err);
}

static bool local_get_many(struct driver *d, uint64_t part, const struct fct_str *key, size_t n,
                           driver_found fn, void *arg, struct fct_err *err)
{
    struct rocks_walk *walk = rocks_walk_start(((struct local *)d)->rocks);
    bool ok = true;

    for (size_t i = 0; i < n; i++) {
        char space[256 + 16];
        struct fct_str value;
        bool found;

        ok = rocks_walk_to(walk, full_key(space, part, key[i]), &value, &found, err);
        if (!ok || !fn(arg, i, found ? &value : NULL))
            break;
    }
    rocks_walk_end(&walk);
    return ok;
}

struct part_scan {
    driver_entry fn;
    void *arg;
};

static bool part_entry(void *arg, struct fct_str key, struct fct_str value)
{
    struct part_scan *s = arg;

    return s->fn(s->arg, (struct fct_str){key.p + PART_HEAD, key.n - PART_HEAD}, value);
}

static bool local_scan(struct driver *d, struct driver_snap *snap, uint64_t part,
                       struct fct_str from, struct fct_str to, driver_entry fn, void *arg,
                       struct fct_err *err)
{
    char space[256 + 16], space_end[256 + 16];
    struct part_scan s = {fn, arg};
    struct fct_str end =
        to.n > 0 ? full_key(space_end, part, to) : full_key(space_end, part + 1, to);

    return rocks_scan(((struct local *)d)->rocks, snap, full_key(space, part, from), end,
                      part_entry, &s, err);
}

static bool first_part(void *arg, struct fct_str key, struct fct_str value)
{
    uint64_t *part = arg;

    (void)value;
    *part = key.n >= PART_HEAD ? key_get_u64(key.p + 1) : UINT64_MAX;
    return false;
}

static bool local_parts(struct driver *d, struct driver_snap *snap, uint64_t from, uint64_t *part,
                        bool *found, struct fct_err *err)
{
    char space[256 + 16];

    *part = UINT64_MAX;
    if (!rocks_scan(((struct local *)d)->rocks, snap, full_key(space, from, FCT_STR("")),
                    FCT_STR("Q"), first_part, part, err))
        return false;
    *found = *part != UINT64_MAX;
    return true;
}

static struct driver_snap *local_snap(struct driver *d)
{
    return rocks_snap(((struct local *)d)->rocks);
}

static void local_unsnap(struct driver *d, struct driver_snap *snap)
{
    rocks_unsnap(((struct local *)d)->rocks, snap);
}

/* ---- blobs ---- */

static bool find_blob(struct local *l, struct driver_snap *snap, const struct blob_id *id,
                      struct blob_place *place, bool *found, struct fct_err *err)
{
    struct key key = catalogue_key(id);
    struct buf value = BUF_INIT(256);
    bool ok = rocks_get(l->rocks, snap, key_str(&key), &value, found, err);

    if (ok && *found && !catalogue_decode(buf_str(&value), place))
        ok = fct_fail(err, FCT_TEMP, "a catalogue entry is damaged");
    else if (ok && *found)
        *found = place->references > 0 && place->placed;
    buf_free(&value);
    return ok;
}

static bool local_blob_stat(struct driver *d, struct driver_snap *snap, const struct blob_id *id,
                            struct driver_blob *out, bool *found, struct fct_err *err)
{
    struct blob_place place;

    if (!find_blob((struct local *)d, snap, id, &place, found, err))
        return false;
    if (*found)
        *out = (struct driver_blob){place.size, place.references};
    return true;
}

static bool read_place(struct local *l, const struct blob_place *place, uint64_t offset, char *to,
                       size_t n, bool cached_only, bool *gone, struct fct_err *err)
{
    if (offset > place->size || n > place->size - offset)
        return fct_fail(err, FCT_BUG, "a read behind the end of a blob");
    if (!segment_log_read(l->log, place->segment, place->offset + offset, to, n, cached_only, gone,
                          err))
        return false;
    if (n == place->size && crc32c(0, to, n) != place->crc)
        return fct_fail(err, FCT_TEMP, "a message body is damaged (segment %08x, offset %llu)",
                        place->segment, (unsigned long long)place->offset);
    return true;
}

/* A place known from before, or from the catalogue. */
static bool look_up(struct local *l, const struct blob_id *id, const struct driver_place *known,
                    struct blob_place *place, struct fct_err *err)
{
    bool found;

    if (known && known->file) {
        *place = (struct blob_place){.placed = true,
                                     .segment = known->file,
                                     .offset = known->offset,
                                     .size = known->size,
                                     .crc = known->crc};
        return true;
    }
    return find_blob(l, NULL, id, place, &found, err) &&
           (found || fct_fail(err, FCT_TEMP, "a message body is missing"));
}

/* Segments are never written again, so an old place is right as long as its file is there. */
static bool local_blob_read(struct driver *d, const struct blob_id *id, struct driver_place *known,
                            uint64_t offset, char *to, size_t n, bool cached_only,
                            struct fct_err *err)
{
    struct local *l = (struct local *)d;
    struct blob_place place;
    bool gone = true;

    for (int attempt = 0; gone && attempt < 3;
         attempt++) { /* the collector may have moved it in between */
        if (!look_up(l, id, attempt == 0 ? known : NULL, &place, err))
            return false;
        gone = false;
        if (!read_place(l, &place, offset, to, n, cached_only, &gone, err))
            continue;
        if (known)
            *known = (struct driver_place){place.offset, place.size, place.segment, place.crc};
        return true;
    }
    return false;
}

struct blob_walk {
    driver_blob_entry fn;
    void *arg;
};

static bool blob_entry(void *arg, struct fct_str key, struct fct_str value)
{
    struct blob_walk *w = arg;
    struct blob_place place;
    struct blob_id id;

    if (key.n != 1 + sizeof id.b)
        return true;
    memcpy(id.b, key.p + 1, sizeof id.b);
    if (!catalogue_decode(value, &place))
        return w->fn(w->arg, &id, NULL);
    return place.references <= 0 ||
           w->fn(w->arg, &id, &(struct driver_blob){place.size, place.references});
}

static bool local_blobs(struct driver *d, struct driver_snap *snap, driver_blob_entry fn, void *arg,
                        struct fct_err *err)
{
    struct blob_walk w = {fn, arg};

    return rocks_scan(((struct local *)d)->rocks, snap, FCT_STR("B"), FCT_STR("C"), blob_entry, &w,
                      err);
}

/* ---- maintenance ---- */

static void statistics(struct local *l, struct buf *text)
{
    struct log_position end = segment_log_end(l->log);

    buf_printf(text, "log_segment %u\nlog_offset %llu\ncommit_groups %llu\nredo_bytes %llu\n",
               end.segment, (unsigned long long)end.offset, (unsigned long long)l->groups,
               (unsigned long long)l->written);
    buf_printf(text, "index_memory_bytes %llu\nindex_cache_bytes %llu\nindex_file_bytes %llu\n",
               (unsigned long long)rocks_number(l->rocks, "rocksdb.cur-size-all-mem-tables"),
               (unsigned long long)rocks_number(l->rocks, "rocksdb.block-cache-usage"),
               (unsigned long long)rocks_number(l->rocks, "rocksdb.total-sst-files-size"));
}

static bool local_maintain(struct driver *d, enum driver_maintenance what,
                           bool (*commit)(void *, struct batch *, struct fct_err *), void *arg,
                           struct buf *text, struct fct_err *err)
{
    struct local *l = (struct local *)d;

    if (what == DRIVER_FLUSH)
        return rocks_flush(l->rocks, true, err);
    if (what == DRIVER_COLLECT)
        return local_collect(l, commit, arg, text, err);
    statistics(l, text);
    return true;
}

/* ---- opening and closing ---- */

static void local_close(struct driver *d)
{
    struct local *l = (struct local *)d;
    struct fct_err ignored;

    /* Without the flush the next start replays the log: slower, nothing else. */
    if (l->rocks && l->log && !l->broken && !rocks_flush(l->rocks, true, &ignored))
        l->broken = true;
    segment_log_close(&l->log);
    rocks_close(&l->rocks);
    if (l->lock >= 0)
        close(l->lock);
    free(l);
}

static const struct driver_ops local_ops = {
    .name = "local",
    .close = local_close,
    .get = local_get,
    .get_many = local_get_many,
    .scan = local_scan,
    .commit = local_commit,
    .broken = local_broken,
    .snap = local_snap,
    .unsnap = local_unsnap,
    .blob_stat = local_blob_stat,
    .blob_read = local_blob_read,
    .blobs = local_blobs,
    .parts = local_parts,
    .maintain = local_maintain,
};

static bool make_dir(const char *dir, const char *name, char *path, size_t size,
                     struct fct_err *err)
{
    snprintf(path, size, "%s/%s", dir, name);
    if (mkdir(path, 0700) == 0)
        return io_sync_dir(dir, err);
    return errno == EEXIST || fct_fail(err, FCT_TEMP, "make %s: %s", path, strerror(errno));
}

static bool take_lock(struct local *l, const char *dir, struct fct_err *err)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/lock", dir);
    if (!io_open(path, O_RDWR | O_CREAT, &l->lock, err))
        return false;
    if (flock(l->lock, LOCK_EX | LOCK_NB) != 0)
        return fct_fail(err, FCT_TEMP, "%s: another store is using this data", dir);
    return true;
}

static bool open_parts(struct local *l, const struct driver_conf *conf, struct buf *report,
                       struct fct_err *err)
{
    char path[4096];

    return take_lock(l, conf->dir, err) && make_dir(conf->dir, "index", path, sizeof path, err) &&
           rocks_open(path, conf, &l->rocks, err) &&
           make_dir(conf->dir, "log", path, sizeof path, err) &&
           segment_log_open(path, conf->segment_size, &l->log, err) &&
           local_recover(l, report, err);
}

bool driver_local_open(const struct driver_conf *conf, struct driver **out, struct buf *report,
                       struct fct_err *err)
{
    struct local *l = calloc(1, sizeof *l);

    FCT_ASSERT(l);
    l->base.ops = &local_ops;
    l->lock = -1;
    if (!open_parts(l, conf, report, err)) {
        l->broken = true;
        local_close(&l->base);
        return false;
    }
    *out = &l->base;
    return true;
}
