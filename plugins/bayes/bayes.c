/* bayes.c - learns from people which words and marks stand in their spam and in their wanted mail,
 * and says of a new message which of the two it looks like. */
#include "bayes_lookup.h"

#include <stdlib.h>

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    struct bayes_plugin *plugin;

    (void)self;
    if (!FCT_HAS(host, symbol_group)) {
        *err = (struct fct_err){FCT_DENIED, "this server is too old for this plugin"};
        return false;
    }
    if (!bayes_conf_check(conf, err))
        return false;
    plugin = calloc(1, sizeof *plugin);
    if (!plugin) {
        *err = (struct fct_err){FCT_TEMP, "no memory"};
        return false;
    }
    plugin->host = host;
    plugin->conf = conf;
    plugin->key = bayes_conf_key(plugin->conf);
    bayes_conf_tuning(plugin->conf, &plugin->tuning);
    if (plugin->conf->cache.bytes > 0)
        plugin->cache = bayes_cache_new(plugin->conf->cache.bytes, BAYES_SITE_BUCKETS);
    if (plugin->conf->users_cache.bytes > 0)
        plugin->users = bayes_users_new(plugin->conf->users_cache.bytes);
    *state = plugin;
    return true;
}

static void stop(void *state)
{
    struct bayes_plugin *plugin = state;

    bayes_look_free(plugin);
    bayes_cache_free(&plugin->cache);
    bayes_users_free(&plugin->users);
    free(plugin);
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(scan, bayes_on_scan, .provides = "bayes", .may = FCT_MAY_NOTHING),
    FCT_ON(verdict, bayes_on_verdict, .may = FCT_MAY_NOTHING),
    FCT_ON(learn, bayes_on_learn),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "bayes",
    .version = "1.0",
    .summary = "Judges by what people said about earlier messages",
    .license = "Apache-2.0",
    .keys = bayes_conf_keys,
    .conf_size = sizeof(struct bayes_conf),
    .symbols = bayes_symbols,
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
