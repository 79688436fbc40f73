/* backoff.h - how long to wait before a process that died is started again: 0, 0.1, 1, 5, 5 …
 * seconds. */
#ifndef CORE_SUPERVISOR_BACKOFF_H
#define CORE_SUPERVISOR_BACKOFF_H

#include <facteur/base.h>

#define BACKOFF_PEACE_MS 60000u /* a process that lived this long starts at 0 again */

struct backoff {
    unsigned deaths; /* in a row */
};

/* It died after living `lived_ms`: milliseconds until its restart. */
uint64_t backoff_after_death(struct backoff *b, uint64_t lived_ms);

#endif
