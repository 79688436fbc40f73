/* guard.h - how often strangers may try passwords and addresses, over all connections and protocols
 * of this process.
 *
 * A wrong password counts for the client's network (IPv4 /24, IPv6 /64) and for the account. When
 * either has too many, logins are answered with "try later", right or wrong alike, so that nobody
 * learns a password meanwhile. A network from which the account logged in before is known: there
 * only its own failures with that account count, so that an attack locks no owner out. A count ends
 * guard.window after its first failure. This machine and guard.exempt are never counted.
 *
 * Counts are in this process and end with it: edges, which strangers talk to, may connect to nobody
 * (docs/architecture.md, sandbox), not even to Redis. Each allows its share of a limit. */
#ifndef PROTOCOLS_GUARD_H
#define PROTOCOLS_GUARD_H

#include "core/conf/conf.h"
#include "core/net/stream.h"

struct guard_conf {
    uint32_t max_failures, max_account_failures, max_unknown_recipients, max_entries;
    fct_duration window, remember;
    struct fct_strings exempt;
};
extern const struct conf_block guard_block;

struct guard;

/* Of `processes` that share the clients, each allows its share. */
struct guard *guard_new(const struct guard_conf *conf, uint32_t processes);
void guard_free(struct guard **g);

/* All take NULL for a guard: then everything is allowed. */

/* False: no password needs to be looked at, the answer is "try later". */
bool guard_admits(struct guard *g, const struct stream_address *client);
/* A password was checked. False: the answer is "try later", whatever came out. *times: how many
 * delays a wrong one is answered after. */
bool guard_checked(struct guard *g, const struct stream_address *client, struct fct_str account,
                   bool right, uint32_t *times);

/* A recipient is unknown (RFC 5321 7.8). */
void guard_unknown(struct guard *g, const struct stream_address *client);
/* False: this network has tried too many. */
bool guard_may_name(struct guard *g, const struct stream_address *client);

/* Logins and recipients answered with "try later"; networks and accounts that are barred now are in
 * the log (login_barred). */
uint64_t guard_refused(const struct guard *g);

#define GUARD_TEXT "too many failed logins, please try again later"

#endif
