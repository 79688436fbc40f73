/* smtp_conf.h - every limit of an SMTP or LMTP session. The same struct for both: `smtp { … }` and
 * `lmtp { … }`. */
#ifndef PROTOCOLS_SMTP_SMTP_CONF_H
#define PROTOCOLS_SMTP_SMTP_CONF_H

#include "core/base/err.h"
#include "core/conf/conf.h"

struct smtp_conf {
    fct_size max_message;
    uint32_t max_recipients;
    fct_size max_command_line;
    uint32_t max_errors;
    uint32_t max_unknown_recipients;
    uint32_t max_auth_failures;
    uint32_t free_errors;
    fct_duration error_delay;
    fct_duration auth_failure_delay;
    uint32_t max_received;
    uint32_t max_connections_per_client;
    fct_duration banner_wait;
    fct_duration max_banner_delay;
    fct_duration greeting_timeout;
    fct_duration command_timeout;
    fct_duration data_timeout;
    fct_duration transaction_timeout;
    fct_size spool_memory;
    fct_size receive_memory;
    uint32_t max_expansion;
    bool require_tls;
    bool mx_auth;
    bool submission_repairs_line_ends;
    struct fct_strings relay_networks;
    fct_duration max_hold;
    bool hide_client;
    fct_duration max_undo;
};
extern const struct conf_block smtp_block;

/* Ranges, of `lmtp` too: conf_block.check. */
FCT_MUST_CHECK bool smtp_conf_check(const void *values, struct fct_err *err);

#endif
