/* id.h - the id of a connection, on every log line of all that it causes. 12 characters [0-9a-z].
 */
#ifndef CORE_BASE_ID_H
#define CORE_BASE_ID_H

#include <facteur/base.h>

#define ID_LENGTH 12

struct id {
    char text[ID_LENGTH + 1];
};

/* Unique on this machine across restarts: start time, process and counter, scrambled with random
 * bits. */
struct id id_new(void);
void random_bytes(void *p, size_t n); /* from the kernel; never fails */

#endif
