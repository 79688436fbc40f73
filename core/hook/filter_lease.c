/* filter_lease.c - see filter_lease.h. The word: 22 bits who, 42 bits until when (monotonic). */
#include "core/hook/filter_lease.h"

#include "core/base/arena.h"
#include "core/base/str.h"
#include "core/redis/redis.h"
#include <fcntl.h>
#include <unistd.h>

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

/* ---- between servers ---- */

static const struct fct_redis_script take_script = {
    "tick_lease", "local holder = redis.call('GET', KEYS[1])\n"
                  "if holder and holder ~= ARGV[1] then return 0 end\n"
                  "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
                  "return 1\n"};

static char server[4096];

/* Containers of one image have one machine id, or none, but names of their own. */
void filter_lease_name_server(const char *run_dir)
{
    char machine[64] = "", host[256] = "";
    int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        ssize_t n = read(fd, machine, sizeof machine - 1);

        machine[n > 0 ? n : 0] = '\0';
        close(fd);
    }
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    (void)snprintf(server, sizeof server, "%s %.*s %s", host, FCT_FMT(str_trim(str_from(machine))),
                   run_dir ? run_dir : "");
}

bool filter_lease_take_shared(struct redis *redis, const char *name, uint64_t for_ms)
{
    const struct fct_redis_reply *reply;
    struct fct_str key, arg[2];
    struct arena *arena;
    bool ours;

    if (!redis)
        return true;
    arena = arena_new(NULL);
    key = arena_printf(arena, "fct:tick:%s", name);
    arg[0] = str_from(server);
    arg[1] = arena_printf(arena, "%llu", (unsigned long long)for_ms);
    reply = redis_script(redis, arena, &take_script, &key, 1, arg, 2, NULL);
    ours = !reply || reply->integer == 1;
    arena_free(&arena);
    return ours;
}
