/* queue_check.c - see queue_check.h. */
#include "store/queue_check.h"

#include "store/queue_later.h"

struct walk {
    struct driver *d;
    struct driver_snap *snap;
    struct queue_check *c;
    unsigned shard;
    struct arena *arena;
    struct buf state;
};

static bool has_shard(const struct walk *w, struct fct_str key)
{
    return key.n == 9 && queue_part(key_get_u64(key.p + 1)) == PART_QUEUE + w->shard;
}

/* NULL: all is well. */
static const char *judge_entry(struct walk *w, uint64_t id, struct fct_str value,
                               struct queue_record *r)
{
    struct key key = queue_state_key(id);
    struct queue_progress state;
    struct queue_later later;
    struct fct_err ignored;
    bool found;

    if (!queue_record_decode(value, w->arena, r))
        return "damaged";
    if (!queue_later_decode(r->later, r->entry.n, w->arena, &later))
        return "its copies for people here are damaged";
    w->c->uses(w->c->arg, &r->blob);
    w->c->recipients += r->entry.n;
    if (!w->d->ops->get(w->d, w->snap, queue_part(id), key_str(&key), &w->state, &found,
                        &ignored) ||
        !queue_state_apply(found ? buf_str(&w->state) : FCT_STR(""), w->arena, r, &state))
        return "its state is damaged";
    return NULL;
}

static bool check_entry(void *arg, struct fct_str key, struct fct_str value)
{
    struct walk *w = arg;
    const char *wrong = "in the wrong place";
    struct queue_record r;
    uint64_t id = key.n == 9 ? key_get_u64(key.p + 1) : 0;

    arena_reset(w->arena);
    w->c->entries++;
    if (has_shard(w, key))
        wrong = judge_entry(w, id, value, &r);
    if (wrong)
        w->c->damaged(w->c->arg, wrong, id);
    return true;
}

static bool check_state(void *arg, struct fct_str key, struct fct_str value)
{
    struct walk *w = arg;
    uint64_t id = key.n == 9 ? key_get_u64(key.p + 1) : 0;
    struct key entry = queue_entry_key(id);
    struct fct_err ignored;
    bool found = false;

    (void)value;
    if (!has_shard(w, key) ||
        !w->d->ops->get(w->d, w->snap, queue_part(id), key_str(&entry), &w->state, &found,
                        &ignored) ||
        !found)
        w->c->damaged(w->c->arg, "a state without an entry", id);
    return true;
}

bool queue_check(struct driver *d, struct driver_snap *snap, struct queue_check *c,
                 struct fct_err *err)
{
    struct walk w = {
        .d = d, .snap = snap, .c = c, .arena = arena_new(NULL), .state = BUF_INIT(QUEUE_VALUE_MAX)};
    bool ok = true;

    for (; ok && w.shard < QUEUE_SHARDS; w.shard++)
        ok = d->ops->scan(d, snap, PART_QUEUE + w.shard, FCT_STR("e"), FCT_STR("f"), check_entry,
                          &w, err) &&
             d->ops->scan(d, snap, PART_QUEUE + w.shard, FCT_STR("s"), FCT_STR("t"), check_state,
                          &w, err);
    arena_free(&w.arena);
    buf_free(&w.state);
    return ok;
}
