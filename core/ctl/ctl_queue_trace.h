/* ctl_queue_trace.h - the part of `facteurctl trace` that tells how mail left: queued, tried,
 * delivered or given up. */
#ifndef CORE_CTL_CTL_QUEUE_TRACE_H
#define CORE_CTL_CTL_QUEUE_TRACE_H

#include "core/base/buf.h"
#include "core/ctl/ctl_cli.h"

#include <jansson.h>

/* Of the message with this log id; *json: an array, for the caller to free. *any: there is
 * something. */
FCT_MAY_WAIT FCT_MUST_CHECK bool ctl_queue_trace(struct ctl *c, struct fct_str id, struct buf *text,
                                                 json_t **json, bool *any, struct fct_err *err);

#endif
