/* dnsbl_conf.c - see dnsbl_conf.h. */
#include "dnsbl_conf.h"

/* clang-format off */
const struct dns_list_item dnsbl_items[DNSBL_ITEMS + 1] = {
    [DNSBL_IP]               = {"ip",               DNS_LIST_ADDRESS}, /* of the client */
    [DNSBL_HELO]             = {"helo",             DNS_LIST_NAME},
    [DNSBL_CLIENT_NAME]      = {"client-name",      DNS_LIST_NAME},    /* confirmed by the DNS */
    [DNSBL_SENDER]           = {"sender",           DNS_LIST_NAME},    /* domain of MAIL FROM */
    [DNSBL_FROM]             = {"from",             DNS_LIST_NAME},    /* domain of From */
    [DNSBL_REPLY_TO]         = {"reply-to",         DNS_LIST_NAME},
    [DNSBL_DKIM]             = {"dkim",             DNS_LIST_NAME},    /* of signatures that verify */
    [DNSBL_SENDER_ADDRESS]   = {"sender-address",   DNS_LIST_MAILBOX},
    [DNSBL_FROM_ADDRESS]     = {"from-address",     DNS_LIST_MAILBOX},
    [DNSBL_REPLY_TO_ADDRESS] = {"reply-to-address", DNS_LIST_MAILBOX},
    [DNSBL_ITEMS]            = {NULL,               DNS_LIST_NAME},
};

const struct fct_conf_key dnsbl_keys[] = {
    FCT_CONF_KEY(struct dnsbl_conf, list,          "[]",  "The table: a row of ZONE ITEM ANSWER SYMBOL SCORE SENTENCE each, see plugins/dnsbl/README.md; nobody is asked who is not in it"),
    FCT_CONF_KEY(struct dnsbl_conf, reject,        "[]",  "Symbols of rows about ip, helo, client-name, sender or sender-address for which MAIL FROM is refused with 550 5.7.1; else all lists only score"),
    FCT_CONF_KEY(struct dnsbl_conf, skip_net,      "[\"127.0.0.0/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"169.254.0.0/16\", \"::1/128\", \"fc00::/7\", \"fe80::/10\"]", "Clients whose mail is not looked at: networks nobody outside comes from, and the relays and backup servers that hand you mail of others"),
    FCT_CONF_KEY(struct dnsbl_conf, skip_domain,   "[]",  "Domains that are not asked about, with all below them: your own, and large ones that no list has"),
    FCT_CONF_KEY(struct dnsbl_conf, reason,        "no",  "Ask for the reason (TXT) of what is listed (`deadline` should be longer than twice dns.timeout then), for the ledger and the reply of a refusal"),
    FCT_CONF_KEY(struct dnsbl_conf, pause,         "10m", "A list that refuses to serve us, or was silent five times in a row, is not asked for so long"),
    FCT_CONF_KEY(struct dnsbl_conf, self_test,     "1h",  "How often a list is asked, with a message, for what no list may have (127.0.0.1, \"invalid\"; RFC 5782 5): one that has it lists the whole world and is left alone for `pause`; 0 never"),
    FCT_CONF_KEY(struct dnsbl_conf, max_questions, "50",  "Questions for one message (1 to 200); dns.max_queries limits those of all plugins together"),
    FCT_CONF_END,
};
/* clang-format on */
