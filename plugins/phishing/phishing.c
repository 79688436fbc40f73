/* phishing.c - does a message pretend to come from, or to lead to, somebody else? By its links, the
 * names of its hosts, its sender's name and its forms. Nothing is fetched, nobody is asked. */
#include "phishing_plugin.h"

#include <stdlib.h>

static void stop(void *state)
{
    struct phishing_plugin *plugin = state;

    if (!plugin)
        return;
    phishing_brands_close(&plugin->brands);
    phishing_look_free(&plugin->look);
    free(plugin);
}

static bool start(struct fct_self *self, const struct fct_host *host, const void *given,
                  void **state, struct fct_err *err)
{
    const struct phishing_conf *conf = given;
    struct phishing_plugin *plugin;

    (void)self;
    if (!FCT_HAS(host, fact)) {
        *err = (struct fct_err){FCT_DENIED, "this server is too old for this plugin"};
        return false;
    }
    if (!phishing_conf_check(conf, err))
        return false;
    plugin = calloc(1, sizeof *plugin);
    if (!plugin) {
        *err = (struct fct_err){FCT_TEMP, "no memory"};
        return false;
    }
    plugin->host = host;
    plugin->conf = conf;
    plugin->look = phishing_look_open(err);
    if (!plugin->look ||
        !phishing_brands_open(&plugin->brands, plugin->look, &conf->brand, &conf->not_brand, err)) {
        stop(plugin);
        return false;
    }
    *state = plugin;
    return true;
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(scan, phishing_on_scan, .provides = "phishing", .after = "dkim? dmarc?",
           .may = FCT_MAY_NOTHING),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "phishing",
    .version = "1.0",
    .summary = "Finds links, domains and names that pretend to be somebody else's",
    .license = "Apache-2.0",
    .keys = phishing_conf_keys,
    .conf_size = sizeof(struct phishing_conf),
    .symbols = phishing_symbols,
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
