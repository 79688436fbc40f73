/* filter_slot.c - last words and strikes, in memory shared by processes that may die at any
 * instruction: no locks. */
#include "core/hook/filter_slot.h"

#include "core/base/str.h"
#include "core/supervisor/role.h"

_Static_assert(sizeof(struct filter_slot) <= ROLE_SHARED_BYTES, "the slot fits its page");
_Static_assert(sizeof(struct filter_common) <= ROLE_COMMON_BYTES,
               "what filters share fits its pages");

/* ---- the slot ---- */

static void copy_text(char *to, const char *from, size_t size)
{
    memcpy(to, from, size);
    to[size - 1] = '\0';
}

/* Offloaded work whose thread the signal came on, or that hung; then the callback on the processor;
 * then any offloaded work (a process that was killed says nothing). */
static const struct slot_name *find_culprit(struct filter_slot *slot)
{
    uint32_t culprit = atomic_load(&slot->culprit);

    if (culprit >= 1 && culprit <= SLOT_OFFLOADS)
        return &slot->offload[culprit - 1].name;
    if (atomic_load(&slot->running) != 0)
        return &slot->name;
    for (size_t i = 0; i < SLOT_OFFLOADS; i++)
        if (atomic_load(&slot->offload[i].state) == 1)
            return &slot->offload[i].name;
    return NULL;
}

void filter_slot_take(struct filter_slot *slot, struct filter_death *death)
{
    const struct slot_name *name = find_culprit(slot);

    memset(death, 0, sizeof *death);
    if (name && name->hook < FCT_HOOK_COUNT) {
        death->blamed = true;
        death->hung = atomic_load(&slot->hung) != 0;
        death->hook = (enum fct_hook)name->hook;
        copy_text(death->plugin, name->plugin, sizeof death->plugin);
        copy_text(death->label, name->label, sizeof death->label);
        copy_text(death->id, name->id, sizeof death->id);
    }
    memset(slot, 0, sizeof *slot);
}

void filter_slot_name(struct slot_name *name, const char *plugin, const char *label,
                      struct fct_str id, enum fct_hook hook)
{
    str_copy_c(name->plugin, sizeof name->plugin, str_from(plugin));
    str_copy_c(name->label, sizeof name->label, str_from(label));
    str_copy_c(name->id, sizeof name->id, id);
    name->hook = (uint32_t)hook;
}

/* ---- strikes ---- */

static void forget(struct strike_entry *e, uint64_t file)
{
    for (size_t i = 0; i < STRIKE_RING; i++)
        atomic_store(&e->at_ms[i], 0);
    atomic_store(&e->count, 0);
    atomic_store(&e->off, 0);
    atomic_store(&e->file, file);
}

struct strike_entry *filter_strikes_of(struct filter_strikes *table, const char *plugin,
                                       uint64_t file)
{
    for (size_t i = 0; i < STRIKE_PLUGINS; i++) {
        struct strike_entry *e = &table->entry[i];
        uint32_t state = 0;

        if (atomic_compare_exchange_strong(&e->taken, &state, 1)) {
            str_copy_c(e->name, sizeof e->name, str_from(plugin));
            atomic_store(&e->file, file);
            atomic_store(&e->taken, 2);
            return e;
        }
        if (state != 2 || strncmp(e->name, plugin, sizeof e->name - 1) != 0)
            continue; /* an entry stuck at 1 is a process that died naming it: lost, not harmful */
        if (atomic_load(&e->file) != file)
            forget(e, file);
        return e;
    }
    return NULL;
}

bool filter_strike(struct strike_entry *entry, uint64_t now_ms, uint32_t limit, uint64_t window_ms)
{
    uint32_t place = atomic_fetch_add(&entry->count, 1), recent = 0;

    atomic_store(&entry->at_ms[place % STRIKE_RING], now_ms ? now_ms : 1);
    for (size_t i = 0; i < STRIKE_RING; i++) {
        uint64_t at = atomic_load(&entry->at_ms[i]);

        recent += at != 0 && now_ms - at <= window_ms;
    }
    if (recent < limit)
        return false;
    return atomic_exchange(&entry->off, 1) == 0;
}
