/* phishing_conf.h - the block `plugin phishing`. */
#ifndef PLUGINS_PHISHING_PHISHING_CONF_H
#define PLUGINS_PHISHING_PHISHING_CONF_H

#include <facteur/conf.h>

struct phishing_conf {
    struct fct_strings brand, not_brand, skip_net, skip_domain;
    uint32_t max_hosts, max_links;
    bool check_users;
};
extern const struct fct_conf_key phishing_conf_keys[];

FCT_MUST_CHECK bool phishing_conf_check(const struct phishing_conf *conf, struct fct_err *err);

#endif
