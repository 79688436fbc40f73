/* suppress.c - see suppress.h. Requests of relay and facteurctl are at the end. */
#include "store/suppress.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "store/client.h"
#include "store/directory.h"

#define VERSION   1
#define VALUE_MAX 2048u
#define PAGE      500u

static struct key key_for(struct fct_str folded)
{
    struct key k = key_of('a');

    FCT_ASSERT(folded.n <= sizeof k.p - 1);
    memcpy(k.p + 1, folded.p, folded.n);
    k.n += folded.n;
    return k;
}

static void encode(const struct suppressed *one, struct buf *out)
{
    record_begin(out, VERSION);
    pack_uint(out, (uint64_t)one->since);
    pack_uint(out, (uint64_t)one->until);
    pack_str(out, str_head(one->reason, SUPPRESS_REASON_MAX));
    record_end(out);
}

static bool decode(struct fct_str key, struct fct_str value, struct suppressed *out)
{
    struct unpack u;

    if (!record_open(value, VERSION, &u))
        return false;
    out->address = str_skip(key, 1);
    out->since = (int64_t)unpack_uint(&u);
    out->until = (int64_t)unpack_uint(&u);
    out->reason = unpack_str(&u);
    return unpack_ok(&u);
}

static bool is_in_force(const struct suppressed *one, int64_t now)
{
    return one->until == 0 || one->until > now;
}

bool suppress_find(struct server *s, struct fct_str address, struct arena *arena, bool *found,
                   struct suppressed *out, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(VALUE_MAX);
    struct fct_err ignored = {0};
    struct fct_str folded;
    struct key key;

    *found = false;
    if (!directory_fold(address, false, arena, &folded, &ignored))
        return true;
    key = key_for(folded);
    if (!s->driver->ops->get(s->driver, NULL, PART_SUPPRESS, key_str(&key), &value, found, err))
        return false;
    *found =
        *found && decode(key_str(&key), buf_str(&value), out) && is_in_force(out, clock_wall());
    if (*found) {
        out->address = folded;
        out->reason = arena_str(arena, out->reason);
    }
    return true;
}

/* ---- what is over ---- */

struct page {
    struct arena *arena;
    int64_t now;
    bool over; /* those that are not in force any more, or damaged; else those that are */
    struct suppressed *one;
    size_t n;
};

static bool take(void *arg, struct fct_str key, struct fct_str value)
{
    struct page *p = arg;
    struct suppressed one;
    bool good = decode(key, value, &one) && is_in_force(&one, p->now);

    if (good == p->over)
        return true;
    if (p->over)
        one = (struct suppressed){.address = str_skip(key, 1), .reason = FCT_STR("")};
    one.address = arena_str(p->arena, one.address);
    one.reason = arena_str(p->arena, one.reason);
    p->one[p->n++] = one;
    return p->n < PAGE;
}

/* Behind the key of `after`, which may be empty. */
static bool read_page(struct server *s, struct fct_str after, struct page *p, struct fct_err *err)
{
    struct key from = key_for(after);

    p->now = clock_wall();
    p->n = 0;
    p->one = ARENA_ARRAY(p->arena, struct suppressed, PAGE);
    if (after.n > 0 && from.n < sizeof from.p)
        from.p[from.n++] = '\0';
    return s->driver->ops->scan(s->driver, NULL, PART_SUPPRESS, key_str(&from), FCT_STR("b"), take,
                                p, err);
}

static FCT_MAY_WAIT bool commit_batch(struct server *s, struct batch *b, struct fct_err *err)
{
    return commit_wait(s->commit, commit_submit(s->commit, b, NULL, 0), err);
}

void suppress_sweep(struct server *s)
{
    struct page p = {.arena = arena_new(NULL), .over = true};
    struct fct_err err = {0};
    struct batch b;

    while (!s->draining && read_page(s, FCT_STR(""), &p, &err) && p.n > 0) {
        batch_init(&b);
        batch_part(&b, PART_SUPPRESS);
        for (size_t i = 0; i < p.n; i++)
            batch_del(&b, key_for(p.one[i].address));
        if (!commit_batch(s, &b, &err))
            break;
        arena_reset(p.arena);
    }
    arena_free(&p.arena);
}

/* ---- requests ---- */

static void put_one(struct request *rq, struct batch *b, struct suppressed *one)
{
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(VALUE_MAX);
    struct fct_err ignored = {0};
    struct fct_str folded;

    if (!directory_fold(one->address, false, rq->arena, &folded, &ignored))
        return;
    one->since = clock_wall();
    encode(one, &value);
    batch_put(b, key_for(folded), buf_str(&value));
    log_event(EV_SUPPRESSED, FCT_STR(""), F_STR("rcpt", folded), F_STR("why", one->reason),
              F_I64("until", one->until));
}

bool serve_suppress(struct request *rq)
{
    size_t n = ipc_get_count(&rq->in, 16);
    struct suppressed *one;
    struct batch b;

    if (n > SUPPRESS_MANY)
        rq->in.bad = true;
    one = ARENA_ARRAY(rq->arena, struct suppressed, rq->in.bad ? 1 : n + 1);
    for (size_t i = 0; i < n && !rq->in.bad; i++) {
        one[i].address = ipc_get_str(&rq->in);
        one[i].until = (int64_t)ipc_get_u64(&rq->in);
        one[i].reason = ipc_get_str(&rq->in);
    }
    if (!request_read_all(rq))
        return false;
    batch_init(&b);
    batch_part(&b, PART_SUPPRESS);
    for (size_t i = 0; i < n; i++)
        put_one(rq, &b, &one[i]);
    return commit_batch(rq->s, &b, rq->err);
}

bool serve_unsuppress(struct request *rq)
{
    struct fct_str address = ipc_get_str(&rq->in);
    struct suppressed one;
    struct batch b;
    bool found;

    if (!request_read_all(rq) || !suppress_find(rq->s, address, rq->arena, &found, &one, rq->err))
        return false;
    if (!found)
        return fct_fail(rq->err, FCT_DENIED, "%.*s is not on the list",
                        FCT_FMT(str_head(address, 100)));
    batch_init(&b);
    batch_part(&b, PART_SUPPRESS);
    batch_del(&b, key_for(one.address));
    return commit_batch(rq->s, &b, rq->err);
}

bool serve_suppressions(struct request *rq)
{
    struct page p = {.arena = rq->arena};
    struct fct_str after = str_head(ipc_get_str(&rq->in), 160);

    if (!request_read_all(rq) || !read_page(rq->s, after, &p, rq->err))
        return false;
    ipc_put_u32(&rq->out, (uint32_t)p.n);
    for (size_t i = 0; i < p.n; i++) {
        ipc_put_str(&rq->out, p.one[i].address);
        ipc_put_u64(&rq->out, (uint64_t)p.one[i].since);
        ipc_put_u64(&rq->out, (uint64_t)p.one[i].until);
        ipc_put_str(&rq->out, p.one[i].reason);
    }
    return true;
}
