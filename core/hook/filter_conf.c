/* filter_conf.c - the rows of the `filter` block. */
#include "core/hook/filter_conf.h"

/* clang-format off */
static const struct fct_conf_key filter_keys[] = {
    FCT_CONF_KEY(struct filter_conf, hook_timeout,      "30s",   "Longest time for all plugins at one step of the dialogue (a client waits 5 min, RFC 5321 4.5.3.2)"),
    FCT_CONF_KEY(struct filter_conf, message_timeout,   "30s",   "Longest time for all plugins on one message (a client waits 10 min at the dot, RFC 5321 4.5.3.2.6)"),
    FCT_CONF_KEY(struct filter_conf, scan_timeout,      "25s",   "Longest time for all scan hooks of a message, which run side by side; longer than dns.message_timeout, so that they learn that nobody answered, and shorter than message_timeout"),
    FCT_CONF_KEY(struct filter_conf, watchdog,          "2s",    "A callback that computes or sleeps this long without a pause: its process is killed, the plugin gets a strike"),
    FCT_CONF_KEY(struct filter_conf, memory_limit,      "512M",  "A filter process that has grown past this is replaced between two messages"),
    FCT_CONF_KEY(struct filter_conf, strikes,           "5",     "So many deaths of a filter process within strike_window switch the plugin off, by its on_error policy; at most 16"),
    FCT_CONF_KEY(struct filter_conf, strike_window,     "10m",   "See strikes"),
    FCT_CONF_KEY(struct filter_conf, max_header_fields, "10000", "Header fields that plugins see; the rest of the message stays as it is"),
    FCT_CONF_KEY(struct filter_conf, max_header_bytes,  "1M",    "Header section that plugins see"),
    FCT_CONF_KEY(struct filter_conf, max_mime_parts,    "2000",  "Parts of the MIME tree that plugins see (RFC 2046)"),
    FCT_CONF_KEY(struct filter_conf, max_mime_depth,    "100",   "Depth of the MIME tree that plugins see"),
    FCT_CONF_KEY(struct filter_conf, max_html_tokens,   "500000", "Tags, attributes and texts of all HTML parts of a message that plugins see"),
    FCT_CONF_KEY(struct filter_conf, max_urls,          "5000",  "URLs of a message that plugins see"),
    FCT_CONF_KEY(struct filter_conf, max_text,          "1M",    "Text of a message that plugins see without markup, and as much that HTML hides"),
    FCT_CONF_KEY(struct filter_conf, max_tasks,         "64",    "Things one hook call may do at the same time (start() of the C interface)"),
    FCT_CONF_KEY(struct filter_conf, max_sessions,      "10000", "Connections for which plugins may keep state, per filter process; the longest unused one is forgotten"),
    FCT_CONF_KEY(struct filter_conf, max_streams,       "256",   "Connections to others (milters, scanners) that the plugins of a filter process may have open together; at most 4096"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block filter_block = {
    .name = "filter",
    .doc = "The processes that run plugins and rules, and what happens when one of them fails",
    .keys = filter_keys,
    .size = sizeof(struct filter_conf),
    .file = "50-plugins.conf",
};
