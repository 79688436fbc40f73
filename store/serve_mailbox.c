/* serve_mailbox.c - requests about mailboxes: list, create, delete, rename, subscribe, select,
 * sync, watch. */
#include "store/change_feed.h"
#include "store/client.h"
#include "store/message.h"
#include "store/subscription.h"

#include "core/base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static bool finish(struct request *rq, struct change *c)
{
    rq->seq = change_commit(c);
    return true;
}

static bool give_up(struct change *c)
{
    change_drop(c);
    return false;
}

static size_t without_mailbox(const struct account *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->nsubscribed; i++)
        n += !mailbox_find(a, a->subscribed[i]);
    return n;
}

static void put_without_mailbox(struct request *rq, const struct account *a)
{
    for (size_t i = 0; i < a->nsubscribed; i++)
        if (!mailbox_find(a, a->subscribed[i]))
            store_put_info(&rq->out,
                           &(struct mailbox_info){.name = a->subscribed[i], .subscribed = true});
}

bool serve_mailboxes(struct request *rq)
{
    struct account *a;

    if (!request_read_all(rq) || !request_account(rq, &a))
        return false;
    feed_seen(rq->s->feed, rq->client, rq->principal, rq->account, 0);
    ipc_put_u32(&rq->out, (uint32_t)(a->nmailboxes + without_mailbox(a)));
    for (size_t i = 0; i < a->nmailboxes; i++) {
        struct mailbox_info info;

        mailbox_describe(a, a->mailbox[i], rq->arena, &info);
        store_put_info(&rq->out, &info);
    }
    put_without_mailbox(rq, a);
    return true;
}

bool serve_mailbox(struct request *rq)
{
    struct fct_str name = ipc_get_str(&rq->in);
    struct mailbox_info info;
    struct account *a;
    struct mailbox *m;

    if (!request_read_all(rq) || !request_account(rq, &a))
        return false;
    m = mailbox_find(a, name);
    if (!m)
        return fct_fail(rq->err, FCT_DENIED, "no such mailbox");
    mailbox_describe(a, m, rq->arena, &info);
    store_put_info(&rq->out, &info);
    return true;
}

/* Deleted once and wanted again. */
static bool is_for_originals(const struct request *rq, const struct account *a, struct fct_str name)
{
    const char *wanted = rq->s->conf->show_original;

    return wanted && *wanted && str_equal(name, str_from(wanted)) &&
           !mailbox_with_role(a, MAILBOX_ORIGINALS);
}

bool serve_mailbox_create(struct request *rq)
{
    struct fct_str name = ipc_get_str(&rq->in);
    uint8_t role = ipc_get_u8(&rq->in);
    struct account *a;
    struct mailbox *m;
    struct change c;

    if (!request_read_all(rq) || !request_account(rq, &a))
        return false;
    if (role > MAILBOX_QUARANTINE || role == MAILBOX_INBOX)
        return fct_fail(rq->err, FCT_SYNTAX, "no such special use");
    if (role == MAILBOX_PLAIN && is_for_originals(rq, a, name))
        role = MAILBOX_ORIGINALS;
    change_begin(&c, rq->s);
    m = mailbox_make(&c, a, name, (enum mailbox_role)role, rq->s->conf->max_mailboxes, rq->err);
    if (!m)
        return give_up(&c);
    ipc_put_u64(&rq->out, m->id);
    return finish(rq, &c);
}

/* All UIDs of a mailbox whose index is ready; in the request's arena. */
static uint32_t *all_uids(struct request *rq, const struct mailbox *m)
{
    uint32_t *uid = ARENA_ARRAY(rq->arena, uint32_t, m->index.n + 1);

    for (size_t i = 0; i < m->index.n; i++)
        uid[i] = m->index.record[i].uid;
    return uid;
}

/* By name, with its index; the name is looked up again after the wait. */
static bool open_by_name(struct request *rq, struct fct_str name, struct account **a,
                         struct mailbox **m)
{
    return request_mailbox(rq, name, a, m) && request_index(rq, (*m)->id, a, m);
}

bool serve_mailbox_delete(struct request *rq)
{
    struct fct_str name = ipc_get_str(&rq->in);
    struct account *a;
    struct mailbox *m;
    struct change c;
    bool subscribed;

    if (!request_read_all(rq) || !open_by_name(rq, name, &a, &m))
        return false;
    if (m->role == MAILBOX_INBOX)
        return fct_fail(rq->err, FCT_DENIED, "INBOX cannot be deleted");
    subscribed = m->subscribed;
    change_begin(&c, rq->s);
    message_expunge(&c, a, m, all_uids(rq, m), m->index.n);
    if (!mailbox_remove(&c, a, m, rq->err))
        return give_up(&c);
    if (subscribed && !mailbox_find(a, name)) /* the user takes names off, nobody else */
        subscription_keep(&c, a, name, rq->s->conf->max_mailboxes);
    return finish(rq, &c);
}

/* RFC 9051 6.3.6: renaming INBOX moves its messages to a new mailbox and leaves INBOX empty. */
static bool rename_inbox(struct request *rq, struct account *a, struct mailbox *inbox,
                         struct fct_str to)
{
    uint32_t *uid = all_uids(rq, inbox),
             *target = ARENA_ARRAY(rq->arena, uint32_t, inbox->index.n + 1);
    struct mailbox *made;
    struct change c;

    change_begin(&c, rq->s);
    made = mailbox_make(&c, a, to, MAILBOX_PLAIN, rq->s->conf->max_mailboxes, rq->err);
    if (!made)
        return give_up(&c);
    if (!message_copy(&c, a, inbox, made, uid, inbox->index.n, true, target, rq->err))
        fct_fail_in(rq->err, "rename INBOX"); /* an empty new mailbox stays; nothing was lost */
    rq->seq = change_commit(&c);
    return !rq->err->class;
}

bool serve_mailbox_rename(struct request *rq)
{
    struct fct_str from = ipc_get_str(&rq->in), to = ipc_get_str(&rq->in);
    struct account *a;
    struct mailbox *m;
    struct change c;

    if (!request_read_all(rq) || !request_account(rq, &a))
        return false;
    m = mailbox_find(a, from);
    if (!m)
        return fct_fail(rq->err, FCT_DENIED, "no such mailbox");
    if (m->role == MAILBOX_INBOX)
        return open_by_name(rq, from, &a, &m) && rename_inbox(rq, a, m, to);
    change_begin(&c, rq->s);
    if (!mailbox_rename(&c, a, m, to, rq->s->conf->max_mailboxes, rq->err))
        return give_up(&c);
    return finish(rq, &c);
}

/* A name without a mailbox (RFC 9051 6.3.7). */
static bool subscribe_name(struct request *rq, struct change *c, struct account *a,
                           struct fct_str name)
{
    if (subscription_has(a, name))
        return true;
    if (!mailbox_name_check(name, rq->err))
        return false;
    if (a->nsubscribed >= rq->s->conf->max_mailboxes)
        return fct_fail(rq->err, FCT_LIMIT, "too many subscriptions");
    subscription_keep(c, a, name, rq->s->conf->max_mailboxes);
    return true;
}

static bool unsubscribe(struct request *rq, struct change *c, struct account *a, struct mailbox *m,
                        struct fct_str name)
{
    bool dropped = subscription_drop(c, a, name);

    if (m)
        mailbox_subscribe(c, a, m, false);
    return m || dropped || fct_fail(rq->err, FCT_DENIED, "no such mailbox");
}

bool serve_mailbox_subscribe(struct request *rq)
{
    struct fct_str name = ipc_get_str(&rq->in);
    bool on = ipc_get_bool(&rq->in), ok = true;
    struct account *a;
    struct mailbox *m;
    struct change c;

    if (!request_read_all(rq) || !request_account(rq, &a))
        return false;
    m = mailbox_find(a, name);
    change_begin(&c, rq->s);
    if (!on)
        ok = unsubscribe(rq, &c, a, m, name);
    else if (m)
        mailbox_subscribe(&c, a, m, true);
    else
        ok = subscribe_name(rq, &c, a, name);
    if (ok && !change_is_empty(&c))
        return finish(rq, &c);
    change_drop(&c);
    return ok;
}

/* ---- a selected mailbox ---- */

/* Records: in the reply when they are few, else as a sealed memfd that all sessions share while
 * nothing changes. */
static bool put_array(struct request *rq, struct mailbox *m)
{
    size_t bytes = m->index.n * sizeof(struct hot_record);
    int fd;

    ipc_put_u32(&rq->out, (uint32_t)m->index.n);
    if (bytes <= STORE_INLINE_MAX) {
        store_put_records(&rq->out, m->index.record, m->index.n);
        return true;
    }
    store_put_records(&rq->out, NULL, 0);
    fd = mailbox_index_snapshot(m);
    rq->reply_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    return rq->reply_fd >= 0 ||
           fct_fail(rq->err, FCT_TEMP, "no memory for a mailbox of %zu messages", m->index.n);
}

bool serve_select(struct request *rq)
{
    struct fct_str name = ipc_get_str(&rq->in);
    bool watch = ipc_get_bool(&rq->in);
    struct mailbox_info info;
    struct account *a;
    struct mailbox *m;

    if (!request_read_all(rq) || !open_by_name(rq, name, &a, &m))
        return false;
    mailbox_describe(a, m, rq->arena, &info);
    store_put_info(&rq->out, &info);
    store_put_strs(&rq->out, a->keyword, a->nkeywords);
    if (!put_array(rq, m))
        return false;
    if (watch && principal_find(rq->client, rq->principal))
        feed_watch(rq->s->feed, rq->client, rq->principal, rq->account, m->id);
    return true;
}

bool serve_unselect(struct request *rq)
{
    uint64_t mailbox = ipc_get_u64(&rq->in);

    if (!request_read_all(rq))
        return false;
    feed_unwatch(rq->s->feed, rq->client, rq->principal, rq->account, (uint32_t)mailbox);
    return true;
}

bool serve_watch(struct request *rq)
{
    bool on = ipc_get_bool(&rq->in);
    struct principal *p = principal_find(rq->client, rq->principal);

    if (!request_read_all(rq))
        return false;
    if (p->watches_list != on) {
        if (on)
            feed_watch(rq->s->feed, rq->client, rq->principal, rq->account, 0);
        else
            feed_unwatch(rq->s->feed, rq->client, rq->principal, rq->account, 0);
    }
    p->watches_list = on;
    return true;
}

static int by_uid(const void *x, const void *y)
{
    uint32_t a, b;

    memcpy(&a, x, sizeof a);
    memcpy(&b, y, sizeof b);
    return a < b ? -1 : a > b;
}

/* UIDs expunged since; each once, ascending. */
static void put_vanished(struct request *rq, const struct mailbox_index *ix, uint64_t since)
{
    uint32_t *uid = NULL;
    size_t n = 0, room = 0;

    for (size_t i = 0; i < ix->nvanished; i++) {
        const struct vanished *v = &ix->vanished[i];

        if (v->mod_seq <= since)
            continue;
        if (n + (v->uids.last - v->uids.first + (size_t)1) > room) {
            size_t more = 2 * room + (v->uids.last - v->uids.first + (size_t)1);

            uid = arena_grow(rq->arena, uid, room * sizeof *uid, more * sizeof *uid);
            room = more;
        }
        for (uint32_t u = v->uids.first; u <= v->uids.last && n < room; u++)
            uid[n++] = u;
    }
    if (n)
        qsort(uid, n, sizeof *uid, by_uid);
    store_put_numbers(&rq->out, uid, n);
}

static void put_changed(struct request *rq, const struct mailbox_index *ix, uint64_t since)
{
    struct hot_record *r;
    size_t n = 0;

    for (size_t i = 0; i < ix->n; i++)
        n += ix->record[i].mod_seq > since;
    r = ARENA_ARRAY(rq->arena, struct hot_record, n + 1);
    n = 0;
    for (size_t i = 0; i < ix->n; i++)
        if (ix->record[i].mod_seq > since)
            r[n++] = ix->record[i];
    store_put_records(&rq->out, r, n);
}

enum { SYNC_GONE = 1, SYNC_TOO_OLD = 2 };

#define SYNC_MAX 60000 /* records in one reply; with more changed, selecting again is cheaper */

static size_t count_changed(const struct mailbox_index *ix, uint64_t since)
{
    size_t n = 0;

    for (size_t i = 0; i < ix->n; i++)
        n += ix->record[i].mod_seq > since;
    for (size_t i = 0; i < ix->nvanished; i++)
        if (ix->vanished[i].mod_seq > since)
            n += (ix->vanished[i].uids.last - ix->vanished[i].uids.first) / 16 + 1;
    return n;
}

/* A mailbox that is gone is an answer, not an error. */
static bool put_gone(struct request *rq)
{
    if (rq->err->class != FCT_DENIED)
        return false;
    *rq->err = (struct fct_err){0};
    ipc_put_u8(&rq->out, SYNC_GONE);
    return true;
}

bool serve_sync(struct request *rq)
{
    uint64_t mailbox = ipc_get_u64(&rq->in), since = ipc_get_u64(&rq->in);
    struct account *a;
    struct mailbox *m;
    bool grew;

    if (!request_read_all(rq))
        return false;
    feed_seen(rq->s->feed, rq->client, rq->principal, rq->account, (uint32_t)mailbox);
    if (!request_index(rq, mailbox, &a, &m))
        return put_gone(rq);
    if (since < m->floor || count_changed(&m->index, since) > SYNC_MAX) {
        ipc_put_u8(&rq->out, SYNC_TOO_OLD);
        return true;
    }
    ipc_put_u8(&rq->out, 0);
    ipc_put_u64(&rq->out, m->mod_seq);
    ipc_put_u32(&rq->out, m->last_uid + 1);
    put_changed(rq, &m->index, since);
    put_vanished(rq, &m->index, since);
    grew = a->keyword_mod_seq > since;
    store_put_strs(&rq->out, a->keyword, grew ? a->nkeywords : 0);
    return true;
}
