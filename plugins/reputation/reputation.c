/* reputation.c - remembers what networks, domains, senders and linked hosts sent before, and says
 * so of their next message. */
#include "reputation_plugin.h"

#include <stdlib.h>

#define ROLES FCT_ROLE_MX

static void stop(void *state)
{
    struct reputation_plugin *plugin = state;

    if (!plugin)
        return;
    reputation_asn_close(plugin->asn);
    free(plugin);
}

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    struct reputation_plugin *plugin;

    (void)self;
    if (!FCT_HAS(host, fact)) {
        *err = (struct fct_err){FCT_DENIED, "this server is older than the plugin"};
        return false;
    }
    if (!reputation_conf_check(conf, err))
        return false;
    plugin = calloc(1, sizeof *plugin);
    if (!plugin) {
        *err = (struct fct_err){FCT_TEMP, "no memory"};
        return false;
    }
    plugin->host = host;
    plugin->conf = conf;
    if (*plugin->conf->asn_database &&
        !(plugin->asn = reputation_asn_open(plugin->conf->asn_database, err))) {
        stop(plugin);
        return false;
    }
    *state = plugin;
    return true;
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(scan, reputation_on_scan, .provides = "reputation", .after = "spf? dkim? dmarc?",
           .roles = ROLES | FCT_ROLE_REPLAY, .may = FCT_MAY_NOTHING),
    FCT_ON(verdict, reputation_on_verdict, .after = "greylist?", .roles = ROLES,
           .may = FCT_MAY_NOTHING),
    FCT_ON(accepted, reputation_on_accepted, .roles = ROLES),
    FCT_ON(disconnect, reputation_on_disconnect, .roles = ROLES),
    FCT_ON(learn, reputation_on_learn),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "reputation",
    .version = "1.0",
    .summary = "remembers what networks, domains, senders and linked hosts sent before",
    .license = "Apache-2.0",
    .keys = reputation_keys,
    .conf_size = sizeof(struct reputation_conf),
    .symbols = reputation_symbols,
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
