/* redis_conf.c - the rows of the `redis` block. */
#include "core/redis/redis_conf.h"

#include "core/base/err.h"

/* clang-format off */
static const struct fct_conf_key redis_keys[] = {
    FCT_CONF_KEY(struct redis_conf, url,           "",      "\"unix:/path\", \"redis://[user:password@]host[:6379][/database]\", \"sentinel://[user:password@]host[:26379],host…/master-name[/database]\", \"cluster://[user:password@]host[:6379],host…\"; rediss, sentinels, clusters: with TLS; empty: the private server of `spawn`"),
    FCT_CONF_KEY(struct redis_conf, spawn,         "yes",   "Without a url: run a private redis-server on a Unix socket below server.run_dir. Where the program is not installed the log says so and each filter process remembers for itself, as with no"),
    FCT_CONF_KEY(struct redis_conf, program,       "redis-server", "The private server's program: a path, or a name to be found in PATH"),
    FCT_CONF_KEY(struct redis_conf, data_dir,      "",      "Where the private server keeps its data; empty: the folder redis in server.data_dir"),
    FCT_CONF_KEY(struct redis_conf, max_memory,    "256M",  "Most memory the private server's data may take. A full one refuses to learn more and forgets nothing by itself: docs/redis.md"),
    FCT_CONF_KEY(struct redis_conf, user,          "",      "Name to log in as (Redis ACL); the URL's wins; empty: the default user"),
    FCT_CONF_KEY(struct redis_conf, database,      "0",     "Number of the database; the URL's wins"),
    FCT_CONF_KEY(struct redis_conf, password_file, "",      "A file whose first line is the password, instead of one in the URL"),
    FCT_CONF_KEY(struct redis_conf, sentinel_user, "",      "Name to log in to Sentinels as; empty: the default user"),
    FCT_CONF_KEY(struct redis_conf, sentinel_password_file, "", "A file whose first line is the Sentinels' own password; empty: they want none"),
    FCT_CONF_KEY(struct redis_conf, ca_file,       "/etc/ssl/certs/ca-certificates.crt", "Authorities that may vouch for a server with TLS, PEM"),
    FCT_CONF_KEY(struct redis_conf, timeout,       "150ms", "An answer or a connection that takes longer: Redis counts as away, whoever asks falls back at once"),
    FCT_CONF_KEY(struct redis_conf, retry,         "2s",    "How often a Redis that is away is tried again"),
    FCT_CONF_KEY(struct redis_conf, max_errors,    "3",     "So many failed connections in a row: Redis counts as away"),
    FCT_CONF_KEY(struct redis_conf, max_pending,   "10000", "Commands of one filter process that wait for an answer; further ones fail"),
    FCT_CONF_KEY(struct redis_conf, max_reply,     "16M",   "Largest answer; a larger one ends the connection"),
    FCT_CONF_END,
};
/* clang-format on */

/* Below this Redis has no room for anything but itself. */
#define LEAST_MEMORY (4u << 20)

static bool check(const void *values, struct fct_err *err)
{
    const struct redis_conf *conf = values;

    if (conf->max_memory.bytes < LEAST_MEMORY)
        return fct_fail(err, FCT_SYNTAX, "max_memory: must be 4M or more");
    if (conf->timeout.ms == 0 || conf->retry.ms == 0)
        return fct_fail(err, FCT_SYNTAX, "%s: must be more than 0",
                        conf->timeout.ms == 0 ? "timeout" : "retry");
    return true;
}

const struct conf_block redis_block = {
    .name = "redis",
    .doc = "Redis, for what all filter processes and machines should know together: rate limits, "
           "what was seen before, plugins' own data. While it is away mail goes on: key-value data "
           "and limits come from each process's own memory (block `state`), a plugin's own "
           "commands fail, and the ledger says degraded=redis",
    .keys = redis_keys,
    .size = sizeof(struct redis_conf),
    .file = "40-redis.conf",
    .check = check,
};
