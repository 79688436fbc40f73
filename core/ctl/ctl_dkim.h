/* ctl_dkim.h - facteurctl dkim: the keys that plugin dkim signs with. */
#ifndef CORE_CTL_CTL_DKIM_H
#define CORE_CTL_CTL_DKIM_H

#include "core/base/err.h"

struct ctl;

/* What to publish for one key. */
struct ctl_dkim_record {
    const char *name, *text; /* without final dot; the text of a TXT record */
    bool next;               /* signs once `rotate` changed over */
};
/* Of the keys of `domain` that sign or will: up to `max`, how many in *n. Without a folder of keys
 * none. */
FCT_MUST_CHECK bool ctl_dkim_records(struct ctl *c, const char *domain, struct ctl_dkim_record *out,
                                     size_t max, size_t *n, struct fct_err *err);

int ctl_dkim_genkey(struct ctl *c);
int ctl_dkim_record(struct ctl *c);
int ctl_dkim_rotate(struct ctl *c);

#endif
