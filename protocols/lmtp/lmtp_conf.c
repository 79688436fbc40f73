/* lmtp_conf.c - the rows of `lmtp { … }`. The client is a mail server of ours: no delays, no cap on
 * its connections. */
#include "protocols/lmtp/lmtp_conf.h"

/* clang-format off */
static const struct fct_conf_key lmtp_keys[] = {
    FCT_CONF_KEY(struct smtp_conf, max_message,        "50M",  "Largest message in bytes, announced as SIZE (RFC 1870); larger ones get 552"),
    FCT_CONF_KEY(struct smtp_conf, max_recipients,     "1000", "Recipients per message (RFC 5321 4.5.3.1.8 asks for at least 100), at most 1000; more get 452, and so does one whose alias leads to more addresses than there is room for behind others"),
    FCT_CONF_KEY(struct smtp_conf, max_command_line,   "4K",   "Longest command line in octets with its CRLF (RFC 5321 4.5.3.1.4); 512 to 8K"),
    FCT_CONF_KEY(struct smtp_conf, max_errors,         "100",  "Refused commands after which the connection is closed with 421"),
    FCT_CONF_KEY(struct smtp_conf, max_unknown_recipients, "10000", "Unknown recipients after which the connection is closed with 421"),
    FCT_CONF_KEY(struct smtp_conf, free_errors,        "10000", "Refusals that are answered without delay"),
    FCT_CONF_KEY(struct smtp_conf, error_delay,        "0s",   "Delay of each later refusal"),
    FCT_CONF_KEY(struct smtp_conf, max_received,       "100",  "Received fields that mean a loop (RFC 5321 6.3); such messages get 554"),
    FCT_CONF_KEY(struct smtp_conf, greeting_timeout,   "1m",   "Time for the TLS handshake and for the first command"),
    FCT_CONF_KEY(struct smtp_conf, command_timeout,    "5m",   "Wait for a command (RFC 5321 4.5.3.2.7)"),
    FCT_CONF_KEY(struct smtp_conf, data_timeout,       "3m",   "Wait for the next bytes of a message (RFC 5321 4.5.3.2.5)"),
    FCT_CONF_KEY(struct smtp_conf, transaction_timeout, "30m", "From MAIL to the last byte of the message"),
    FCT_CONF_KEY(struct smtp_conf, spool_memory,       "4M",   "Messages up to this size stay in memory until they are stored, larger ones go to an unlinked file of the store; at most 4M"),
    FCT_CONF_KEY(struct smtp_conf, receive_memory,     "256M", "Memory for all messages on their way in, per edge process; above it each goes to a file at once, above twice that the answer to DATA is 452"),
    FCT_CONF_KEY(struct smtp_conf, max_expansion,      "1000", "Addresses that the hook resolve may make of one recipient"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block lmtp_block = {
    .name = "lmtp",
    .doc = "Receiving mail by LMTP (RFC 2033) from a mail server in front of this one.",
    .keys = lmtp_keys,
    .size = sizeof(struct smtp_conf),
    .file = "24-lmtp.conf",
    .check = smtp_conf_check,
};
