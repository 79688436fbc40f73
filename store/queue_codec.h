/* queue_codec.h - values of the queue's requests, as both sides encode them. */
#ifndef STORE_QUEUE_CODEC_H
#define STORE_QUEUE_CODEC_H

#include "store/store_codec.h"
#include "store/store_queue.h"

/* What is read: views into the message; arrays in the arena. Sets r->bad for what cannot be. */
void queue_put_send(struct buf *b, const struct queue_send *send); /* NULL: none */
bool queue_get_send(struct ipc_reader *r, struct arena *arena, struct queue_send *out);
void queue_put_entry(struct buf *b, const struct queue_entry *e);
void queue_get_entry(struct ipc_reader *r, struct arena *arena, struct queue_entry *out);
void queue_put_results(struct buf *b, const struct queue_result *result, size_t n);
const struct queue_result *queue_get_results(struct ipc_reader *r, struct arena *arena, size_t *n);
void queue_put_filter(struct buf *b, const struct queue_filter *f);
void queue_put_rule(struct buf *b, const struct queue_rule *rule);
void queue_get_rule(struct ipc_reader *r, struct queue_rule *out);
void queue_get_filter(struct ipc_reader *r, struct queue_filter *out);

#endif
