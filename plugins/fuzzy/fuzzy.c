/* fuzzy.c - knows again what people called spam or wanted, though words of it were changed: the
 * text, the shape of its HTML, its attachments. */
#include "fuzzy_plugin.h"

#include <stdlib.h>

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    struct fuzzy_plugin *plugin;

    (void)self;
    if (!FCT_HAS(host, text)) {
        *err = (struct fct_err){FCT_DENIED, "this server is too old for this plugin"};
        return false;
    }
    if (!fuzzy_conf_check(conf, err))
        return false;
    plugin = calloc(1, sizeof *plugin);
    if (!plugin) {
        *err = (struct fct_err){FCT_TEMP, "no memory"};
        return false;
    }
    plugin->host = host;
    plugin->conf = conf;
    plugin->key = fuzzy_key((struct fct_str){plugin->conf->secret, strlen(plugin->conf->secret)});
    *state = plugin;
    return true;
}

static void stop(void *state)
{
    struct fuzzy_plugin *plugin = state;

    fuzzy_memory_clear(&plugin->memory);
    free(plugin);
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(scan, fuzzy_on_scan, .provides = "fuzzy", .may = FCT_MAY_NOTHING),
    FCT_ON(learn, fuzzy_on_learn),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "fuzzy",
    .version = "1.0",
    .summary = "Knows copies of taught messages again, though words were changed",
    .license = "Apache-2.0",
    .keys = fuzzy_conf_keys,
    .conf_size = sizeof(struct fuzzy_conf),
    .symbols = fuzzy_symbols,
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
