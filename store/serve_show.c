/* serve_show.c - requests about showing messages otherwise than they were delivered: the original
 * with its edits, and e-mails made of the same original with other edits.
 *
 * The bytes of a UID never change (RFC 9051 2.3.1.1), nor those of an e-mail: what shall be shown
 * otherwise becomes a new e-mail with a new UID, which refers to the same body. The asker builds
 * edits and summary, since the store parses no mail (shown_view.h). */
#include "store/client.h"
#include "store/mail_record.h"
#include "store/message.h"
#include "store/original.h"

#include "core/base/str.h"

/* ---- the original and its edits ---- */

static bool put_view(struct request *rq, uint64_t account, uint64_t email)
{
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(MAIL_VALUE_MAX);
    struct mail_view view = {0};
    bool found;

    if (!original_give(rq, account, email) ||
        !mail_view_get(rq->s->driver, NULL, account, email, &value, &view, &found, rq->err))
        return false;
    ipc_put_str(&rq->out, view.edits);
    ipc_put_bool(&rq->out, view.shown_anew);
    ipc_put_str(&rq->out, view.aside);
    return true;
}

bool serve_view(struct request *rq)
{
    uint64_t email = ipc_get_u64(&rq->in);
    struct account *a;

    return request_read_all(rq) && request_account(rq, &a) &&
           commit_wait(rq->s->commit, a->seq, rq->err) && put_view(rq, rq->account, email);
}

bool serve_view_of(struct request *rq)
{
    uint64_t account = ipc_get_u64(&rq->in), email = ipc_get_u64(&rq->in);
    struct account *a;

    return request_read_all(rq) && account_find(rq->s, account, &a, rq->err) &&
           put_view(rq, account, email);
}

/* ---- showing ---- */

#define SHOW_MAX 10000 /* messages in one request */

struct show {
    struct fct_str target, keyword; /* keyword: of those whose edits clean, as `marked` says */
    bool move;
    struct shown_mail *mail;
    bool *marked;
    size_t n;
};

static void read_show(struct request *rq, struct show *w)
{
    uint32_t before = 0;

    w->target = ipc_get_str(&rq->in);
    w->keyword = ipc_get_str(&rq->in);
    w->move = ipc_get_bool(&rq->in);
    w->n = ipc_get_count(&rq->in, 17);
    if (w->n > SHOW_MAX)
        rq->in.bad = true;
    if (rq->in.bad)
        w->n = 0;
    w->mail = ARENA_ARRAY(rq->arena, struct shown_mail, w->n + 1);
    w->marked = ARENA_ARRAY(rq->arena, bool, w->n + 1);
    for (size_t i = 0; i < w->n && !rq->in.bad; i++) {
        struct shown_mail *m = &w->mail[i];

        *m = (struct shown_mail){.uid = ipc_get_u32(&rq->in)};
        m->mail.view_size = ipc_get_u32(&rq->in);
        w->marked[i] = ipc_get_bool(&rq->in);
        m->mail.edits = ipc_get_str(&rq->in);
        m->mail.summary = ipc_get_str(&rq->in);
        if (m->uid <= before)
            rq->in.bad = true;
        before = m->uid;
    }
}

/* The delivery's facts stay; what was delivered is set aside while something else is shown. */
static void take_facts(struct request *rq, struct new_mail *m, const struct mail_record *record,
                       const struct mail_view *view)
{
    struct fct_str delivered = view->shown_anew && view->aside.n > 0 ? view->aside : view->edits;

    m->blob = record->blob;
    m->size = record->size;
    m->ledger = arena_str(rq->arena, view->ledger);
    m->reverse_path = arena_str(rq->arena, view->reverse_path);
    m->log_id = arena_str(rq->arena, view->log_id);
    m->origin.recipient = arena_str(rq->arena, view->origin.recipient);
    m->origin.client_ip = arena_str(rq->arena, view->origin.client_ip);
    m->origin.helo = arena_str(rq->arena, view->origin.helo);
    m->origin.login = arena_str(rq->arena, view->origin.login);
    m->origin.role = view->origin.role;
    m->received = view->received;
    m->shown_anew = true;
    if (!str_equal(delivered, m->edits))
        m->aside = arena_str(rq->arena, delivered);
}

/* `email` was found in the index and is durable. */
static bool look_at(struct request *rq, struct shown_mail *m, uint64_t email)
{
    FCT_CLEANUP(buf_free) struct buf cold = BUF_INIT(MAIL_VALUE_MAX);
    FCT_CLEANUP(buf_free) struct buf warm = BUF_INIT(MAIL_VALUE_MAX);
    struct mail_record record;
    struct mail_view view = {0};
    bool found, viewed;

    if (!mail_record_get(rq->s->driver, NULL, rq->account, email, &cold, &record, &found,
                         rq->err) ||
        !(found || fct_fail(rq->err, FCT_TEMP, "a message is not on the disk yet")) ||
        !mail_view_get(rq->s->driver, NULL, rq->account, email, &warm, &view, &viewed, rq->err))
        return false;
    m->same = str_equal(view.edits, m->mail.edits);
    if (m->same)
        return true;
    take_facts(rq, &m->mail, &record, &view);
    return message_check(&m->mail, &m->facts, rq->err);
}

/* Those that are there; one that is shown so already need not leave a mailbox to come back. */
static bool look_at_all(struct request *rq, const struct mailbox *from, const struct mailbox *to,
                        struct show *w)
{
    size_t kept = 0;

    for (size_t i = 0; i < w->n; i++) {
        const struct hot_record *r = mailbox_index_find(&from->index, w->mail[i].uid);

        if (!r)
            continue;
        if (!look_at(rq, &w->mail[i], r->email_id))
            return false;
        if (w->move && from == to && w->mail[i].same)
            continue;
        w->marked[kept] = w->marked[i];
        w->mail[kept++] = w->mail[i];
    }
    w->n = kept;
    return true;
}

static bool set_keywords(struct request *rq, struct account *a, struct show *w, bool *grew)
{
    uint64_t bit = 0;

    *grew = false;
    if (w->keyword.n > 0 && !account_keywords(a, &w->keyword, 1, true, &bit, grew, rq->err))
        return false;
    for (size_t i = 0; i < w->n; i++) {
        w->mail[i].clear_keywords = bit;
        w->mail[i].set_keywords = w->marked[i] ? bit : 0;
    }
    return true;
}

static bool show(struct request *rq, struct account *a, struct mailbox *from, struct mailbox *to,
                 struct show *w)
{
    uint32_t *source = ARENA_ARRAY(rq->arena, uint32_t, w->n + 1),
             *target = ARENA_ARRAY(rq->arena, uint32_t, w->n + 1);
    struct change c;
    bool grew, ok;

    if (!set_keywords(rq, a, w, &grew))
        return false;
    for (size_t i = 0; i < w->n; i++)
        source[i] = w->mail[i].uid;
    change_begin(&c, rq->s);
    if (grew)
        change_keywords(&c, a);
    ok = w->n == 0 || message_show(&c, a, from, to, w->mail, w->n, w->move, target, rq->err);
    if (change_is_empty(&c))
        change_drop(&c);
    else /* also after a failure: the table of keywords in memory and on disk are one */
        rq->seq = change_commit(&c);
    ipc_put_u32(&rq->out, to->uid_validity);
    store_put_numbers(&rq->out, source, w->n);
    store_put_numbers(&rq->out, target, w->n);
    return ok;
}

/* The records to be read must be on the disk, and the index there once more after that wait. */
static bool open_durable(struct request *rq, uint64_t mailbox, struct account **a,
                         struct mailbox **m)
{
    return request_index(rq, mailbox, a, m) && commit_wait(rq->s->commit, (*m)->seq, rq->err) &&
           request_index(rq, mailbox, a, m);
}

static bool show_from(struct request *rq, uint64_t mailbox, struct show *w)
{
    struct account *a;
    struct mailbox *from, *to;

    if (!open_durable(rq, mailbox, &a, &from))
        return false;
    to = mailbox_find(a, w->target);
    if (!to || !to->selectable)
        return fct_fail(rq->err, FCT_DENIED, "no such mailbox");
    if (rq->s->disk_low)
        return fct_fail(rq->err, FCT_TEMP, "disk full");
    return look_at_all(rq, from, to, w) && show(rq, a, from, to, w);
}

bool serve_show(struct request *rq)
{
    uint64_t mailbox = ipc_get_u64(&rq->in);
    struct show w = {0};

    read_show(rq, &w);
    return request_read_all(rq) && show_from(rq, mailbox, &w);
}

bool serve_show_of(struct request *rq)
{
    struct show w = {0};
    struct fct_str name;
    struct account *a;
    struct mailbox *m;

    rq->account = ipc_get_u64(&rq->in);
    name = ipc_get_str(&rq->in);
    read_show(rq, &w);
    return request_read_all(rq) && request_mailbox(rq, name, &a, &m) && show_from(rq, m->id, &w);
}
