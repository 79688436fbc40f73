/* history_conf.c - the rows of the `history` block. */
#include "core/hook/history_conf.h"

/* clang-format off */
static const struct fct_conf_key history_keys[] = {
    FCT_CONF_KEY(struct history_conf, length,  "200000", "Entries that the stream fct:hist in Redis keeps, about; 0: nothing goes to Redis. The last 10,000 are in memory in any case, until the server stops"),
    FCT_CONF_KEY(struct history_conf, private, "yes",    "Local parts of addresses are hashed with the site's key; who knows an address finds its entries, nobody reads addresses out of them"),
    FCT_CONF_KEY(struct history_conf, key,     "",       "The site's key, a secret text, for several servers with different Redis; empty: made by chance and kept in Redis"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block history_block = {
    .name = "history",
    .doc = "What facteurctl history shows: one line per judged message, without subject and text",
    .keys = history_keys,
    .size = sizeof(struct history_conf),
    .file = "45-history.conf",
};
