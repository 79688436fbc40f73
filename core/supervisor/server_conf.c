/* server_conf.c - the rows of the `server` block and the defaults that depend on the machine. */
#include "core/supervisor/server_conf.h"

#include "core/base/str.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define INSTALLED_PLUGINS "/usr/lib/facteur/plugins"
#define INSTALLED_LUA     "/usr/share/facteur/lua"

/* clang-format off */
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct server_conf, name, "", "Name of this server in HELO, Received and Authentication-Results; empty: the host's name"),
    FCT_CONF_KEY(struct server_conf, data_dir, "/var/lib/facteur", "Where accounts and mail are kept; only the store process may go there"),
    FCT_CONF_KEY(struct server_conf, run_dir, "/run/facteur", "Control socket and pid file"),
    FCT_CONF_KEY(struct server_conf, log_file, "", "Where to log; empty: standard error, which systemd takes into its journal"),
    FCT_CONF_KEY(struct server_conf, log_level, "info", "Least level written: debug, info, warning or error"),
    FCT_CONF_KEY(struct server_conf, plugin_dir, "", "Folder of the C plugins; empty: plugins/ beside the executable, or " INSTALLED_PLUGINS),
    FCT_CONF_KEY(struct server_conf, lua_dir, "", "Folder of lib/ and filters/; empty: lua/ of the source tree the executable was built in, or " INSTALLED_LUA),
    FCT_CONF_KEY(struct server_conf, edge_processes, "1", "Processes that hold client connections (1 to 64)"),
    FCT_CONF_KEY(struct server_conf, filter_processes, "2", "Processes that run plugins and Lua rules (1 to 64); with one, a crash makes everybody wait for its restart"),
    FCT_CONF_KEY(struct server_conf, drain, "30s", "How long old connections may go on after a reload or when the server stops"),
    FCT_CONF_KEY(struct server_conf, hang_limit, "60s", "A process whose event loop stands still for this long is killed and started afresh; 0 never (for debuggers)"),
    FCT_CONF_KEY(struct server_conf, user_edge, "facteur-edge", "User of the edge processes when started as root; a user that does not exist is left out, and the log says so"),
    FCT_CONF_KEY(struct server_conf, user_filter, "facteur-filter", "User of the filter processes when started as root"),
    FCT_CONF_KEY(struct server_conf, user_store, "facteur-store", "User of the store process when started as root; owns data_dir"),
    FCT_CONF_KEY(struct server_conf, user_milter, "facteur-milter", "User of the milter process when started as root"),
    FCT_CONF_KEY(struct server_conf, user_relay, "facteur-relay", "User of the relay process when started as root"),
    FCT_CONF_KEY(struct server_conf, user_images, "facteur-images", "User of the image proxy when started as root"),
    FCT_CONF_KEY(struct server_conf, user_redis, "facteur-redis", "User of the private Redis when started as root, with the group of user_filter; without it user_filter is taken"),
    FCT_CONF_KEY(struct server_conf, fiber_stack, "256K", "Stack of a fiber, in bytes (16K to 8M); only the pages touched take memory"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block server_block = {
    .name = "server",
    .doc = "Who this server is, where it keeps things, how many processes it runs and under which "
           "users.",
    .keys = keys,
    .size = sizeof(struct server_conf),
    .file = "00-server.conf",
};

static bool check_count(const char *key, uint32_t n, struct fct_err *err)
{
    if (n < 1 || n > SERVER_MAX_PROCESSES)
        return fct_fail(err, FCT_SYNTAX, "server.%s = %u: must be 1 to %u", key, n,
                        SERVER_MAX_PROCESSES);
    return true;
}

static bool level_is_known(const char *level)
{
    static const char *const known[] = {"debug", "info", "warning", "error"};

    for (size_t i = 0; i < FCT_COUNT(known); i++)
        if (str_equal(str_from(level), str_from(known[i])))
            return true;
    return false;
}

bool server_conf_check(const struct server_conf *conf, struct fct_err *err)
{
    if (!check_count("edge_processes", conf->edge_processes, err) ||
        !check_count("filter_processes", conf->filter_processes, err))
        return false;
    if (!level_is_known(conf->log_level))
        return fct_fail(err, FCT_SYNTAX,
                        "server.log_level = %s: must be debug, info, warning or error",
                        conf->log_level);
    if (conf->fiber_stack.bytes < 16384 || conf->fiber_stack.bytes > 8u << 20)
        return fct_fail(err, FCT_SYNTAX, "server.fiber_stack: must be 16K to 8M");
    if (!conf->data_dir[0] || !conf->run_dir[0])
        return fct_fail(err, FCT_SYNTAX, "server.data_dir and server.run_dir cannot be empty");
    return true;
}

/* ---- where things are ---- */

/* The folder of the executable; "" when neither /proc nor argv0 tells. */
static void executable_folder(const char *argv0, char out[PATH_MAX])
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    out[0] = '\0';
    if (n > 0)
        path[n] = '\0';
    else if (!argv0 || !strchr(argv0, '/') || !realpath(argv0, path))
        return;
    str_copy_c(out, PATH_MAX, str_from(dirname(path)));
}

/* folder + tail when that is a directory, else `fallback`. */
static void choose(char *out, size_t size, const char *folder, const char *tail,
                   const char *fallback)
{
    char path[PATH_MAX + 32];
    char real[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s%s", folder, tail);
    if (folder[0] && realpath(path, real) && access(real, X_OK) == 0)
        str_copy_c(out, size, str_from(real));
    else
        str_copy_c(out, size, str_from(fallback));
}

void server_paths_find(const struct server_conf *conf, const char *argv0, struct server_paths *out)
{
    char folder[PATH_MAX];

    executable_folder(argv0, folder);
    choose(out->plugin_dir, sizeof out->plugin_dir, folder, "/plugins", INSTALLED_PLUGINS);
    /* build/<preset>/facteur → the source tree; its lua/filters tells it from any other ../../lua
     */
    choose(out->lua_dir, sizeof out->lua_dir, folder, "/../../lua/filters/..", INSTALLED_LUA);
    if (conf->plugin_dir[0])
        str_copy_c(out->plugin_dir, sizeof out->plugin_dir, str_from(conf->plugin_dir));
    if (conf->lua_dir[0])
        str_copy_c(out->lua_dir, sizeof out->lua_dir, str_from(conf->lua_dir));
    if (conf->name[0])
        str_copy_c(out->name, sizeof out->name, str_from(conf->name));
    else if (gethostname(out->name, sizeof out->name) != 0 || !out->name[0])
        str_copy_c(out->name, sizeof out->name, FCT_STR("localhost"));
    out->name[sizeof out->name - 1] = '\0';
}
