/* history_ring.c - see history_ring.h. */
#include "core/hook/history_ring.h"

#include "core/base/id.h"
#include <string.h>

static struct history_slot *slot_of(struct history_ring *ring, uint64_t number)
{
    return &ring->slot[(number - 1) % HISTORY_ENTRIES];
}

uint64_t history_ring_add(struct history_ring *ring, struct fct_str bytes)
{
    uint64_t number = atomic_fetch_add(&ring->last, 1) + 1;
    struct history_slot *slot = slot_of(ring, number);

    atomic_store(&slot->stamp, 2 * number - 1);
    slot->n = (uint32_t)(bytes.n < HISTORY_BYTES ? bytes.n : HISTORY_BYTES);
    memcpy(slot->bytes, bytes.p, slot->n);
    atomic_store(&slot->stamp, 2 * number);
    return number;
}

bool history_ring_get(const struct history_ring *ring, uint64_t number, char *to, size_t *n)
{
    const struct history_slot *slot = &ring->slot[(number - 1) % HISTORY_ENTRIES];

    if (number == 0 || atomic_load(&slot->stamp) != 2 * number)
        return false;
    *n = slot->n;
    if (*n > HISTORY_BYTES)
        return false;
    memcpy(to, slot->bytes, *n);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load(&slot->stamp) == 2 * number; /* nobody wrote over it meanwhile */
}

uint64_t history_ring_oldest(const struct history_ring *ring)
{
    uint64_t last = atomic_load(&ring->last);

    return last > HISTORY_ENTRIES ? last - HISTORY_ENTRIES + 1 : 1;
}

/* The second half first: who finds the first half finds both. */
void history_ring_key(struct history_ring *ring, uint64_t key[2])
{
    uint64_t mine[2], none = 0;

    random_bytes(mine, sizeof mine);
    mine[0] |= 1;
    if (atomic_load(&ring->key[0]) == 0) {
        uint64_t empty = 0;

        (void)atomic_compare_exchange_strong(&ring->key[1], &empty, mine[1]);
        (void)atomic_compare_exchange_strong(&ring->key[0], &none, mine[0]);
    }
    key[0] = atomic_load(&ring->key[0]);
    key[1] = atomic_load(&ring->key[1]);
}
