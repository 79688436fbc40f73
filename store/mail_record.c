/* mail_record.c - cold records, views, and the bytes of a view. */
#include "store/mail_record.h"

#include "store/mail_cache.h"
#include "store/places.h"

#include "core/base/str.h"

#include <stdlib.h>

#define RECORD_VERSION 1
#define VIEW_VERSION   3
#define VIEW_VERSION_2 2 /* as it was delivered */
#define VIEW_VERSION_1 1 /* without its origin */

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

/* What was delivered stays in version 2. */
void mail_view_encode(const struct mail_view *v, struct buf *out)
{
    record_begin(out, v->shown_anew ? VIEW_VERSION : VIEW_VERSION_2);
    pack_str(out, v->edits);
    pack_str(out, v->ledger);
    pack_str(out, v->reverse_path);
    pack_str(out, v->log_id);
    pack_uint(out, (uint64_t)v->received);
    pack_uint(out, v->size);
    pack_str(out, v->origin.recipient);
    pack_str(out, v->origin.client_ip);
    pack_str(out, v->origin.helo);
    pack_str(out, v->origin.login);
    pack_uint(out, v->origin.role);
    if (v->shown_anew)
        pack_str(out, v->aside);
    record_end(out);
}

static struct mail_origin get_origin(struct unpack *u)
{
    struct mail_origin o = {0};

    o.recipient = unpack_str(u);
    o.client_ip = unpack_str(u);
    o.helo = unpack_str(u);
    o.login = unpack_str(u);
    o.role = unpack_uint32(u);
    return o;
}

bool mail_view_decode(struct fct_str value, struct mail_view *v)
{
    struct unpack u;
    bool anew = record_open(value, VIEW_VERSION, &u);
    bool known = anew || record_open(value, VIEW_VERSION_2, &u);

    if (!known && !record_open(value, VIEW_VERSION_1, &u))
        return false;
    v->edits = unpack_str(&u);
    v->ledger = unpack_str(&u);
    v->reverse_path = unpack_str(&u);
    v->log_id = unpack_str(&u);
    v->received = (int64_t)unpack_uint(&u);
    v->size = unpack_uint32(&u);
    v->origin = known ? get_origin(&u) : (struct mail_origin){0};
    v->shown_anew = anew;
    v->aside = anew ? unpack_str(&u) : (struct fct_str){0};
    return unpack_ok(&u);
}

struct key mail_record_key(uint64_t email)
{
    struct key k = key_of(MAIL_RECORD_KEY);

    key_u64(&k, email);
    return k;
}

struct key mail_view_key(uint64_t email)
{
    struct key k = key_of(MAIL_VIEW_KEY);

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

bool mail_place_now(struct driver *d, uint64_t account, uint64_t email,
                    const struct mail_record *record, uint32_t rather, struct place *out,
                    struct fct_err *err)
{
    struct buf value = BUF_INIT(MAIL_VALUE_MAX);
    struct key key = key_of('y');
    struct place *list = NULL;
    size_t n = 0;
    bool ok, found;

    *out = (struct place){record->mailbox, record->uid};
    key_u64(&key, email);
    ok = d->ops->get(d, NULL, account, key_str(&key), &value, &found, err);
    if (ok && found) {
        ok = places_decode(buf_str(&value), &list, &n) ||
             fct_fail(err, FCT_TEMP, "the places of a message are damaged");
        *out = ok && n > 0 ? list[0] : (struct place){0, 0};
        for (size_t i = 0; ok && i < n; i++)
            if (list[i].mailbox == rather)
                *out = list[i];
    }
    free(list);
    buf_free(&value);
    return ok;
}

#define KEY_BYTES 9 /* type, number */

bool mail_get_many(struct driver *d, uint64_t account, char type, const uint64_t *email, size_t n,
                   driver_found fn, void *arg, struct fct_err *err)
{
    struct fct_str *key = calloc(n + 1, sizeof *key + KEY_BYTES);
    char *text = (char *)(key + n + 1);
    bool ok;

    FCT_ASSERT(key);
    for (size_t i = 0; i < n; i++, text += KEY_BYTES) {
        struct key one = key_of(type);

        key_u64(&one, email[i]);
        memcpy(text, one.p, KEY_BYTES);
        key[i] = (struct fct_str){text, KEY_BYTES};
    }
    ok = d->ops->get_many(d, account, key, n, fn, arg, err);
    free(key);
    return ok;
}

/* ---- bytes ---- */

struct piece_read {
    struct driver *d;
    const struct blob_id *blob;
    struct driver_place place; /* a copy: the entry belongs to the loop's thread */
    uint64_t offset;
    char *to;
    size_t n;
    bool ok;
    struct fct_err err;
};

static void read_piece(void *arg)
{
    struct piece_read *p = arg;

    p->ok = p->d->ops->blob_read(p->d, p->blob, &p->place, p->offset, p->to, p->n, false, &p->err);
}

#define READ_IN_LOOP_MAX (64u << 10)

static bool read_original(struct server *s, struct cached_mail *m, uint64_t offset, size_t n,
                          struct buf *out, struct fct_err *err)
{
    struct piece_read p = {
        .d = s->driver,
        .blob = &m->blob,
        .place = m->place,
        .offset = offset,
        .to = buf_reserve(out, n),
        .n = n,
    };

    if (!p.to)
        return fct_fail(err, FCT_LIMIT, "too many bytes in one read");
    if (n > READ_IN_LOOP_MAX ||
        !p.d->ops->blob_read(p.d, p.blob, &p.place, offset, p.to, n, true, &p.err)) {
        p.err = (struct fct_err){0};
        offload(read_piece, &p);
        if (!p.ok) {
            *err = p.err;
            return false;
        }
    }
    m->place = p.place;
    out->n += n;
    return true;
}

static bool read_view(struct server *s, struct cached_mail *m, bool original, uint64_t offset,
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
    struct cached_mail *m;
    bool ok;

    if (!mail_cache_get(s, account, email, &m, err))
        return false;
    m->users++;
    ok = read_view(s, m, original, offset, length, out, err);
    m->users--;
    return ok;
}
