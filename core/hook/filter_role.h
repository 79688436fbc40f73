/* filter_role.h - the filter process: plugins and Lua rules, one fiber per request, nothing else.
 *
 * It has no keys, no passwords, no data directory and no sockets but those to edge. Its death is an
 * event it is built for: filter_slot.h says how the successor learns what happened, filter_client.h
 * how the client repeats. */
#ifndef CORE_HOOK_FILTER_ROLE_H
#define CORE_HOOK_FILTER_ROLE_H

#include "core/supervisor/role.h"

extern const struct role filter_role;

#endif
