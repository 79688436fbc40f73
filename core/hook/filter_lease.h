/* filter_lease.h - one holder among the filter processes of a server, and among the servers that
 * share a Redis, for ticks that run once.
 *
 * A lease is a word in memory that all filters share: who holds it and until when. The holder
 * extends it before it ends; one that died does not, and the next to ask gets it. */
#ifndef CORE_HOOK_FILTER_LEASE_H
#define CORE_HOOK_FILTER_LEASE_H

#include "core/hook/filter_slot.h"

/* The lease of that name, made at first use; NULL when the table is full. */
struct lease_entry *filter_lease_of(struct filter_leases *table, const char *name);
/* Ours until now + for_ms, new or again; false: somebody else holds it. `holder` tells processes
 * apart, 1 to 2^22 - 1 (a process id). */
bool filter_lease_take(struct lease_entry *lease, uint32_t holder, uint64_t now_ms,
                       uint64_t for_ms);

/* ---- between servers ---- */

struct redis;

/* Once, before the sandbox closes. Who this server is, the same after a restart: by the machine's
 * id, its host name and run_dir. */
void filter_lease_name_server(const char *run_dir);

/* The lease `name` is ours for for_ms, new or again. True, too, without a Redis or while it is
 * away: then each server does by itself what is to run once. */
FCT_MAY_WAIT bool filter_lease_take_shared(struct redis *redis, const char *name, uint64_t for_ms);

#endif
