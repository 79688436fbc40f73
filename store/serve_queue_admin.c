/* serve_queue_admin.c - what facteurctl asks of the queue: changes, numbers, rules. */
#include "store/client.h"
#include "store/queue.h"
#include "store/queue_codec.h"
#include "store/queue_history.h"
#include "store/queue_rules.h"

#include "core/base/clock.h"
#include "core/base/str.h"

#include <stdlib.h>

/* ---- act ---- */

bool serve_queue_act(struct request *rq)
{
    uint8_t act = ipc_get_u8(&rq->in);
    uint32_t n = ipc_get_count(&rq->in, 8), done = 0;

    if (act >= QUEUE_ACT_COUNT || n > QUEUE_ACT_MAX)
        rq->in.bad = true;
    for (uint32_t i = 0; i < n && !rq->in.bad; i++)
        done += queue_act(rq->s, (enum queue_act)act, ipc_get_u64(&rq->in));
    ipc_put_u32(&rq->out, done);
    if (!request_read_all(rq))
        return false;
    rq->seq = queue_flush(rq->s);
    return true;
}

/* ---- statistics ---- */

struct numbers {
    uint64_t age[QUEUE_AGES];
    struct queue_domain_row *row; /* of each domain, by its mark */
    size_t n;
    int64_t now;
    uint32_t clock;
};

static const uint32_t age_limit[QUEUE_AGES - 1] = {60,    300,   1200,   3600,  14400,
                                                   43200, 86400, 172800, 432000};

static void count_age(struct numbers *c, const struct queue_message *m)
{
    int64_t age = c->now - m->arrived;
    size_t i = 0;

    while (i < QUEUE_AGES - 1 && age >= (int64_t)age_limit[i])
        i++;
    c->age[i] += m->open;
}

static void count_item(struct numbers *c, const struct queue_item *item)
{
    struct queue_domain_row *row = &c->row[item->home->mark];
    int64_t arrived = queue_item_message(item)->arrived;
    bool waits = item->place == JOB_WAITING && item->due > c->clock;
    int64_t due = c->now + (item->due > c->clock ? (int64_t)(item->due - c->clock) : 0);

    row->messages++;
    row->recipients += item->open;
    row->waiting += waits;
    if (row->oldest == 0 || arrived < row->oldest)
        row->oldest = arrived;
    if (waits && (row->next == 0 || due < row->next))
        row->next = due;
}

static uint64_t blocked_ms(const struct queue_home *h, uint64_t now)
{
    uint64_t until = queue_home_blocked_until(h);

    if (until == CLOCK_NEVER)
        return QUEUE_BLOCKED_HELD;
    return until > now ? until - now : 0;
}

static void count_domains(struct request *rq, struct numbers *c)
{
    const struct queue_index *q = queue_in_memory(rq->s);
    uint64_t now = clock_ms();
    struct queue_home *h;
    size_t at = 0;

    c->row = ARENA_ARRAY(rq->arena, struct queue_domain_row, q->homes.n + 1);
    while ((h = queue_home_next(q, &at))) {
        uint32_t jobs = h->busy ? h->busy->jobs : 0;

        if (h->items == 0)
            continue;
        h->mark = (uint32_t)c->n;
        c->row[c->n++] = (struct queue_domain_row){.domain = queue_home_domain(h),
                                                   .active = h->busy ? h->busy->active : 0,
                                                   .jobs = jobs ? jobs : q->jobs,
                                                   .blocked_ms = blocked_ms(h, now)};
    }
}

static int by_messages(const void *x, const void *y)
{
    const struct queue_domain_row *a = x, *b = y;

    if (a->messages != b->messages)
        return a->messages > b->messages ? -1 : 1;
    return str_compare(a->domain, b->domain);
}

static void put_domains(struct buf *b, const struct numbers *c, size_t n)
{
    ipc_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct queue_domain_row *row = &c->row[i];

        ipc_put_str(b, row->domain);
        ipc_put_u64(b, row->messages);
        ipc_put_u64(b, row->recipients);
        ipc_put_u64(b, row->active);
        ipc_put_u64(b, row->waiting);
        ipc_put_u64(b, (uint64_t)row->oldest);
        ipc_put_u64(b, (uint64_t)row->next);
        ipc_put_u32(b, row->jobs);
        ipc_put_u64(b, row->blocked_ms);
    }
}

bool serve_queue_statistics(struct request *rq)
{
    struct numbers c = {.now = clock_wall(), .clock = queue_clock()};
    const struct queue_index *q = queue_in_memory(rq->s);
    uint32_t max = ipc_get_u32(&rq->in);
    uint64_t ready;

    if (!request_read_all(rq))
        return false;
    count_domains(rq, &c);
    ready = q->ready;
    for (struct queue_message *m = NULL; (m = queue_index_next(q, m ? m->id : 0));) {
        count_age(&c, m);
        for (uint32_t i = 0; i < m->items; i++)
            if (m->item[i].place != JOB_OVER) {
                count_item(&c, &m->item[i]);
                ready += m->item[i].place == JOB_WAITING && m->item[i].due <= c.clock;
            }
    }
    if (c.n > 1)
        qsort(c.row, c.n, sizeof *c.row, by_messages);
    {
        const uint64_t number[] = {q->messages,
                                   q->recipients,
                                   q->nactive,
                                   ready,
                                   q->waiting.n - (ready - q->ready),
                                   q->held,
                                   c.n};

        for (size_t i = 0; i < FCT_COUNT(number); i++)
            ipc_put_u64(&rq->out, number[i]);
    }
    for (size_t i = 0; i < QUEUE_AGES; i++)
        ipc_put_u64(&rq->out, c.age[i]);
    put_domains(&rq->out, &c, c.n < max ? c.n : max);
    return true;
}

/* ---- history ---- */

#define HISTORY_MAX (2u << 20)

bool serve_queue_history(struct request *rq)
{
    struct fct_str log_id = ipc_get_str(&rq->in);
    struct buf lines = BUF_INIT(512u << 20);
    struct fct_str newest;

    if (!request_read_all(rq))
        return false;
    queue_history_find(rq->s, arena_str(rq->arena, log_id), &lines);
    newest = buf_str(&lines);
    if (newest.n > HISTORY_MAX) {
        newest = str_skip(newest, newest.n - HISTORY_MAX);
        (void)str_split(&newest, '\n');
    }
    ipc_put_str(&rq->out, newest);
    buf_free(&lines);
    return true;
}

/* ---- rules ---- */

bool serve_queue_rules(struct request *rq)
{
    uint64_t known = ipc_get_u64(&rq->in), generation;
    const struct queue_rule *rule;
    size_t n = 0;

    if (!request_read_all(rq))
        return false;
    rule = queue_rules_all(rq->s, &generation, &n);
    if (generation == known)
        n = 0;
    ipc_put_u64(&rq->out, generation);
    ipc_put_u32(&rq->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        queue_put_rule(&rq->out, &rule[i]);
    return true;
}

bool serve_queue_rule_set(struct request *rq)
{
    struct queue_rule rule;

    queue_get_rule(&rq->in, &rule);
    return request_read_all(rq) && queue_rules_set(rq->s, &rule, rq->err);
}
