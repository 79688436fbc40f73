/* serve_queue.c - requests of the relay: work on lease, results, bytes of a message, and how much
 * a domain takes. */
#include "store/client.h"
#include "store/hot_body.h"
#include "store/queue.h"
#include "store/queue_codec.h"
#include "store/queue_rules.h"

#include "core/base/str.h"
#include "core/log/log.h"

#define ANSWER_FULL     (4u << 20) /* bytes after which a lease gives no more */
#define ENTRIES_MAX     (7u << 20)
#define DAMAGED_AGAIN   3600u /* seconds until an entry that cannot be read is tried again */
#define IN_LOOP_MAX     (64u << 10)
#define DOMAIN_JOBS_MAX 100000u

/* ---- claim ---- */

bool serve_queue_claim(struct request *rq)
{
    uint32_t n = ipc_get_count(&rq->in, 12);
    struct queue_claim *claim = ARENA_ARRAY(rq->arena, struct queue_claim, rq->in.bad ? 1 : n + 1);

    for (uint32_t i = 0; i < n && !rq->in.bad; i++) {
        claim[i].id = ipc_get_u64(&rq->in);
        claim[i].recipient = ipc_get_u32(&rq->in);
    }
    if (!request_read_all(rq))
        return false;
    for (uint32_t i = 0; i < n && rq->client->conn; i++)
        queue_claim(rq->s, &claim[i], rq->client->number);
    rq->client->claimed = true;
    queue_wake(rq->s); /* other relays waited for this word */
    return true;
}

/* ---- lease ---- */

struct leased {
    struct request *rq;
    struct buf entries, jobs;
    uint64_t *id; /* of the entries in the answer */
    uint32_t nentries, njobs, body_max;
};

static bool put_body(struct leased *l, const struct queue_record *r)
{
    const struct driver_ops *ops = l->rq->s->driver->ops;
    size_t n = (size_t)r->entry.size;
    char *bytes;
    bool ok;

    if (r->entry.size > l->body_max)
        return false;
    bytes = arena_alloc(l->rq->arena, n + 1);
    ok = n == 0 || ops->blob_read(l->rq->s->driver, &r->blob, NULL, 0, bytes, n, true, l->rq->err);
    *l->rq->err = (struct fct_err){0};
    ipc_put_bool(&l->entries, ok);
    if (ok)
        ipc_put_str(&l->entries, (struct fct_str){bytes, n});
    return true;
}

/* The place of its entry in the answer; UINT32_MAX: it cannot be read. */
static uint32_t put_entry(struct leased *l, const struct queue_message *m)
{
    struct queue_progress state;
    struct queue_record r;

    for (uint32_t i = l->nentries; i-- > 0;)
        if (l->id[i] == m->id)
            return i;
    if (!queue_read(l->rq->s, m, l->rq->arena, &r, &state, l->rq->err)) {
        log_event(EV_WARNING, FCT_STR(""), F_C("why", l->rq->err->text), F_U64("queue", m->id));
        *l->rq->err = (struct fct_err){0};
        return UINT32_MAX;
    }
    queue_put_entry(&l->entries, &r.entry);
    if (!put_body(l, &r))
        ipc_put_bool(&l->entries, false);
    l->id[l->nentries] = m->id;
    return l->nentries++;
}

/* False: the answer is full, or the entry cannot be read; the job stays in the queue. */
static bool put_job(struct leased *l, struct queue_item *item)
{
    struct queue_message *m = queue_item_message(item);
    size_t before = l->entries.n;
    uint32_t entry = put_entry(l, m);

    if (l->entries.overflow) { /* it begins the next answer */
        l->entries.n = before;
        l->entries.overflow = false;
        l->nentries = entry;
        queue_unlease(l->rq->s, item, before > 0 ? 0 : DAMAGED_AGAIN);
        return false;
    }
    if (entry == UINT32_MAX) {
        queue_unlease(l->rq->s, item, DAMAGED_AGAIN);
        return true;
    }
    ipc_put_u32(&l->jobs, entry);
    ipc_put_str(&l->jobs, queue_home_domain(item->home));
    ipc_put_u32(&l->jobs, item->open);
    for (uint32_t i = 0; i < m->recipients; i++)
        if (queue_message_item(m, i) == item)
            ipc_put_u32(&l->jobs, i);
    l->njobs++;
    return true;
}

/* Does not wait: what is on lease belongs to a connection that is still there. */
static void lease(struct leased *l, uint32_t max)
{
    struct queue_item *item = NULL;

    while (clients_have_claimed(l->rq->s) && l->njobs < max &&
           l->entries.n + l->jobs.n < ANSWER_FULL &&
           (item = queue_lease(l->rq->s, l->rq->client->number)))
        if (!put_job(l, item))
            break;
    l->rq->client->wants_queue = !item;
}

bool serve_queue_lease(struct request *rq)
{
    uint32_t max = ipc_get_u32(&rq->in), body_max = ipc_get_u32(&rq->in);
    struct leased l = {.rq = rq,
                       .entries = BUF_INIT(ENTRIES_MAX),
                       .jobs = BUF_INIT(IPC_MAX_MESSAGE - 8192 - ENTRIES_MAX),
                       .body_max =
                           body_max < QUEUE_LEASE_BODY_MAX ? body_max : QUEUE_LEASE_BODY_MAX};

    if (!request_read_all(rq))
        return false;
    if (!rq->client->claimed)
        return fct_fail(rq->err, FCT_BUG, "a lease before the claim");
    if (max > QUEUE_LEASE_MAX)
        max = QUEUE_LEASE_MAX;
    l.id = ARENA_ARRAY(rq->arena, uint64_t, max + 1);
    if (rq->client->conn)
        lease(&l, max);
    ipc_put_u32(&rq->out, l.nentries);
    buf_put_str(&rq->out, buf_str(&l.entries));
    ipc_put_u32(&rq->out, l.njobs);
    buf_put_str(&rq->out, buf_str(&l.jobs));
    ipc_put_u64(&rq->out, queue_rules_generation(rq->s));
    buf_free(&l.entries);
    buf_free(&l.jobs);
    return true;
}

/* ---- results ---- */

bool serve_queue_result(struct request *rq)
{
    size_t n;
    const struct queue_result *result = queue_get_results(&rq->in, rq->arena, &n);

    if (!request_read_all(rq))
        return false;
    for (size_t i = 0; i < n; i++)
        queue_result(rq->s, &result[i], rq->client->number);
    return queue_wait(rq->s, &rq->seq, rq->err);
}

bool serve_queue_domains(struct request *rq)
{
    uint32_t n = ipc_get_count(&rq->in, 16);
    struct queue_domain *domain = ARENA_ARRAY(rq->arena, struct queue_domain, rq->in.bad ? 1 : n);

    for (uint32_t i = 0; i < n && !rq->in.bad; i++) {
        domain[i].domain = ipc_get_str(&rq->in);
        domain[i].jobs = ipc_get_u32(&rq->in);
        domain[i].not_before_ms = ipc_get_u64(&rq->in);
    }
    if (!request_read_all(rq))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (domain[i].jobs > DOMAIN_JOBS_MAX)
            domain[i].jobs = DOMAIN_JOBS_MAX;
        if (domain[i].not_before_ms > UINT32_MAX)
            domain[i].not_before_ms = UINT32_MAX;
        queue_set_domain(rq->s, &domain[i]);
    }
    return true;
}

/* ---- bytes ---- */

struct reading {
    struct driver *d;
    struct blob_id blob;
    uint64_t offset;
    char *to;
    size_t n;
    bool ok;
    struct fct_err err;
};

static void read_bytes(void *arg)
{
    struct reading *r = arg;

    r->ok = r->d->ops->blob_read(r->d, &r->blob, NULL, r->offset, r->to, r->n, false, &r->err);
}

static bool read_piece(struct request *rq, struct reading *r, struct buf *bytes)
{
    r->to = r->n ? buf_reserve(bytes, r->n) : NULL;
    if (r->n == 0)
        return true;
    if (r->n > IN_LOOP_MAX ||
        !r->d->ops->blob_read(r->d, &r->blob, NULL, r->offset, r->to, r->n, true, &r->err))
        offload(read_bytes, r);
    else
        r->ok = true;
    bytes->n += r->n;
    if (!r->ok)
        *rq->err = r->err;
    return r->ok;
}

bool serve_queue_read(struct request *rq)
{
    uint64_t id = ipc_get_u64(&rq->in), offset = ipc_get_u64(&rq->in);
    uint32_t length = ipc_get_u32(&rq->in);
    const struct queue_message *m;
    struct buf bytes = BUF_INIT(STORE_READ_MAX);
    struct reading r = {.d = rq->s->driver, .offset = offset};
    bool ok;

    if (!request_read_all(rq))
        return false;
    m = queue_index_find(queue_in_memory(rq->s), id);
    if (!m || !m->durable)
        return fct_fail(rq->err, FCT_DENIED, "no such queue entry");
    r.blob = m->blob;
    if (offset < m->size)
        r.n = (size_t)(m->size - offset < length ? m->size - offset : length);
    if (r.n > STORE_READ_MAX)
        r.n = STORE_READ_MAX;
    ok = read_piece(rq, &r, &bytes) && request_put_bytes(rq, &bytes);
    buf_free(&bytes);
    return ok;
}

bool serve_queue_body(struct request *rq)
{
    uint64_t id = ipc_get_u64(&rq->in);

    if (!request_read_all(rq))
        return false;
    rq->reply_fd = hot_body_take(rq->s->hot, id);
    return true;
}
