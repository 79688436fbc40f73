/* history_conf.h - the `history` block. */
#ifndef CORE_HOOK_HISTORY_CONF_H
#define CORE_HOOK_HISTORY_CONF_H

#include "core/conf/conf.h"

struct history_conf {
    uint32_t length; /* of the stream; 0: none */
    bool private;
    const char *key;
};
extern const struct conf_block history_block;

#endif
