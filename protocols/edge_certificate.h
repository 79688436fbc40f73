/* edge_certificate.h - which certificate the server shows: the one of the `tls` block or, without
 * one, a self-signed one of its own under data_dir, made once. */
#ifndef PROTOCOLS_EDGE_CERTIFICATE_H
#define PROTOCOLS_EDGE_CERTIFICATE_H

#include "core/conf/conf.h"

#include <limits.h>

struct edge_certificate {
    char certificate[PATH_MAX], key[PATH_MAX];
    bool is_ours; /* self-signed: nobody configured another */
};

FCT_MUST_CHECK bool edge_certificate_find(const struct config *conf, struct edge_certificate *out,
                                          struct fct_err *err);

/* Make our own for `name` when a listener speaks TLS and no other is configured, and say so in the
 * log. For the supervisor, before the first edge process starts: it needs the right to write in
 * data_dir. */
FCT_MUST_CHECK bool edge_certificate_provide(const struct config *conf, const char *name,
                                             struct fct_err *err);

#endif
