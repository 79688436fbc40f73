/* urlbl_conf.h - `plugin urlbl { … }`, and what its lists can be asked about. */
#ifndef PLUGINS_URLBL_URLBL_CONF_H
#define PLUGINS_URLBL_URLBL_CONF_H

#include "plugins/lib/dns_list.h"

enum urlbl_item { URLBL_URL, URLBL_URL_IP, URLBL_ITEMS };
extern const struct dns_list_item urlbl_items[URLBL_ITEMS + 1];

struct urlbl_conf {
    struct fct_strings list, skip_net, skip_domain;
    bool reason;
    fct_duration pause, self_test;
    uint32_t max_hosts, max_questions;
};
extern const struct fct_conf_key urlbl_keys[];

#endif
