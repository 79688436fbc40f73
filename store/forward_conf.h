/* forward_conf.h - the block `forward { … }`: mail that came from elsewhere and goes on to
 * elsewhere. Read by the store, which knows the secrets, and by edge, which knows the loops. */
#ifndef STORE_FORWARD_CONF_H
#define STORE_FORWARD_CONF_H

#include "core/conf/conf.h"

struct forward_conf {
    bool srs;
    const char *srs_domain;
    struct fct_strings srs_secrets;
    fct_duration srs_max_age;
    uint32_t max_hops;
    bool accounts, bounce;
};
extern const struct conf_block forward_block;

#endif
