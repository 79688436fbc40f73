/* host_status.h - what is remembered of single addresses: that one did not answer lately, and how
 * many connections hang there right now. So a dead host costs one try in a while, not one for each
 * message. Times in milliseconds. */
#ifndef PROTOCOLS_RELAY_HOST_STATUS_H
#define PROTOCOLS_RELAY_HOST_STATUS_H

#include <facteur/base.h>

struct host_table;

struct host_table *host_table_new(uint64_t first_ms, uint64_t max_ms);
void host_table_free(struct host_table **t);

/* host: "192.0.2.1:25". */
bool host_is_dead(const struct host_table *t, struct fct_str host, uint64_t now);
void host_failed(struct host_table *t, struct fct_str host, uint64_t now);
void host_answered(struct host_table *t, struct fct_str host);
/* A connection is being made to it (+1), or is over or ready for mail (-1). */
void host_trying(struct host_table *t, struct fct_str host, int by);
unsigned host_tried(const struct host_table *t, struct fct_str host);
/* Forget what is over. */
void host_table_sweep(struct host_table *t, uint64_t now);
size_t host_table_dead(const struct host_table *t, uint64_t now);

#endif
