/* dkim_fields.c - see dkim_fields.h. An open hash table of names. */
#include "plugins/dkim/dkim_fields.h"

/* Where `name` is in the table, or the free place for it. A third of the places is free at least.
 * Nobody can choose names that fall together: where the table lies is part of the hash. */
static uint32_t place_of(const struct dkim_fields *f, struct fct_str name)
{
    uint32_t at;

    for (at = (uint32_t)dkim_hash(name, (uintptr_t)f->bottom, true) & (f->size - 1);
         f->bottom[at] != DKIM_NO_FIELD; at = (at + 1) & (f->size - 1))
        if (dkim_same_nocase(dkim_trim(f->field[f->bottom[at]].name), name))
            break;
    return at;
}

bool dkim_fields_init(struct dkim_fields *f, const struct dkim_memory *memory,
                      const struct fct_header *field, size_t n)
{
    *f = (struct dkim_fields){.field = field, .n = n, .size = 16, .last = {"", 0}};
    if (n >= DKIM_NO_FIELD / 4)
        return false;
    while (f->size < n + n / 2 + 1)
        f->size *= 2;
    f->above = memory->take(memory->arg, (n + 1) * sizeof *f->above);
    f->bottom = memory->take(memory->arg, f->size * sizeof *f->bottom);
    f->next = memory->take(memory->arg, f->size * sizeof *f->next);
    if (!f->above || !f->bottom || !f->next)
        return false;
    memset(f->bottom, 0xff, f->size * sizeof *f->bottom);
    for (size_t i = 0; i < n; i++) {
        uint32_t at = place_of(f, dkim_trim(field[i].name));

        f->above[i] = f->bottom[at];
        f->bottom[at] = (uint32_t)i;
    }
    dkim_fields_rewind(f);
    return true;
}

void dkim_fields_rewind(struct dkim_fields *f)
{
    memcpy(f->next, f->bottom, f->size * sizeof *f->next);
}

const struct fct_header *dkim_fields_take(struct dkim_fields *f, struct fct_str name)
{
    uint32_t found;

    if (name.n != f->last.n || memcmp(name.p, f->last.p, name.n) != 0) {
        f->last_at = place_of(f, name);
        f->last = name;
    }
    found = f->next[f->last_at];
    if (found == DKIM_NO_FIELD)
        return NULL;
    f->next[f->last_at] = f->above[found];
    return &f->field[found];
}
