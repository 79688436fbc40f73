/* edit_rebase.c - see edit_rebase.h: one pass over both lists. */
#include "core/message/edit_rebase.h"

/* Does nothing of m stand behind the beginning of e? What m inserts where e removes goes before. */
static bool is_before(const struct edit *m, const struct edit *e)
{
    if (m->offset == e->offset)
        return m->remove == 0 && e->remove > 0;
    return m->offset < e->offset && m->offset + m->remove <= e->offset;
}

static bool is_behind(const struct edit *m, const struct edit *e)
{
    return m->offset >= e->offset + e->remove;
}

size_t edit_rebase(struct arena *arena, const struct edit_list *edits, const struct edit_list *made,
                   struct edit_list *out)
{
    struct edit *moved = ARENA_ARRAY(arena, struct edit, edits->n + 1);
    uint64_t added = 0, cut = 0; /* by those of `made` before the edit at hand */
    size_t n = 0, at = 0;

    for (size_t i = 0; i < edits->n; i++) {
        const struct edit *e = &edits->edit[i];

        for (; at < made->n && is_before(&made->edit[at], e); at++) {
            added += made->edit[at].insert.n;
            cut += made->edit[at].remove;
        }
        if (at < made->n && !is_behind(&made->edit[at], e))
            continue;
        moved[n] = *e;
        moved[n++].offset = e->offset + added - cut;
    }
    *out = (struct edit_list){moved, n};
    return edits->n - n;
}
