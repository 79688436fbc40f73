/* layout.c - everything that crosses the border of the plugin ABI, as functions of a library that
 * abidiff can read. Compiled once per released header and once with ours. */
#include <facteur/plugin.h>

/* clang-format off */
#define SHOWS(name, type) \
    FCT_EXPORT void shows_##name(const type *it); \
    void shows_##name(const type *it) { (void)it; }

SHOWS(host, struct fct_host)
SHOWS(plugin, struct fct_plugin)
SHOWS(hook_row, struct fct_hook_row)
SHOWS(symbol, struct fct_symbol)
SHOWS(conf_key, struct fct_conf_key)
SHOWS(conn, struct fct_conn)
SHOWS(envelope, struct fct_envelope)
SHOWS(header, struct fct_header)
SHOWS(part, struct fct_part)
SHOWS(err, struct fct_err)
SHOWS(hook, enum fct_hook)
SHOWS(verdict, enum fct_verdict)

#define HOOK(name, ...) SHOWS(ev_##name, struct fct_ev_##name)
#include <facteur/hooks.def>
