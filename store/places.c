/* places.c - the set of places of an e-mail, and its fold. */
#include "store/places.h"

#include "core/base/err.h"

#define PLACES_VERSION 1

enum places_op { PLACE_ADD = 1, PLACE_REMOVE };

struct places {
    struct place *p;
    size_t n, room;
};

static void put_op(struct buf *out, enum places_op op, struct place p)
{
    pack_u8(out, (uint8_t)op);
    pack_uint(out, p.mailbox);
    pack_uint(out, p.uid);
}

void places_op_add(struct buf *out, struct place p)
{
    put_op(out, PLACE_ADD, p);
}

void places_op_remove(struct buf *out, struct place p)
{
    put_op(out, PLACE_REMOVE, p);
}

static void drop(struct places *s, struct place p)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->p[i].mailbox == p.mailbox && s->p[i].uid == p.uid)
            s->p[i--] = s->p[--s->n];
}

static void keep(struct places *s, struct place p)
{
    drop(s, p);
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 4;
        s->p = realloc(s->p, s->room * sizeof *s->p);
        FCT_ASSERT(s->p);
    }
    s->p[s->n++] = p;
}

static struct place get_place(struct unpack *u)
{
    struct place p = {.mailbox = unpack_uint32(u)};

    p.uid = unpack_uint32(u);
    return p;
}

static bool read_old(struct fct_str old, struct places *s)
{
    struct unpack u;

    if (!record_open(old, PLACES_VERSION, &u))
        return false;
    while (unpack_more(&u)) {
        struct place p = get_place(&u);

        if (!u.bad)
            keep(s, p);
    }
    return unpack_ok(&u);
}

static bool apply(struct fct_str piece, struct places *s)
{
    struct unpack u = unpack_start(piece);

    while (unpack_more(&u)) {
        uint8_t op = unpack_u8(&u);
        struct place p = get_place(&u);

        if (u.bad || (op != PLACE_ADD && op != PLACE_REMOVE))
            return false;
        if (op == PLACE_ADD)
            keep(s, p);
        else
            drop(s, p);
    }
    return true;
}

bool places_fold(struct fct_str old, const struct fct_str *piece, size_t n, struct buf *out)
{
    struct places s = {0};
    bool ok = !old.p || read_old(old, &s);

    for (size_t i = 0; ok && i < n; i++)
        ok = apply(piece[i], &s);
    record_begin(out, PLACES_VERSION);
    for (size_t i = 0; i < s.n; i++) {
        pack_uint(out, s.p[i].mailbox);
        pack_uint(out, s.p[i].uid);
    }
    record_end(out);
    free(s.p);
    return ok;
}

bool places_decode(struct fct_str value, struct place **list, size_t *n)
{
    struct places s = {0};
    bool ok = read_old(value, &s);

    *list = s.p;
    *n = s.n;
    return ok;
}
