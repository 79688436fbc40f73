/* message.c - adding, flagging, copying, moving and expunging messages. */
#include "store/message.h"

#include "core/base/clock.h"
#include "core/message/summary.h"
#include "store/places.h"

#include <stdlib.h>

#define VANISHED_VERSION 1
#define OPS_MAX          (64u << 20)

/* ---- ranges ---- */

/* Ascending UIDs as ranges; the caller frees. */
static struct uid_range *ranges_of(const uint32_t *uid, size_t n, size_t *count)
{
    struct uid_range *r = malloc((n + 1) * sizeof *r);

    FCT_ASSERT(r);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        if (*count > 0 && r[*count - 1].last + 1 == uid[i])
            r[*count - 1].last = uid[i];
        else
            r[(*count)++] = (struct uid_range){uid[i], uid[i]};
    }
    return r;
}

static struct key mailbox_key(char type, const struct mailbox *m)
{
    struct key k = key_of(type);

    key_u32(&k, m->id);
    return k;
}

static struct key chunk_key(const struct mailbox *m, uint32_t chunk)
{
    struct key k = mailbox_key('h', m);

    key_u32(&k, chunk);
    return k;
}

/* How many of uid[] lie in the chunk of the first. */
static size_t same_chunk(const uint32_t *uid, size_t n)
{
    size_t i = 1;

    while (i < n && chunk_of(uid[i]) == chunk_of(uid[0]))
        i++;
    return i;
}

/* ---- adding ---- */

bool message_check(const struct new_mail *mail, struct mail_facts *facts, struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    struct edit_list edits = {0};
    struct summary summary = {.size = mail->view_size};
    bool ok = mail->edits.n == 0 || edit_list_decode(arena, mail->edits, mail->size, &edits, err);

    if (ok && edit_list_size(&edits, mail->size) != mail->view_size)
        ok = fct_fail(err, FCT_SYNTAX, "size of the view and edit list disagree");
    if (ok && mail->summary.n > 0)
        ok = summary_decode(arena, mail->summary, &summary, err);
    if (ok && summary.size != mail->view_size)
        ok = fct_fail(err, FCT_SYNTAX, "size of the view and summary disagree");
    *facts = (struct mail_facts){0};
    if (ok && summary.sent > 0 && summary.sent < UINT32_MAX)
        facts->sent_date = (uint32_t)summary.sent;
    facts->has_attachment = ok && summary.has_attachment;
    arena_free(&arena);
    return ok;
}

bool message_fits(const struct account *a, const struct mailbox *m, uint64_t bytes,
                  struct fct_err *err)
{
    if (m->last_uid >= UINT32_MAX - 1)
        return fct_fail(err, FCT_LIMIT, "mailbox has used up its UIDs");
    return account_has_room(a, bytes, err);
}

static void count_in(struct account *a, struct mailbox *m, const struct hot_record *r)
{
    m->exists++;
    m->unseen += !(r->flags & FLAG_SEEN);
    m->deleted += !!(r->flags & FLAG_DELETED);
    m->bytes += r->size;
    a->messages++;
    a->bytes += r->size;
}

static void count_out(struct account *a, struct mailbox *m, const struct hot_record *r)
{
    m->exists--;
    m->unseen -= !(r->flags & FLAG_SEEN);
    m->deleted -= !!(r->flags & FLAG_DELETED);
    m->bytes -= r->size;
    a->messages--;
    a->bytes -= r->size;
}

/* A record at the end of a mailbox, in memory and in the change. */
static void put_hot(struct change *c, struct account *a, struct mailbox *m,
                    const struct hot_record *r)
{
    struct buf op = BUF_INIT(256);

    hot_op_add(&op, r);
    batch_append(&c->batch, chunk_key(m, chunk_of(r->uid)), buf_str(&op));
    buf_free(&op);
    m->mod_seq = r->mod_seq;
    mailbox_index_add(c->s, &m->index, r);
    count_in(a, m, r);
}

struct key trace_key(struct fct_str log_id, uint64_t account, uint64_t email)
{
    struct key k = key_of('t');
    size_t n = log_id.n < 40 ? log_id.n : 40;

    if (n)
        memcpy(k.p + k.n, log_id.p, n);
    k.n += n;
    k.p[k.n++] = 0;
    if (account) {
        key_u64(&k, account);
        key_u64(&k, email);
    }
    return k;
}

static void put_cold(struct change *c, struct account *a, const struct mailbox *m,
                     const struct new_mail *mail, uint64_t email, uint32_t uid)
{
    struct buf value = BUF_INIT(16u << 20);

    mail_record_encode(&(struct mail_record){mail->blob, mail->size, m->id, uid, mail->summary},
                       &value);
    batch_put(&c->batch, mail_record_key(email), buf_str(&value));
    if (mail->edits.n > 0 || mail->ledger.n > 0 || mail->log_id.n > 0 || mail->shown_anew) {
        struct mail_view view = {
            .edits = mail->edits,
            .ledger = mail->ledger,
            .reverse_path = mail->reverse_path,
            .log_id = mail->log_id,
            .received = mail->received ? mail->received : clock_wall(),
            .size = mail->view_size,
            .origin = mail->origin,
            .shown_anew = mail->shown_anew,
            .aside = mail->aside,
        };

        buf_clear(&value);
        mail_view_encode(&view, &value);
        batch_put(&c->batch, mail_view_key(email), buf_str(&value));
    }
    buf_free(&value);
    if (mail->log_id.n > 0) {
        batch_part(&c->batch, PART_DIRECTORY);
        batch_put(&c->batch, trace_key(mail->log_id, a->id, email), FCT_STR(""));
        batch_part(&c->batch, a->id);
    }
}

uint32_t message_add(struct change *c, struct account *a, struct mailbox *m,
                     const struct new_mail *mail, const struct mail_facts *facts)
{
    struct hot_record r = {
        .email_id = ++a->last_email,
        .uid = ++m->last_uid,
        .keywords = mail->keywords,
        .size = mail->view_size,
        .internal_date = mail->internal_date,
        .sent_date = facts->sent_date,
        .flags = (uint16_t)((mail->flags & FLAGS_CLIENT) |
                            (facts->has_attachment ? FLAG_HAS_ATTACHMENT : 0)),
    };

    r.thread_id = r.email_id;
    r.mod_seq = r.created_mod_seq = change_mod_seq(c, a);
    change_mailbox(c, a, m);
    put_hot(c, a, m, &r);
    put_cold(c, a, m, mail, r.email_id, r.uid);
    return r.uid;
}

/* ---- flags ---- */

void message_flags(struct change *c, struct account *a, struct mailbox *m, const uint32_t *uid,
                   size_t n, struct flag_change *change)
{
    struct buf op = BUF_INIT(OPS_MAX);

    change->mod_seq = change_mod_seq(c, a);
    change_mailbox(c, a, m);
    m->mod_seq = change->mod_seq;
    for (size_t i = 0; i < n; i++) {
        struct hot_record *r = mailbox_index_find(&m->index, uid[i]);

        FCT_ASSERT(r);
        count_out(a, m, r);
        flag_change_apply(change, r);
        count_in(a, m, r);
    }
    for (size_t i = 0, k; i < n; i += k) {
        struct uid_range *range;
        size_t count;

        k = same_chunk(uid + i, n - i);
        range = ranges_of(uid + i, k, &count);
        buf_clear(&op);
        hot_op_flags(&op, change, range, count);
        batch_append(&c->batch, chunk_key(m, chunk_of(uid[i])), buf_str(&op));
        free(range);
    }
    buf_free(&op);
}

/* ---- expunging ---- */

static void put_vanished(struct change *c, struct mailbox *m, const uint32_t *uid, size_t n,
                         uint64_t mod_seq)
{
    struct buf value = BUF_INIT(OPS_MAX);
    struct key key = mailbox_key('x', m);
    size_t count;
    struct uid_range *range = ranges_of(uid, n, &count);
    uint32_t last = 0;

    key_u64(&key, mod_seq);
    record_begin(&value, VANISHED_VERSION);
    for (size_t i = 0; i < count; i++) {
        pack_uint(&value, range[i].first - last);
        pack_uint(&value, range[i].last - range[i].first);
        last = range[i].last;
        mailbox_index_vanish(&m->index, mod_seq, range[i]);
    }
    record_end(&value);
    batch_put(&c->batch, key, buf_str(&value));
    buf_free(&value);
    free(range);
}

#define VANISHED_MAX \
    20000 /* ranges kept for clients that were away; older ones must look at everything again */

/* Forget the older half: the floor rises. */
static void trim_vanished(struct change *c, struct mailbox *m)
{
    struct mailbox_index *ix = &m->index;
    struct key from = mailbox_key('x', m), to = from;
    size_t keep = ix->nvanished / 2;

    if (ix->nvanished <= VANISHED_MAX)
        return;
    while (keep < ix->nvanished && ix->vanished[keep].mod_seq == ix->vanished[keep - 1].mod_seq)
        keep++;
    m->floor = ix->vanished[keep - 1].mod_seq;
    key_u64(&to, m->floor + 1);
    batch_del_range(&c->batch, from, to);
    memmove(ix->vanished, ix->vanished + keep, (ix->nvanished - keep) * sizeof *ix->vanished);
    ix->nvanished -= keep;
}

/* The chunk loses these records; one that is empty goes. */
static void put_chunk_expunge(struct change *c, struct mailbox *m, const uint32_t *uid, size_t n)
{
    uint32_t chunk = chunk_of(uid[0]);
    size_t at = mailbox_index_first(&m->index, chunk * CHUNK_UIDS + 1);
    struct uid_range *range;
    struct buf op = BUF_INIT(OPS_MAX);
    size_t count;

    if (at == m->index.n ||
        chunk_of(m->index.record[at].uid) != chunk) { /* already dropped from the array */
        batch_del(&c->batch, chunk_key(m, chunk));
        return;
    }
    range = ranges_of(uid, n, &count);
    hot_op_expunge(&op, range, count);
    batch_append(&c->batch, chunk_key(m, chunk), buf_str(&op));
    free(range);
    buf_free(&op);
}

/* Take records out of a mailbox, in memory and in the change; the e-mails themselves are not
 * touched. */
static void take_out(struct change *c, struct account *a, struct mailbox *m, const uint32_t *uid,
                     size_t n)
{
    uint64_t mod_seq = change_mod_seq(c, a);

    change_mailbox(c, a, m);
    m->mod_seq = mod_seq;
    for (size_t i = 0; i < n; i++)
        count_out(a, m, mailbox_index_find(&m->index, uid[i]));
    mailbox_index_drop(&m->index, uid, n);
    for (size_t i = 0, k; i < n; i += k) {
        k = same_chunk(uid + i, n - i);
        put_chunk_expunge(c, m, uid + i, k);
    }
    put_vanished(c, m, uid, n, mod_seq);
    trim_vanished(c, m);
}

/* Time first: what may go is found at the front. */
static struct key sweep_key(int64_t time, uint64_t email)
{
    struct key k = key_of('g');

    key_u64(&k, (uint64_t)time);
    key_u64(&k, email);
    return k;
}

static struct key places_key(uint64_t email)
{
    struct key k = key_of('y');

    key_u64(&k, email);
    return k;
}

void message_expunge(struct change *c, struct account *a, struct mailbox *m, const uint32_t *uid,
                     size_t n)
{
    struct buf op = BUF_INIT(64);
    int64_t now = clock_wall();

    if (n == 0)
        return;
    change_account(c, a);
    map_put(c->s->dirty, map_u64(&a->id), c->s);
    for (size_t i = 0; i < n; i++) {
        const struct hot_record *r = mailbox_index_find(&m->index, uid[i]);

        FCT_ASSERT(r);
        buf_clear(&op);
        places_op_remove(&op, (struct place){m->id, uid[i]});
        batch_append(&c->batch, places_key(r->email_id), buf_str(&op));
        batch_put(&c->batch, sweep_key(now, r->email_id), FCT_STR(""));
    }
    buf_free(&op);
    take_out(c, a, m, uid, n);
}

/* ---- copying and moving ---- */

static uint64_t bytes_of(const struct mailbox *m, const uint32_t *uid, size_t n)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += mailbox_index_find(&m->index, uid[i])->size;
    return bytes;
}

static void put_places(struct change *c, uint64_t email, struct place from, struct place to,
                       bool move)
{
    struct buf op = BUF_INIT(64);

    places_op_add(&op, to);
    if (move)
        places_op_remove(&op, from);
    else
        places_op_add(&op,
                      from); /* again is harmless; it may be the first that this key hears of it */
    batch_append(&c->batch, places_key(email), buf_str(&op));
    buf_free(&op);
}

bool message_copy(struct change *c, struct account *a, struct mailbox *from, struct mailbox *to,
                  const uint32_t *uid, size_t n, bool move, uint32_t *target, struct fct_err *err)
{
    uint64_t mod_seq;

    if (n == 0)
        return true;
    if (n > UINT32_MAX - 1 - to->last_uid ||
        !message_fits(a, to, move ? 0 : bytes_of(from, uid, n), err))
        return fct_fail(err, FCT_LIMIT, "no room in the target mailbox");
    mod_seq = change_mod_seq(c, a);
    change_mailbox(c, a, to);
    for (size_t i = 0; i < n; i++) {
        struct hot_record r =
            *mailbox_index_find(&from->index, uid[i]); /* a copy: `to` may be `from` */

        r.uid = target[i] = ++to->last_uid;
        r.mod_seq = r.created_mod_seq = mod_seq;
        put_places(c, r.email_id, (struct place){from->id, uid[i]}, (struct place){to->id, r.uid},
                   move);
        put_hot(c, a, to, &r);
    }
    if (move)
        take_out(c, a, from, uid, n);
    return true;
}

/* ---- showing otherwise ---- */

static void show_one(struct change *c, struct account *a, struct mailbox *to,
                     const struct shown_mail *shown, struct hot_record r)
{
    uint16_t attachment = shown->facts.has_attachment ? FLAG_HAS_ATTACHMENT : 0;

    r.email_id = ++a->last_email;
    r.size = shown->mail.view_size;
    r.sent_date = shown->facts.sent_date;
    r.flags = (uint16_t)((r.flags & FLAGS_CLIENT) | attachment);
    r.keywords = (r.keywords & ~shown->clear_keywords) | shown->set_keywords;
    batch_blob_ref(&c->batch, &shown->mail.blob, 1);
    change_account(c, a);
    put_hot(c, a, to, &r);
    put_cold(c, a, to, &shown->mail, r.email_id, r.uid);
}

/* Out of the mailbox: those that were copied as they are stay what they are, the others go. */
static void leave_source(struct change *c, struct account *a, struct mailbox *from,
                         const struct shown_mail *shown, size_t n)
{
    uint32_t *uid = malloc((n + 1) * sizeof *uid);
    size_t kept = 0;

    FCT_ASSERT(uid);
    for (size_t i = 0; i < n; i++)
        if (shown[i].same)
            uid[kept++] = shown[i].uid;
    if (kept > 0)
        take_out(c, a, from, uid, kept);
    kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!shown[i].same)
            uid[kept++] = shown[i].uid;
    message_expunge(c, a, from, uid, kept);
    free(uid);
}

bool message_show(struct change *c, struct account *a, struct mailbox *from, struct mailbox *to,
                  const struct shown_mail *shown, size_t n, bool move, uint32_t *target,
                  struct fct_err *err)
{
    uint64_t mod_seq, bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += shown[i].same ? mailbox_index_find(&from->index, shown[i].uid)->size
                               : shown[i].mail.view_size;
    if (n > UINT32_MAX - 1 - to->last_uid || !message_fits(a, to, move ? 0 : bytes, err))
        return fct_fail(err, FCT_LIMIT, "no room in the target mailbox");
    mod_seq = change_mod_seq(c, a);
    change_mailbox(c, a, to);
    for (size_t i = 0; i < n; i++) {
        struct hot_record r = *mailbox_index_find(&from->index, shown[i].uid);

        r.uid = target[i] = ++to->last_uid;
        r.mod_seq = r.created_mod_seq = mod_seq;
        if (!shown[i].same) {
            show_one(c, a, to, &shown[i], r);
            continue;
        }
        put_places(c, r.email_id, (struct place){from->id, shown[i].uid},
                   (struct place){to->id, r.uid}, move);
        put_hot(c, a, to, &r);
    }
    if (move)
        leave_source(c, a, from, shown, n);
    return true;
}
