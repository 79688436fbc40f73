/* serve_delivery.c - requests of those who bring mail: resolve an address, a spool file, deliver.
 */
#include "store/delivery.h"
#include "store/directory.h"
#include "store/hot_body.h"
#include "store/queue_codec.h"
#include "store/spool.h"
#include "store/suppress.h"

#include "core/base/clock.h"
#include "core/base/str.h"

#include <stdlib.h>

bool serve_resolve(struct request *rq)
{
    struct fct_str address = ipc_get_str(&rq->in);
    struct store_resolution found;

    struct suppressed not_there = {.reason = FCT_STR("")};
    bool suppressed = false;

    if (!request_read_all(rq) || !directory_resolve(rq->s, address, rq->arena, &found, rq->err))
        return false;
    if (found.what == RESOLVED_NOT_LOCAL &&
        !suppress_find(rq->s, address, rq->arena, &suppressed, &not_there, rq->err))
        return false;
    ipc_put_u8(&rq->out, (uint8_t)found.what);
    ipc_put_u32(&rq->out, (uint32_t)found.n);
    for (size_t i = 0; i < found.n; i++) {
        ipc_put_u64(&rq->out, found.target[i].account);
        ipc_put_str(&rq->out, found.target[i].name);
        ipc_put_str(&rq->out, found.target[i].detail);
        store_put_strs(&rq->out, found.target[i].setting, found.target[i].nsettings);
    }
    ipc_put_bool(&rq->out, suppressed);
    ipc_put_str(&rq->out, suppressed ? not_there.reason : FCT_STR(""));
    return true;
}

bool serve_spool(struct request *rq)
{
    if (!request_read_all(rq))
        return false;
    if (rq->s->disk_low)
        return fct_fail(rq->err, FCT_TEMP, "disk full");
    return spool_open(rq->s->dir, &rq->reply_fd, &rq->reply_fd_2, rq->err);
}

/* ---- deliver ---- */

#define ORIGIN_MAX 512u /* bytes kept of a name the client gave */

static void read_copy(struct request *rq, const struct delivery *d, const struct fct_str *summary,
                      size_t nsummaries, struct delivery_copy *c)
{
    uint32_t which;

    delivery_start_copy(d, c);
    c->account = ipc_get_u64(&rq->in);
    c->mailbox = ipc_get_str(&rq->in);
    c->mail.flags = ipc_get_u16(&rq->in);
    c->keyword = store_get_strs(&rq->in, rq->arena, &c->nkeywords);
    c->mail.edits = ipc_get_str(&rq->in);
    c->mail.ledger = ipc_get_str(&rq->in);
    which = ipc_get_u32(&rq->in);
    c->mail.view_size = ipc_get_u32(&rq->in);
    c->mail.origin.recipient = str_head(ipc_get_str(&rq->in), ORIGIN_MAX);
    c->notify = ipc_get_u8(&rq->in) & 0xf;
    c->orcpt = str_head(ipc_get_str(&rq->in), ORIGIN_MAX);
    c->waits = ipc_get_u32(&rq->in);
    c->settles = ipc_get_u32(&rq->in);
    if (which >= nsummaries)
        rq->in.bad = true;
    else
        c->mail.summary = summary[which];
}

#define COPIES_MAX 100000

static void read_origin(struct request *rq, struct mail_origin *o)
{
    o->client_ip = str_head(ipc_get_str(&rq->in), ORIGIN_MAX);
    o->helo = str_head(ipc_get_str(&rq->in), ORIGIN_MAX);
    o->login = str_head(ipc_get_str(&rq->in), ORIGIN_MAX);
    o->role = ipc_get_u32(&rq->in);
}

static bool read_delivery(struct request *rq, struct delivery *d)
{
    const struct fct_str *summary;
    size_t nsummaries;
    int64_t date;

    d->id = ipc_get_str(&rq->in);
    d->reverse_path = ipc_get_str(&rq->in);
    read_origin(rq, &d->origin);
    d->size = ipc_get_u64(&rq->in);
    date = (int64_t)ipc_get_u64(&rq->in);
    if (date <= 0)
        date = clock_wall();
    d->date = date > UINT32_MAX ? UINT32_MAX : (uint32_t)date;
    summary = store_get_strs(&rq->in, rq->arena, &nsummaries);
    d->n = ipc_get_count(&rq->in, 51);
    if (d->n > COPIES_MAX || d->size > UINT32_MAX)
        rq->in.bad = true;
    d->copy = ARENA_ARRAY(rq->arena, struct delivery_copy, rq->in.bad ? 1 : d->n + 1);
    for (size_t i = 0; i < d->n && !rq->in.bad; i++)
        read_copy(rq, d, summary, nsummaries, &d->copy[i]);
    d->sends = queue_get_send(&rq->in, rq->arena, &d->send);
    d->result = queue_get_results(&rq->in, rq->arena, &d->nresults);
    if (d->nresults > 0 && rq->client->kind == ROLE_EDGE)
        rq->in.bad = true;
    for (size_t i = 0; i < d->n && !rq->in.bad; i++)
        if (d->copy[i].waits > (d->sends ? d->send.n : 0) || d->copy[i].settles > d->nresults)
            rq->in.bad = true;
    return request_read_all(rq);
}

/* ---- the answer ---- */

static void put_results(struct request *rq, const struct delivery *d)
{
    ipc_put_u32(&rq->out, (uint32_t)d->n);
    for (size_t i = 0; i < d->n; i++) {
        const struct delivery_copy *c = &d->copy[i];

        ipc_put_u8(&rq->out, (uint8_t)c->err.class);
        ipc_put_str(&rq->out, c->err.class ? str_from(c->err.text) : FCT_STR(""));
        ipc_put_str(&rq->out, c->where);
        ipc_put_u32(&rq->out, c->uid);
    }
    ipc_put_u64(&rq->out, d->queue_id);
}

/* Smaller ones go along with the lease. */
#define HOT_ABOVE (64u << 10)

static bool may_be_hot(const struct request *rq, const struct delivery *d)
{
    return d->sends && d->send.n > 0 && d->size > HOT_ABOVE && rq->fds > 0 &&
           body_is_sealed(rq->fd[0], d->size);
}

static void keep_hot(struct request *rq, const struct delivery *d)
{
    if (may_be_hot(rq, d))
        hot_body_keep(rq->s->hot, d->queue_id, rq->fd[0], d->size, clock_ms());
}

bool serve_deliver(struct request *rq)
{
    struct delivery d = {0};
    bool ok;

    if (!read_delivery(rq, &d) || !delivery_check(&d, rq->err))
        return false;
    if (rq->s->disk_low)
        return fct_fail(rq->err, FCT_TEMP, "disk full");
    if (d.size > 0 && rq->fds == 0)
        return fct_fail(rq->err, FCT_BUG, "no descriptor came with the message");
    if (!body_read(rq->s, rq->fds ? rq->fd[0] : -1, 0, d.size, &d.body, rq->err))
        return false;
    d.body.passing = d.n == 0 && may_be_hot(rq, &d);
    ok = delivery_run(rq, &d);
    body_free(&d.body);
    if (ok)
        put_results(rq, &d);
    if (ok && d.queue_id && d.send.n > 0)
        keep_hot(rq, &d);
    return ok;
}
