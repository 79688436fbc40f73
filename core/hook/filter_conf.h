/* filter_conf.h - the `filter` block: how long hooks may take, what a filter process may use, what
 * happens to plugins that fail. */
#ifndef CORE_HOOK_FILTER_CONF_H
#define CORE_HOOK_FILTER_CONF_H

#include "core/conf/conf.h"

struct filter_conf {
    fct_duration hook_timeout;    /* all hooks of one point of the dialogue */
    fct_duration message_timeout; /* headers … deliver together */
    fct_duration scan_timeout;    /* all scan hooks, they run side by side */
    fct_duration watchdog; /* one callback without a pause on the processor, or asleep in it */
    fct_size
        memory_limit; /* of a filter process; above it, the process is replaced between messages */
    uint32_t strikes; /* so many deaths … */
    fct_duration strike_window; /* … within this time switch a plugin off */
    uint32_t max_header_fields;
    fct_size max_header_bytes;
    uint32_t max_mime_parts, max_mime_depth;
    uint32_t max_html_tokens, max_urls;
    fct_size max_text;     /* of the text people see, and of what HTML hides */
    uint32_t max_tasks;    /* of one call, beside its own fiber */
    uint32_t max_sessions; /* connections for which plugins keep state */
    uint32_t max_streams;  /* of all plugins of a process */
};
extern const struct conf_block filter_block;

#endif
