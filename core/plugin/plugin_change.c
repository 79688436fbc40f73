/* plugin_change.c - see plugin_change.h. */
#include "core/plugin/plugin_change.h"

#include "core/base/str.h"
#include "core/base/utf8.h"

static const struct change_info rows[] = {
#define CHANGE(hook, name, type, doc) {FCT_HOOK_##hook, #name, CHANGE_##type, doc},
#include <facteur/hooks.def>
};

const struct change_info *change_row(size_t n)
{
    return n < FCT_COUNT(rows) ? &rows[n] : NULL;
}

const struct change_info *change_find(enum fct_hook hook, struct fct_str name)
{
    for (size_t i = 0; i < FCT_COUNT(rows); i++)
        if (rows[i].hook == hook && str_equal(str_from(rows[i].name), name))
            return &rows[i];
    return NULL;
}

/* ---- values ---- */

bool change_fits(const struct change_info *info, struct fct_str value)
{
    uint64_t number;

    if (value.n > CHANGE_VALUE_MAX)
        return false;
    switch (info->type) {
    case CHANGE_U64:
        return str_to_u64(value, &number);
    case CHANGE_BOOL:
        return str_equal(value, FCT_STR("yes")) || str_equal(value, FCT_STR("no"));
    case CHANGE_STR:
    case CHANGE_LIST:
        return utf8_is_line(value);
    }
    return false;
}

/* ---- set ---- */

static struct call_change *find_set(const struct transaction *tx, const char *name)
{
    for (struct call_change *c = tx->change; c; c = c->next)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static bool has_room(const struct transaction *tx, struct fct_str value)
{
    return tx->changes < CHANGES_MAX && tx->change_bytes + value.n <= CHANGES_BYTES_MAX;
}

static void append(struct transaction *tx, const char *name, struct fct_str value)
{
    struct call_change *c = ARENA_NEW(tx->arena, struct call_change), **end = &tx->change;

    *c = (struct call_change){name, value, NULL};
    if (tx->change)
        end = &tx->last_change->next;
    *end = c;
    tx->last_change = c;
    tx->changes++;
}

bool change_set(struct fct_call *call, const char *name, struct fct_str value)
{
    const struct change_info *info;
    struct transaction *tx = call->tx;
    struct call_change *old;

    if (!call->live || !name)
        return false;
    info = change_find(call->hook, str_from(name));
    if (!info || !change_fits(info, value) || !has_room(tx, value))
        return false;
    call_note(call, NOTE_CHANGE, info->name, value, 0);
    if (call->shadow)
        return true;
    tx->change_bytes += value.n;
    old = info->type == CHANGE_LIST ? NULL : find_set(tx, info->name);
    if (old)
        old->value = arena_str(tx->arena, value);
    else
        append(tx, info->name, arena_str(tx->arena, value));
    return true;
}
