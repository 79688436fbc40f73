/* redis_spawn.h - the private redis-server: what it is told, and where it is found.
 *
 * The supervisor runs it (core/supervisor/companion.h) on a Unix socket and without a TCP port,
 * with an append-only file that is synced every second. Filters find it by the server's run_dir. */
#ifndef CORE_REDIS_REDIS_SPAWN_H
#define CORE_REDIS_REDIS_SPAWN_H

#include "core/base/arena.h"
#include "core/redis/redis_conf.h"
#include "core/supervisor/companion.h"

/* Does this configuration ask for it, and is the program installed? */
bool redis_spawn_is_wanted(const struct redis_conf *conf);
struct fct_str redis_spawn_socket(struct arena *arena, const char *run_dir);
/* Is the socket there? It is while the server runs. */
bool redis_spawn_is_there(const char *run_dir);

extern const struct companion redis_companion;

#endif
