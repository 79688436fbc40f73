/* edit_list.h - a view is the original plus a sorted list of spans: cut `remove` bytes at `offset`,
 * put `insert` there.
 *
 * The list is immutable once built and is applied while reading, in one pass, never written into
 * the message. Each edit carries its origin (the plugin or layer that asked for it), so that a
 * layer can be left out. */
#ifndef CORE_MESSAGE_EDIT_LIST_H
#define CORE_MESSAGE_EDIT_LIST_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"

struct edit {
    uint64_t offset, remove; /* in the original */
    struct fct_str insert;
    struct fct_str origin; /* "headers", "lua:subject_rules", "smtp" */
};

struct edit_list {
    /* By offset; spans do not overlap; insertions at one offset keep their order. */
    const struct edit *edit;
    size_t n;
};

/* Sort, check and copy into the arena. A later edit that overlaps an earlier one is left out; its
 * index goes to `lost` (may be NULL, room for n), the count of those is returned. Spans past `size`
 * fail as FCT_BUG (never trusted: may come from a plugin). */
FCT_MUST_CHECK bool edit_list_build(struct arena *arena, const struct edit *edits, size_t n,
                                    uint64_t size, struct edit_list *out, size_t *lost,
                                    size_t *nlost, struct fct_err *err);
uint64_t edit_list_size(const struct edit_list *list, uint64_t original); /* of the view */

/* Pieces of the view from `offset`, up to `length` bytes, in order: either a span of the original
 * or inserted bytes. */
struct edit_piece {
    bool original;
    uint64_t offset;      /* original: where in it */
    struct fct_str bytes; /* inserted bytes; for an original piece only .n counts */
};
struct edit_walk {
    const struct edit_list *list;
    uint64_t original_size, original_at, left;
    size_t at;         /* next edit */
    uint64_t inserted; /* bytes of it already given */
};
struct edit_walk edit_walk_start(const struct edit_list *list, uint64_t original_size,
                                 uint64_t offset, uint64_t length);
bool edit_walk_next(struct edit_walk *w, struct edit_piece *piece);
/* The whole range copied, for small things and tests. */
bool edit_list_apply(const struct edit_list *list, struct fct_str original, uint64_t offset,
                     uint64_t length, struct buf *out);
/* Where a byte of the original is in the view: an offset inside a removed span goes to the span's
 * place. */
uint64_t edit_list_to_view(const struct edit_list *list, uint64_t original_offset);

/* Stored form (store key `v`), versioned, long ones packed; decode checks everything, its views
 * point into `bytes` or the arena. */
void edit_list_encode(const struct edit_list *list, struct buf *out);
FCT_MUST_CHECK bool edit_list_decode(struct arena *arena, struct fct_str bytes,
                                     uint64_t original_size, struct edit_list *out,
                                     struct fct_err *err);

#endif
