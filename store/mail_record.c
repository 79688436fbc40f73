/* mail_record.c - cold records, views, and the bytes of a view. */
#include "store/mail_record.h"

#include "core/base/str.h"

#include <stdlib.h>

#define RECORD_VERSION 1
#define VIEW_VERSION   1
#define VALUE_MAX      (8u << 20)

/* ---- stored forms ---- */

void mail_record_encode(const struct mail_record *r, struct buf *out)
{
    record_begin(out, RECORD_VERSION);
    buf_put(out, r->blob.b, sizeof r->blob.b);
    pack_uint(out, r->size);
    pack_uint(out, r->mailbox);
    pack_uint(out, r->uid);
    pack_str(out, r->summary);
    record_end(out);
}

bool mail_record_decode(struct fct_str value, struct mail_record *r)
{
    struct unpack u;
    struct fct_str id;

    if (!record_open(value, RECORD_VERSION, &u))
        return false;
    id = unpack_bytes(&u, sizeof r->blob.b);
    if (!id.p)
        return false;
    memcpy(r->blob.b, id.p, sizeof r->blob.b);
    r->size = unpack_uint(&u);
    r->mailbox = unpack_uint32(&u);
    r->uid = unpack_uint32(&u);
    r->summary = unpack_str(&u);
    return unpack_ok(&u);
}

void mail_view_encode(const struct mail_view *v, struct buf *out)
{
    record_begin(out, VIEW_VERSION);
    pack_str(out, v->edits);
    pack_str(out, v->ledger);
    pack_str(out, v->reverse_path);
    pack_str(out, v->log_id);
    pack_uint(out, (uint64_t)v->received);
    pack_uint(out, v->size);
    record_end(out);
}

bool mail_view_decode(struct fct_str value, struct mail_view *v)
{
    struct unpack u;

    if (!record_open(value, VIEW_VERSION, &u))
        return false;
    v->edits = unpack_str(&u);
    v->ledger = unpack_str(&u);
    v->reverse_path = unpack_str(&u);
    v->log_id = unpack_str(&u);
    v->received = (int64_t)unpack_uint(&u);
    v->size = unpack_uint32(&u);
    return unpack_ok(&u);
}

struct key mail_record_key(uint64_t email)
{
    struct key k = key_of('e');

    key_u64(&k, email);
    return k;
}

struct key mail_view_key(uint64_t email)
{
    struct key k = key_of('v');

    key_u64(&k, email);
    return k;
}

bool mail_record_get(struct driver *d, struct driver_snap *snap, uint64_t account, uint64_t email,
                     struct buf *value, struct mail_record *out, bool *found, struct fct_err *err)
{
    struct key key = mail_record_key(email);

    if (!d->ops->get(d, snap, account, key_str(&key), value, found, err))
        return false;
    return !*found || mail_record_decode(buf_str(value), out) ||
           fct_fail(err, FCT_TEMP, "the record of a message is damaged");
}

bool mail_view_get(struct driver *d, struct driver_snap *snap, uint64_t account, uint64_t email,
                   struct buf *value, struct mail_view *out, bool *found, struct fct_err *err)
{
    struct key key = mail_view_key(email);

    if (!d->ops->get(d, snap, account, key_str(&key), value, found, err))
        return false;
    return !*found || mail_view_decode(buf_str(value), out) ||
           fct_fail(err, FCT_TEMP, "the view of a message is damaged");
}

/* ---- e-mails read last ---- */

#define CACHED_MAILS 64

struct cached_mail {
    uint64_t account, email; /* account 0: free */
    struct blob_id blob;
    uint64_t size;
    struct arena *arena; /* of the edit list */
    struct edit_list edits;
    unsigned users;
};

struct mail_cache {
    struct cached_mail mail[CACHED_MAILS];
    size_t next;
};

struct mail_cache *mail_cache_new(void)
{
    struct mail_cache *c = calloc(1, sizeof *c);

    FCT_ASSERT(c);
    return c;
}

void mail_cache_free(struct mail_cache **c)
{
    for (size_t i = 0; *c && i < CACHED_MAILS; i++)
        arena_free(&(*c)->mail[i].arena);
    free(*c);
    *c = NULL;
}

static struct cached_mail *cache_find(struct mail_cache *c, uint64_t account, uint64_t email)
{
    for (size_t i = 0; i < CACHED_MAILS; i++)
        if (c->mail[i].email == email && c->mail[i].account == account)
            return &c->mail[i];
    return NULL;
}

/* The next entry in turn that nobody reads from; NULL when all are in use. */
static struct cached_mail *cache_room(struct mail_cache *c)
{
    for (size_t i = 0; i < CACHED_MAILS; i++) {
        struct cached_mail *m = &c->mail[c->next++ % CACHED_MAILS];

        if (m->users)
            continue;
        arena_free(&m->arena);
        *m = (struct cached_mail){0};
        return m;
    }
    return NULL;
}

static bool load_mail(struct server *s, struct cached_mail *m, uint64_t account, uint64_t email,
                      struct fct_err *err)
{
    struct buf value = BUF_INIT(VALUE_MAX);
    struct mail_record record;
    struct mail_view view;
    bool found, viewed = false;
    bool ok = mail_record_get(s->driver, NULL, account, email, &value, &record, &found, err);

    if (ok && !found)
        ok = fct_fail(err, FCT_DENIED, "no such message");
    if (ok) {
        m->blob = record.blob;
        m->size = record.size;
        ok = mail_view_get(s->driver, NULL, account, email, &value, &view, &viewed, err);
    }
    m->arena = arena_new(NULL);
    if (ok && viewed && view.edits.n > 0)
        ok = edit_list_decode(m->arena, arena_str(m->arena, view.edits), m->size, &m->edits, err);
    buf_free(&value);
    m->account = ok ? account : 0;
    m->email = email;
    return ok;
}

/* ---- bytes ---- */

struct piece_read {
    struct driver *d;
    const struct blob_id *blob;
    uint64_t offset;
    char *to;
    size_t n;
    bool ok;
    struct fct_err err;
};

static void read_piece(void *arg)
{
    struct piece_read *p = arg;

    p->ok = p->d->ops->blob_read(p->d, p->blob, p->offset, p->to, p->n, false, &p->err);
}

#define READ_IN_LOOP_MAX (64u << 10)

static bool read_original(struct server *s, const struct cached_mail *m, uint64_t offset, size_t n,
                          struct buf *out, struct fct_err *err)
{
    struct piece_read p = {
        .d = s->driver, .blob = &m->blob, .offset = offset, .to = buf_reserve(out, n), .n = n};

    if (!p.to)
        return fct_fail(err, FCT_LIMIT, "too many bytes in one read");
    if (n > READ_IN_LOOP_MAX || !p.d->ops->blob_read(p.d, p.blob, offset, p.to, n, true, &p.err)) {
        p.err = (struct fct_err){0};
        offload(read_piece, &p);
        if (!p.ok) {
            *err = p.err;
            return false;
        }
    }
    out->n += n;
    return true;
}

static bool read_view(struct server *s, const struct cached_mail *m, bool original, uint64_t offset,
                      uint32_t length, struct buf *out, struct fct_err *err)
{
    static const struct edit_list none;
    struct edit_walk walk = edit_walk_start(original ? &none : &m->edits, m->size, offset, length);
    struct edit_piece piece;

    while (edit_walk_next(&walk, &piece)) {
        if (!piece.original)
            buf_put_str(out, piece.bytes);
        else if (!read_original(s, m, piece.offset, piece.bytes.n, out, err))
            return false;
    }
    return !out->overflow || fct_fail(err, FCT_LIMIT, "too many bytes in one read");
}

bool mail_read(struct server *s, uint64_t account, uint64_t email, bool original, uint64_t offset,
               uint32_t length, struct buf *out, struct fct_err *err)
{
    struct cached_mail *m = cache_find(s->mails, account, email);
    bool ok;

    if (!m) {
        m = cache_room(s->mails);
        if (!m)
            return fct_fail(err, FCT_TEMP, "too many messages being read");
        if (!load_mail(s, m, account, email, err))
            return false;
    }
    m->users++;
    ok = read_view(s, m, original, offset, length, out, err);
    m->users--;
    return ok;
}
