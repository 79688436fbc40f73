/* imap_conf.h - the `imap` block. */
#ifndef PROTOCOLS_IMAP_IMAP_CONF_H
#define PROTOCOLS_IMAP_IMAP_CONF_H

#include "core/conf/conf.h"

struct imap_conf {
    fct_size max_command, max_literal, max_append, spool_above;
    uint32_t max_errors, max_login_failures, max_originals;
    fct_duration login_timeout, idle_timeout, stall_timeout, login_delay;
};
extern const struct conf_block imap_block;

#endif
