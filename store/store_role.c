/* store_role.c - the store as a process: the only one that touches mail on disk. It has the data
 * directory and nothing else. */
#include "store/store_role.h"

#include "store/client.h"
#include "store/forward.h"

#include <unistd.h>

/* With the supervisor's rights: the folders get the owner of the data directory, so that the store
 * may run as its own user. */
static bool prepare(struct role_env *env, struct fct_err *err)
{
    uint8_t key[32];

    if (!env->data_dir)
        return fct_fail(err, FCT_BUG, "the store has no data directory");
    return server_prepare_dir(env->data_dir, key, err);
}

/* Nothing runs any more: close, so that the index is flushed and the next start has nothing to
 * replay. */
static void drained(void *arg)
{
    struct role_env *env = arg;
    struct server *s = env->role_data;

    env->role_data = NULL;
    server_close(&s);
    role_drained(env);
}

static bool start(struct role_env *env, struct fct_err *err)
{
    const struct store_conf *conf = config_get(env->conf, &store_block);
    struct server *s;

    if (!server_open(env->base, conf, env->data_dir, env->dev, &s, err))
        return false;
    s->awaits_links = env->process;
    s->on_drained = drained;
    s->on_drained_arg = env;
    env->role_data = s;
    return forward_open(s, config_get(env->conf, &forward_block), err);
}

static void peer(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    struct server *s = env->role_data;

    if (s && (kind == ROLE_EDGE || kind == ROLE_RELAY || kind == ROLE_CTL))
        client_new(s, kind, index, fd);
    else
        close(fd);
}

static void linked(struct role_env *env)
{
    if (env->role_data)
        clients_are_linked(env->role_data);
}

static void drain(struct role_env *env)
{
    if (env->role_data)
        server_drain(env->role_data);
}

static void status(struct role_env *env, struct buf *out)
{
    if (env->role_data)
        server_statistics(env->role_data, out);
}

const struct role store_role = {
    .kind = ROLE_STORE,
    .name = "store",
    .doc = "keeps accounts, mailboxes and messages; checks passwords",
    .prepare = prepare,
    .start = start,
    .peer = peer,
    .linked = linked,
    .drain = drain,
    .status = status,
};
