/* rocks.c - RocksDB: options, merge operator, reads, writes. The only file that calls it. */
#include "store/driver_local/rocks.h"

#include "store/driver_local/catalogue.h"

#define MERGES_MAX 100 /* operands of one key in memory before they are folded into a value */

struct rocks {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;
    rocksdb_readoptions_t *catalogue; /* reads that no deleted range concerns */
    rocksdb_writeoptions_t *write;
    driver_fold fold;
};

/* ---- merging ---- */

static char *merged(struct buf *b, bool ok, unsigned char *success, size_t *length)
{
    *success = ok && !b->overflow;
    *length = *success ? b->n : 0;
    if (!*success || !b->p) {
        buf_free(b);
        return *success ? malloc(1) : NULL;
    }
    return b->p; /* malloc'd; RocksDB returns it to merge_free */
}

static uint64_t get_u64(const char *p)
{
    uint64_t v = 0;

    for (int i = 8; i-- > 0;)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

static void put_u64(struct buf *b, uint64_t v)
{
    char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(v >> (8 * i));
    buf_put(b, bytes, sizeof bytes);
}

static bool sum(struct fct_str old, const struct fct_str *operand, size_t n, uint64_t *total)
{
    *total = old.n == 8 ? get_u64(old.p) : 0;
    if (old.n != 0 && old.n != 8)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (operand[i].n != 9 || operand[i].p[0] != MERGE_SUM)
            return false;
        *total += get_u64(operand[i].p + 1);
    }
    return true;
}

static bool pieces(struct rocks *r, struct fct_str key, struct fct_str old, struct fct_str *operand,
                   size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (operand[i].n < 1 || operand[i].p[0] != MERGE_PIECES)
            return false;
        operand[i].p++;
        operand[i].n--;
    }
    return r->fold((struct fct_str){key.p + 9, key.n - 9}, old, operand, n, out);
}

static bool merge_full(struct rocks *r, struct fct_str key, struct fct_str old,
                       struct fct_str *operand, size_t n, struct buf *out)
{
    uint64_t total;

    if (key.n > 0 && key.p[0] == ROCKS_BLOB)
        return catalogue_merge(old, operand, n, out);
    if (key.n <= 9 || n == 0 || operand[0].n == 0)
        return false;
    if (operand[0].p[0] == MERGE_PIECES)
        return pieces(r, key, old, operand, n, out);
    if (!sum(old, operand, n, &total))
        return false;
    put_u64(out, total);
    return true;
}

/* Operands alone become one operand: pieces are concatenated, sums added. */
static bool merge_partly(struct fct_str key, const struct fct_str *operand, size_t n,
                         struct buf *out)
{
    uint64_t total;

    if (key.n > 0 && key.p[0] == ROCKS_BLOB)
        return catalogue_merge((struct fct_str){0}, operand, n, out);
    if (n == 0 || operand[0].n == 0)
        return false;
    buf_put_char(out, operand[0].p[0]);
    if (operand[0].p[0] == MERGE_SUM) {
        if (!sum((struct fct_str){0}, operand, n, &total))
            return false;
        put_u64(out, total);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (operand[i].n < 1 || operand[i].p[0] != MERGE_PIECES)
            return false;
        buf_put(out, operand[i].p + 1, operand[i].n - 1);
    }
    return true;
}

#define MERGED_MAX (64u << 20)

static struct fct_str *views(const char *const *p, const size_t *n, int count)
{
    struct fct_str *s = calloc((size_t)count + 1, sizeof *s);

    FCT_ASSERT(s);
    for (int i = 0; i < count; i++)
        s[i] = (struct fct_str){p[i], n[i]};
    return s;
}

static char *full_merge(void *state, const char *key, size_t key_n, const char *old, size_t old_n,
                        const char *const *operand, const size_t *operand_n, int n,
                        unsigned char *success, size_t *length)
{
    struct buf out = BUF_INIT(MERGED_MAX);
    struct fct_str *s = views(operand, operand_n, n);
    bool ok = merge_full(state, (struct fct_str){key, key_n},
                         (struct fct_str){old, old ? old_n : 0}, s, (size_t)n, &out);

    free(s);
    return merged(&out, ok, success, length);
}

static char *partial_merge(void *state, const char *key, size_t key_n, const char *const *operand,
                           const size_t *operand_n, int n, unsigned char *success, size_t *length)
{
    struct buf out = BUF_INIT(MERGED_MAX);
    struct fct_str *s = views(operand, operand_n, n);
    bool ok = merge_partly((struct fct_str){key, key_n}, s, (size_t)n, &out);

    (void)state;
    free(s);
    return merged(&out, ok, success, length);
}

static void merge_free(void *state, const char *value, size_t n)
{
    char *p;

    (void)state;
    (void)n;
    memcpy(&p, &value, sizeof p); /* it came from malloc in `merged` */
    free(p);
}

static void merge_end(void *state)
{
    (void)state;
}

static const char *merge_name(void *state)
{
    (void)state;
    return "facteur.1";
}

/* ---- opening ---- */

static bool failed(char *error, struct fct_err *err)
{
    fct_fail(err, FCT_TEMP, "index: %s", error);
    rocksdb_free(error);
    return false;
}

static void set_tables(struct rocks *r, uint64_t cache_bytes)
{
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();

    r->cache = rocksdb_cache_create_lru(cache_bytes);
    rocksdb_block_based_options_set_block_cache(t, r->cache);
    rocksdb_block_based_options_set_block_size(t, 16 << 10);
    rocksdb_block_based_options_set_filter_policy(t, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(
        t, 1); /* bounded by the cache, not by the data */
    rocksdb_block_based_options_set_format_version(t, 5);
    rocksdb_options_set_block_based_table_factory(r->options, t);
    rocksdb_block_based_options_destroy(t);
}

static void set_options(struct rocks *r, const struct driver_conf *conf)
{
    rocksdb_options_t *o = r->options = rocksdb_options_create();

    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_paranoid_checks(o, 1);
    rocksdb_options_set_write_buffer_size(o, conf->write_buffer);
    rocksdb_options_set_max_write_buffer_number(o, 2);
    rocksdb_options_set_max_background_jobs(o, 2);
    rocksdb_options_set_max_successive_merges(
        o, MERGES_MAX); /* a body that thousands use is read as fast as any other */
    rocksdb_options_set_max_open_files(o, 200);
    rocksdb_options_set_compression(o, rocksdb_lz4_compression);
    rocksdb_options_set_max_manifest_file_size(o, 4 << 20);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    rocksdb_options_set_info_log_level(
        o, 4); /* fatal only: errors come back to us and go to our log */
    rocksdb_options_set_max_log_file_size(o, 64 << 10);
    rocksdb_options_set_keep_log_file_num(o, 2);
    rocksdb_options_set_merge_operator(o, rocksdb_mergeoperator_create(r, merge_end, full_merge,
                                                                       partial_merge, merge_free,
                                                                       merge_name));
    set_tables(r, conf->block_cache);
}

bool rocks_open(const char *path, const struct driver_conf *conf, struct rocks **out,
                struct fct_err *err)
{
    struct rocks *r = calloc(1, sizeof *r);
    char *error = NULL;

    FCT_ASSERT(r);
    r->fold = conf->fold;
    set_options(r, conf);
    r->read = rocksdb_readoptions_create();
    r->catalogue = rocksdb_readoptions_create();
    rocksdb_readoptions_set_ignore_range_deletions(r->catalogue, 1);
    r->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(r->write, 1); /* the segment log is the write-ahead log */
    r->db = rocksdb_open(r->options, path, &error);
    *out = r;
    if (!r->db) {
        rocks_close(out);
        return failed(error, err);
    }
    return true;
}

void rocks_close(struct rocks **p)
{
    struct rocks *r = *p;

    *p = NULL;
    if (!r)
        return;
    if (r->db)
        rocksdb_close(r->db);
    rocksdb_readoptions_destroy(r->read);
    rocksdb_readoptions_destroy(r->catalogue);
    rocksdb_writeoptions_destroy(r->write);
    rocksdb_options_destroy(r->options);
    rocksdb_cache_destroy(r->cache);
    free(r);
}

/* ---- reading ---- */

struct driver_snap *rocks_snap(struct rocks *r)
{
    const rocksdb_snapshot_t *snap = rocksdb_create_snapshot(r->db);
    struct driver_snap *out;

    memcpy(&out, &snap, sizeof out); /* opaque to those above */
    return out;
}

static const rocksdb_snapshot_t *snapshot_of(struct driver_snap *snap)
{
    const rocksdb_snapshot_t *s;

    memcpy(&s, &snap, sizeof s);
    return s;
}

void rocks_unsnap(struct rocks *r, struct driver_snap *snap)
{
    rocksdb_release_snapshot(r->db, snapshot_of(snap));
}

/* Options for one read: shared ones, or private ones with a snapshot. Each read of what is in
 * memory goes through all ranges that were deleted there, and those are of parts only. */
static rocksdb_readoptions_t *read_options(struct rocks *r, struct driver_snap *snap,
                                           struct fct_str key)
{
    rocksdb_readoptions_t *o;

    if (!snap)
        return key.n > 0 && key.p[0] == ROCKS_BLOB ? r->catalogue : r->read;
    o = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(o, snapshot_of(snap));
    rocksdb_readoptions_set_fill_cache(
        o, 0); /* a walk over everything must not push out what is in use */
    return o;
}

static void read_options_end(struct rocks *r, rocksdb_readoptions_t *o)
{
    if (o != r->read && o != r->catalogue)
        rocksdb_readoptions_destroy(o);
}

bool rocks_get(struct rocks *r, struct driver_snap *snap, struct fct_str key, struct buf *value,
               bool *found, struct fct_err *err)
{
    rocksdb_readoptions_t *o = read_options(r, snap, key);
    char *error = NULL;
    rocksdb_pinnableslice_t *v = rocksdb_get_pinned(r->db, o, key.p, key.n, &error);
    size_t n;
    const char *p;

    read_options_end(r, o);
    buf_clear(value);
    *found = false;
    if (error)
        return failed(error, err);
    if (!v)
        return true;
    p = rocksdb_pinnableslice_value(v, &n);
    buf_put(value, p, n);
    rocksdb_pinnableslice_destroy(v);
    *found = true;
    if (value->overflow)
        return fct_fail(err, FCT_BUG,
                        "index: a value of %zu bytes is larger than its reader allows", n);
    return true;
}

bool rocks_scan(struct rocks *r, struct driver_snap *snap, struct fct_str from, struct fct_str to,
                driver_entry fn, void *arg, struct fct_err *err)
{
    rocksdb_readoptions_t *o = read_options(r, snap, FCT_STR(""));
    rocksdb_iterator_t *it = rocksdb_create_iterator(r->db, o);
    char *error = NULL;

    for (rocksdb_iter_seek(it, from.p, from.n); rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
        struct fct_str key, value;

        key.p = rocksdb_iter_key(it, &key.n);
        value.p = rocksdb_iter_value(it, &value.n);
        if (to.n > 0) {
            int order = memcmp(key.p, to.p, key.n < to.n ? key.n : to.n);

            if (order > 0 || (order == 0 && key.n >= to.n))
                break;
        }
        if (!fn(arg, key, value))
            break;
    }
    rocksdb_iter_get_error(it, &error);
    rocksdb_iter_destroy(it);
    read_options_end(r, o);
    return error ? failed(error, err) : true;
}

/* ---- many keys ---- */

#define STEPS_MAX 4 /* entries between two keys that are passed rather than sought past */

struct rocks_walk {
    rocksdb_iterator_t *it;
    bool placed;
};

struct rocks_walk *rocks_walk_start(struct rocks *r)
{
    struct rocks_walk *w = calloc(1, sizeof *w);

    FCT_ASSERT(w);
    w->it = rocksdb_create_iterator(r->db, r->read);
    return w;
}

void rocks_walk_end(struct rocks_walk **w)
{
    rocksdb_iter_destroy((*w)->it);
    free(*w);
    *w = NULL;
}

/* Where the iterator stands: below 0 before the key, 0 at it, above 0 behind it or at the end. */
static int stands(const struct rocks_walk *w, struct fct_str key)
{
    struct fct_str at;
    int order;

    if (!rocksdb_iter_valid(w->it))
        return 1;
    at.p = rocksdb_iter_key(w->it, &at.n);
    order = memcmp(at.p, key.p, at.n < key.n ? at.n : key.n);
    return order ? order : (at.n > key.n) - (at.n < key.n);
}

bool rocks_walk_to(struct rocks_walk *w, struct fct_str key, struct fct_str *value, bool *found,
                   struct fct_err *err)
{
    int order = w->placed ? stands(w, key) : 1;
    char *error = NULL;

    for (int i = 0; order < 0 && i < STEPS_MAX; i++) {
        rocksdb_iter_next(w->it);
        order = stands(w, key);
    }
    if (order != 0) { /* too far before it, or behind it, which tells nothing about the key */
        rocksdb_iter_seek(w->it, key.p, key.n);
        order = stands(w, key);
    }
    w->placed = true;
    *found = order == 0;
    if (*found)
        value->p = rocksdb_iter_value(w->it, &value->n);
    rocksdb_iter_get_error(w->it, &error);
    return error ? failed(error, err) : true;
}

/* ---- writing ---- */

bool rocks_write(struct rocks *r, rocksdb_writebatch_t *batch, struct fct_err *err)
{
    char *error = NULL;

    rocksdb_write(r->db, r->write, batch, &error);
    return error ? failed(error, err) : true;
}

bool rocks_flush(struct rocks *r, bool wait, struct fct_err *err)
{
    rocksdb_flushoptions_t *o = rocksdb_flushoptions_create();
    char *error = NULL;

    rocksdb_flushoptions_set_wait(o, wait);
    rocksdb_flush(r->db, o, &error);
    rocksdb_flushoptions_destroy(o);
    return error ? failed(error, err) : true;
}

uint64_t rocks_number(struct rocks *r, const char *property)
{
    uint64_t v = 0;

    return rocksdb_property_int(r->db, property, &v) == 0 ? v : 0;
}
