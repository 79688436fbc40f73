/* iprev_conf.h - `plugin iprev { … }`. */
#ifndef PLUGINS_IPREV_IPREV_CONF_H
#define PLUGINS_IPREV_IPREV_CONF_H

#include "iprev.h"

struct iprev_conf {
    const char *when;
    struct fct_strings skip_net;
    bool reject_none, reject_fail, defer_temperror;
    uint32_t max_names;
};
extern const struct fct_conf_key iprev_keys[];

FCT_MUST_CHECK bool iprev_conf_check(const struct iprev_conf *conf, struct fct_err *err);
/* Before the greeting, so that everybody sees the name; or beside the scan of each message. */
bool iprev_conf_is_early(const struct iprev_conf *conf);
/* Is mail refused or put off by what is found? */
bool iprev_conf_refuses(const struct iprev_conf *conf);

#endif
