/* report_limit.h - how many reports one address elsewhere gets in an hour. Whoever may send through
 * us may say any sender: without a limit a thousand messages to nobody are a thousand messages to
 * somebody who sent none. Times in milliseconds. */
#ifndef PROTOCOLS_RELAY_REPORT_LIMIT_H
#define PROTOCOLS_RELAY_REPORT_LIMIT_H

#include <facteur/base.h>

struct report_limit;

struct report_limit *report_limit_new(uint32_t per_hour); /* 0: no limit */
void report_limit_free(struct report_limit **l);

/* May it get one now? Then it is counted. Upper and lower case, and what stands behind a + in the
 * local part, make no other address. */
bool report_limit_take(struct report_limit *l, struct fct_str address, uint64_t now);
size_t report_limit_known(const struct report_limit *l); /* addresses counted */

#endif
