/* pop3_conf.h - the `pop3` block. */
#ifndef PROTOCOLS_POP3_POP3_CONF_H
#define PROTOCOLS_POP3_POP3_CONF_H

#include "core/conf/conf.h"

struct pop3_conf {
    uint32_t max_command;
    uint32_t max_early_commands;
    uint32_t max_errors;
    uint32_t max_login_failures;
    fct_duration login_delay;
    fct_duration login_timeout;
    fct_duration idle_timeout;
    fct_duration stall_timeout;
};
extern const struct conf_block pop3_block;

#endif
