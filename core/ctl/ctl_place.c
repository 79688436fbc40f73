/* ctl_place.c - which server facteurctl talks about: a `facteur dev` folder, named files, or the
 * system's. */
#include "core/ctl/ctl_cli.h"
#include "core/main/conf_blocks.h"

#include <errno.h>
#include <unistd.h>

#define SYSTEM_CONF "/etc/facteur/facteur.conf"

/* DIR/facteur.conf comes first: what --conf names can change it, as in `facteur dev --conf`. */
static bool collect_files(struct ctl *c, const char **file, size_t *n, struct fct_err *err)
{
    *n = 0;
    if (c->dir) {
        file[(*n)++] = arena_printf(c->arena, "%s/facteur.conf", c->dir).p;
        if (access(file[0], R_OK) != 0)
            return fct_fail(err, FCT_TEMP,
                            "%s: %s; --dir names the folder of a `facteur dev` server", file[0],
                            strerror(errno));
    } else if (c->confs == 0 && access(SYSTEM_CONF, F_OK) == 0) {
        file[(*n)++] = SYSTEM_CONF;
    }
    for (unsigned i = 0; i < c->confs; i++)
        file[(*n)++] = c->conf[i];
    return true;
}

bool ctl_place_load(struct ctl *c, struct buf *errors, struct fct_err *err)
{
    const char *file[CTL_MAX_FILES + 1];
    size_t n;

    if (!collect_files(c, file, &n, err) ||
        !config_load(file, n, conf_blocks, &c->config, errors, err))
        return false;
    c->server = config_get(c->config, &server_block);
    if (!server_conf_check(c->server, err))
        return false;
    server_paths_find(c->server, c->argv0, &c->paths);
    if (!c->run_dir)
        c->run_dir = c->dir ? arena_printf(c->arena, "%s/run", c->dir).p : c->server->run_dir;
    return true;
}
