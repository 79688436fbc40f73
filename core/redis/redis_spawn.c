/* redis_spawn.c - see redis_spawn.h. */
#include "core/redis/redis_spawn.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
#define MEETING    "redis"
#define SOCKET     "redis.sock"

/* ---- where things are ---- */

static bool find_in_path(const char *name, char out[PATH_MAX])
{
    const char *path = getenv("PATH");
    struct fct_str rest = str_from(path && *path ? path : USUAL_PATH);

    while (rest.p) {
        struct fct_str folder = str_split(&rest, ':');

        if (folder.n > 0 && folder.p[0] == '/' &&
            snprintf(out, PATH_MAX, "%.*s/%s", FCT_FMT(folder), name) < PATH_MAX &&
            access(out, X_OK) == 0)
            return true;
    }
    return false;
}

static bool find_program(const char *name, char out[PATH_MAX])
{
    if (!strchr(name, '/'))
        return *name && find_in_path(name, out);
    str_copy_c(out, PATH_MAX, str_from(name));
    return access(out, X_OK) == 0;
}

bool redis_spawn_is_wanted(const struct redis_conf *conf)
{
    char program[PATH_MAX];

    return !*conf->url && conf->spawn && find_program(conf->program, program);
}

struct fct_str redis_spawn_socket(struct arena *arena, const char *run_dir)
{
    return arena_printf(arena, "%s/" MEETING "/" SOCKET, run_dir);
}

bool redis_spawn_is_there(const char *run_dir)
{
    char path[PATH_MAX];

    return run_dir && snprintf(path, sizeof path, "%s/" MEETING "/" SOCKET, run_dir) < PATH_MAX &&
           access(path, F_OK) == 0;
}

/* ---- what it is told ---- */

/* noeviction: whoever uses Redis has a fall-back for a write that is refused, and a full Redis is
 * seen in ledgers and in the log. Any kind of eviction would take learned counters one by one,
 * unnoticed, and what was learned could no longer be unlearned exactly; and a flood of short-lived
 * keys would push out the rate limits that are meant to stop it.
 *
 * no-appendfsync-on-rewrite: while the file is rewritten a sync can stop Redis for seconds and make
 * everybody fall back. Nothing that must not be lost is only here.
 *
 * hash-max-ziplist-entries: Bayes keeps some 60 to 250 counters in one hash; packed they take a
 * tenth of the memory. (The name that Redis 6 and 7 both know.) */
static const char settings[] = "port 0\n"
                               "unixsocketperm 770\n"
                               "dir .\n"
                               "daemonize no\n"
                               "supervised no\n"
                               "logfile \"\"\n"
                               "loglevel notice\n"
                               "databases 1\n"
                               "maxclients 512\n"
                               "maxmemory-policy noeviction\n"
                               "save \"\"\n"
                               "appendonly yes\n"
                               "appendfsync everysec\n"
                               "no-appendfsync-on-rewrite yes\n"
                               "hash-max-ziplist-entries 512\n";

static bool fill_paths(const struct redis_conf *conf, const char *data_dir, const char *run_dir,
                       struct companion_plan *plan)
{
    int n = *conf->data_dir ? snprintf(plan->folder, sizeof plan->folder, "%s", conf->data_dir)
                            : snprintf(plan->folder, sizeof plan->folder, "%s/" MEETING, data_dir);

    return n < PATH_MAX &&
           snprintf(plan->meeting, sizeof plan->meeting, "%s/" MEETING, run_dir) < PATH_MAX &&
           snprintf(plan->socket, sizeof plan->socket, "%s/" MEETING "/" SOCKET, run_dir) <
               PATH_MAX &&
           snprintf(plan->file, sizeof plan->file, "%s/" MEETING "/redis.conf", run_dir) < PATH_MAX;
}

static bool plan(const struct config *config, const char *data_dir, const char *run_dir,
                 struct companion_plan *plan, struct fct_err *err)
{
    const struct redis_conf *conf = config_get(config, &redis_block);

    if (*conf->url || !conf->spawn)
        return true;
    if (!find_program(conf->program, plan->program))
        return fct_fail(err, FCT_DENIED,
                        "no %s on this machine: filters remember for themselves (install "
                        "redis-server, name one by redis.url, or say redis { spawn = no })",
                        conf->program);
    if (!fill_paths(conf, data_dir, run_dir, plan))
        return fct_fail(err, FCT_SYNTAX, "the private Redis: a path is too long");
    if (strlen(plan->socket) >= sizeof((struct sockaddr_un *)0)->sun_path ||
        strpbrk(plan->socket, "\"\\\n"))
        return fct_fail(err, FCT_SYNTAX,
                        "the private Redis: %s cannot be a socket's path; choose another "
                        "server.run_dir",
                        plan->socket);
    plan->wanted = true;
    plan->question = "PING\r\n";
    plan->answer = "+PONG";
    plan->text = BUF_INIT(PATH_MAX + 4096);
    buf_printf(&plan->text,
               "# Written at every start of the private Redis; the block `redis` of the "
               "configuration says what can be set.\n"
               "unixsocket \"%s\"\n%smaxmemory %llu\n",
               plan->socket, settings, (unsigned long long)conf->max_memory.bytes);
    return true;
}

/* ---- what it says ---- */

/* "12345:M 22 Nov 2026 04:01:54.123 * text", the mark being one of . - * # */
static enum fct_level level(struct fct_str *line)
{
    struct fct_str rest = *line;

    for (unsigned word = 0; word < 5; word++)
        if (!rest.p || str_split(&rest, ' ').n == 0)
            return FCT_DEBUG;
    if (rest.n < 2 || rest.p[1] != ' ' || !strchr(".-*#", rest.p[0]))
        return FCT_DEBUG;
    *line = str_skip(rest, 2);
    return rest.p[0] == '#' ? FCT_WARNING : FCT_DEBUG;
}

const struct companion redis_companion = {.name = "redis", .plan = plan, .level = level};
