/* tracker_updates.h - where updated lists come from: the rows of the plugin's block that facteurctl
 * reads, too. */
#ifndef PLUGINS_TRACKERS_TRACKER_UPDATES_H
#define PLUGINS_TRACKERS_TRACKER_UPDATES_H

#include <facteur/conf.h>

/* clang-format off */
#define TRACKER_UPDATES_KEYS(T) \
    FCT_CONF_KEY(T, updates,     "/var/lib/facteur/lists", "Folder where facteurctl lists update puts a newer list; it is taken up while the server runs"), \
    FCT_CONF_KEY(T, update_keys, "[]",                     "Whose signature an update must have: Ed25519 keys as facteurctl lists sign prints them")
/* clang-format on */

struct tracker_updates_conf {
    const char *updates;
    struct fct_strings update_keys;
};
extern const struct fct_conf_key tracker_updates_keys[];

#endif
