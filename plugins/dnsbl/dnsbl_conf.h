/* dnsbl_conf.h - `plugin dnsbl { … }`, and what its lists can be asked about. */
#ifndef PLUGINS_DNSBL_DNSBL_CONF_H
#define PLUGINS_DNSBL_DNSBL_CONF_H

#include "plugins/lib/dns_list.h"

enum dnsbl_item {
    DNSBL_IP,
    DNSBL_HELO,
    DNSBL_CLIENT_NAME,
    DNSBL_SENDER,
    DNSBL_FROM,
    DNSBL_REPLY_TO,
    DNSBL_DKIM,
    DNSBL_SENDER_ADDRESS,
    DNSBL_FROM_ADDRESS,
    DNSBL_REPLY_TO_ADDRESS,
    DNSBL_ITEMS
};
extern const struct dns_list_item dnsbl_items[DNSBL_ITEMS + 1];

struct dnsbl_conf {
    struct fct_strings list, reject, skip_net, skip_domain;
    bool reason;
    fct_duration pause, self_test;
    uint32_t max_questions;
};
extern const struct fct_conf_key dnsbl_keys[];

#endif
