/* lua_plugin.c - the object that the host loads: rule files in Lua 5.4 become hook rows. */
#include "lua_engine.h"

#include <stdlib.h>

/* clang-format off */
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct lua_settings, file,          "",        "Rule files to load, patterns such as \"rules/*.lua\" allowed"),
    FCT_CONF_KEY(struct lua_settings, lib,           "",        "Folder of modules that every rule file may require, besides those beside it; empty: none"),
    FCT_CONF_KEY(struct lua_settings, budget,        "50ms",    "Processor time of one callback; over it the callback fails (steps of 10ms)"),
    FCT_CONF_KEY(struct lua_settings, load_budget,   "1s",      "Processor time to load one rule file"),
    FCT_CONF_KEY(struct lua_settings, state_memory,  "256M",    "Most memory of all rules together, per filter process"),
    FCT_CONF_KEY(struct lua_settings, call_memory,   "16M",     "Most memory one callback may add"),
    FCT_CONF_KEY(struct lua_settings, mute_after,    "20",      "Failures within mute_window after which a rule is no longer called; 0: never"),
    FCT_CONF_KEY(struct lua_settings, mute_window,   "5m",      "Time in which failures are counted"),
    FCT_CONF_KEY(struct lua_settings, pattern_steps, "5000000", "Most steps of one string.find, match or gsub"),
    FCT_CONF_KEY(struct lua_settings, text_limit,    "1M",      "Most bytes of a text or a decoded part that a rule is shown; the rest is cut"),
    FCT_CONF_END,
};

static const struct fct_symbol symbols[] = {
    {"RULE_MUTED", 0.0, "lua", "A Lua rule failed too often and was not asked about this message"},
    {NULL, 0.0, NULL, NULL},
};
/* clang-format on */

static void lua_stop(void *state)
{
    struct lua_engine *e = state;

    if (!e)
        return;
    lua_watchdog_stop();
    lua_state_close(e);
    lua_rules_free(e);
    for (struct lua_text *t = e->text, *next; t; t = next) {
        next = t->next;
        free(t);
    }
    free(e);
}

static bool lua_start(struct fct_self *self, const struct fct_host *host, const void *conf,
                      void **state, struct fct_err *err)
{
    struct lua_engine *e = calloc(1, sizeof *e);

    if (!e) {
        *err = (struct fct_err){FCT_TEMP, "out of memory"};
        return false;
    }
    e->host = host;
    e->conf = conf;
    e->memory.limit = (size_t)e->conf->state_memory.bytes;
    e->rule_end = &e->rule;
    if (!lua_watchdog_start(err) || !lua_state_open(e, err) || !lua_files_load(e, err) ||
        !lua_rules_register(e, self, err)) {
        lua_stop(e);
        return false;
    }
    *state = e;
    return true;
}

const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "lua",
    .version = "1.0",
    .summary = "Rules and hooks written in Lua 5.4",
    .license = "Apache-2.0",
    .keys = keys,
    .conf_size = sizeof(struct lua_settings),
    .symbols = symbols,
    .start = lua_start,
    .stop = lua_stop,
};
