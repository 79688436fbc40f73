/* known_conf.h - the block `plugin known_senders`. */
#ifndef PLUGINS_KNOWN_SENDERS_KNOWN_CONF_H
#define PLUGINS_KNOWN_SENDERS_KNOWN_CONF_H

#include <facteur/conf.h>

struct known_conf {
    const char *secret;
    struct fct_strings sent, skip_net;
    uint32_t max_recipients, max_users, max_references;
    fct_duration forget, forget_replies;
};
extern const struct fct_conf_key known_keys[];

FCT_MUST_CHECK bool known_conf_check(const struct known_conf *conf, struct fct_err *err);

#endif
