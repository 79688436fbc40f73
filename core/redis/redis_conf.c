/* redis_conf.c - the rows of the `redis` block. */
#include "core/redis/redis_conf.h"

/* clang-format off */
static const struct fct_conf_key redis_keys[] = {
    FCT_CONF_KEY(struct redis_conf, url,           "",      "\"unix:/path\", \"redis://[user:password@]host[:6379][/database]\" or \"rediss://…\" (TLS); empty: no Redis, each filter process remembers for itself"),
    FCT_CONF_KEY(struct redis_conf, user,          "",      "Name to log in as (Redis ACL); the URL's wins; empty: the default user"),
    FCT_CONF_KEY(struct redis_conf, database,      "0",     "Number of the database; the URL's wins"),
    FCT_CONF_KEY(struct redis_conf, password_file, "",      "A file whose first line is the password, instead of one in the URL"),
    FCT_CONF_KEY(struct redis_conf, ca_file,       "/etc/ssl/certs/ca-certificates.crt", "Authorities that may vouch for a server with TLS, PEM"),
    FCT_CONF_KEY(struct redis_conf, timeout,       "250ms", "An answer or a connection that takes longer: Redis counts as away, whoever asks falls back at once"),
    FCT_CONF_KEY(struct redis_conf, retry,         "2s",    "How often a Redis that is away is tried again"),
    FCT_CONF_KEY(struct redis_conf, max_errors,    "3",     "So many failed connections in a row: Redis counts as away"),
    FCT_CONF_KEY(struct redis_conf, max_pending,   "10000", "Commands of one filter process that wait for an answer; further ones fail"),
    FCT_CONF_KEY(struct redis_conf, max_reply,     "16M",   "Largest answer; a larger one ends the connection"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block redis_block = {
    .name = "redis",
    .doc = "Redis, for what all filter processes and machines should know together: rate limits, "
           "what was seen before, plugins' own data. While it is away mail goes on: key-value data "
           "and limits come from each process's own memory (block `state`), a plugin's own "
           "commands fail, and the ledger says degraded=redis",
    .keys = redis_keys,
    .size = sizeof(struct redis_conf),
    .file = "40-redis.conf",
};
