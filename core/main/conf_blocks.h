/* conf_blocks.h - every block of the configuration, for whoever reads one: the server and
 * facteurctl. */
#ifndef CORE_MAIN_CONF_BLOCKS_H
#define CORE_MAIN_CONF_BLOCKS_H

#include "core/conf/conf.h"
#include "protocols/edge_conf.h"

extern const struct conf_block *const conf_blocks[]; /* NULL-terminated */
extern const struct conf_block
    *const conf_blocks_fixed[]; /* those of the store: a change needs a restart */

#endif
