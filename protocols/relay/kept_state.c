/* kept_state.c - see kept_state.h. */
#include "protocols/relay/kept_state.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/kept_counts.h"
#include "protocols/relay/policy/policy_service.h"
#include "protocols/relay/relay.h"
#include "protocols/relay/tls_reports.h"
#include "store/store_state.h"

#include <event2/event.h>

#define POLICIES FCT_STR("mta-sts policies")
#define COUNTS   FCT_STR("tls counts")
#define WAITING  FCT_STR("tls counts to report")
#define EVERY_S  300

/* ---- writing ---- */

static void put_counts(const struct tls_report *report, int64_t begin, struct buf *out)
{
    if (report)
        kept_counts_write(report, begin, out);
}

FCT_MAY_WAIT static void save(struct relay *relay, struct fct_str name, struct buf *bytes)
{
    struct fct_err err = {0};

    if (bytes->overflow)
        fct_fail(&err, FCT_LIMIT, "more than %u bytes", STATE_BYTES_MAX);
    else if (store_state_save(relay->store, name, buf_str(bytes), &err))
        return;
    log_event(EV_WARNING, FCT_STR(""), F_C("text", "what was learned of others is not kept"),
              F_STR("what", name), F_C("why", err.text));
}

void kept_state_save(struct relay *relay)
{
    FCT_CLEANUP(buf_free) struct buf policies = BUF_INIT(STATE_BYTES_MAX);
    FCT_CLEANUP(buf_free) struct buf counts = BUF_INIT(STATE_BYTES_MAX);
    FCT_CLEANUP(buf_free) struct buf waiting = BUF_INIT(STATE_BYTES_MAX);
    const struct tls_report *past;
    int64_t begin;

    if (!relay->state_is_read) /* what is kept is more than what we have */
        return;
    policy_service_save(relay->policy, &policies);
    put_counts(policy_service_report(relay->policy), tls_reports_begin(relay, clock_wall()),
               &counts);
    past = tls_reports_waiting(relay, &begin);
    put_counts(past, begin, &waiting);
    save(relay, POLICIES, &policies);
    save(relay, WAITING, &waiting);
    save(relay, COUNTS, &counts);
}

/* ---- reading ---- */

/* Of the period that runs: it goes on. Of an earlier one, which ended while we did not run: its
 * reports go out now. */
static void take_counts(struct relay *relay, struct fct_str text)
{
    struct tls_report *now = policy_service_report(relay->policy), *past;
    int64_t begin;

    if (!now || !kept_counts_begin(&text, &begin))
        return;
    if (begin == tls_reports_begin(relay, clock_wall())) {
        kept_counts_add(text, now);
        return;
    }
    past = policy_service_new_report(relay->policy);
    kept_counts_add(text, past);
    tls_reports_send(relay, past, begin);
}

FCT_MAY_WAIT static void read_all(struct relay *relay)
{
    FCT_CLEANUP(buf_free) struct buf policies = BUF_INIT(STATE_BYTES_MAX);
    FCT_CLEANUP(buf_free) struct buf counts = BUF_INIT(STATE_BYTES_MAX);
    FCT_CLEANUP(buf_free) struct buf waiting = BUF_INIT(STATE_BYTES_MAX);
    struct fct_err err = {0};

    if (!store_state_load(relay->store, POLICIES, &policies, &err) ||
        !store_state_load(relay->store, WAITING, &waiting, &err) ||
        !store_state_load(relay->store, COUNTS, &counts, &err)) {
        log_event(EV_WARNING, FCT_STR(""), F_C("text", "what was learned of others is not read"),
                  F_C("why", err.text));
        return;
    }
    policy_service_load(relay->policy, buf_str(&policies), clock_wall());
    take_counts(relay, buf_str(&waiting));
    take_counts(relay, buf_str(&counts));
    relay->state_is_read = true;
}

/* ---- when ---- */

FCT_MAY_WAIT static void keep(void *arg)
{
    struct relay *relay = arg;

    if (relay->state_is_read)
        kept_state_save(relay);
    else
        read_all(relay);
}

static void now_and_then(evutil_socket_t fd, short what, void *arg)
{
    struct relay *relay = arg;

    (void)fd, (void)what;
    if (!relay->draining)
        (void)fiber_start(keep, relay);
}

void kept_state_start(struct relay *relay)
{
    static const struct timeval every = {EVERY_S, 0};
    struct event *timer;

    (void)fiber_start(keep, relay);
    if (relay->state_timer)
        return;
    timer = event_new(relay->base, -1, EV_PERSIST, now_and_then, relay);
    if (timer && event_add(timer, &every) == 0)
        relay->state_timer = timer;
}
