/* relay_hooks.h - what plugins are asked and told about mail on its way out: the points queue.* of
 * docs/hooks.md. A point that nobody hooked costs a look at a mask. Questions wait in fibers of
 * their own, so that no destination waits for another's. */
#ifndef PROTOCOLS_RELAY_RELAY_HOOKS_H
#define PROTOCOLS_RELAY_RELAY_HOOKS_H

#include "core/hook/filter_client.h"
#include "protocols/relay/destination.h"

struct map;

struct relay_hooks {
    struct filter_client *filter;
    struct arena *arena;
    struct map *routes; /* what a plugin made of a route → struct route */
};

struct relay_hooks *relay_hooks_new(struct role_env *env);
void relay_hooks_peer(struct relay_hooks *h, unsigned index, int fd); /* a filter; takes fd */

/* queue.route. What is known of a domain before it is a destination: the changes are made in it.
 * False: *fault is what its recipients get. Without a filter: later. */
struct route_question {
    struct fct_str domain, class;
    const struct route **route;
    struct hops *hops;
    struct tls_domain_policy *policy;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool relay_hook_route(struct relay *relay, struct arena *arena,
                                                  const struct route_question *q,
                                                  struct delivery_result *fault);

/* queue.send. True: the job is taken, and will wait with the others when it may go. Without a
 * filter: it may. */
FCT_MUST_CHECK bool relay_hook_send(struct destination *d, struct job *j);

/* queue.delivered, queue.deferred, queue.bounced. True: job and results are taken; relay_conclude
 * gets them, with what was changed. */
FCT_MUST_CHECK bool relay_hook_results(struct relay *relay, struct job *j,
                                       struct queue_result *result);

/* queue.in of a report that this server made; the message is what plugins make of it. */
struct relay_hooked_report {
    struct fct_str id, from;
    struct fct_list to;
};
enum hooked_report {
    HOOKED_GOES,
    HOOKED_DROPPED, /* nobody gets it */
    HOOKED_UNASKED, /* no filter answered: as it was, unsigned */
};
FCT_MAY_WAIT FCT_MUST_CHECK enum hooked_report
relay_hook_report(struct relay *relay, const struct relay_hooked_report *report,
                  struct arena *arena, struct fct_str *message);

/* ---- for relay_hooks_*.c ---- */

/* Does anybody want it? */
bool relay_hooked(const struct relay *relay, enum fct_hook hook);
struct filter_context relay_hook_context(const struct queue_entry *entry,
                                         const struct fct_str *recipient, size_t n);
/* No filter could be asked: the policies of plugins do not count then. */
bool relay_hook_unanswered(const struct filter_answer *answer);
/* As struct fct_list, in the arena. */
struct fct_list relay_hook_recipients(struct arena *arena, const struct job *j);
uint64_t relay_hook_age_ms(const struct queue_entry *entry);

#endif
