/* privacy_tally.c - see privacy_tally.h. */
#include "store/privacy_tally.h"

#include "core/base/str.h"

#include <stdlib.h>

/* ---- adding ---- */

static struct tally_name *find(const struct tally_names *names, struct fct_str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_equal(names->name[i].name, name))
            return &names->name[i];
    return NULL;
}

static struct tally_name *append(struct arena *arena, struct tally_names *names,
                                 struct fct_str name)
{
    if (names->n == names->room) {
        size_t room = names->room ? 2 * names->room : 8;

        names->name = arena_grow(arena, names->name, names->room * sizeof *names->name,
                                 room * sizeof *names->name);
        names->room = room;
    }
    names->name[names->n] = (struct tally_name){.name = arena_str(arena, name)};
    return &names->name[names->n++];
}

void tally_names_add(struct arena *arena, struct tally_names *names, const struct tally_name *more,
                     size_t most)
{
    struct fct_str name = more->name;
    struct tally_name *at = find(names, name);

    if (!at && most > 0 && names->n + 1 >= most) { /* the last place is for all others */
        name = FCT_STR("");
        at = find(names, name);
    }
    if (!at)
        at = append(arena, names, name);
    at->messages += more->messages;
    at->removed += more->removed;
}

void privacy_tally_add(struct privacy_tally *to, const struct privacy_tally *more, size_t most)
{
    to->messages += more->messages;
    to->removed += more->removed;
    to->links += more->links;
    for (size_t i = 0; i < more->company.n; i++)
        tally_names_add(to->arena, &to->company, &more->company.name[i], most);
    for (size_t i = 0; i < more->sender.n; i++)
        tally_names_add(to->arena, &to->sender, &more->sender.name[i], most);
}

static int larger_first(const void *a, const void *b)
{
    const struct tally_name *x = a, *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int order = n > 0 ? memcmp(x->name.p, y->name.p, n) : 0;

    if (x->removed != y->removed)
        return x->removed > y->removed ? -1 : 1;
    if (x->messages != y->messages)
        return x->messages > y->messages ? -1 : 1;
    return order ? order : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

void privacy_tally_sort(struct privacy_tally *t)
{
    if (t->company.n > 0)
        qsort(t->company.name, t->company.n, sizeof *t->company.name, larger_first);
    if (t->sender.n > 0)
        qsort(t->sender.name, t->sender.n, sizeof *t->sender.name, larger_first);
}

/* ---- stored form ---- */

static void put_names(const struct tally_names *names, struct buf *out)
{
    pack_uint(out, names->n);
    for (size_t i = 0; i < names->n; i++) {
        pack_str(out, names->name[i].name);
        pack_uint(out, names->name[i].messages);
        pack_uint(out, names->name[i].removed);
    }
}

void privacy_tally_encode(const struct privacy_tally *t, struct buf *out)
{
    pack_uint(out, t->messages);
    pack_uint(out, t->removed);
    pack_uint(out, t->links);
    put_names(&t->company, out);
    put_names(&t->sender, out);
}

static void get_names(struct unpack *u, struct arena *arena, struct tally_names *out)
{
    uint64_t n = unpack_uint(u);

    if (n > TALLY_NAMES)
        u->bad = true;
    for (uint64_t i = 0; i < n && !u->bad; i++) {
        struct tally_name one = {.name = unpack_str(u)};

        one.messages = unpack_uint(u);
        one.removed = unpack_uint(u);
        if (!u->bad)
            tally_names_add(arena, out, &one, 0);
    }
}

bool privacy_tally_take(struct arena *arena, struct unpack *in, struct privacy_tally *out)
{
    *out = (struct privacy_tally){.arena = arena};
    out->messages = unpack_uint(in);
    out->removed = unpack_uint(in);
    out->links = unpack_uint(in);
    get_names(in, arena, &out->company);
    get_names(in, arena, &out->sender);
    return !in->bad;
}
