/* plugin_folders.c - which folders plugins look into while they serve. */
#include "core/plugin/plugin_folders.h"

#include "core/base/str.h"
#include "core/plugin/plugin_lua.h"
#include "core/plugin/plugin_self.h"

#include <sys/stat.h>

/* The value of a row `updates`: files there may be replaced at any time. */
static const char *updates_of(const struct fct_self *self)
{
    const struct fct_conf_key *row = self->object->keys;
    const char *folder = NULL;

    for (; row && row->name; row++)
        if (row->kind == FCT_CONF_STR && str_equal(str_from(row->name), FCT_STR("updates")))
            memcpy(&folder, (const char *)self->conf + row->offset, sizeof folder);
    return folder && folder[0] == '/' ? folder : NULL;
}

const char *const *plugin_folders(const struct plugin_set *set, const struct config *conf,
                                  size_t *n)
{
    const char *const *lua = plugin_lua_folders(conf, set->arena, n);
    const char **all = ARENA_ARRAY(set->arena, const char *, *n + set->n + 1);

    for (size_t i = 0; i < *n; i++)
        all[i] = lua[i];
    for (size_t i = 0; i < set->n; i++) {
        const char *folder = updates_of(set->plugin[i]);

        if (!folder)
            continue;
        (void)mkdir(folder, 0755); /* what is not there when the sandbox closes stays unseen */
        all[(*n)++] = folder;
    }
    return all;
}
