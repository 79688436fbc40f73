/* plugin_conf.c - the rows of `plugin` and `lua` blocks. */
#include "core/plugin/plugin_conf.h"

/* clang-format off */
static const struct fct_conf_key plugin_keys[] = {
    FCT_CONF_KEY(struct plugin_conf, path,       "",    "File to load, a relative one from the folder of this file; empty: NAME.so in server.plugin_dir"),
    FCT_CONF_KEY(struct plugin_conf, use,        "",    "The plugin this block is about, when the block's name is another: several blocks may use one plugin, as plugin opendkim { use = milter }"),
    FCT_CONF_KEY(struct plugin_conf, on_error,   "",    "When it crashes, hangs, misbehaves or was switched off: pass, tempfail or hold (Quarantine); empty: pass for plugins that only score, else tempfail"),
    FCT_CONF_KEY(struct plugin_conf, on_timeout, "",    "When it passes its deadline: pass, tempfail or hold; empty: as on_error"),
    FCT_CONF_KEY(struct plugin_conf, deadline,   "5s",  "Longest time of one hook call"),
    FCT_CONF_KEY(struct plugin_conf, memory,     "64M", "Most memory it may take from the server for one message"),
    FCT_CONF_KEY(struct plugin_conf, start_timeout, "30s", "Longest time of its start(); 0: no limit"),
    FCT_CONF_KEY(struct plugin_conf, mode,       "live", "live, or shadow: it runs beside the others, and only the ledger says what it would have done"),
    FCT_CONF_END,
};

static const struct fct_conf_key lua_keys[] = {
    FCT_CONF_KEY(struct lua_conf, file, "", "Rule files to load, patterns such as \"/etc/facteur/rules/*.lua\" allowed; a relative one is meant from the folder of this file"),
    FCT_CONF_KEY(struct lua_conf, mode, "live", "live, or shadow: these rules run beside the others, and only the ledger says what they would have done"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block plugin_block = {
    .name = "plugin",
    .doc = "plugin NAME { … } loads a plugin; besides the keys here, each has its own",
    .keys = plugin_keys,
    .size = sizeof(struct plugin_conf),
    .labelled = true,
    .open = true,
    .file = "50-plugins.conf",
    .files = "path",
};

const struct conf_block lua_block = {
    .name = "lua",
    .doc = "Rules written in Lua; the block may stand any number of times. Besides the keys here "
           "it takes the options that its files declare (config.string and its like)",
    .keys = lua_keys,
    .size = sizeof(struct lua_conf),
    .labelled = true,
    .open = true,
    .file = "60-lua.conf",
    .files = "file",
};

static const char *const policy_names[] = {
    [POLICY_PASS] = "pass",
    [POLICY_TEMPFAIL] = "tempfail",
    [POLICY_HOLD] = "hold",
};

const char *plugin_policy_name(enum plugin_policy policy)
{
    return policy_names[policy];
}

bool plugin_policy_parse(const char *word, enum plugin_policy fallback, enum plugin_policy *out,
                         struct fct_err *err)
{
    *out = fallback;
    if (!word || !*word)
        return true;
    for (size_t i = 0; i < FCT_COUNT(policy_names); i++)
        if (strcmp(word, policy_names[i]) == 0) {
            *out = (enum plugin_policy)i;
            return true;
        }
    return fct_fail(err, FCT_SYNTAX, "\"%s\" is not pass, tempfail or hold", word);
}

bool plugin_mode_parse(const char *word, bool *shadow, struct fct_err *err)
{
    *shadow = word && strcmp(word, "shadow") == 0;
    if (*shadow || !word || !*word || strcmp(word, "live") == 0)
        return true;
    return fct_fail(err, FCT_SYNTAX, "mode: \"%s\" is not live or shadow", word);
}
