/* filter_slot.h - what a filter process writes into shared memory before each callback, so that its
 * successor knows who killed it.
 *
 * Two places, given by the supervisor (role_env): one slot per filter index, and what all filters
 * share: strikes, and leases of ticks that run once. Nobody else reads them. Everything in them is
 * a fixed-size copy: no pointer crosses from one process to the next. */
#ifndef CORE_HOOK_FILTER_SLOT_H
#define CORE_HOOK_FILTER_SLOT_H

#include "core/base/err.h"
#include "core/hook/history_ring.h"
#include <facteur/plugin.h>
#include <stdatomic.h>

struct slot_name {
    uint32_t hook;
    char plugin[48];
    char label[104];
    char id[64]; /* of the message, else of the connection */
};

#define SLOT_OFFLOADS 8 /* pieces of offloaded work whose owners are known */

/* role_env.shared */
struct filter_slot {
    _Atomic uint32_t running; /* a callback is on the processor */
    _Atomic uint32_t hung;    /* the watchdog ended the process */
    _Atomic uint32_t culprit; /* 1 + place in offload[]: the end came from there */
    struct slot_name name;
    struct slot_offload {
        _Atomic uint32_t state; /* 0 free, 1 a thread works on it, 2 being named */
        _Atomic uint64_t until_us;
        struct slot_name name;
    } offload[SLOT_OFFLOADS];
};

/* The predecessor's last words. */
struct filter_death {
    bool blamed; /* false: it was not inside a callback, nobody here is to blame */
    bool hung;
    enum fct_hook hook;
    char plugin[48], label[104], id[64];
};

/* Read and clear. `slot` may hold anything after a crash: every string comes out terminated. */
void filter_slot_take(struct filter_slot *slot, struct filter_death *death);
void filter_slot_name(struct slot_name *name, const char *plugin, const char *label,
                      struct fct_str id, enum fct_hook hook);

/* ---- role_env.shared_common ---- */

#define STRIKE_PLUGINS 256
#define STRIKE_RING    16

struct filter_strikes {
    struct strike_entry {
        _Atomic uint32_t taken; /* 0 free, 1 being named, 2 in use */
        _Atomic uint32_t off;   /* switched off */
        _Atomic uint32_t count; /* all strikes so far */
        char name[48];
        _Atomic uint64_t file;               /* which file was struck: a new one starts clean */
        _Atomic uint64_t at_ms[STRIKE_RING]; /* monotonic, the last ones */
    } entry[STRIKE_PLUGINS];
};

#define LEASES 64

struct filter_leases {
    struct lease_entry {
        _Atomic uint32_t taken; /* 0 free, 1 being named, 2 in use */
        char name[140];
        _Atomic uint64_t word; /* filter_lease.h */
    } entry[LEASES];
};

struct filter_common {
    struct filter_strikes strikes;
    struct filter_leases leases;
    _Atomic uint32_t closer; /* a filter's descriptors were closed under it: look who does that */
    struct history_ring history;
};

/* The plugin's entry, made at first use; NULL when the table is full. `file` says which build of
 * the plugin it is (any number that changes with it): strikes of another build are forgotten. */
struct strike_entry *filter_strikes_of(struct filter_strikes *table, const char *plugin,
                                       uint64_t file);
/* One death at `now_ms`. True when this one made it `limit` within `window_ms`: the plugin is off
 * now. */
bool filter_strike(struct strike_entry *entry, uint64_t now_ms, uint32_t limit, uint64_t window_ms);

#endif
