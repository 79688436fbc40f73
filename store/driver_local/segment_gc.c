/* segment_gc.c - space of dead blobs comes back: living blobs of a segment that is more than half
 * dead are copied to the end of the log, then the file is removed.
 *
 * A copy is a MOVE operation through the one committer. The old file goes only after the index,
 * with the new places, is flushed: until then recovery might have to read it. Readers that hold its
 * descriptor keep it until they are done. */
#include "store/driver_local/local.h"

#define MOVE_AT_ONCE (4u << 20) /* bytes of bodies in one batch */

struct segment_life {
    uint32_t number;
    uint64_t size, live;
};

struct collect {
    struct local *l;
    bool (*commit)(void *arg, struct batch *b, struct fct_err *err);
    void *arg;
    struct segment_life *segment;
    size_t n;
    uint32_t victim;
    struct batch batch;
    uint64_t in_batch, moved, removed, freed;
    struct fct_err *err;
    bool failed;
};

static bool blob_of(struct fct_str key, struct fct_str value, struct blob_id *id,
                    struct blob_place *place)
{
    if (key.n != 1 + sizeof id->b || !catalogue_decode(value, place) || place->references <= 0 ||
        !place->placed)
        return false;
    memcpy(id->b, key.p + 1, sizeof id->b);
    return true;
}

static bool count_live(void *arg, struct fct_str key, struct fct_str value)
{
    struct collect *c = arg;
    struct blob_place place;
    struct blob_id id;

    if (blob_of(key, value, &id, &place))
        for (size_t i = 0; i < c->n; i++)
            if (c->segment[i].number == place.segment)
                c->segment[i].live += place.size;
    return true;
}

static bool scan_catalogue(struct collect *c, driver_entry fn)
{
    struct driver_snap *snap = rocks_snap(c->l->rocks);
    bool ok = rocks_scan(c->l->rocks, snap, FCT_STR("B"), FCT_STR("C"), fn, c, c->err);

    rocks_unsnap(c->l->rocks, snap);
    return ok && !c->failed;
}

static bool send_moves(struct collect *c)
{
    bool ok = batch_is_empty(&c->batch) || c->commit(c->arg, &c->batch, c->err);

    batch_fini(&c->batch);
    c->in_batch = 0;
    return ok;
}

static bool move_blob(void *arg, struct fct_str key, struct fct_str value)
{
    struct collect *c = arg;
    struct batch_blob blob = {.release = free};
    struct blob_place place;
    bool gone;

    if (!blob_of(key, value, &blob.id, &place) || place.segment != c->victim)
        return true;
    blob.bytes = blob.owner = malloc((size_t)place.size + 1);
    FCT_ASSERT(blob.owner);
    blob.size = place.size;
    blob.crc =
        place.crc; /* as it was: a damaged body stays damaged, it is never made to look sound */
    if (!segment_log_read(c->l->log, place.segment, place.offset, blob.owner, (size_t)place.size,
                          false, &gone, c->err)) {
        free(blob.owner);
        c->failed = true;
        return false;
    }
    batch_blob_move(&c->batch, &blob);
    c->moved++;
    c->in_batch += place.size;
    if (c->in_batch >= MOVE_AT_ONCE && !send_moves(c))
        c->failed = true;
    return !c->failed;
}

static bool is_victim(const struct segment_life *s)
{
    return s->live < s->size / 2;
}

static bool empty_segment(struct collect *c, struct segment_life *s)
{
    c->victim = s->number;
    return s->live == 0 || (scan_catalogue(c, move_blob) && send_moves(c));
}

static bool list_segments(struct collect *c, uint32_t current)
{
    uint32_t *number;
    size_t n;

    if (!segment_log_list(c->l->log, &number, &n, c->err))
        return false;
    c->segment = calloc(n + 1, sizeof *c->segment);
    FCT_ASSERT(c->segment);
    for (size_t i = 0; i < n; i++)
        if (number[i] < current &&
            segment_log_size(c->l->log, number[i], &c->segment[c->n].size, NULL))
            c->segment[c->n++].number = number[i];
    free(number);
    return true;
}

static bool remove_victims(struct collect *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (!is_victim(&c->segment[i]))
            continue;
        if (!segment_log_remove(c->l->log, c->segment[i].number, c->err))
            return false;
        c->removed++;
        c->freed += c->segment[i].size;
    }
    return true;
}

static bool collect(struct collect *c, uint32_t current)
{
    bool any = false;

    if (!list_segments(c, current) || !scan_catalogue(c, count_live))
        return false;
    for (size_t i = 0; i < c->n; i++) {
        if (!is_victim(&c->segment[i]))
            continue;
        any = true;
        if (!empty_segment(c, &c->segment[i]))
            return false;
    }
    return !any || (rocks_flush(c->l->rocks, true, c->err) && remove_victims(c));
}

bool local_collect(struct local *l, bool (*commit)(void *arg, struct batch *b, struct fct_err *err),
                   void *arg, struct buf *text, struct fct_err *err)
{
    struct collect c = {.l = l, .commit = commit, .arg = arg, .err = err};
    struct log_position applied;
    bool found, ok;

    if (!local_applied(l, &applied, &found, err))
        return false;
    batch_init(&c.batch);
    ok = !found || collect(&c, applied.segment);
    batch_fini(&c.batch);
    free(c.segment);
    if (ok)
        buf_printf(text, "segments removed %llu, bytes freed %llu, blobs moved %llu",
                   (unsigned long long)c.removed, (unsigned long long)c.freed,
                   (unsigned long long)c.moved);
    return ok;
}
