/* intake.c - takes work from the store: as much as it gives, whenever it says that there is some.
 */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/destination.h"
#include "protocols/relay/relay.h"
#include "protocols/relay/relay_rules.h"

#include <stdlib.h>

#define LEASE_JOBS 200u
#define BODY_MAX   (64u << 10)
#define AWAY_MS    1000u

/* Recipients that were over when they were queued: only their sender has to be told. */
static void finish_report(struct relay *relay, struct job *j)
{
    for (size_t i = 0; i < j->n; i++) {
        const struct queue_recipient *r = job_recipient(j, i);
        struct delivery_result result = {0};
        bool ok = r->status == QUEUE_DELIVERED;

        outcome_without_reply(&result, ok ? OUTCOME_DELIVERED : OUTCOME_FAILED,
                              ok ? "2.0.0" : "5.2.2", "");
        str_copy_c(result.text, sizeof result.text, r->reply);
        str_copy_c(result.host, sizeof result.host, r->host);
        job_settle_one(j, i, &result);
    }
    relay_finish(relay, j);
}

static void take_job(struct relay *relay, struct job *j)
{
    relay_hold(relay, j);
    for (size_t i = 0; i < j->n; i++)
        results_forget(relay->results, j->mail->entry.id, j->recipient[i]);
    if (j->domain.n == 0)
        finish_report(relay, j);
    else if (pretend_takes(relay, j))
        pretend_take(relay, j);
    else if (home_takes(j))
        home_take(relay, j);
    else
        destinations_take(relay->destinations, j);
}

/* The lease's arena goes when all is copied: a job that hangs must not keep the others' bodies. */
static void take_all(struct relay *relay, const struct queue_lease *lease, struct arena *arena)
{
    struct mail **mail = ARENA_ARRAY(arena, struct mail *, lease->entries + 1);

    for (size_t i = 0; i < lease->entries; i++)
        mail[i] = mail_new(&lease->entry[i], lease->body[i]);
    for (size_t i = 0; i < lease->n; i++) {
        const struct queue_job *from = &lease->job[i];

        take_job(relay, job_new(mail[from->entry], from->domain, from->recipient, from->n));
    }
    for (size_t i = 0; i < lease->entries; i++)
        mail_unref(&mail[i]);
}

/* How many were taken; LEASE_JOBS: there is more. */
FCT_MAY_WAIT static size_t lease_some(struct relay *relay)
{
    struct arena *arena = arena_new(NULL);
    struct queue_lease lease = {0};
    struct fct_err err = {0};
    unsigned generation = relay->store_generation;
    size_t n = 0;

    if (!store_queue_lease(relay->store, LEASE_JOBS, BODY_MAX, arena, &lease, &err)) {
        log_event(EV_DEBUG, FCT_STR(""), F_C("text", "no work from the store"),
                  F_C("why", err.text));
        (void)fiber_sleep(AWAY_MS);
        relay->lease_again |= store_is_up(relay->store);
    } else if (generation == relay->store_generation) { /* else it lends them to us once more */
        relay_rules_follow(relay->rules, lease.rules);
        if (generation == relay->store_generation) {
            n = lease.n;
            take_all(relay, &lease, arena);
        }
    }
    arena_free(&arena);
    return n;
}

FCT_MAY_WAIT static void work(void *arg)
{
    struct relay *relay = arg;

    do {
        relay->lease_again = false;
        while (relay->claimed && !relay->draining && relay->jobs < relay->conf->max_jobs &&
               lease_some(relay) == LEASE_JOBS) {
        }
        if (relay->jobs >= relay->conf->max_jobs) {
            relay->lease_again = true; /* when some are over: relay_forget */
            break;
        }
    } while (relay->lease_again && relay->claimed && !relay->draining);
    relay->leasing = false;
}

/* ---- what we have ---- */

static size_t claim_jobs(const struct relay *relay, struct queue_claim *claim)
{
    size_t n = 0;

    for (const struct job *j = relay->hand; j; j = j->held_behind)
        for (size_t i = 0; i < j->n; i++, n++)
            if (claim)
                claim[n] = (struct queue_claim){j->mail->entry.id, j->recipient[i]};
    return n;
}

FCT_MAY_WAIT static bool say_claim(struct relay *relay, struct fct_err *err)
{
    size_t jobs = claim_jobs(relay, NULL), n = jobs + results_claim(relay->results, NULL);
    struct queue_claim *claim = calloc(n + 1, sizeof *claim);
    bool ok;

    FCT_ASSERT(claim);
    (void)claim_jobs(relay, claim);
    (void)results_claim(relay->results, claim + jobs);
    ok = store_queue_claim(relay->store, claim, n, err);
    free(claim);
    return ok;
}

FCT_MAY_WAIT static void claim_all(void *arg)
{
    struct relay *relay = arg;
    unsigned generation = relay->store_generation;
    struct fct_err err = {0};

    while (!say_claim(relay, &err)) {
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("text", "the store does not hear what is in hand here"),
                  F_C("why", err.text));
        (void)fiber_sleep(AWAY_MS);
        if (generation != relay->store_generation || !store_is_up(relay->store))
            return; /* the next connection has a fiber of its own */
    }
    if (generation != relay->store_generation)
        return;
    relay->claimed = true;
    intake_start(relay);
}

void intake_claim(struct relay *relay)
{
    relay->claimed = false;
    (void)fiber_start(claim_all, relay);
}

/* ---- beginning and end ---- */

void intake_start(struct relay *relay)
{
    if (relay->draining || !relay->claimed)
        return;
    if (relay->leasing) {
        relay->lease_again = true;
        return;
    }
    relay->leasing = true;
    (void)fiber_start(work, relay);
}

void intake_stop(struct relay *relay)
{
    store_queue_watch(relay->store, NULL, NULL);
}
