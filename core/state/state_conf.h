/* state_conf.h - the `state` block: what a filter process remembers by itself. */
#ifndef CORE_STATE_STATE_CONF_H
#define CORE_STATE_STATE_CONF_H

#include "core/conf/conf.h"

struct state_conf {
    uint32_t max_entries;
    fct_size max_memory, max_value;
    uint32_t max_key;
};
extern const struct conf_block state_block;

#endif
