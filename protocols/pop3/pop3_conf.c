/* pop3_conf.c - settings of the POP3 server, every limit among them. */
#include "protocols/pop3/pop3_conf.h"

/* clang-format off */
static const struct fct_conf_key pop3_keys[] = {
    FCT_CONF_KEY(struct pop3_conf, max_command,        "1024", "Longest command line in octets, CRLF included (RFC 2449 4 asks for 255); AUTH may use 12K (RFC 5034 4)"),
    FCT_CONF_KEY(struct pop3_conf, max_early_commands, "100",  "Commands before a login after which a connection ends"),
    FCT_CONF_KEY(struct pop3_conf, max_errors,         "20",   "Malformed or unknown commands after which a connection ends"),
    FCT_CONF_KEY(struct pop3_conf, max_login_failures, "3",    "Failed logins after which a connection ends"),
    FCT_CONF_KEY(struct pop3_conf, login_delay,        "2s",   "Wait before a failed login is answered"),
    FCT_CONF_KEY(struct pop3_conf, login_timeout,      "3m",   "Time for a client to log in"),
    FCT_CONF_KEY(struct pop3_conf, idle_timeout,       "10m",  "A connection ends after this time without a command, and nothing is deleted; at least 10m (RFC 1939 3)"),
    FCT_CONF_KEY(struct pop3_conf, stall_timeout,      "5m",   "A client may stop reading in the middle of an answer for this time"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block pop3_block = {
    .name = "pop3",
    .doc = "The POP3 server (RFC 1939).",
    .keys = pop3_keys,
    .size = sizeof(struct pop3_conf),
    .file = "22-pop3.conf",
};
