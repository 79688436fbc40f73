/* queue_load.c - the queue's memory as the disk has it. */
#include "store/queue_inside.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "store/directory.h"
#include "store/driver.h"
#include "store/queue_rules.h"

/* "" for one whose report is due. */
struct fct_str queue_domain_of(const struct queue_recipient *r, struct arena *arena)
{
    struct fct_str domain = r->status == QUEUE_PENDING ? directory_domain(r->address) : FCT_STR("");
    char *lower = arena_alloc(arena, domain.n + 1);

    if (domain.n > 0)
        memcpy(lower, domain.p, domain.n);
    str_lower(lower, domain.n);
    return (struct fct_str){lower, domain.n};
}

/* A time of the wall clock on the monotonic one. */
uint32_t queue_due_at(int64_t wall)
{
    int64_t left = wall - clock_wall();

    return left > 0 ? queue_clock() + (left < INT32_MAX ? (uint32_t)left : INT32_MAX) : 0;
}

struct queue_message *queue_index_entry(struct server *s, const struct queue_record *r,
                                        const struct queue_progress *state, bool has_state,
                                        const struct fct_str *domain, struct arena *arena)
{
    const struct queue_envelope *v = &r->entry.envelope;
    uint32_t *due = ARENA_ARRAY(arena, uint32_t, r->entry.n);
    struct queue_new new = {.id = r->entry.id,
                            .blob = r->blob,
                            .login = v->login,
                            .arrived = r->entry.arrived,
                            .size = r->entry.size,
                            .priority = v->priority,
                            .held = r->entry.held,
                            .has_state = has_state,
                            .count_login = s->conf->queue_per_login > 0,
                            .domain = domain,
                            .done = state ? state->done : NULL,
                            .due = due,
                            .n = r->entry.n};

    for (size_t i = 0; i < r->entry.n; i++) {
        int64_t hold = state && state->hurried ? 0 : v->hold_until;
        int64_t next = r->recipient[i].next_try;

        due[i] = queue_due_at(next > hold ? next : hold);
    }
    return queue_index_add(&s->queue->index, &new);
}

static bool get_state(struct server *s, uint64_t id, struct buf *value, bool *found,
                      struct fct_err *err)
{
    struct key key = queue_state_key(id);

    return s->driver->ops->get(s->driver, NULL, queue_part(id), key_str(&key), value, found, err);
}

struct load {
    struct server *s;
    struct arena *arena;
    struct buf state;
    uint64_t damaged;
    struct fct_err *err;
    bool ok;
};

static bool load_one(struct load *l, uint64_t id, struct fct_str value)
{
    struct queue *q = l->s->queue;
    struct queue_progress state;
    struct queue_record r;
    struct queue_message *m;
    struct fct_str *domain;
    bool has_state;

    if (!get_state(l->s, id, &l->state, &has_state, l->err))
        return false;
    if (!queue_record_decode(value, l->arena, &r) ||
        !queue_state_apply(has_state ? buf_str(&l->state) : FCT_STR(""), l->arena, &r, &state)) {
        l->damaged++;
        return true;
    }
    r.entry.id = id;
    domain = ARENA_ARRAY(l->arena, struct fct_str, r.entry.n);
    for (size_t i = 0; i < r.entry.n; i++) /* by what it was at first: its work may be done now */
        domain[i] = queue_domain_of(&r.recipient[i], l->arena);
    if (state.over) {
        queue_finish(q, id, &r.blob, true, true);
        return true;
    }
    m = queue_index_entry(l->s, &r, &state, has_state, domain, l->arena);
    if (m->open == 0) { /* its last result came just before the end */
        queue_finish(q, id, &r.blob, has_state, true);
        queue_index_remove(&q->index, m);
        return true;
    }
    queue_index_start(&q->index, m);
    return true;
}

static bool load_entry(void *arg, struct fct_str key, struct fct_str value)
{
    struct load *l = arg;

    arena_reset(l->arena);
    l->ok = key.n != 9 || load_one(l, key_get_u64(key.p + 1), value);
    return l->ok;
}

static bool load_counter(struct server *s, struct fct_err *err)
{
    struct buf value = BUF_INIT(64);
    struct key key = queue_counter_key();
    struct unpack in;
    bool found, ok;

    ok = s->driver->ops->get(s->driver, NULL, queue_part(0), key_str(&key), &value, &found, err);
    s->queue->reserved = 0;
    if (ok && found) {
        ok = record_open(buf_str(&value), 1, &in);
        s->queue->reserved = unpack_uint(&in);
        if (!ok || !unpack_ok(&in))
            ok = fct_fail(err, FCT_TEMP, "the counter of the queue is damaged");
    }
    s->queue->next_number = s->queue->reserved + 1;
    buf_free(&value);
    return ok;
}

bool queue_load(struct server *s, struct fct_err *err)
{
    struct load l = {.s = s,
                     .arena = arena_new(NULL),
                     .state = BUF_INIT(QUEUE_VALUE_MAX),
                     .err = err,
                     .ok = true};

    queue_rules_apply(s);
    for (unsigned shard = 0; l.ok && shard < QUEUE_SHARDS; shard++)
        l.ok = s->driver->ops->scan(s->driver, NULL, PART_QUEUE + shard, FCT_STR("e"), FCT_STR("f"),
                                    load_entry, &l, err) &&
               l.ok;
    if (l.damaged > 0)
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("why", "entries of the queue are damaged: facteurctl store check"),
                  F_U64("entries", l.damaged));
    arena_free(&l.arena);
    buf_free(&l.state);
    return l.ok && load_counter(s, err);
}
