/* filter_services.h - the services of a filter process: made before plugins are loaded and before
 * the sandbox closes, ended with the process. */
#ifndef CORE_HOOK_FILTER_SERVICES_H
#define CORE_HOOK_FILTER_SERVICES_H

#include "core/hook/filter_conf.h"
#include "core/plugin/plugin_services.h"
#include "core/supervisor/role.h"

/* Fails when the configuration is wrong, never because somebody outside does not answer. */
FCT_MUST_CHECK bool filter_services_open(struct plugin_services *services,
                                         const struct role_env *env, const struct filter_conf *conf,
                                         struct fct_err *err);
/* `name value` lines for facteurctl status. */
void filter_services_status(const struct plugin_services *services, struct buf *out);

#endif
