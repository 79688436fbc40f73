/* ctl_history.h - facteurctl history: what was judged lately, kept or refused. */
#ifndef CORE_CTL_CTL_HISTORY_H
#define CORE_CTL_CTL_HISTORY_H

#include "core/ctl/ctl_cli.h"
#include "core/hook/history_entry.h"

#include <jansson.h>

int ctl_history(struct ctl *c);

/* A message that was not stored: its entry, for `facteurctl trace`. False: there is none. */
FCT_MAY_WAIT FCT_MUST_CHECK bool ctl_history_find(struct ctl *c, struct fct_str id,
                                                  struct history_entry *out);
json_t *ctl_history_json(const struct history_entry *e);
void ctl_history_put(struct ctl *c, const struct history_entry *e, struct buf *out);

#endif
