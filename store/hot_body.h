/* hot_body.h - large messages that were accepted a moment ago and wait to be sent: the sealed
 * memory in which edge handed them over is kept for as long, so that the relay gets a descriptor of
 * it and nobody reads, copies and checks them once more. What is not here is read from the disk.
 *
 * Of each entry of the queue once: who takes it has it. */
#ifndef STORE_HOT_BODY_H
#define STORE_HOT_BODY_H

#include <facteur/base.h>

struct hot_bodies;

struct hot_bodies *hot_bodies_new(uint64_t bytes_max);
void hot_bodies_free(struct hot_bodies **h);
/* fd stays the caller's. What does not fit pushes out the oldest; what cannot be kept is not. */
void hot_body_keep(struct hot_bodies *h, uint64_t entry, int fd, uint64_t size, uint64_t now_ms);
/* The caller's descriptor; -1: not here. */
int hot_body_take(struct hot_bodies *h, uint64_t entry);
/* Nobody came for those that were kept for long. */
void hot_bodies_age(struct hot_bodies *h, uint64_t now_ms);

#endif
