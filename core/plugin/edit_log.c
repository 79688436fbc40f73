/* edit_log.c - writing edits down, and turning logs into the list that the store keeps. */
#include "core/plugin/edit_log.h"

#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/part_patch.h"
#include "core/plugin/plugin_call.h"

#include <stdlib.h>

/* ---- overlaps ---- */

/* Do [a, a+an) and [b, b+bn) share a byte, or does one insert strictly inside the other? */
static bool spans_clash(uint64_t a, uint64_t an, uint64_t b, uint64_t bn)
{
    if (an == 0 || bn == 0)
        return an == 0 ? a > b && a < b + bn : b > a && b < a + an;
    return a < b + bn && b < a + an;
}

static bool edits_clash(const struct logged_edit *a, const struct logged_edit *b)
{
    bool a_part = a->kind == LOGGED_PART, b_part = b->kind == LOGGED_PART;

    if (a_part && b_part && a->part != b->part)
        return false;
    if (a_part == b_part)
        return spans_clash(a->edit.offset, a->edit.remove, b->edit.offset, b->edit.remove);
    if (b_part)
        return edits_clash(b, a);
    return spans_clash(a->body_offset, a->body_length, b->edit.offset, b->edit.remove);
}

static uint64_t first_byte(const struct logged_edit *e)
{
    return e->kind == LOGGED_PART ? e->body_offset : e->edit.offset;
}

static uint64_t last_byte(const struct logged_edit *e)
{
    return e->kind == LOGGED_PART ? e->body_offset + e->body_length
                                  : e->edit.offset + e->edit.remove;
}

bool edit_log_clashes(const struct edit_log *log, const struct logged_edit *edit)
{
    /* the usual cases: edits come from front to back */
    if (first_byte(edit) >= log->reach)
        return false;
    if (edit->kind == LOGGED_PART && log->in_part && edit->part == log->part &&
        edit->edit.offset >= log->part_end && edit->body_offset >= log->other_reach)
        return false;
    for (size_t i = 0; i < log->n; i++)
        if (edits_clash(&log->edit[i], edit))
            return true;
    return false;
}

static void follow_part(struct edit_log *log, const struct logged_edit *edit)
{
    uint64_t end = edit->edit.offset + edit->edit.remove;

    if (edit->kind != LOGGED_PART) {
        if (last_byte(edit) > log->other_reach)
            log->other_reach = last_byte(edit);
        return;
    }
    if (!log->in_part || edit->part != log->part) {
        log->other_reach = log->reach;
        log->in_part = true;
        log->part = edit->part;
        log->part_end = 0;
    }
    if (end > log->part_end)
        log->part_end = end;
}

void edit_log_add(struct arena *arena, struct edit_log *log, const struct logged_edit *edit)
{
    if (log->n == log->cap) {
        size_t cap = log->cap ? 2 * log->cap : 8;

        log->edit = arena_grow(arena, log->edit, sizeof *edit * log->cap, sizeof *edit * cap);
        log->cap = cap;
    }
    log->edit[log->n++] = *edit;
    follow_part(log, edit);
    if (last_byte(edit) > log->reach)
        log->reach = last_byte(edit);
}

static bool same_edit(const struct logged_edit *a, const struct logged_edit *b)
{
    return a->kind == b->kind && a->part == b->part && a->edit.offset == b->edit.offset &&
           a->edit.remove == b->edit.remove && str_equal(a->edit.insert, b->edit.insert) &&
           str_equal(a->edit.origin, b->edit.origin);
}

bool edit_log_equals(const struct edit_log *a, const struct edit_log *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!same_edit(&a->edit[i], &b->edit[i]))
            return false;
    return true;
}

/* ---- building ---- */

struct building {
    struct transaction *tx;
    const struct logged_edit **all; /* in the order of the logs */
    size_t n, logs;                 /* logs: that say something */
    struct edit *edit;
    size_t edits, lost;
};

static void collect(struct building *b, const struct edit_log *const *log, size_t n)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++) {
        most += log[i] ? log[i]->n : 0;
        b->logs += log[i] && log[i]->n > 0;
    }
    b->all = ARENA_ARRAY(b->tx->arena, const struct logged_edit *, most + 1);
    b->edit = ARENA_ARRAY(b->tx->arena, struct edit, most + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; log[i] && k < log[i]->n; k++)
            b->all[b->n++] = &log[i]->edit[k];
}

/* Fields before the body: where a message has no body both stand at its end. */
static void take_kind(struct building *b, enum logged_kind kind)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->all[i]->kind == kind)
            b->edit[b->edits++] = b->all[i]->edit;
}

struct sorted_patch {
    const struct logged_edit *is;
    size_t order;
};

/* By part, then by place; at one place insertions come before the removal, in the order they were
 * asked for. */
static int by_place(const void *a, const void *b)
{
    const struct sorted_patch *x = a, *y = b;

    if (x->is->part != y->is->part)
        return x->is->part < y->is->part ? -1 : 1;
    if (x->is->edit.offset != y->is->edit.offset)
        return x->is->edit.offset < y->is->edit.offset ? -1 : 1;
    if ((x->is->edit.remove > 0) != (y->is->edit.remove > 0))
        return x->is->edit.remove > 0 ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Plugins mostly go from front to back. */
static void sort_by_place(struct sorted_patch *sorted, size_t n)
{
    size_t i = 1;

    while (i < n && by_place(&sorted[i - 1], &sorted[i]) <= 0)
        i++;
    if (i < n)
        qsort(sorted, n, sizeof *sorted, by_place);
}

/* Patches of one log never overlap; those of a later log that do are left out. */
static size_t sort_patches(struct building *b, struct sorted_patch *sorted)
{
    struct edit_log taken = {0};
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++) {
        const struct logged_edit *e = b->all[i];

        if (e->kind != LOGGED_PART)
            continue;
        if (b->logs > 1) {
            if (edit_log_clashes(&taken, e)) {
                b->lost++;
                continue;
            }
            edit_log_add(b->tx->arena, &taken, e);
        }
        sorted[n] = (struct sorted_patch){e, n};
        n++;
    }
    sort_by_place(sorted, n);
    return n;
}

static void patch_part(struct building *b, const struct sorted_patch *sorted, size_t n)
{
    const struct call_message *m = b->tx->message;
    const struct logged_edit *first = sorted[0].is;
    struct part_patch *patch = ARENA_ARRAY(b->tx->arena, struct part_patch, n);
    struct part_span span = {m->bytes,
                             (size_t)first->body_offset,
                             (size_t)first->body_length,
                             m->tree.part[first->part].transfer,
                             m->part_lines[first->part].line,
                             m->part_lines[first->part].n};

    for (size_t i = 0; i < n; i++) {
        const struct edit *e = &sorted[i].is->edit;

        patch[i] = (struct part_patch){(size_t)e->offset, (size_t)e->remove, e->insert, e->origin};
    }
    b->edits += part_patch_edits(b->tx->arena, &span, patch, n, b->edit + b->edits);
}

static void take_patches(struct building *b)
{
    struct sorted_patch *sorted = ARENA_ARRAY(b->tx->arena, struct sorted_patch, b->n + 1);
    size_t n = sort_patches(b, sorted), start = 0;

    for (size_t i = 1; i <= n; i++) {
        if (i < n && sorted[i].is->part == sorted[start].is->part)
            continue;
        patch_part(b, sorted + start, i - start);
        start = i;
    }
}

void edit_log_build(struct transaction *tx, const struct edit_log *const *log, size_t n,
                    struct edit_list *out)
{
    struct building b = {.tx = tx};
    struct fct_err err = {0};
    size_t lost = 0;

    *out = (struct edit_list){0};
    collect(&b, log, n);
    if (b.n == 0)
        return;
    take_kind(&b, LOGGED_HEADER);
    take_kind(&b, LOGGED_BODY);
    take_patches(&b);
    if (!edit_list_build(tx->arena, b.edit, b.edits, tx->message->bytes.n, out, NULL, &lost,
                         &err)) {
        log_event(EV_BUG, tx->id, F_C("what", "edits"), F_C("why", err.text));
        *out = (struct edit_list){0};
    } else if (lost + b.lost > 0) {
        log_event(EV_NOTE, tx->id, F_C("text", "edits overlap: the earlier ones stand"),
                  F_U64("lost", lost + b.lost));
    }
}
