/* reputation_conf.h - the block `plugin reputation`. */
#ifndef PLUGINS_REPUTATION_REPUTATION_CONF_H
#define PLUGINS_REPUTATION_REPUTATION_CONF_H

#include <facteur/conf.h>

struct reputation_conf {
    const char *secret, *asn_database;
    struct fct_strings skip_net, skip_url;
    uint32_t strength, max_urls;
    double spam_from, ham_below, learn_weight, good_share;
    fct_duration remember, forget;
    bool users_teach_site;
};
extern const struct fct_conf_key reputation_keys[];

FCT_MUST_CHECK bool reputation_conf_check(const struct reputation_conf *conf, struct fct_err *err);

#endif
