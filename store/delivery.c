/* delivery.c - see delivery.h. */
#include "store/delivery.h"

#include "store/forward.h"
#include "store/privacy_days.h"
#include "store/queue_history.h"
#include "store/queue_later.h"

#include "core/base/clock.h"
#include "core/base/str.h"

/* ---- copies ---- */

void delivery_start_copy(const struct delivery *d, struct delivery_copy *c)
{
    c->mail.size = d->size;
    c->mail.internal_date = d->date;
    c->mail.reverse_path = d->reverse_path;
    c->mail.log_id = d->id;
    c->mail.origin = d->origin;
}

bool delivery_check(struct delivery *d, struct fct_err *err)
{
    for (size_t i = 0; i < d->n; i++) {
        struct delivery_copy *c = &d->copy[i];
        const struct delivery_copy *before = i > 0 ? &d->copy[i - 1] : NULL;

        /* Recipients of one filter profile share everything: checked once. */
        if (before && before->mail.summary.p == c->mail.summary.p &&
            before->mail.view_size == c->mail.view_size &&
            str_equal(before->mail.edits, c->mail.edits))
            c->facts = before->facts;
        else if (!message_check(&c->mail, &c->facts, err))
            return false;
    }
    return true;
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

/* Returns how many were kept. */
static int64_t deliver_copies(struct request *rq, struct change *c, struct delivery *d)
{
    int64_t kept = 0;

    for (size_t i = 0; i < d->n; i++) {
        if (d->copy[i].waits)
            continue;
        deliver_one(rq, c, d, &d->copy[i]);
        kept += !d->copy[i].err.class;
    }
    return kept;
}

/* ---- the entries ---- */

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
    if (c->waits)
        return false;
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
    for (size_t i = 0; i < d->n; i++)
        n += as_report(d, &d->copy[i], somebody, &(*out)[n]);
    return n;
}

/* What waits with the entry of recipients first … first + n - 1: copies for people here, as they
 * will be delivered. */
static struct fct_str later_of(struct request *rq, const struct delivery *d, size_t first, size_t n)
{
    struct queue_later_copy *copy = ARENA_ARRAY(rq->arena, struct queue_later_copy, d->n + 1);
    struct queue_later later = {.reverse_path = d->reverse_path,
                                .helo = d->origin.helo,
                                .role = d->origin.role,
                                .copy = copy};
    struct buf bytes = BUF_INIT(QUEUE_VALUE_MAX / 2);
    struct fct_str out = {0};

    for (size_t i = 0; i < d->n; i++) {
        const struct delivery_copy *c = &d->copy[i];

        if (c->waits > first && c->waits <= first + n)
            copy[later.n++] = (struct queue_later_copy){.recipient = c->waits - 1 - (uint32_t)first,
                                                        .account = c->account,
                                                        .mailbox = c->mailbox,
                                                        .flags = c->mail.flags,
                                                        .keyword = c->keyword,
                                                        .nkeywords = c->nkeywords,
                                                        .edits = c->mail.edits,
                                                        .summary = c->mail.summary,
                                                        .view_size = c->mail.view_size,
                                                        .ledger = c->mail.ledger,
                                                        .to = c->mail.origin.recipient};
    }
    if (later.n > 0) {
        queue_later_encode(&later, &bytes);
        out = arena_str(rq->arena, buf_str(&bytes));
        buf_free(&bytes);
    }
    return out;
}

/* Of at most store.queue_recipients each. Returns the references that the entries add to the body.
 */
static int64_t queue_all(struct request *rq, struct change *c, struct delivery *d, bool somebody)
{
    struct queue_recipient *recipient;
    struct queue_entry entry = {.arrived = clock_wall(),
                                .size = d->size,
                                .held = d->send.held,
                                .envelope = d->send.envelope};
    size_t left = d->sends ? queue_recipients(rq, d, somebody || d->send.n > 0, &recipient) : 0;
    int64_t entries = 0;

    entry.envelope.reverse_path = d->sender;
    entry.envelope.log_id = d->id;
    entry.envelope.login = d->origin.login;
    entry.envelope.client_ip = d->origin.client_ip;
    for (size_t at = 0, most = rq->s->conf->queue_recipients; left > 0;
         left -= entry.n, entries++) {
        uint64_t id;

        entry.recipient = recipient + at;
        entry.n = left < most ? left : most;
        id = queue_add(rq->s, c, &entry, later_of(rq, d, at, entry.n), &d->body.id);
        if (at == 0)
            d->queue_id = id;
        at += entry.n;
    }
    return entries;
}

/* ---- results of other messages ---- */

/* Those whose copies are all kept. */
static const struct queue_result *results_that_count(struct request *rq, const struct delivery *d,
                                                     size_t *n)
{
    struct queue_result *result = ARENA_ARRAY(rq->arena, struct queue_result, d->nresults + 1);
    bool *failed = ARENA_ARRAY(rq->arena, bool, d->nresults + 1);

    *n = 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->copy[i].settles && d->copy[i].err.class)
            failed[d->copy[i].settles - 1] = true;
    for (size_t i = 0; i < d->nresults; i++)
        if (!failed[i])
            result[(*n)++] = d->result[i];
    return result;
}

static bool is_over(const struct server *s, const struct queue_result *r)
{
    struct queue_message *m = queue_index_find(queue_in_memory(s), r->id);

    return !m || !queue_message_item(m, r->recipient);
}

/* Was its sender told of the delay by this very result? False, too, when nobody can say. */
static bool is_warned(struct request *rq, const struct queue_result *r)
{
    const struct queue_message *m = queue_index_find(queue_in_memory(rq->s), r->id);
    struct queue_progress state;
    struct queue_record record;
    struct fct_err ignored;

    return m && queue_read(rq->s, m, rq->arena, &record, &state, &ignored) &&
           r->recipient < record.entry.n && record.recipient[r->recipient].warned &&
           (r->tried == 0 || r->tried == record.recipient[r->recipient].last_try);
}

/* A report that is stored already: whoever made it did not hear of that (we died) and says it
 * again. Then all that it tells is known. */
static bool is_told(struct request *rq, const struct delivery *d)
{
    bool tells = false;

    if (d->n > 0 && d->copy[0].settles)
        return false;
    for (size_t i = 0; i < d->nresults; i++) {
        const struct queue_result *r = &d->result[i];
        bool over = r->outcome < QUEUE_OUT_DEFERRED;

        if (!over && !r->warned)
            continue;
        tells = true;
        if (!(over ? is_over(rq->s, r) : is_warned(rq, r)))
            return false;
    }
    return tells;
}

static void note_report(struct request *rq, const struct delivery *d)
{
    bool reports = d->nresults > 0 && (d->n == 0 || d->copy[0].settles == 0);

    if (reports && (d->send.n > 0 || d->n > 0))
        queue_history_report(rq->s, d->result[0].id,
                             d->n > 0 ? d->copy[0].mail.origin.recipient
                                      : d->send.recipient[0].address);
}

/* ---- the whole ---- */

static bool may_queue(struct request *rq, struct delivery *d)
{
    if (d->send.n > 0 && !queue_has_room(rq->s, d->origin.login, rq->err))
        return false;
    return d->send.forwarded_by.n == 0 || forward_sender(rq->s, rq->arena, d->reverse_path,
                                                         d->send.forwarded_by, &d->sender, rq->err);
}

/* The body is pinned while the batch is made: what was noted goes along, and may end the last other
 * use of the very body that the copies use. */
bool delivery_run(struct request *rq, struct delivery *d)
{
    const struct queue_result *result;
    int64_t references;
    struct change c;
    bool exists = false, told = is_told(rq, d), rides;
    size_t n;

    d->sender = d->reverse_path;
    if ((d->sends && !may_queue(rq, d)) || !blob_exists(rq->s, &d->body.id, &exists, rq->err))
        return false;
    if (!exists && !d->body.bytes && d->size > 0)
        return fct_fail(rq->err, FCT_TEMP, "the message is gone");
    if (exists)
        blob_pin(rq->s, &d->body.id);
    change_begin(&c, rq->s);
    references = told ? 0 : deliver_copies(rq, &c, d);
    references += told ? 0 : queue_all(rq, &c, d, references > 0);
    result = results_that_count(rq, d, &n);
    rides = queue_ride_with(rq->s, &c.batch, result, n, rq->client->number);
    if (references > 0)
        blob_put(&c.batch, &d->body, exists, references);
    if (exists)
        blob_unpin(rq->s, &d->body.id);
    if (change_is_empty(&c))
        change_drop(&c);
    else
        rq->seq = change_commit(&c);
    if (!told)
        note_report(rq, d);
    if (rides && rq->seq > 0)
        queue_rode(rq->s, rq->seq);
    return true;
}
