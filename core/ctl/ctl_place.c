/* ctl_place.c - which server facteurctl talks about: a `facteur dev` folder, named files, or the
 * system's. */
#include "core/ctl/ctl_cli.h"
#include "core/main/conf_blocks.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_CONF "/etc/facteur/facteur.conf"

/* What `facteur dev --conf` was given, in DIR/conf.files, a name a line; files that are gone since
 * are left out. Verbs that only talk to the running server do without: they shall work while such a
 * file is being edited. */
static void add_files_of_dev(struct ctl *c, const char **file, size_t *n)
{
    FILE *f = fopen(arena_printf(c->arena, "%s/conf.files", c->dir).p, "r");
    char line[PATH_MAX + 1];

    while (f && *n < CTL_MAX_FILES && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (access(line, R_OK) == 0)
            file[(*n)++] = arena_printf(c->arena, "%s", line).p;
    }
    if (f)
        (void)fclose(f);
}

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
        if (c->confs == 0 && c->verb->needs != NEEDS_SERVER)
            add_files_of_dev(c, file, n);
    } else if (c->confs == 0 && access(SYSTEM_CONF, F_OK) == 0) {
        file[(*n)++] = SYSTEM_CONF;
    }
    for (unsigned i = 0; i < c->confs; i++)
        file[(*n)++] = c->conf[i];
    return true;
}

static bool load(struct ctl *c, const char *const *file, size_t n, struct buf *errors,
                 struct fct_err *err)
{
    if (!config_load(file, n, conf_blocks, &c->config, errors, err))
        return false;
    c->server = config_get(c->config, &server_block);
    if (!server_conf_check(c->server, err))
        return false;
    server_paths_find(c->server, c->argv0, &c->paths);
    return true;
}

/* ---- another configuration: a file, or a folder as /etc/facteur or conf.d ---- */

static int is_conf(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static bool collect_folder(struct ctl *c, const char *folder, const char **file, size_t *n,
                           struct fct_err *err)
{
    const char *main_file = arena_printf(c->arena, "%s/facteur.conf", folder).p;
    struct dirent **entry = NULL;
    int found;

    *n = 0;
    if (access(main_file, R_OK) == 0) {
        file[(*n)++] = main_file;
        return true;
    }
    found = scandir(folder, &entry, is_conf, alphasort);
    for (int i = 0; i < found; i++) {
        if (*n < CTL_MAX_FILES)
            file[(*n)++] = arena_printf(c->arena, "%s/%s", folder, entry[i]->d_name).p;
        free(entry[i]);
    }
    free(entry);
    if (found > CTL_MAX_FILES)
        return fct_fail(err, FCT_LIMIT, "%s: more than %d files", folder, CTL_MAX_FILES);
    return *n > 0 || fct_fail(err, FCT_SYNTAX, "%s: no facteur.conf and no *.conf there", folder);
}

static bool load_other(struct ctl *c, struct buf *errors, struct fct_err *err)
{
    const char *path = ctl_option(c, "--conf"), *file[CTL_MAX_FILES];
    size_t n = 1;
    struct stat st;

    if (!path)
        return fct_fail(err, FCT_SYNTAX,
                        "--conf FILE or DIR is wanted behind %s: the configuration to judge by",
                        c->verb->noun);
    if (stat(path, &st) != 0)
        return fct_fail(err, FCT_SYNTAX, "%s: %s", path, strerror(errno));
    file[0] = path;
    if (S_ISDIR(st.st_mode) && !collect_folder(c, path, file, &n, err))
        return false;
    c->judge = ARENA_NEW(c->arena, struct ctl);
    *c->judge = *c;
    c->judge->config = NULL;
    return load(c->judge, file, n, errors, err);
}

bool ctl_place_load(struct ctl *c, struct buf *errors, struct fct_err *err)
{
    const char *file[CTL_MAX_FILES + 1];
    size_t n;

    if (!collect_files(c, file, &n, err) || !load(c, file, n, errors, err))
        return false;
    if (!c->run_dir)
        c->run_dir = c->dir ? arena_printf(c->arena, "%s/run", c->dir).p : c->server->run_dir;
    return c->verb->needs != NEEDS_STORE_AND_JUDGE || load_other(c, errors, err);
}
