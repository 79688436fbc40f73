/* edge_role.h - the role `edge`: listeners → sessions; no data directory, no plugins, no outgoing
 * connections. */
#ifndef PROTOCOLS_EDGE_ROLE_H
#define PROTOCOLS_EDGE_ROLE_H

#include "core/supervisor/role.h"

extern const struct role edge_role;

/* What the rows of `listener` and `tls` cannot say: known words. For config check, and again at the
 * start of every edge process. */
FCT_MUST_CHECK bool edge_conf_check(const struct config *conf, struct fct_err *err);

#endif
