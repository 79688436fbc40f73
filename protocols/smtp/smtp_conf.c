/* smtp_conf.c - the rows of `smtp { … }`. */
#include "protocols/smtp/smtp_conf.h"
#include "plugins/lib/clients.h"

/* clang-format off */
static const struct fct_conf_key smtp_keys[] = {
    FCT_CONF_KEY(struct smtp_conf, max_message,        "50M",  "Largest message in bytes, announced as SIZE (RFC 1870); larger ones get 552"),
    FCT_CONF_KEY(struct smtp_conf, max_recipients,     "1000", "Recipients per message (RFC 5321 4.5.3.1.8 asks for at least 100), at most 1000; more get 452, and so does one whose alias leads to more addresses than there is room for behind others"),
    FCT_CONF_KEY(struct smtp_conf, max_command_line,   "4K",   "Longest command line in octets with its CRLF (RFC 5321 4.5.3.1.4 asks for 512 and what extensions add); 512 to 8K. AUTH may use 12K (RFC 4954 4)"),
    FCT_CONF_KEY(struct smtp_conf, max_errors,         "20",   "Refused commands after which the connection is closed with 421"),
    FCT_CONF_KEY(struct smtp_conf, max_unknown_recipients, "100", "Unknown recipients after which the connection is closed with 421 (RFC 5321 7.8, address harvesting)"),
    FCT_CONF_KEY(struct smtp_conf, max_auth_failures,  "5",    "Wrong passwords after which the connection is closed with 421"),
    FCT_CONF_KEY(struct smtp_conf, free_errors,        "10",   "Refused commands and recipients that are answered without delay"),
    FCT_CONF_KEY(struct smtp_conf, error_delay,        "200ms", "Delay of each later refusal"),
    FCT_CONF_KEY(struct smtp_conf, auth_failure_delay, "1s",   "Delay of the answer to a wrong password"),
    FCT_CONF_KEY(struct smtp_conf, max_received,       "100",  "Received fields that mean a loop (RFC 5321 6.3); such messages get 554"),
    FCT_CONF_KEY(struct smtp_conf, max_connections_per_client, "50", "Connections of one IPv4 address or IPv6 /64 network, per listener and edge process; this machine itself is exempt; 0: no limit"),
    FCT_CONF_KEY(struct smtp_conf, banner_wait,        "0s",   "Wait before the greeting; clients that talk first are refused with 554 (RFC 5321 4.3.1). 0s greets at once"),
    FCT_CONF_KEY(struct smtp_conf, max_banner_delay,   "30s",  "Longest delay of the greeting that a plugin can ask for; who talks before its end is refused with 554"),
    FCT_CONF_KEY(struct smtp_conf, greeting_timeout,   "1m",   "Time for the TLS handshake and for the first command"),
    FCT_CONF_KEY(struct smtp_conf, command_timeout,    "5m",   "Wait for a command (RFC 5321 4.5.3.2.7)"),
    FCT_CONF_KEY(struct smtp_conf, data_timeout,       "3m",   "Wait for the next bytes of a message (RFC 5321 4.5.3.2.5)"),
    FCT_CONF_KEY(struct smtp_conf, transaction_timeout, "30m", "From MAIL to the last byte of the message: what ends clients that send a byte now and then"),
    FCT_CONF_KEY(struct smtp_conf, spool_memory,       "4M",   "Messages up to this size stay in memory until they are stored, larger ones go to an unlinked file of the store; at most 4M"),
    FCT_CONF_KEY(struct smtp_conf, receive_memory,     "256M", "Memory for all messages on their way in, per edge process; above it each goes to a file at once, above twice that the answer to DATA is 452"),
    FCT_CONF_KEY(struct smtp_conf, max_expansion,      "1000", "Addresses that the hook resolve may make of one recipient"),
    FCT_CONF_KEY(struct smtp_conf, require_tls,        "no",   "Refuse MAIL before STARTTLS (530). On an mx listener this loses mail of servers without TLS"),
    FCT_CONF_KEY(struct smtp_conf, mx_auth,            "no",   "Offer AUTH on mx listeners too, not on submission only"),
    FCT_CONF_KEY(struct smtp_conf, relay_networks,     "[]",   "Clients that may send to other servers without a login: addresses and networks, \"!\" before an entry makes an exception. For machines of your own only"),
    FCT_CONF_KEY(struct smtp_conf, max_hold,           "30d",  "How far ahead a message may be scheduled (FUTURERELEASE, RFC 4865); 0s: not offered"),
    FCT_CONF_KEY(struct smtp_conf, hide_client,        "yes",  "Leave name and address of a client that has logged in out of the Received field; log and queue know them"),
    FCT_CONF_KEY(struct smtp_conf, max_undo,           "1m",   "Longest time that an account may keep what it sends for second thoughts (its setting undo_window); 0s: not possible"),
    FCT_CONF_KEY(struct smtp_conf, submission_repairs_line_ends, "yes", "Submission turns a lone LF in a body into CRLF; mx refuses it always, and so does submission when it could pass for the end of a message (RFC 5321 2.3.8)"),
    FCT_CONF_END,
};
/* clang-format on */

bool smtp_conf_check(const void *values, struct fct_err *err)
{
    const struct smtp_conf *conf = values;

    if (conf->max_command_line.bytes < 512 || conf->max_command_line.bytes > 8192)
        return fct_fail(err, FCT_SYNTAX, "max_command_line: must be 512 to 8K");
    if (conf->spool_memory.bytes > 4u << 20)
        return fct_fail(err, FCT_SYNTAX, "spool_memory: must be at most 4M");
    if (conf->receive_memory.bytes < 1u << 20)
        return fct_fail(err, FCT_SYNTAX, "receive_memory: must be at least 1M");
    if (conf->max_recipients == 0 || conf->max_recipients > 1000)
        return fct_fail(err, FCT_SYNTAX, "max_recipients: must be 1 to 1000");
    if (conf->max_message.bytes < 1024 || conf->max_message.bytes > 2u << 30)
        return fct_fail(err, FCT_SYNTAX, "max_message: must be 1K to 2G");
    return clients_check("relay_networks", &conf->relay_networks, err);
}

const struct conf_block smtp_block = {
    .name = "smtp",
    .doc = "Receiving mail by SMTP: limits and policies of mx and submission listeners.",
    .keys = smtp_keys,
    .size = sizeof(struct smtp_conf),
    .file = "20-smtp.conf",
    .check = smtp_conf_check,
};
