/* serve_queue_list.c - pages of what is in the queue, for facteurctl. Entries are read many at a
 * time: a hundred thousand are listed while somebody waits. */
#include "store/client.h"
#include "store/queue.h"
#include "store/queue_codec.h"

#include "core/base/clock.h"
#include "core/base/str.h"

#define PAGE_LOOKED 1000u      /* entries looked at for one page, and recipients read together */
#define PAGE_BYTES  (1u << 20) /* of rows, about */

static enum queue_state state_of(const struct queue_message *m, int64_t *due)
{
    enum queue_state state = m->held ? QUEUE_STATE_HELD : QUEUE_STATE_WAITING;
    uint32_t soonest = UINT32_MAX, now = queue_clock();

    for (uint32_t i = 0; i < m->items; i++) {
        const struct queue_item *item = &m->item[i];

        if (item->place == JOB_ACTIVE)
            state = QUEUE_STATE_ACTIVE;
        else if ((item->place == JOB_READY || (item->place == JOB_WAITING && item->due <= now)) &&
                 state == QUEUE_STATE_WAITING)
            state = QUEUE_STATE_READY;
        if (item->place != JOB_OVER && item->place != JOB_ACTIVE && item->due < soonest)
            soonest = item->due;
    }
    *due = clock_wall() + (soonest > now && soonest != UINT32_MAX ? (int64_t)(soonest - now) : 0);
    return state;
}

static bool memory_fits(const struct queue_filter *f, const struct queue_message *m,
                        enum queue_state state)
{
    int64_t age = clock_wall() - m->arrived;

    if (!m->durable || (f->id && f->id != m->id) ||
        (f->states && !(f->states & (1u << (unsigned)state))))
        return false;
    return (f->older_than == 0 || age >= (int64_t)f->older_than) &&
           (f->younger_than == 0 || age < (int64_t)f->younger_than);
}

static bool recipient_fits(const struct queue_filter *f, const struct queue_recipient *r)
{
    struct fct_str address = r->address;
    ptrdiff_t at = str_find_last_char(address, '@');

    return (f->recipient.n == 0 || str_find_nocase(address, f->recipient) >= 0) &&
           (f->reply.n == 0 || str_find_nocase(r->reply, f->reply) >= 0) &&
           (f->domain.n == 0 ||
            (at >= 0 && str_equal_nocase(str_skip(address, (size_t)at + 1), f->domain)));
}

static bool sender_fits(struct fct_str wanted, struct fct_str sender)
{
    if (wanted.n == 0)
        return true;
    if (str_equal(wanted, FCT_STR("<>")))
        return sender.n == 0;
    return str_find_nocase(sender, wanted) >= 0;
}

static bool entry_fits(const struct queue_filter *f, const struct queue_entry *e)
{
    if (!sender_fits(f->sender, e->envelope.reverse_path) ||
        (f->login.n > 0 && !str_equal_nocase(f->login, e->envelope.login)) ||
        (f->trace.n > 0 && !str_equal(f->trace, e->envelope.log_id)))
        return false;
    for (size_t i = 0; i < e->n; i++)
        if (recipient_fits(f, &e->recipient[i]))
            return true;
    return false;
}

struct page {
    struct request *rq;
    struct queue_filter filter;
    struct arena *arena; /* of those that are read together */
    uint64_t after;
    unsigned looked;
    bool end; /* nothing is left behind `after` */
    struct buf rows;
    uint32_t n;
};

/* The next that may fit, by what memory says of them. One of very many recipients comes alone. */
static size_t gather(struct page *p, struct queue_stored *some)
{
    const struct queue_index *q = queue_in_memory(p->rq->s);
    size_t n = 0, recipients = 0;
    int64_t due;

    for (; p->looked < PAGE_LOOKED; p->looked++) {
        const struct queue_message *m = queue_index_next(q, p->after);

        p->end = !m || (p->filter.id > 0 && m->id > p->filter.id);
        if (p->end || (n > 0 && recipients + m->recipients > PAGE_LOOKED))
            break;
        p->after = m->id;
        if (!memory_fits(&p->filter, m, state_of(m, &due)))
            continue;
        recipients += m->recipients;
        some[n++].message = m;
    }
    return n;
}

static bool put_row(struct page *p, const struct queue_stored *stored)
{
    struct queue_progress over;
    struct queue_record r;
    int64_t due;

    if (!queue_stored_decode(stored, p->arena, &r, &over, p->rq->err))
        return false;
    if (!entry_fits(&p->filter, &r.entry))
        return true;
    queue_put_entry(&p->rows, &r.entry);
    ipc_put_u8(&p->rows, (uint8_t)state_of(stored->message, &due));
    ipc_put_u64(&p->rows, (uint64_t)due);
    p->n++;
    return true;
}

static bool put_some(struct page *p)
{
    struct queue_stored *some;
    size_t n;

    arena_reset(p->arena);
    some = ARENA_ARRAY(p->arena, struct queue_stored, PAGE_LOOKED);
    n = gather(p, some);
    if (n > 0 && !queue_stored_read(p->rq->s, some, n, p->arena, p->rq->err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!put_row(p, &some[i]))
            return false;
    return true;
}

bool serve_queue_list(struct request *rq)
{
    struct page p = {.rq = rq, .rows = BUF_INIT(IPC_MAX_MESSAGE - 8192)};
    bool ok = true;

    queue_get_filter(&rq->in, &p.filter);
    p.after = ipc_get_u64(&rq->in);
    if (!request_read_all(rq) ||
        !commit_wait(rq->s->commit, queue_flush(rq->s), rq->err)) /* what was noted is readable */
        return false;
    if (p.filter.id > 0 && p.after == 0)
        p.after = p.filter.id - 1;
    p.arena = arena_new(NULL);
    while (ok && !p.end && p.looked < PAGE_LOOKED && p.rows.n < PAGE_BYTES)
        ok = put_some(&p);
    arena_free(&p.arena);
    ipc_put_u64(&rq->out, p.after);
    ipc_put_bool(&rq->out, p.end);
    ipc_put_u32(&rq->out, p.n);
    buf_put_str(&rq->out, buf_str(&p.rows));
    rq->out.overflow |= p.rows.overflow;
    buf_free(&p.rows);
    return ok;
}
