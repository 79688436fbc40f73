/* relay_rules.h - the administrator's standing rules for destinations (facteurctl queue rules), as
 * far as they are the relay's: another host instead of the MX, a rate. What is held the store does
 * not hand out at all. */
#ifndef PROTOCOLS_RELAY_RELAY_RULES_H
#define PROTOCOLS_RELAY_RELAY_RULES_H

#include "protocols/relay/routes.h"

struct relay;
struct relay_rules;

struct relay_rules *relay_rules_new(struct relay *relay);
/* The store said with mail that it lent which rules are in force; others are asked for before that
 * mail is sent anywhere. */
FCT_MAY_WAIT void relay_rules_follow(struct relay_rules *rules, uint64_t generation);
/* The route that a rule makes of `base`, or base. Lives as long as the process. */
const struct route *relay_rules_route(struct relay_rules *rules, struct fct_str domain,
                                      const struct route *base);

#endif
