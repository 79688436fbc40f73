/* gzip.h - small things packed and unpacked whole (RFC 1952); for reports that travel by mail. */
#ifndef CORE_MESSAGE_GZIP_H
#define CORE_MESSAGE_GZIP_H

#include "core/base/buf.h"
#include "core/base/err.h"

/* By the first two bytes. */
bool gzip_is(struct fct_str bytes);
/* The same bytes for the same input. False: out has no room for what it may become at worst. */
FCT_MUST_CHECK bool gzip_pack(struct fct_str in, struct buf *out);
/* Fails FCT_LIMIT as soon as out is full: a bomb ends there; FCT_SYNTAX when it is broken. */
FCT_MUST_CHECK bool gzip_unpack(struct fct_str in, struct buf *out, struct fct_err *err);

#endif
