/* state_conf.c - the rows of the `state` block. */
#include "core/state/state_conf.h"

/* clang-format off */
static const struct fct_conf_key state_keys[] = {
    FCT_CONF_KEY(struct state_conf, max_entries, "100000", "Keys and rate limits that a filter process keeps in its own memory; the longest unused one is forgotten"),
    FCT_CONF_KEY(struct state_conf, max_memory,  "32M",    "Memory for them, per filter process"),
    FCT_CONF_KEY(struct state_conf, max_value,   "64K",    "Largest value that a plugin may keep"),
    FCT_CONF_KEY(struct state_conf, max_key,     "512",    "Longest key in bytes, without the plugin's name"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block state_block = {
    .name = "state",
    .doc = "Small facts and rate limits of plugins and rules. They are in Redis when there is "
           "one and it answers; otherwise each filter process counts for itself, with its "
           "share of every rate (of 2/1h each of two allows one; it is never less than one), and "
           "forgets when it is restarted",
    .keys = state_keys,
    .size = sizeof(struct state_conf),
    .file = "40-redis.conf",
};
