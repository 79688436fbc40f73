/* ctl_filters.h - what the filters of the running server say of themselves. */
#ifndef CORE_CTL_CTL_FILTERS_H
#define CORE_CTL_CTL_FILTERS_H

#include "core/base/err.h"

#include <jansson.h>

struct ctl;

/* An array with an object per filter process; the caller's. */
FCT_MAY_WAIT FCT_MUST_CHECK bool ctl_filters_json(struct ctl *c, json_t **out, struct fct_err *err);
int ctl_metrics(struct ctl *c); /* `facteurctl metrics` */

#endif
