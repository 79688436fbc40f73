/* urlbl_conf.c - see urlbl_conf.h. */
#include "urlbl_conf.h"

/* clang-format off */
const struct dns_list_item urlbl_items[URLBL_ITEMS + 1] = {
    [URLBL_URL]    = {"url",    DNS_LIST_NAME},    /* the host of a URL */
    [URLBL_URL_IP] = {"url-ip", DNS_LIST_ADDRESS}, /* the host, where it is an address */
    [URLBL_ITEMS]  = {NULL,     DNS_LIST_NAME},
};

const struct fct_conf_key urlbl_keys[] = {
    FCT_CONF_KEY(struct urlbl_conf, list,          "[]",  "The table: a row of ZONE ITEM ANSWER SYMBOL SCORE SENTENCE each, see plugins/urlbl/README.md; nobody is asked who is not in it"),
    FCT_CONF_KEY(struct urlbl_conf, skip_net,      "[\"127.0.0.0/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"169.254.0.0/16\", \"::1/128\", \"fc00::/7\", \"fe80::/10\"]", "Clients whose mail is not looked at: networks nobody outside comes from, and the relays and backup servers that hand you mail of others"),
    FCT_CONF_KEY(struct urlbl_conf, skip_domain,   "[\"w3.org\", \"schema.org\", \"xmlsoap.org\"]", "Domains that are not asked about, with all below them: your own, and those that stand in every message"),
    FCT_CONF_KEY(struct urlbl_conf, reason,        "no",  "Ask for the reason (TXT) of what is listed (`deadline` should be longer than twice dns.timeout then), for the ledger"),
    FCT_CONF_KEY(struct urlbl_conf, pause,         "10m", "A list that refuses to serve us, or was silent five times in a row, is not asked for so long"),
    FCT_CONF_KEY(struct urlbl_conf, max_hosts,     "20",  "Different hosts of one message that are asked about; those that people can click on come first (1 to 200)"),
    FCT_CONF_KEY(struct urlbl_conf, self_test,     "1h",  "How often a list is asked, with a message, for what no list may have (127.0.0.1, \"invalid\"; RFC 5782 5): one that has it lists the whole world and is left alone for `pause`; 0 never"),
    FCT_CONF_KEY(struct urlbl_conf, max_questions, "60",  "Questions for one message (1 to 200); dns.max_queries limits those of all plugins together"),
    FCT_CONF_END,
};
/* clang-format on */
