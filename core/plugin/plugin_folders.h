/* plugin_folders.h - which folders plugins look into while they serve: those of the lists of rules
 * in Lua, and what a plugin names in its setting `updates`. */
#ifndef CORE_PLUGIN_PLUGIN_FOLDERS_H
#define CORE_PLUGIN_PLUGIN_FOLDERS_H

#include "core/plugin/plugin_load.h"

/* Of a set that is loaded; in its arena. Makes those of `updates` where it can. */
const char *const *plugin_folders(const struct plugin_set *set, const struct config *conf,
                                  size_t *n);

#endif
