/* access_conf.h - the `access` block: what sessions that read mail have in common. */
#ifndef PROTOCOLS_ACCESS_ACCESS_CONF_H
#define PROTOCOLS_ACCESS_ACCESS_CONF_H

#include "core/conf/conf.h"

struct access_conf {
    uint32_t max_learn;
    fct_duration learn_delay, learn_retry;
};
extern const struct conf_block access_block;

#endif
