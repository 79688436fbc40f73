/* lua_plugin.c - the object that the host loads: rule files in Lua 5.4 become hook rows. */
#include "lua_engine.h"
#include "lua_regex.h"

#include <stdlib.h>

/* clang-format off */
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct lua_settings, file,          "",        "Rule files to load, patterns such as \"rules/*.lua\" allowed"),
    FCT_CONF_KEY(struct lua_settings, shadow,        "",        "Rule files that run in shadow; written by the server from `lua` blocks with mode = shadow"),
    FCT_CONF_KEY(struct lua_settings, option,        "",        "Written by the server from the other keys of `lua` blocks"),
    FCT_CONF_KEY(struct lua_settings, lib,           "",        "Folder of modules that every rule file may require, besides those beside it; empty: none"),
    FCT_CONF_KEY(struct lua_settings, budget,        "50ms",    "Processor time of one callback; over it the callback fails (steps of 10ms)"),
    FCT_CONF_KEY(struct lua_settings, load_budget,   "1s",      "Processor time to load one rule file"),
    FCT_CONF_KEY(struct lua_settings, state_memory,  "256M",    "Most memory of all rules together, per filter process"),
    FCT_CONF_KEY(struct lua_settings, call_memory,   "16M",     "Most memory one callback may add"),
    FCT_CONF_KEY(struct lua_settings, mute_after,    "20",      "Failures within mute_window after which a rule is no longer called; 0: never"),
    FCT_CONF_KEY(struct lua_settings, mute_window,   "5m",      "Time in which failures are counted"),
    FCT_CONF_KEY(struct lua_settings, pattern_steps, "5000000", "Most steps of one string.find, match or gsub"),
    FCT_CONF_KEY(struct lua_settings, text_limit,    "1M",      "Most bytes of a text or a decoded part that a rule is shown; the rest is cut"),
    FCT_CONF_KEY(struct lua_settings, regex_steps,   "1000000", "Most steps of one regular expression (PCRE2's match limit)"),
    FCT_CONF_KEY(struct lua_settings, list_every,    "10s",     "How often the files of lists are looked at for changes; 0s: never"),
    FCT_CONF_KEY(struct lua_settings, tests,         "yes",     "Run NAME_test.lua beside a rule file before its rules are taken; a failure refuses the set"),
    FCT_CONF_END,
};

static const struct fct_symbol symbols[] = {
    {"RULE_MUTED", 0.0, "lua", "A Lua rule failed too often and was not asked about this message"},
    {NULL, 0.0, NULL, NULL},
};
/* clang-format on */

/* ---- settings outside a server ---- */

static void set_default(const struct fct_conf_key *key, char *at)
{
    uint64_t n = 0;

    switch (key->kind) {
    case FCT_CONF_STR:
        memcpy(at, &key->def, sizeof key->def);
        break;
    case FCT_CONF_U32:
        if (lua_size_parse(key->def, &n))
            memcpy(at, &(uint32_t){(uint32_t)n}, sizeof(uint32_t));
        break;
    case FCT_CONF_DURATION:
        if (lua_duration_parse(key->def, &n))
            memcpy(at, &(fct_duration){n}, sizeof(fct_duration));
        break;
    case FCT_CONF_SIZE:
        if (lua_size_parse(key->def, &n))
            memcpy(at, &(fct_size){n}, sizeof(fct_size));
        break;
    case FCT_CONF_BOOL:
        memcpy(at, &(bool){strcmp(key->def, "yes") == 0}, sizeof(bool));
        break;
    case FCT_CONF_STRINGS: /* none by default */
    case FCT_CONF_REAL:
    case FCT_CONF_RATE:
        break;
    }
}

void lua_settings_defaults(struct lua_settings *out)
{
    *out = (struct lua_settings){.lib = ""};
    for (const struct fct_conf_key *key = keys; key->name; key++)
        set_default(key, (char *)out + key->offset);
}

/* ---- life ---- */

void lua_engine_close(struct lua_engine **engine)
{
    struct lua_engine *e = *engine;

    *engine = NULL;
    if (!e)
        return;
    lua_watchdog_stop();
    lua_state_close(e);
    lua_rules_free(e);
    lua_patterns_free(e);
    lua_composites_free(e);
    lua_lists_free(e);
    lua_scripts_free(e);
    lua_options_free(e);
    lua_loaded_free(e);
    lua_regex_engine_free(&e->regex);
    lua_page_free(e);
    for (struct lua_text *t = e->text, *next; t; t = next) {
        next = t->next;
        free(t);
    }
    free(e);
}

struct lua_engine *lua_engine_open(const struct fct_host *host, const struct lua_settings *conf,
                                   struct fct_err *err)
{
    struct lua_engine *e = calloc(1, sizeof *e);

    if (e)
        e->regex = lua_regex_engine_new(conf->regex_steps);
    if (!e || !e->regex) {
        free(e);
        *err = (struct fct_err){FCT_TEMP, "out of memory"};
        return NULL;
    }
    e->host = host;
    e->conf = conf;
    e->memory.limit = (size_t)conf->state_memory.bytes;
    e->rule_end = &e->rule;
    e->loaded_end = &e->loaded;
    if (!lua_watchdog_start(err)) {
        lua_regex_engine_free(&e->regex);
        free(e);
        return NULL;
    }
    if (!lua_state_open(e, err) || !lua_options_read(e, err) || !lua_files_load(e, err) ||
        !lua_options_check(e, err))
        lua_engine_close(&e);
    return e;
}

static void lua_stop(void *state)
{
    struct lua_engine *e = state;

    lua_engine_close(&e);
}

/* The set is tested before any rule of it is taken: with what fails, the old set goes on. */
static bool lua_start(struct fct_self *self, const struct fct_host *host, const void *conf,
                      void **state, struct fct_err *err)
{
    struct lua_engine *e = lua_engine_open(host, conf, err);

    if (!e)
        return false;
    if (!lua_tests_pass(e, self, err) || !lua_rules_register(e, self, err) ||
        !lua_patterns_register(e, self, err) || !lua_composites_register(e, self, err) ||
        !lua_lists_register(e, self, err)) {
        lua_engine_close(&e);
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
