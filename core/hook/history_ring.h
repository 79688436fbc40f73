/* history_ring.h - the last 10,000 entries of the history, in memory that all filter processes of a
 * server share and that outlives each of them: a crash and a reload lose none.
 *
 * Written without locks: an entry has a number, its place is the number's rest, and a stamp says
 * whether the place holds that entry, whole. A writer that died leaves a place that reads as empty.
 * Memory of zeroes is an empty ring. */
#ifndef CORE_HOOK_HISTORY_RING_H
#define CORE_HOOK_HISTORY_RING_H

#include "core/hook/history_entry.h"
#include <stdatomic.h>

#define HISTORY_ENTRIES 10000u

struct history_ring {
    _Atomic uint64_t last;   /* number of the newest entry; the first one has 1 */
    _Atomic uint64_t sent;   /* up to this one they are in Redis */
    _Atomic uint64_t lost;   /* overwritten before Redis took them */
    _Atomic uint64_t key[2]; /* the site's, for local parts; 0 0: not made yet */
    _Atomic uint64_t agreed; /* 1: it is the one that Redis has */
    _Atomic uint64_t unsure; /* the one that Redis was sent and did not confirm */
    struct history_slot {
        _Atomic uint64_t stamp; /* 2 × number; one less while it is being written */
        uint32_t n;
        char bytes[HISTORY_BYTES];
    } slot[HISTORY_ENTRIES];
};

/* Its number. */
uint64_t history_ring_add(struct history_ring *ring, struct fct_str bytes);
/* False: overwritten, never written or not whole. `to` has HISTORY_BYTES. */
FCT_MUST_CHECK bool history_ring_get(const struct history_ring *ring, uint64_t number, char *to,
                                     size_t *n);
/* The number of the oldest that may still be there. */
uint64_t history_ring_oldest(const struct history_ring *ring);

/* The key, made by whoever asks first. */
void history_ring_key(struct history_ring *ring, uint64_t key[2]);

#endif
