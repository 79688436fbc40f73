/* queue_stored.c - entries of the queue as they lie on the disk: one, or many of them together. */
#include "store/queue.h"

#include "store/client.h"
#include "store/driver.h"

/* Values of one partition on their way from the driver. */
struct fetch {
    struct queue_stored **to; /* of each key */
    struct arena *arena;
    bool states; /* not entries */
};

static bool keep(void *arg, size_t i, const struct fct_str *value)
{
    const struct fetch *f = arg;
    struct fct_str bytes = value ? arena_str(f->arena, *value) : (struct fct_str){0};

    if (f->states)
        f->to[i]->state = bytes;
    else
        f->to[i]->entry = bytes;
    return true;
}

static bool fetch(struct server *s, uint64_t part, struct fetch *f, size_t n, struct fct_err *err)
{
    struct key *key = ARENA_ARRAY(f->arena, struct key, n + 1);
    struct fct_str *name = ARENA_ARRAY(f->arena, struct fct_str, n + 1);

    for (size_t i = 0; i < n; i++) {
        uint64_t id = f->to[i]->message->id;

        key[i] = f->states ? queue_state_key(id) : queue_entry_key(id);
        name[i] = key_str(&key[i]);
    }
    return n == 0 || s->driver->ops->get_many(s->driver, part, name, n, keep, f, err);
}

bool queue_stored_read(struct server *s, struct queue_stored *e, size_t n, struct arena *arena,
                       struct fct_err *err)
{
    struct queue_stored **to = ARENA_ARRAY(arena, struct queue_stored *, n + 1);
    bool ok = true;

    for (uint64_t shard = 0; ok && shard < QUEUE_SHARDS; shard++)
        for (int states = 0; ok && states < 2; states++) {
            struct fetch f = {.to = to, .arena = arena, .states = states};
            size_t some = 0;

            for (size_t i = 0; i < n; i++)
                if (queue_part(e[i].message->id) == PART_QUEUE + shard &&
                    (!states || e[i].message->has_state))
                    to[some++] = &e[i];
            ok = fetch(s, PART_QUEUE + shard, &f, some, err);
        }
    return ok;
}

bool queue_stored_decode(const struct queue_stored *e, struct arena *arena,
                         struct queue_record *out, struct queue_progress *progress,
                         struct fct_err *err)
{
    const struct queue_message *m = e->message;

    if (!queue_record_decode(e->entry, arena, out) ||
        !queue_state_apply(e->state, arena, out, progress))
        return fct_fail(err, FCT_TEMP, "queue entry %llu is damaged", (unsigned long long)m->id);
    out->entry.id = m->id;
    out->entry.held = m->held;
    return true;
}

static bool get(struct server *s, uint64_t id, struct key key, struct arena *arena,
                struct fct_str *out, struct fct_err *err)
{
    struct buf value = BUF_INIT(QUEUE_VALUE_MAX);
    bool found, ok;

    ok = s->driver->ops->get(s->driver, NULL, queue_part(id), key_str(&key), &value, &found, err);
    if (ok && found)
        *out = arena_str(arena, buf_str(&value));
    buf_free(&value);
    return ok;
}

bool queue_read(struct server *s, const struct queue_message *m, struct arena *arena,
                struct queue_record *out, struct queue_progress *state, struct fct_err *err)
{
    struct queue_stored e = {.message = m};

    return get(s, m->id, queue_entry_key(m->id), arena, &e.entry, err) &&
           (!m->has_state || get(s, m->id, queue_state_key(m->id), arena, &e.state, err)) &&
           queue_stored_decode(&e, arena, out, state, err);
}
