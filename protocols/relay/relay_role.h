/* relay_role.h - the process that sends mail to other servers: it may connect, and has neither the
 * data folder nor plugins. */
#ifndef PROTOCOLS_RELAY_RELAY_ROLE_H
#define PROTOCOLS_RELAY_RELAY_ROLE_H

#include "core/supervisor/role.h"

extern const struct role relay_role;

#endif
