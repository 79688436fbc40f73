/* serve_delivery.c - requests of those who bring mail: resolve an address, a spool file, deliver.
 */
#include "store/client.h"
#include "store/directory.h"
#include "store/forward.h"
#include "store/hot_body.h"
#include "store/message.h"
#include "store/privacy_days.h"
#include "store/queue.h"
#include "store/queue_codec.h"
#include "store/queue_history.h"
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

struct delivery_copy {
    uint64_t account;
    struct fct_str mailbox;
    const struct fct_str *keyword;
    size_t nkeywords;
    struct new_mail mail;
    struct mail_facts facts;
    struct fct_err err; /* FCT_OK: can be delivered */
    uint32_t uid;
    struct fct_str where;
    uint8_t notify;
    struct fct_str orcpt;
};

struct delivery {
    struct fct_str id, reverse_path;
    struct mail_origin origin; /* but the recipient */
    uint64_t size;
    uint32_t date;
    struct delivery_copy *copy;
    size_t n;
    struct body body;
    bool sends;
    struct queue_send send;
    struct fct_str sender; /* with which it leaves */
    const struct queue_result *result;
    size_t nresults;
    uint64_t queue_id;
};

#define ORIGIN_MAX 512u /* bytes kept of a name the client gave */

static void read_copy(struct request *rq, const struct delivery *d, const struct fct_str *summary,
                      size_t nsummaries, struct delivery_copy *c)
{
    uint32_t which;

    c->account = ipc_get_u64(&rq->in);
    c->mailbox = ipc_get_str(&rq->in);
    c->mail.flags = ipc_get_u16(&rq->in);
    c->keyword = store_get_strs(&rq->in, rq->arena, &c->nkeywords);
    c->mail.edits = ipc_get_str(&rq->in);
    c->mail.ledger = ipc_get_str(&rq->in);
    which = ipc_get_u32(&rq->in);
    c->mail.view_size = ipc_get_u32(&rq->in);
    c->mail.origin = d->origin;
    c->mail.origin.recipient = str_head(ipc_get_str(&rq->in), ORIGIN_MAX);
    c->notify = ipc_get_u8(&rq->in) & 0xf;
    c->orcpt = str_head(ipc_get_str(&rq->in), ORIGIN_MAX);
    if (which >= nsummaries)
        rq->in.bad = true;
    else
        c->mail.summary = summary[which];
    c->mail.size = d->size;
    c->mail.internal_date = d->date;
    c->mail.reverse_path = d->reverse_path;
    c->mail.log_id = d->id;
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
    d->n = ipc_get_count(&rq->in, 43);
    if (d->n > COPIES_MAX || d->size > UINT32_MAX)
        rq->in.bad = true;
    d->copy = ARENA_ARRAY(rq->arena, struct delivery_copy, rq->in.bad ? 1 : d->n + 1);
    for (size_t i = 0; i < d->n && !rq->in.bad; i++)
        read_copy(rq, d, summary, nsummaries, &d->copy[i]);
    d->sends = queue_get_send(&rq->in, rq->arena, &d->send);
    d->result = queue_get_results(&rq->in, rq->arena, &d->nresults);
    if (d->nresults > 0 && rq->client->kind == ROLE_EDGE)
        rq->in.bad = true;
    return request_read_all(rq);
}

/* The mailbox of one recipient, made when it is missing; a name that cannot be made is no reason to
 * lose the mail: INBOX. */
static struct mailbox *target_of(struct request *rq, struct change *c, struct account *a,
                                 struct fct_str name)
{
    bool sent = str_equal(name, STORE_SENT);
    struct mailbox *m = sent     ? mailbox_with_role(a, MAILBOX_SENT)
                        : name.n ? mailbox_find(a, name)
                                 : mailbox_with_role(a, MAILBOX_INBOX);
    bool quarantine =
        str_equal(name, FCT_STR("Quarantine")) && !mailbox_with_role(a, MAILBOX_QUARANTINE);
    struct fct_err ignored;

    if (!m || !m->selectable)
        m = mailbox_make(c, a, sent ? FCT_STR("Sent") : name,
                         quarantine ? MAILBOX_QUARANTINE
                         : sent     ? MAILBOX_SENT
                                    : MAILBOX_PLAIN,
                         rq->s->conf->max_mailboxes, &ignored);
    return m ? m : mailbox_with_role(a, MAILBOX_INBOX);
}

/* One recipient; what is wrong with it alone is its own. */
static void deliver_one(struct request *rq, struct change *c, const struct delivery *d,
                        struct delivery_copy *copy)
{
    struct account *a;
    struct mailbox *m;
    bool grew;

    if (!account_find(rq->s, copy->account, &a, &copy->err) ||
        !account_has_room(a, copy->mail.view_size, &copy->err))
        return;
    m = target_of(rq, c, a, copy->mailbox);
    if (!m || !message_fits(a, m, copy->mail.view_size, &copy->err)) {
        if (!copy->err.class)
            fct_fail(&copy->err, FCT_TEMP, "no mailbox to deliver to");
        return;
    }
    /* Keywords are an extra: a full table or a bad name does not keep the mail out. */
    if (!account_keywords(a, copy->keyword, copy->nkeywords, true, &copy->mail.keywords, &grew,
                          NULL))
        copy->mail.keywords = 0;
    else if (grew)
        change_keywords(c, a);
    copy->mail.blob = d->body.id;
    change_account(c, a);
    copy->uid = message_add(c, a, m, &copy->mail, &copy->facts);
    privacy_count(c, a, &copy->mail);
    copy->where = mailbox_path(a, m, rq->arena);
}

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

/* A copy whose sender has to be told: it failed for good, or he asked to hear of its success. */
static bool as_report(const struct delivery *d, const struct delivery_copy *c, bool somebody,
                      struct queue_recipient *out)
{
    bool failed = c->err.class == FCT_LIMIT || c->err.class == FCT_DENIED;

    *out = (struct queue_recipient){.address = c->mail.origin.recipient,
                                    .orcpt = c->orcpt,
                                    .notify = c->notify,
                                    .status = failed ? QUEUE_FAILED : QUEUE_DELIVERED,
                                    .reply = str_from(c->err.text)};
    if (failed)
        return d->send.report_copies && somebody && !(c->notify & QUEUE_NOTIFY_NEVER);
    return c->err.class == FCT_OK && (c->notify & QUEUE_NOTIFY_SUCCESS);
}

/* Who is left to be sent to, or told about. */
static size_t queue_recipients(struct request *rq, const struct delivery *d, bool somebody,
                               struct queue_recipient **out)
{
    size_t n = d->send.n;

    *out = ARENA_ARRAY(rq->arena, struct queue_recipient, n + d->n + 1);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = d->send.recipient[i];
    for (size_t i = 0; i < d->n && n < QUEUE_RECIPIENTS_MAX; i++)
        n += as_report(d, &d->copy[i], somebody, &(*out)[n]);
    return n;
}

/* Returns the references that the entry adds to the body. */
static int64_t queue_one(struct request *rq, struct change *c, struct delivery *d, bool somebody)
{
    struct queue_recipient *recipient;
    struct queue_entry entry = {.arrived = clock_wall(),
                                .size = d->size,
                                .held = d->send.held,
                                .envelope = d->send.envelope};

    if (!d->sends)
        return 0;
    entry.n = queue_recipients(rq, d, somebody || d->send.n > 0, &recipient);
    if (entry.n == 0)
        return 0;
    entry.recipient = recipient;
    entry.envelope.reverse_path = d->sender;
    entry.envelope.log_id = d->id;
    entry.envelope.login = d->origin.login;
    entry.envelope.client_ip = d->origin.client_ip;
    d->queue_id = queue_add(rq->s, c, &entry, &d->body.id);
    return 1;
}

/* One original, n records and a queue entry, one batch. */
static bool deliver_all(struct request *rq, struct delivery *d)
{
    int64_t references = 0;
    struct change c;
    bool exists = false, ok, rides;

    if (d->sends && d->send.n > QUEUE_RECIPIENTS_MAX)
        return fct_fail(rq->err, FCT_LIMIT, "more than %u recipients", QUEUE_RECIPIENTS_MAX);
    if (d->sends && d->send.n > 0 && !queue_has_room(rq->s, d->origin.login, rq->err))
        return false;
    d->sender = d->reverse_path;
    if (d->sends && d->send.forwarded_by.n > 0 &&
        !forward_sender(rq->s, rq->arena, d->reverse_path, d->send.forwarded_by, &d->sender,
                        rq->err))
        return false;
    change_begin(&c, rq->s);
    /* What was noted goes along. First, as it may end the last use of the very body that comes. */
    rides = queue_ride_with(rq->s, &c.batch, d->result, d->nresults, rq->client->number);
    ok = blob_exists(rq->s, &d->body.id, &exists, rq->err);
    for (size_t i = 0; ok && i < d->n; i++) {
        deliver_one(rq, &c, d, &d->copy[i]);
        references += !d->copy[i].err.class;
    }
    if (ok)
        references += queue_one(rq, &c, d, references > 0);
    if (references > 0)
        blob_put(&c.batch, &d->body, exists, references);
    if (change_is_empty(&c))
        change_drop(&c);
    else
        rq->seq = change_commit(&c);
    if (d->nresults > 0 && (d->send.n > 0 || d->n > 0))
        queue_history_report(rq->s, d->result[0].id,
                             d->n > 0 ? d->copy[0].mail.origin.recipient
                                      : d->send.recipient[0].address);
    if (rides && rq->seq > 0)
        queue_rode(rq->s, rq->seq);
    put_results(rq, d);
    return ok;
}

static bool check_copies(struct request *rq, struct delivery *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct delivery_copy *c = &d->copy[i];
        const struct delivery_copy *before = i > 0 ? &d->copy[i - 1] : NULL;

        /* Recipients of one filter profile share everything: checked once. */
        if (before && before->mail.summary.p == c->mail.summary.p &&
            before->mail.view_size == c->mail.view_size &&
            str_equal(before->mail.edits, c->mail.edits))
            c->facts = before->facts;
        else if (!message_check(&c->mail, &c->facts, rq->err))
            return false;
    }
    return true;
}

/* Smaller ones go along with the lease. */
#define HOT_ABOVE (64u << 10)

static void keep_hot(struct request *rq, const struct delivery *d)
{
    if (d->size > HOT_ABOVE && body_is_sealed(rq->fd[0], d->size))
        hot_body_keep(rq->s->hot, d->queue_id, rq->fd[0], d->size, clock_ms());
}

bool serve_deliver(struct request *rq)
{
    struct delivery d = {0};
    bool ok;

    if (!read_delivery(rq, &d) || !check_copies(rq, &d))
        return false;
    if (rq->s->disk_low)
        return fct_fail(rq->err, FCT_TEMP, "disk full");
    if (d.size > 0 && rq->fds == 0)
        return fct_fail(rq->err, FCT_BUG, "no descriptor came with the message");
    ok = body_read(rq->s, rq->fds ? rq->fd[0] : -1, 0, d.size, &d.body, rq->err) &&
         deliver_all(rq, &d);
    body_free(&d.body);
    if (ok && d.queue_id && d.send.n > 0)
        keep_hot(rq, &d);
    return ok;
}
