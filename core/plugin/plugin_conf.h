/* plugin_conf.h - `plugin NAME { … }` enables a plugin; `lua { file = … }` adds rules. The host's
 * keys are here, the others in the block are the plugin's own rows, checked when it is loaded. */
#ifndef CORE_PLUGIN_PLUGIN_CONF_H
#define CORE_PLUGIN_PLUGIN_CONF_H

#include "core/base/err.h"
#include "core/conf/conf.h"

struct plugin_conf {
    const char *path;       /* "": plugin_dir/NAME.so */
    const char *use;        /* the plugin's own name when the block's is another, else "" */
    const char *on_error;   /* "": pass for plugins that only score, else tempfail */
    const char *on_timeout; /* "": as on_error */
    fct_duration deadline;  /* of one hook call */
    fct_size memory;        /* per message */
    const char *mode;       /* live or shadow */
    fct_duration start_timeout;
};
extern const struct conf_block plugin_block; /* labelled, open */

/* Rules in Lua; all blocks together become the row `file` of the plugin `lua`. */
struct lua_conf {
    struct fct_strings file;
    const char *mode; /* live or shadow */
};
extern const struct conf_block lua_block; /* labelled */

/* What is done when a plugin fails or is switched off. */
enum plugin_policy {
    POLICY_PASS,     /* as if it had not been asked */
    POLICY_TEMPFAIL, /* the client shall come back */
    POLICY_HOLD, /* before the message is here as tempfail; from `headers` on: into Quarantine */
};
FCT_MUST_CHECK bool plugin_policy_parse(const char *word, enum plugin_policy fallback,
                                        enum plugin_policy *out, struct fct_err *err);
/* "live" or "shadow": what a shadow says goes to the ledger and nowhere else. */
FCT_MUST_CHECK bool plugin_mode_parse(const char *word, bool *shadow, struct fct_err *err);
const char *plugin_policy_name(enum plugin_policy policy);

#endif
