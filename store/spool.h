/* spool.h - files without a name: of messages that are being received, and of large originals on
 * their way to a filter. They are gone with their last descriptor. */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "core/base/err.h"

/* In `dir`/tmp. *reader is the same file for reading only: whoever gets it can change nothing. */
FCT_MUST_CHECK bool spool_open(const char *dir, int *fd, int *reader, struct fct_err *err);

#endif
