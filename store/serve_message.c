/* serve_message.c - requests about messages: append, flags, copy, move, expunge. */
#include "store/client.h"
#include "store/message.h"

#include "core/base/clock.h"

/* ---- choosing messages ---- */

/* The UIDs of the set that are in the mailbox, ascending. */
static uint32_t *choose(struct request *rq, const struct mailbox_index *ix, struct uid_set uids,
                        size_t *n)
{
    uint32_t *uid = NULL;
    size_t room = 0;

    *n = 0;
    for (size_t i = 0; i < uids.n; i++)
        for (size_t at = mailbox_index_first(ix, uids.range[i].first);
             at < ix->n && ix->record[at].uid <= uids.range[i].last; at++) {
            if (*n == room) {
                size_t more = room ? 2 * room : 64;

                uid = arena_grow(rq->arena, uid, room * sizeof *uid, more * sizeof *uid);
                room = more;
            }
            uid[(*n)++] = ix->record[at].uid;
        }
    return uid;
}

/* ---- append ---- */

struct append_one {
    uint64_t offset, size;
    struct new_mail mail;
    struct mail_facts facts;
    struct body body;
    bool exists;
    const struct fct_str *keyword;
    size_t nkeywords;
};

#define APPEND_MAX 1000 /* messages in one command (RFC 3502) */

static struct append_one *read_append(struct request *rq, size_t *n)
{
    uint64_t offset = 0;
    struct append_one *one;

    *n = ipc_get_count(&rq->in, 26);
    if (*n > APPEND_MAX)
        rq->in.bad = true;
    one = ARENA_ARRAY(rq->arena, struct append_one, *n + 1);
    for (size_t i = 0; i < *n && !rq->in.bad; i++) {
        int64_t date;

        one[i].offset = offset;
        one[i].size = ipc_get_u64(&rq->in);
        one[i].mail.flags = ipc_get_u16(&rq->in);
        date = (int64_t)ipc_get_u64(&rq->in);
        if (date == 0)
            date = clock_wall();
        one[i].mail.internal_date = date < 0 ? 0 : date > UINT32_MAX ? UINT32_MAX : (uint32_t)date;
        one[i].mail.summary = ipc_get_str(&rq->in);
        one[i].keyword = store_get_strs(&rq->in, rq->arena, &one[i].nkeywords);
        if (one[i].size > UINT32_MAX)
            rq->in.bad = true;
        offset += one[i].size;
    }
    return one;
}

static bool read_bodies(struct request *rq, struct append_one *one, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct append_one *o = &one[i];

        if (o->size > 0 && rq->fds == 0)
            return fct_fail(rq->err, FCT_BUG, "no descriptor came with the message");
        if (!body_read(rq->s, rq->fds ? rq->fd[0] : -1, o->offset, o->size, &o->body, rq->err))
            return false;
        o->mail.blob = o->body.id;
        o->mail.size = o->size;
        o->mail.view_size = (uint32_t)o->size;
        if (!message_check(&o->mail, &o->facts, rq->err))
            return false;
    }
    return true;
}

/* New keywords stay also when the messages do not: the table in memory and on disk are one. */
static bool append_keywords(struct request *rq, struct account *a, struct append_one *one, size_t n,
                            struct change *c)
{
    bool ok = true, grew, any = false;

    for (size_t i = 0; ok && i < n; i++) {
        ok = account_keywords(a, one[i].keyword, one[i].nkeywords, true, &one[i].mail.keywords,
                              &grew, rq->err);
        any |= grew;
    }
    if (any)
        change_keywords(c, a);
    return ok;
}

/* All of them, or none: what can fail comes before the first message. */
static bool append_all(struct request *rq, struct fct_str name, struct append_one *one, size_t n,
                       struct change *c)
{
    uint64_t bytes = 0;
    struct account *a;
    struct mailbox *m;

    if (!request_mailbox(rq, name, &a, &m))
        return false;
    for (size_t i = 0; i < n; i++) {
        bytes += one[i].size;
        if (!blob_exists(rq->s, &one[i].body.id, &one[i].exists, rq->err))
            return false;
    }
    if (!append_keywords(rq, a, one, n, c) || !message_fits(a, m, bytes, rq->err))
        return false;
    ipc_put_u32(&rq->out, m->uid_validity);
    ipc_put_u32(&rq->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        blob_put(&c->batch, &one[i].body, one[i].exists, 1);
        change_account(c, a);
        ipc_put_u32(&rq->out, message_add(c, a, m, &one[i].mail, &one[i].facts));
    }
    return true;
}

bool serve_append(struct request *rq)
{
    struct fct_str name = ipc_get_str(&rq->in);
    struct append_one *one;
    struct change c;
    size_t n;
    bool ok;

    one = read_append(rq, &n);
    if (!request_read_all(rq))
        return false;
    if (rq->s->disk_low)
        return fct_fail(rq->err, FCT_TEMP, "disk full");
    ok = read_bodies(rq, one, n);
    change_begin(&c, rq->s);
    ok = ok && append_all(rq, name, one, n, &c);
    for (size_t i = 0; i < n; i++)
        body_free(&one[i].body);
    if (change_is_empty(&c))
        change_drop(&c);
    else
        rq->seq = change_commit(&c);
    return ok;
}

/* ---- flags ---- */

struct flag_request {
    uint64_t mailbox, unchanged_since;
    struct uid_set uids;
    uint8_t op;
    uint16_t flags;
    const struct fct_str *keyword;
    size_t nkeywords;
};

static bool read_flag_request(struct request *rq, struct flag_request *f)
{
    f->mailbox = ipc_get_u64(&rq->in);
    f->uids = store_get_uids(&rq->in, rq->arena);
    f->op = ipc_get_u8(&rq->in);
    f->flags = ipc_get_u16(&rq->in) & FLAGS_CLIENT;
    f->unchanged_since = ipc_get_u64(&rq->in);
    f->keyword = store_get_strs(&rq->in, rq->arena, &f->nkeywords);
    if (f->op > 2)
        rq->in.bad = true;
    return request_read_all(rq);
}

/* enum store_flag_op: set, add, remove. */
static struct flag_change flag_change_of(const struct flag_request *f, uint64_t keywords)
{
    switch (f->op) {
    case 0:
        return (struct flag_change){.clear = FLAGS_CLIENT,
                                    .set = f->flags,
                                    .clear_keywords = UINT64_MAX,
                                    .set_keywords = keywords};
    case 1:
        return (struct flag_change){.set = f->flags, .set_keywords = keywords};
    default:
        return (struct flag_change){.clear = f->flags, .clear_keywords = keywords};
    }
}

/* Of uid[n]: those that change stay, those that fail the condition (RFC 7162 3.1.3) go to failed.
 */
static size_t keep_changing(const struct mailbox_index *ix, const struct flag_change *change,
                            uint64_t unchanged_since, uint32_t *uid, size_t n, uint32_t *failed,
                            size_t *nfailed)
{
    size_t kept = 0;

    *nfailed = 0;
    for (size_t i = 0; i < n; i++) {
        const struct hot_record *r = mailbox_index_find(ix, uid[i]);
        struct hot_record after = *r;

        if (unchanged_since && r->mod_seq > unchanged_since) {
            failed[(*nfailed)++] = uid[i];
            continue;
        }
        flag_change_apply(change, &after);
        if (after.flags != r->flags || after.keywords != r->keywords)
            uid[kept++] = uid[i];
    }
    return kept;
}

bool serve_flags(struct request *rq)
{
    struct flag_request f;
    struct flag_change change;
    struct account *a;
    struct mailbox *m;
    struct change c;
    uint64_t keywords;
    uint32_t *uid, *failed;
    size_t n, nfailed;
    bool grew;

    if (!read_flag_request(rq, &f) || !request_index(rq, f.mailbox, &a, &m) ||
        !account_keywords(a, f.keyword, f.nkeywords, f.op != 2, &keywords, &grew, rq->err))
        return false;
    change = flag_change_of(&f, keywords);
    uid = choose(rq, &m->index, f.uids, &n);
    failed = ARENA_ARRAY(rq->arena, uint32_t, n + 1);
    n = keep_changing(&m->index, &change, f.unchanged_since, uid, n, failed, &nfailed);
    change_begin(&c, rq->s);
    if (grew)
        change_keywords(&c, a);
    if (n > 0)
        message_flags(&c, a, m, uid, n, &change);
    ipc_put_u64(&rq->out, n > 0 ? change.mod_seq : 0);
    store_put_numbers(&rq->out, failed, nfailed);
    if (n > 0 || grew)
        rq->seq = change_commit(&c);
    else
        change_drop(&c);
    return true;
}

/* ---- copy, move, expunge ---- */

bool serve_copy(struct request *rq)
{
    uint64_t mailbox = ipc_get_u64(&rq->in);
    struct uid_set uids = store_get_uids(&rq->in, rq->arena);
    struct fct_str name = ipc_get_str(&rq->in);
    bool move = ipc_get_bool(&rq->in);
    struct account *a;
    struct mailbox *from, *to;
    struct change c;
    uint32_t *uid, *target;
    size_t n;

    if (!request_read_all(rq) || !request_index(rq, mailbox, &a, &from) ||
        !request_mailbox(rq, name, &a, &to))
        return false;
    if (!move && rq->s->disk_low)
        return fct_fail(rq->err, FCT_TEMP, "disk full");
    uid = choose(rq, &from->index, uids, &n);
    target = ARENA_ARRAY(rq->arena, uint32_t, n + 1);
    ipc_put_u32(&rq->out, to->uid_validity);
    if (to->role == MAILBOX_ORIGINALS && from != to) { /* by serve_show, with originals */
        store_put_numbers(&rq->out, NULL, 0);
        store_put_numbers(&rq->out, NULL, 0);
        ipc_put_bool(&rq->out, true);
        return true;
    }
    change_begin(&c, rq->s);
    if (!message_copy(&c, a, from, to, uid, n, move, target, rq->err)) {
        change_drop(&c);
        return false;
    }
    store_put_numbers(&rq->out, uid, n);
    store_put_numbers(&rq->out, target, n);
    ipc_put_bool(&rq->out, false);
    if (n > 0)
        rq->seq = change_commit(&c);
    else
        change_drop(&c);
    return true;
}

static size_t keep_deleted(const struct mailbox_index *ix, uint32_t *uid, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (mailbox_index_find(ix, uid[i])->flags & FLAG_DELETED)
            uid[kept++] = uid[i];
    return kept;
}

bool serve_expunge(struct request *rq)
{
    uint64_t mailbox = ipc_get_u64(&rq->in);
    struct uid_set uids = store_get_uids(&rq->in, rq->arena);
    bool only_deleted = ipc_get_bool(&rq->in);
    struct account *a;
    struct mailbox *m;
    struct change c;
    uint32_t *uid;
    size_t n;

    if (!request_read_all(rq) || !request_index(rq, mailbox, &a, &m))
        return false;
    uid = choose(rq, &m->index, uids, &n);
    if (only_deleted)
        n = keep_deleted(&m->index, uid, n);
    if (n == 0) {
        ipc_put_u64(&rq->out, 0);
        return true;
    }
    change_begin(&c, rq->s);
    message_expunge(&c, a, m, uid, n);
    ipc_put_u64(&rq->out, m->mod_seq);
    rq->seq = change_commit(&c);
    return true;
}
