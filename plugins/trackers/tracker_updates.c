/* tracker_updates.c - see tracker_updates.h. */
#include "plugins/trackers/tracker_updates.h"

const struct fct_conf_key tracker_updates_keys[] = {
    TRACKER_UPDATES_KEYS(struct tracker_updates_conf),
    FCT_CONF_END,
};
