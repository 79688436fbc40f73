/* imap_conf.c - settings of the IMAP server, every limit among them. */
#include "protocols/imap/imap_conf.h"

/* clang-format off */
static const struct fct_conf_key imap_keys[] = {
    FCT_CONF_KEY(struct imap_conf, max_command,        "64K", "Longest command line, literals not counted (RFC 9051 4.3.1)"),
    FCT_CONF_KEY(struct imap_conf, max_literal,        "256K", "All literals of one command together, the messages of APPEND not counted; a sixteenth of it before login"),
    FCT_CONF_KEY(struct imap_conf, max_append,         "100M", "Largest message that APPEND takes; larger ones get NO [TOOBIG] (RFC 7889 4)"),
    FCT_CONF_KEY(struct imap_conf, spool_above,        "2M",  "Messages of APPEND above this wait on disk, not in memory"),
    FCT_CONF_KEY(struct imap_conf, max_originals,      "1000", "Messages that one COPY or MOVE may put into the mailbox for originals (store.show_original)"),
    FCT_CONF_KEY(struct imap_conf, max_errors,         "20",  "Malformed commands (BAD) after which a connection ends"),
    FCT_CONF_KEY(struct imap_conf, max_login_failures, "4",   "Failed logins after which a connection ends"),
    FCT_CONF_KEY(struct imap_conf, login_delay,        "2s",  "Wait before a failed login is answered"),
    FCT_CONF_KEY(struct imap_conf, login_timeout,      "3m",  "Time for a client to log in"),
    FCT_CONF_KEY(struct imap_conf, idle_timeout,       "30m", "A connection ends after this time without a command, also in IDLE; at least 30m (RFC 9051 5.4)"),
    FCT_CONF_KEY(struct imap_conf, stall_timeout,      "5m",  "A client may stop reading or sending in the middle of something for this time"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block imap_block = {
    .name = "imap",
    .doc = "The IMAP server (RFC 9051, RFC 3501).",
    .keys = imap_keys,
    .size = sizeof(struct imap_conf),
    .file = "21-imap.conf",
};
