/* queue_rules.h - the administrator's standing rules for destinations: a small file in the store's
 * folder, read whole at the start, replaced whole at a change. What they hold back the queue itself
 * does not hand out; hosts and rates are the relay's work. */
#ifndef STORE_QUEUE_RULES_H
#define STORE_QUEUE_RULES_H

#include "store/server.h"
#include "store/store_queue.h"

struct queue_rules;

FCT_MUST_CHECK bool queue_rules_open(struct server *s, struct fct_err *err);
void queue_rules_close(struct server *s);
/* Tells the index of the queue. */
void queue_rules_apply(struct server *s);
const struct queue_rule *queue_rules_all(const struct server *s, uint64_t *generation, size_t *n);
uint64_t queue_rules_generation(const struct server *s);
/* See store_queue_rule_set. */
FCT_MUST_CHECK bool queue_rules_set(struct server *s, const struct queue_rule *rule,
                                    struct fct_err *err);

#endif
