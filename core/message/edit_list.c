/* edit_list.c - the view of a message: building, walking and storing its list of edits. */
#include "core/message/edit_list.h"

#include "core/message/gzip.h"
#include "core/message/varint.h"

#include <stdlib.h>

/* ---- build: which edits stand, in linear-logarithmic time ---- */

/* The ends of all spans, sorted, cut the message into places: place 2k is the point at end k, place
 * 2k+1 the bytes between ends k and k+1. A removal takes the places between its two ends, an
 * insertion the point it stands at. An edit stands when no place it needs is taken; a Fenwick tree
 * counts the taken ones. */
struct plan {
    uint64_t *end;
    size_t nends;
    uint32_t *tree; /* Fenwick tree over places */
    char *taken;    /* 0, 'i' by insertions, 'r' by a removal */
    size_t nplaces;
};

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void plan_start(struct plan *p, struct arena *arena, const struct edit *edits, size_t n)
{
    size_t unique = 0;

    p->end = ARENA_ARRAY(arena, uint64_t, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        p->end[2 * i] = edits[i].offset;
        p->end[2 * i + 1] = edits[i].offset + edits[i].remove;
    }
    qsort(p->end, 2 * n, sizeof *p->end, compare_u64);
    for (size_t i = 0; i < 2 * n; i++)
        if (unique == 0 || p->end[unique - 1] != p->end[i])
            p->end[unique++] = p->end[i];
    p->nends = unique;
    p->nplaces = 2 * unique;
    p->tree = ARENA_ARRAY(arena, uint32_t, p->nplaces + 1);
    p->taken = arena_alloc(arena, p->nplaces + 1);
}

static size_t place_of(const struct plan *p, uint64_t offset)
{
    const uint64_t *at = bsearch(&offset, p->end, p->nends, sizeof *p->end, compare_u64);

    return 2 * (size_t)(at - p->end);
}

static uint32_t taken_before(const struct plan *p, size_t place)
{
    uint32_t sum = 0;

    for (size_t i = place; i > 0; i &= i - 1)
        sum += p->tree[i];
    return sum;
}

static void take_place(struct plan *p, size_t place, char by)
{
    if (!p->taken[place])
        for (size_t i = place + 1; i <= p->nplaces; i += i & (~i + 1))
            p->tree[i]++;
    p->taken[place] = by;
}

/* Each place is taken by one removal at most, so that all calls together walk over each place once.
 */
static bool plan_edit(struct plan *p, const struct edit *e)
{
    size_t from = place_of(p, e->offset);

    if (e->remove == 0) {
        if (p->taken[from] == 'r')
            return false;
        take_place(p, from, 'i');
        return true;
    }
    size_t to = place_of(p, e->offset + e->remove);
    if (taken_before(p, to) != taken_before(p, from + 1))
        return false;
    for (size_t i = from + 1; i < to; i++)
        take_place(p, i, 'r');
    return true;
}

struct standing {
    struct edit edit;
    size_t order;
};

/* By offset; at one offset insertions come before the removal, in the order they were asked for. */
static int compare_standing(const void *a, const void *b)
{
    const struct standing *x = a, *y = b;

    if (x->edit.offset != y->edit.offset)
        return x->edit.offset < y->edit.offset ? -1 : 1;
    if ((x->edit.remove > 0) != (y->edit.remove > 0))
        return x->edit.remove > 0 ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

static bool check_spans(const struct edit *edits, size_t n, uint64_t size, struct fct_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (edits[i].offset > size || edits[i].remove > size - edits[i].offset)
            return fct_fail(err, FCT_BUG, "edit %zu by %.*s lies outside the message of %llu bytes",
                            i, FCT_FMT(str_head(edits[i].origin, 60)), (unsigned long long)size);
    return true;
}

/* Each begins where the one before ends, or behind it: then all stand, in the order they are in. */
static bool is_settled(const struct edit *edits, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (edits[i].offset < edits[i - 1].offset + edits[i - 1].remove)
            return false;
    return true;
}

/* Which of them stand, and in which order; returns how many. */
static size_t settle(struct arena *arena, const struct edit *edits, size_t n,
                     struct standing *standing, size_t *lost, size_t *nlost)
{
    struct plan plan;
    size_t kept = 0;

    if (is_settled(edits, n)) {
        for (size_t i = 0; i < n; i++)
            standing[i] = (struct standing){edits[i], i};
        return n;
    }
    plan_start(&plan, arena, edits, n);
    for (size_t i = 0; i < n; i++) {
        if (plan_edit(&plan, &edits[i]))
            standing[kept++] = (struct standing){edits[i], i};
        else if (lost)
            lost[(*nlost)++] = i;
        else
            ++*nlost;
    }
    qsort(standing, kept, sizeof *standing, compare_standing);
    return kept;
}

bool edit_list_build(struct arena *arena, const struct edit *edits, size_t n, uint64_t size,
                     struct edit_list *out, size_t *lost, size_t *nlost, struct fct_err *err)
{
    struct standing *standing;
    struct edit *list;
    size_t kept, left_out = 0;

    *out = (struct edit_list){0};
    if (nlost)
        *nlost = 0;
    if (n > UINT32_MAX / 8)
        return fct_fail(err, FCT_LIMIT, "%zu edits", n);
    if (!check_spans(edits, n, size, err))
        return false;
    if (n == 0)
        return true;
    standing = ARENA_ARRAY(arena, struct standing, n);
    kept = settle(arena, edits, n, standing, lost, &left_out);
    list = ARENA_ARRAY(arena, struct edit, kept);
    for (size_t i = 0; i < kept; i++) {
        list[i] = standing[i].edit;
        list[i].insert = arena_str(arena, standing[i].edit.insert);
        list[i].origin = i > 0 && str_equal(list[i - 1].origin, list[i].origin)
                             ? list[i - 1].origin
                             : arena_str(arena, standing[i].edit.origin);
    }
    *out = (struct edit_list){list, kept};
    if (nlost)
        *nlost = left_out;
    return true;
}

/* ---- reading through it ---- */

uint64_t edit_list_size(const struct edit_list *list, uint64_t original)
{
    uint64_t size = original;

    for (size_t i = 0; i < list->n; i++)
        size = size - list->edit[i].remove + list->edit[i].insert.n;
    return size;
}

struct edit_walk edit_walk_start(const struct edit_list *list, uint64_t original_size,
                                 uint64_t offset, uint64_t length)
{
    struct edit_walk w = {.list = list, .original_size = original_size};
    struct edit_piece skipped;

    w.left = offset;
    while (w.left > 0 && edit_walk_next(&w, &skipped))
        continue;
    w.left = w.left > 0 ? 0 : length;
    return w;
}

/* The bytes an edit inserts come first, then what it removes is stepped over. */
bool edit_walk_next(struct edit_walk *w, struct edit_piece *piece)
{
    while (w->left > 0) {
        const struct edit *e = w->at < w->list->n ? &w->list->edit[w->at] : NULL;
        uint64_t stop = e ? e->offset : w->original_size;

        if (w->original_at < stop) {
            uint64_t n = stop - w->original_at < w->left ? stop - w->original_at : w->left;

            *piece = (struct edit_piece){
                .original = true, .offset = w->original_at, .bytes = {NULL, (size_t)n}};
            w->original_at += n;
            w->left -= n;
            return true;
        }
        if (!e)
            return false;
        if (w->inserted < e->insert.n) {
            struct fct_str rest = str_skip(e->insert, (size_t)w->inserted);

            *piece = (struct edit_piece){
                .bytes = str_head(rest, w->left < rest.n ? (size_t)w->left : rest.n)};
            w->inserted += piece->bytes.n;
            w->left -= piece->bytes.n;
            return true;
        }
        w->original_at += e->remove;
        w->inserted = 0;
        w->at++;
    }
    return false;
}

bool edit_list_apply(const struct edit_list *list, struct fct_str original, uint64_t offset,
                     uint64_t length, struct buf *out)
{
    struct edit_walk w = edit_walk_start(list, original.n, offset, length);
    struct edit_piece piece;

    while (edit_walk_next(&w, &piece))
        buf_put(out, piece.original ? original.p + piece.offset : piece.bytes.p, piece.bytes.n);
    return !out->overflow;
}

uint64_t edit_list_to_view(const struct edit_list *list, uint64_t original_offset)
{
    uint64_t inserted = 0, removed = 0;

    for (size_t i = 0; i < list->n && list->edit[i].offset <= original_offset; i++) {
        const struct edit *e = &list->edit[i];

        if (original_offset < e->offset + e->remove) /* inside the removed span */
            return e->offset - removed + inserted;
        inserted += e->insert.n;
        removed += e->remove;
    }
    return original_offset - removed + inserted;
}

/* ---- stored form ---- */

/* Version 1: the number of edits, then for each: bytes kept since the edit before, bytes removed,
 * inserted text, and the origin as 0 (that of the edit before) or 1 and its text. Numbers are
 * varints, texts follow their length. Version 2: how long version 1 is, then that packed (RFC
 * 1952): a list that writes the same text a hundred times. */
enum {
    PLAIN = 1,
    PACKED = 2,
    EDIT_LEAST_BYTES = 4,
    PACKED_FROM = 2048, /* shorter ones are not worth the time */
    UNPACKED_MAX = 64 << 20
};

static void encode_plainly(const struct edit_list *list, struct buf *out)
{
    uint64_t at = 0;

    varint_put(out, PLAIN);
    varint_put(out, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct edit *e = &list->edit[i];
        bool same = i > 0 && str_equal(e->origin, list->edit[i - 1].origin);

        varint_put(out, e->offset - at);
        varint_put(out, e->remove);
        varint_put_str(out, e->insert);
        varint_put(out, same ? 0 : 1);
        if (!same)
            varint_put_str(out, e->origin);
        at = e->offset + e->remove;
    }
}

/* What stands in `out` from `from` on, when that makes it shorter. */
static void pack(struct buf *out, size_t from)
{
    struct fct_str plain = str_skip(buf_str(out), from);
    FCT_CLEANUP(buf_free) struct buf packed = BUF_INIT(2 * plain.n);

    varint_put(&packed, PACKED);
    varint_put(&packed, plain.n);
    if (!gzip_pack(plain, &packed) || packed.n >= plain.n)
        return;
    out->n = from;
    buf_put_str(out, buf_str(&packed));
}

void edit_list_encode(const struct edit_list *list, struct buf *out)
{
    size_t from = out->n;

    encode_plainly(list, out);
    if (!out->overflow && out->n - from >= PACKED_FROM && out->n - from <= UNPACKED_MAX)
        pack(out, from);
}

static bool take_edit(struct fct_str *in, uint64_t original_size, uint64_t *at, struct edit *e)
{
    uint64_t kept, remove, has_origin;

    if (!varint_take(in, &kept) || !varint_take(in, &remove) || kept > original_size - *at ||
        remove > original_size - *at - kept)
        return false;
    e->offset = *at + kept;
    e->remove = remove;
    *at = e->offset + remove;
    if (!varint_take_str(in, &e->insert) || !varint_take(in, &has_origin) || has_origin > 1)
        return false;
    return has_origin == 0 || varint_take_str(in, &e->origin);
}

static bool decode_plainly(struct arena *arena, struct fct_str in, uint64_t original_size,
                           struct edit_list *out, struct fct_err *err)
{
    uint64_t n, at = 0;
    struct edit *list;

    if (!varint_take(&in, &n) || n > in.n / EDIT_LEAST_BYTES)
        return fct_fail(err, FCT_SYNTAX, "edit list: wrong count");
    list = ARENA_ARRAY(arena, struct edit, n);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            list[i].origin = list[i - 1].origin;
        if (!take_edit(&in, original_size, &at, &list[i]))
            return fct_fail(err, FCT_SYNTAX, "edit list: edit %zu of %zu is broken", i, (size_t)n);
    }
    if (in.n > 0)
        return fct_fail(err, FCT_SYNTAX, "edit list: %zu bytes too many", in.n);
    *out = (struct edit_list){list, n};
    return true;
}

/* `in` becomes what was packed, behind its version. */
static bool unpack(struct arena *arena, struct fct_str *in, struct fct_err *err)
{
    uint64_t size, version;
    struct fct_err why = {0};

    if (!varint_take(in, &size) || size > UNPACKED_MAX)
        return fct_fail(err, FCT_SYNTAX, "edit list: wrong length");
    FCT_CLEANUP(buf_free) struct buf plain = BUF_INIT((size_t)size);
    if (!gzip_unpack(*in, &plain, &why) || plain.n != size)
        return fct_fail(err, FCT_SYNTAX, "edit list: what is packed is broken");
    *in = arena_str(arena, buf_str(&plain));
    return (varint_take(in, &version) && version == PLAIN) ||
           fct_fail(err, FCT_SYNTAX, "edit list: unknown version inside");
}

bool edit_list_decode(struct arena *arena, struct fct_str bytes, uint64_t original_size,
                      struct edit_list *out, struct fct_err *err)
{
    struct fct_str in = bytes;
    uint64_t version;

    *out = (struct edit_list){0};
    if (!varint_take(&in, &version) || version < PLAIN || version > PACKED)
        return fct_fail(err, FCT_SYNTAX, "edit list: unknown version");
    return (version == PLAIN || unpack(arena, &in, err)) &&
           decode_plainly(arena, in, original_size, out, err);
}
