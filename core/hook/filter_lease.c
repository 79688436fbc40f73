/* filter_lease.c - see filter_lease.h. The word: 22 bits who, 42 bits until when (monotonic). */
#include "core/hook/filter_lease.h"

#include "core/base/str.h"

#define UNTIL_BITS 42
#define UNTIL_MASK ((UINT64_C(1) << UNTIL_BITS) - 1)

struct lease_entry *filter_lease_of(struct filter_leases *table, const char *name)
{
    for (size_t i = 0; i < LEASES; i++) {
        struct lease_entry *e = &table->entry[i];
        uint32_t state = 0;

        if (atomic_compare_exchange_strong(&e->taken, &state, 1)) {
            str_copy_c(e->name, sizeof e->name, str_from(name));
            atomic_store(&e->taken, 2);
            return e;
        }
        if (state == 2 && strncmp(e->name, name, sizeof e->name - 1) == 0)
            return e; /* an entry stuck at 1: a process died naming it */
    }
    return NULL;
}

bool filter_lease_take(struct lease_entry *lease, uint32_t holder, uint64_t now_ms, uint64_t for_ms)
{
    uint64_t old = atomic_load(&lease->word);

    if (old >> UNTIL_BITS != holder && now_ms < (old & UNTIL_MASK))
        return false;
    return atomic_compare_exchange_strong(
        &lease->word, &old, (uint64_t)holder << UNTIL_BITS | ((now_ms + for_ms) & UNTIL_MASK));
}
