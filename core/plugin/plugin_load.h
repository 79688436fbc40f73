/* plugin_load.h - from `plugin NAME { … }` to a started plugin, or the exact reason why not.
 *
 * A filter process loads the whole set before its sandbox closes and never unloads one: a reload
 * starts new processes. */
#ifndef CORE_PLUGIN_PLUGIN_LOAD_H
#define CORE_PLUGIN_PLUGIN_LOAD_H

#include "core/base/map.h"
#include "core/plugin/plugin_self.h"

struct plugin_set {
    struct arena *arena;
    struct fct_self **plugin;
    size_t n, cap;
    struct map *symbols;              /* name to struct plugin_symbol */
    struct plugin_services *services; /* plugin_services.h; NULL: none. Its owner's. */
};

/* What every loading needs to know. */
struct plugin_origin {
    const struct config *conf;
    const char *plugin_dir;
};

/* All plugins that the configuration names, in its order, and `lua` when there are rule files. */
FCT_MUST_CHECK bool plugin_set_load(struct plugin_set *set, const struct plugin_origin *origin,
                                    struct fct_err *err);
void plugin_set_free(struct plugin_set *set); /* stops them, newest first */

/* One plugin from its file: an ordinary file that only its owner may write, with an ABI we know.
 * `conf` may be NULL (defaults). */
FCT_MUST_CHECK bool plugin_load(struct plugin_set *set, const struct plugin_origin *origin,
                                const char *name, const struct plugin_conf *conf,
                                const struct conf_pair *pairs, size_t npairs, struct fct_err *err);
/* The file's object, checked as above, without starting anything. NULL: err. */
const struct fct_plugin *plugin_open(const char *path, void **library, struct fct_err *err);
/* The same for an object that is already in memory (tests). */
FCT_MUST_CHECK bool plugin_adopt(struct plugin_set *set, const struct plugin_origin *origin,
                                 const struct fct_plugin *object, const struct plugin_conf *conf,
                                 const struct conf_pair *pairs, size_t npairs, struct fct_err *err);

/* NULL when no loaded plugin declares it. */
const struct plugin_symbol *plugin_symbol_find(const struct plugin_set *set, struct fct_str name);

#endif
