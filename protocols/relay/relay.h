/* relay.h - the relay process from the inside: what its parts share. */
#ifndef PROTOCOLS_RELAY_RELAY_H
#define PROTOCOLS_RELAY_RELAY_H

#include "core/dns/resolver.h"
#include "core/supervisor/role.h"
#include "protocols/relay/address_guard.h"
#include "protocols/relay/host_status.h"
#include "protocols/relay/job.h"
#include "protocols/relay/mx.h"
#include "protocols/relay/pace.h"
#include "protocols/relay/relay_conf.h"
#include "protocols/relay/routes.h"
#include "protocols/relay/schedule.h"

struct destinations;
struct dmarc_reports;
struct event;
struct policy_service;
struct relay_hooks;
struct report_limit;
struct results;
struct tls_context;
struct tls_day;

struct relay {
    struct role_env *env;
    struct event_base *base;
    const struct relay_conf *conf;
    struct store *store;
    struct dns_resolver *dns; /* NULL: none */
    struct routes *routes;
    struct schedule schedule;
    struct own_addresses own;
    struct fct_str self[2]; /* our names */
    struct mx_self names;
    struct tls_context *tls;
    struct policy_service *policy; /* DANE and MTA-STS */
    struct tls_day *tls_day;       /* over, and not reported yet; NULL: none */
    struct host_table *hosts;
    struct report_limit *reports; /* to people elsewhere */
    struct destinations *destinations;
    struct results *results;
    struct relay_hooks *hooks;   /* plugins */
    struct dmarc_reports *dmarc; /* NULL: none are sent */
    struct relay_rules *rules;   /* the administrator's */
    unsigned connections, jobs, turn;
    struct job *hand;          /* all jobs, from the lease until their results are on their way */
    unsigned store_generation; /* of the connection to the store, from 1 on */
    struct event *state_timer;
    bool state_is_read; /* kept_state.c */
    bool draining, leasing, lease_again;
    bool claimed; /* this store knows what we have in hand, and lends more */
    struct {
        uint64_t delivered, failed, deferred, connections, messages, bytes;
    } count;
};

/* ---- results.c: what the store is told, many at a time ---- */
struct results *results_new(struct relay *relay);
void results_free(struct results **r);
void results_add(struct results *r, const struct queue_result *result); /* copied */
bool results_are_said(const struct results *r);                         /* nothing is under way */
/* Recipients whose results the store did not confirm; claim NULL: only their number. */
size_t results_claim(const struct results *r, struct queue_claim *claim);
/* The store lends us this recipient once more, so it has heard what we said of it: that is not said
 * again. */
void results_forget(struct results *r, uint64_t id, uint32_t recipient);

/* ---- report.c: mail to the sender ---- */

/* Does somebody have to be told of these results? result[j->n] */
bool report_is_due(const struct job *j, const struct queue_result *result);
/* Makes the report and tells the store both, in one commit. Takes the job and the results, which
 * are malloc'd, their strings in the job. */
void report_start(struct relay *relay, struct job *j, struct queue_result *result);
/* Would this recipient's sender be told of that? */
bool report_wanted(const struct job *j, size_t i, enum queue_outcome outcome);

/* ---- suppress.c ---- */
void relay_suppress(struct relay *relay, const struct job *j, const struct queue_result *result);

/* ---- pretend.c: facteur dev's domain whose addresses fail on purpose ---- */
bool pretend_takes(const struct relay *relay, const struct job *j);
void pretend_take(struct relay *relay, struct job *j);

/* ---- home.c: what was held back, whose recipients may be here ---- */
bool home_takes(const struct job *j);
void home_take(struct relay *relay, struct job *j);

/* ---- intake.c: work from the store ---- */

/* The first thing on a new connection to the store: what we have in hand, or have not heard of
 * yet. Before that it lends nothing, so that no mail is sent twice because the store died. */
void intake_claim(struct relay *relay);
void intake_start(struct relay *relay);
void intake_stop(struct relay *relay);

/* ---- settle.c: a job that is over, in whole or for now ---- */

/* A job is in our hand from here to relay_forget. */
void relay_hold(struct relay *relay, struct job *j);
/* The end of what relay_finish begins: frees the job. */
void relay_forget(struct relay *relay, struct job *j);
/* Every recipient has a result: told to the store, the log, the sender. Frees the job. */
void relay_finish(struct relay *relay, struct job *j);
/* The end of relay_finish, once plugins have said what they have to. Takes job and results. */
void relay_conclude(struct relay *relay, struct job *j, struct queue_result *result);
/* Not tried: the store may lend it again at once, or when the destination is fit again. */
void relay_return(struct relay *relay, struct job *j);

#endif
