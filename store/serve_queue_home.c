/* serve_queue_home.c - mail of the queue for people here, whose time has come: its copies were made
 * when it came (queue_later.h). The copies and the end of the recipients in the queue are one
 * batch: whatever dies, each gets it once. */
#include "store/delivery.h"
#include "store/queue_later.h"

#include "core/base/clock.h"
#include "core/base/str.h"

struct home {
    struct request *rq;
    struct queue_message *message;
    struct queue_record record;
    struct queue_later later;
    struct delivery d;
    struct queue_result *result;
    const uint32_t *asked; /* recipients */
    uint32_t *place;       /* of each: its copy, plus 1; 0: it has none */
    size_t n;
};

/* Of that recipient; NULL: the entry keeps none, as its address was not here when it came. */
static const struct queue_later_copy *kept_for(const struct home *h, uint32_t recipient)
{
    for (size_t i = 0; i < h->later.n; i++)
        if (h->later.copy[i].recipient == recipient)
            return &h->later.copy[i];
    return NULL;
}

static void add_copy(struct home *h, const struct queue_later_copy *from)
{
    const struct queue_recipient *r = &h->record.recipient[from->recipient];
    struct delivery *d = &h->d;
    struct delivery_copy *c = &d->copy[d->n];

    delivery_start_copy(d, c);
    c->account = from->account;
    c->mailbox = from->mailbox;
    c->keyword = from->keyword;
    c->nkeywords = from->nkeywords;
    c->mail.flags = from->flags;
    c->mail.edits = from->edits;
    c->mail.summary = from->summary;
    c->mail.view_size = from->view_size;
    c->mail.ledger = from->ledger;
    c->mail.origin.recipient = from->to;
    c->notify = r->notify;
    c->orcpt = r->orcpt;
    h->result[d->n] = (struct queue_result){.id = h->message->id,
                                            .recipient = from->recipient,
                                            .outcome = QUEUE_OUT_DELIVERED,
                                            .reply = FCT_STR("delivered here"),
                                            .address = r->address,
                                            .status = FCT_STR("2.0.0")};
    c->settles = (uint32_t)++d->n;
}

/* The delivery as it came, but now; reports of success as they are made of any. */
static void start_delivery(struct home *h)
{
    const struct queue_entry *e = &h->record.entry;
    struct request *rq = h->rq;
    struct delivery *d = &h->d;
    int64_t now = clock_wall();

    d->id = e->envelope.log_id;
    d->reverse_path = h->later.reverse_path;
    d->origin = (struct mail_origin){.client_ip = e->envelope.client_ip,
                                     .helo = h->later.helo,
                                     .login = e->envelope.login,
                                     .role = h->later.role};
    d->size = e->size;
    d->date = now > UINT32_MAX ? UINT32_MAX : (uint32_t)now;
    d->body.id = h->record.blob;
    d->body.size = e->size;
    d->sends = e->envelope.may_bounce;
    d->send.envelope = e->envelope;
    d->send.envelope.hold_until = 0;
    d->copy = ARENA_ARRAY(rq->arena, struct delivery_copy, h->n + 1);
    d->result = h->result = ARENA_ARRAY(rq->arena, struct queue_result, h->n + 1);
}

static bool gather(struct home *h)
{
    start_delivery(h);
    for (size_t i = 0; i < h->n; i++) {
        const struct queue_later_copy *kept = kept_for(h, h->asked[i]);

        if (!kept || !queue_message_item(h->message, h->asked[i]))
            continue;
        add_copy(h, kept);
        h->place[i] = (uint32_t)h->d.n;
    }
    h->d.nresults = h->d.n;
    return delivery_check(&h->d, h->rq->err);
}

static void put_answer(const struct home *h)
{
    struct buf *out = &h->rq->out;

    ipc_put_u32(out, (uint32_t)h->n);
    for (size_t i = 0; i < h->n; i++) {
        const struct delivery_copy *c = h->place[i] ? &h->d.copy[h->place[i] - 1] : NULL;
        bool kept = kept_for(h, h->asked[i]);

        ipc_put_bool(out, kept);
        ipc_put_u8(out, c ? (uint8_t)c->err.class : FCT_OK);
        ipc_put_str(out, c && c->err.class ? str_from(c->err.text) : FCT_STR(""));
    }
}

/* What `later` says may be used from here: nothing waits any more. */
static bool read_entry(struct home *h, uint64_t id)
{
    struct request *rq = h->rq;
    struct queue_progress state;

    h->message = queue_index_find(queue_in_memory(rq->s), id);
    if (!h->message || !h->message->durable)
        return fct_fail(rq->err, FCT_DENIED, "no such queue entry");
    if (!queue_read(rq->s, h->message, rq->arena, &h->record, &state, rq->err))
        return false;
    return queue_later_decode(h->record.later, h->record.entry.n, rq->arena, &h->later) ||
           fct_fail(rq->err, FCT_TEMP, "queue entry %llu is damaged", (unsigned long long)id);
}

bool serve_queue_home(struct request *rq)
{
    uint64_t id = ipc_get_u64(&rq->in);
    struct home h = {.rq = rq};

    h.asked = store_get_numbers(&rq->in, rq->arena, &h.n);
    for (size_t i = 1; i < h.n; i++)
        if (h.asked[i - 1] >= h.asked[i]) /* nobody twice */
            rq->in.bad = true;
    if (!request_read_all(rq))
        return false;
    if (rq->s->disk_low)
        return fct_fail(rq->err, FCT_TEMP, "disk full");
    h.place = ARENA_ARRAY(rq->arena, uint32_t, h.n + 1);
    if (!read_entry(&h, id) || !gather(&h) || (h.d.n > 0 && !delivery_run(rq, &h.d)))
        return false;
    put_answer(&h);
    return true;
}
