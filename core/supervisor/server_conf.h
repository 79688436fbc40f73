/* server_conf.h - the `server` block: who this server is, where it keeps things, how many
 * processes, under which users.
 *
 * Read by the supervisor; a role finds what it may know of it in struct role_env
 * (core/supervisor/role.h). */
#ifndef CORE_SUPERVISOR_SERVER_CONF_H
#define CORE_SUPERVISOR_SERVER_CONF_H

#include "core/base/err.h"
#include "core/conf/conf.h"

/* server { name = "mx.example.org"  edge_processes = 2 … } */
struct server_conf {
    const char *name; /* "" : the host's name, see struct server_paths */
    const char *data_dir, *run_dir, *log_file, *log_level;
    const char *plugin_dir,
        *lua_dir; /* "" : found beside the executable, see struct server_paths */
    uint32_t edge_processes, filter_processes;
    fct_duration drain, hang_limit;
    const char *user_edge, *user_filter, *user_store, *user_milter, *user_relay, *user_images,
        *user_redis;
    fct_size fiber_stack;
};
extern const struct conf_block server_block;

/* The highest edge_processes and filter_processes. */
#define SERVER_MAX_PROCESSES 64u

/* What the rows cannot say: ranges, the log level's name. Called after every config_load; also by
 * `facteurctl config check`. */
FCT_MUST_CHECK bool server_conf_check(const struct server_conf *conf, struct fct_err *err);

/* Where things are, once the defaults that depend on the machine are filled in. */
struct server_paths {
    char name[256];
    char plugin_dir[4096], lua_dir[4096];
};

/* Defaults: the host's name; <executable's folder>/plugins and <source tree>/lua when run from a
 * build, otherwise /usr/lib/facteur/plugins and /usr/share/facteur/lua. Works without /proc:
 * `argv0` is the fall-back. */
void server_paths_find(const struct server_conf *conf, const char *argv0, struct server_paths *out);

#endif
