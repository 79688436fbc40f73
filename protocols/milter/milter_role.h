/* milter_role.h - the process that filters for somebody else's MTA: libmilter in front, the same
 * filter processes behind as for our own SMTP server. */
#ifndef PROTOCOLS_MILTER_MILTER_ROLE_H
#define PROTOCOLS_MILTER_MILTER_ROLE_H

#include "core/supervisor/role.h"

extern const struct role milter_role;

#endif
