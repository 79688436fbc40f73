/* store_role.h - the role `store`, for the table of roles. */
#ifndef STORE_STORE_ROLE_H
#define STORE_STORE_ROLE_H

#include "core/supervisor/role.h"

extern const struct role store_role;

#endif
