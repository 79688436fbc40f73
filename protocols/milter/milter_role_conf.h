/* milter_role_conf.h - the `milter` block: limits and habits of the role that filters for somebody
 * else's MTA. (The plugin that asks foreign milters has blocks of its own: plugins/milter.) */
#ifndef PROTOCOLS_MILTER_MILTER_ROLE_CONF_H
#define PROTOCOLS_MILTER_MILTER_ROLE_CONF_H

#include "core/base/err.h"
#include "core/conf/conf.h"

struct milter_role_conf {
    struct fct_strings submission_daemons; /* {daemon_name} of mail from our own people */
    uint32_t max_connections;
    fct_size max_message_size, spool_memory;
    fct_duration timeout, wait, progress;
    const char *on_unavailable; /* tempfail or accept */
};
extern const struct conf_block milter_block;

/* Deliver unfiltered rather than later. */
bool milter_role_accepts_unfiltered(const struct milter_role_conf *conf);

#endif
