/* queue_later.c - see queue_later.h; docs/store-format.md has the encoding. */
#include "store/queue_later.h"

#include "core/base/err.h"
#include "store/pack.h"

#include <stdlib.h>

/* ---- writing ---- */

static bool same_view(const struct queue_later_copy *a, const struct queue_later_copy *b)
{
    return a->edits.p == b->edits.p && a->edits.n == b->edits.n && a->summary.p == b->summary.p &&
           a->summary.n == b->summary.n && a->view_size == b->view_size;
}

/* view[i]: which of the different ones copy i shows, first[k]: the copy that view k is of. */
static size_t gather_views(const struct queue_later *later, uint32_t *view, uint32_t *first)
{
    size_t n = 0;

    for (size_t i = 0; i < later->n; i++) {
        size_t k = 0;

        while (k < n && !same_view(&later->copy[first[k]], &later->copy[i]))
            k++;
        if (k == n)
            first[n++] = (uint32_t)i;
        view[i] = (uint32_t)k;
    }
    return n;
}

static void pack_copy(struct buf *out, const struct queue_later_copy *c, uint32_t view)
{
    pack_uint(out, c->recipient);
    pack_uint(out, c->account);
    pack_str(out, c->mailbox);
    pack_uint(out, c->flags);
    pack_uint(out, c->nkeywords);
    for (size_t i = 0; i < c->nkeywords; i++)
        pack_str(out, c->keyword[i]);
    pack_uint(out, view);
    pack_str(out, c->ledger);
    pack_str(out, c->to);
}

void queue_later_encode(const struct queue_later *later, struct buf *out)
{
    uint32_t *view = calloc(2 * later->n + 1, sizeof *view), *first = view + later->n;
    size_t views;

    FCT_ASSERT(view);
    views = gather_views(later, view, first);
    pack_str(out, later->reverse_path);
    pack_str(out, later->helo);
    pack_uint(out, later->role);
    pack_uint(out, views);
    for (size_t k = 0; k < views; k++) {
        const struct queue_later_copy *c = &later->copy[first[k]];

        pack_str(out, c->edits);
        pack_str(out, c->summary);
        pack_uint(out, c->view_size);
    }
    pack_uint(out, later->n);
    for (size_t i = 0; i < later->n; i++)
        pack_copy(out, &later->copy[i], view[i]);
    free(view);
}

/* ---- reading ---- */

/* A number of things that take more than a byte each. */
static size_t unpack_count(struct unpack *in)
{
    uint64_t n = unpack_uint(in);

    if (n > (uint64_t)(in->end - in->p))
        in->bad = true;
    return in->bad ? 0 : (size_t)n;
}

struct view {
    struct fct_str edits, summary;
    uint32_t size;
};

static const struct view *unpack_views(struct unpack *in, struct arena *arena, size_t *n)
{
    struct view *view;

    *n = unpack_count(in);
    view = ARENA_ARRAY(arena, struct view, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        view[i].edits = unpack_str(in);
        view[i].summary = unpack_str(in);
        view[i].size = unpack_uint32(in);
    }
    return view;
}

static void unpack_keywords(struct unpack *in, struct arena *arena, struct queue_later_copy *c)
{
    struct fct_str *keyword;

    c->nkeywords = unpack_count(in);
    keyword = ARENA_ARRAY(arena, struct fct_str, c->nkeywords + 1);
    for (size_t i = 0; i < c->nkeywords; i++)
        keyword[i] = unpack_str(in);
    c->keyword = keyword;
}

static void unpack_copy(struct unpack *in, struct arena *arena, const struct view *view, size_t n,
                        struct queue_later_copy *c)
{
    uint32_t flags, which;

    c->recipient = unpack_uint32(in);
    c->account = unpack_uint(in);
    c->mailbox = unpack_str(in);
    flags = unpack_uint32(in);
    unpack_keywords(in, arena, c);
    which = unpack_uint32(in);
    c->ledger = unpack_str(in);
    c->to = unpack_str(in);
    if (flags > UINT16_MAX || which >= n)
        in->bad = true;
    if (in->bad)
        return;
    c->flags = (uint16_t)flags;
    c->edits = view[which].edits;
    c->summary = view[which].summary;
    c->view_size = view[which].size;
}

bool queue_later_decode(struct fct_str bytes, size_t recipients, struct arena *arena,
                        struct queue_later *out)
{
    struct unpack in = unpack_start(bytes);
    struct queue_later_copy *copy;
    const struct view *view;
    size_t views;

    *out = (struct queue_later){0};
    if (bytes.n == 0)
        return true;
    out->reverse_path = unpack_str(&in);
    out->helo = unpack_str(&in);
    out->role = unpack_uint32(&in);
    view = unpack_views(&in, arena, &views);
    out->n = unpack_count(&in);
    out->copy = copy = ARENA_ARRAY(arena, struct queue_later_copy, out->n + 1);
    for (size_t i = 0; i < out->n && !in.bad; i++) {
        unpack_copy(&in, arena, view, views, &copy[i]);
        if (copy[i].recipient >= recipients)
            in.bad = true;
    }
    return unpack_ok(&in);
}
