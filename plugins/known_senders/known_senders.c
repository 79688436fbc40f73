/* known_senders.c - people whom this user has written to: their mail, and replies to the user's
 * own, is hardly ever spam. */
#include "known_plugin.h"

#include <stdlib.h>

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    struct known_plugin *plugin;

    (void)self;
    if (!FCT_HAS(host, symbol_for)) {
        *err = (struct fct_err){FCT_DENIED, "this server is older than the plugin"};
        return false;
    }
    if (!known_conf_check(conf, err))
        return false;
    plugin = calloc(1, sizeof *plugin);
    if (!plugin) {
        *err = (struct fct_err){FCT_TEMP, "no memory"};
        return false;
    }
    plugin->host = host;
    plugin->conf = conf;
    *state = plugin;
    return true;
}

static void stop(void *state)
{
    free(state);
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(scan, known_on_scan, .provides = "known_senders", .after = "spf? dkim? dmarc?",
           .roles = FCT_ROLE_MX | FCT_ROLE_REPLAY, .may = FCT_MAY_NOTHING),
    FCT_ON(scan, known_on_submission, .roles = FCT_ROLE_SUBMISSION, .may = FCT_MAY_NOTHING),
    FCT_ON(accepted, known_on_accepted, .roles = FCT_ROLE_SUBMISSION),
    FCT_ON(store_append, known_on_append, .roles = FCT_ROLE_IMAP, .may = FCT_MAY_NOTHING),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "known_senders",
    .version = "1.0",
    .summary = "people whom this user has written to, and replies to the user's own messages",
    .license = "Apache-2.0",
    .keys = known_keys,
    .conf_size = sizeof(struct known_conf),
    .symbols = known_symbols,
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
