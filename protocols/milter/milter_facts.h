/* milter_facts.h - what the MTA says beside the commands: macros and arguments, as connection and
 * envelope of ours. */
#ifndef PROTOCOLS_MILTER_MILTER_FACTS_H
#define PROTOCOLS_MILTER_MILTER_FACTS_H

#include "protocols/milter/milter_session.h"

/* A macro's value, empty when there is none. A view: good until the next command of this kind. */
struct fct_str milter_fact(SMFICTX *ctx, const char *name);
/* Copied into the connection when it is there and another one. */
void milter_fact_set(struct milter_session *s, const char *name, struct fct_str *to);
struct fct_str milter_fact_path(struct fct_str path); /* without its brackets */

void milter_fact_address(struct milter_session *s, const _SOCK_ADDR *address);
void milter_fact_client_name(struct milter_session *s, struct fct_str host);
void milter_fact_role(struct milter_session *s); /* by {daemon_name}: mx or submission */

void milter_fact_parameters(struct milter_session *s, char **argument, struct fct_ev_mail *event);
void milter_fact_queue_id(struct milter_session *s); /* becomes part of the transaction's id */
/* Why the MTA refuses this recipient; empty: it does not. */
struct fct_str milter_fact_refusal(struct milter_session *s);
/* A Received field that stands for the MTA's own (RFC 5321 4.4). */
struct fct_str milter_fact_received(struct milter_session *s);

#endif
