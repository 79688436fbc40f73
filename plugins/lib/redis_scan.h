/* redis_scan.h - scripts that go through keys in steps answer where SCAN goes on, and a count. */
#ifndef PLUGINS_LIB_REDIS_SCAN_H
#define PLUGINS_LIB_REDIS_SCAN_H

#include <facteur/plugin.h>

/* Takes {cursor, count}: *cursor is replaced, 0 at the end; the count is added to *sum. False: it
 * is no such answer, and nothing is changed. */
FCT_MUST_CHECK bool redis_scan_step(const struct fct_redis_reply *reply, uint64_t *cursor,
                                    uint64_t *sum);

#endif
