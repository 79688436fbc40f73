/* ctl_learn_plugin.c - see ctl_learn_plugin.h. */
#include "core/ctl/ctl_learn_plugin.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/plugin/plugin_conf.h"
#include "core/plugin/plugin_host.h"

bool learn_plugin_conf(struct ctl *c, const char *name, const struct fct_conf_key *keys, void *conf,
                       bool *found, struct fct_err *err)
{
    const struct plugin_conf *block;
    const char *label;

    *found = false;
    for (size_t i = 0; !*found && (block = config_each(c->config, &plugin_block, i, &label)); i++) {
        const struct conf_pair *pair;
        size_t n = config_extra(c->config, &plugin_block, i, &pair);

        *found = str_equal(str_from(block->use[0] ? block->use : label), str_from(name));
        if (*found && !config_fill(c->config, keys, conf, pair, n, err))
            return false;
    }
    return true;
}

struct fct_call *learn_read(struct fct_str message)
{
    struct fct_trial trial = {.size = sizeof trial, .message = message};
    struct fct_err ignored = {0};

    return plugin_host.trial_begin(NULL, &trial, &ignored);
}
