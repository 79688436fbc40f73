/* edge_role.h - the role `edge`: listeners → sessions; no data directory, no plugins, no outgoing
 * connections. */
#ifndef PROTOCOLS_EDGE_ROLE_H
#define PROTOCOLS_EDGE_ROLE_H

#include "core/supervisor/role.h"

extern const struct role edge_role;

#endif
