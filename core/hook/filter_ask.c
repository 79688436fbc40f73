/* filter_ask.c - see filter_ask.h.
 *
 * A death over a request is a strike against the request only when the filter's successor says so
 * (filter_codec.h, FILTER_HELLO): the others that were under way in the same process are repeated
 * as often as needed, within reason. */
#include "core/hook/filter_ask.h"

#include "core/base/str.h"
#include "core/log/log.h"

#define SLACK_MS 1000u /* more than the filter's own deadlines and its watchdog */

/* The successor knows. One that does not come in time: nobody's fault. */
static FCT_MAY_WAIT void settle(struct ask *ask, struct death *d, uint64_t deadline)
{
    const struct last_words *words = &d->peer->words[d->generation % LAST_WORDS];

    d->settled = true;
    while (d->peer->generation == d->generation + 1 && !d->peer->greeted)
        if (!peers_wait(ask->fc, deadline))
            return;
    if (words->generation != d->generation || !words->blamed ||
        !str_equal(str_from(words->culprit), ask->id))
        return;
    str_copy_c(ask->plugin, sizeof ask->plugin, str_from(words->plugin));
    ask->strikes++;
}

/* After one death the request is repeated anyway; only more of them raise the question whose fault
 * they are. */
static FCT_MAY_WAIT void settle_deaths(struct ask *ask)
{
    uint64_t deadline = clock_ms() + FRESH_WAIT_MS;

    for (unsigned i = 0; ask->deaths > 1 && i < ask->deaths; i++)
        if (!ask->death[i].settled)
            settle(ask, &ask->death[i], deadline);
}

static FCT_MAY_WAIT void died_over(struct ask *ask, struct filter_peer_end *peer,
                                   uint32_t generation, bool timed_out)
{
    ask->death[ask->deaths++] = (struct death){peer, generation, timed_out};
    if (timed_out) {
        ask->fc->timeouts++;
        ask->strikes++;
        peer->leaving = true; /* nothing more for it: it comes back as another process */
        role_kill_peer(ask->fc->env, ROLE_FILTER, peer->index);
    }
    settle_deaths(ask);
    filter_request_again(ask->request);
    ask->fc->retries++;
    log_event(EV_FILTER_RETRY, ask->id, F_U64("filter", peer->index),
              F_C("why", timed_out ? "no answer in time" : "it died"), F_U64("deaths", ask->deaths),
              F_U64("strikes", ask->strikes));
}

/* Those who wait on a connection hear of its end before its owner does, by a turn of the loop. */
static FCT_MAY_WAIT bool has_died(const struct filter_peer_end *peer, uint32_t generation)
{
    if (generation == peer->generation)
        fiber_sleep(1);
    return generation != peer->generation;
}

enum asked { ASKED_ANSWERED, ASKED_DIED, ASKED_FAILED };

static FCT_MAY_WAIT enum asked ask_once(struct ask *ask, struct filter_peer_end *peer,
                                        struct fct_err *err)
{
    uint32_t generation = peer->generation;
    uint64_t deadline = clock_ms() + ask->timeout_ms;
    bool ok, died;

    peer->under_way++;
    ok = ipc_call(peer->conn, ask->out, deadline, ask->reply, NULL, NULL, err);
    peer->under_way--;
    ask->answered_by = peer;
    if (ok)
        return ASKED_ANSWERED;
    if (fiber_is_cancelled())
        return ASKED_FAILED;
    died = has_died(peer, generation);
    if (!died && clock_ms() < deadline)
        return ASKED_FAILED; /* it lives and says no */
    died_over(ask, peer, generation, !died);
    return ASKED_DIED;
}

bool ask_filter(struct ask *ask, struct fct_err *err)
{
    while (ask->deaths < TRIES_MAX && ask->strikes < STRIKES_MAX) {
        struct filter_peer_end *peer = peers_find(ask->fc, ask->conn_id);

        if (!peer)
            return fct_fail(err, FCT_TEMP, "no filter process is running");
        switch (ask_once(ask, peer, err)) {
        case ASKED_ANSWERED:
            return true;
        case ASKED_FAILED:
            return false;
        case ASKED_DIED:
            break;
        }
    }
    return fct_fail(err, FCT_TEMP, "filter processes die over this request");
}

static uint64_t with_slack(const struct filter_conf *conf, fct_duration timeout)
{
    return timeout.ms + conf->watchdog.ms + SLACK_MS;
}

static struct fct_str request_id(const struct filter_context *ctx)
{
    return ctx->envelope.id.n > 0 ? ctx->envelope.id : ctx->conn.id;
}

struct ask ask_new(struct filter_client *fc, const struct filter_context *ctx, struct buf *request,
                   const struct ipc_out *out, fct_duration timeout, struct buf *reply)
{
    return (struct ask){
        .fc = fc,
        .conn_id = ctx->conn.id,
        .id = request_id(ctx),
        .request = request,
        .out = out,
        .timeout_ms = with_slack(fc->conf, timeout),
        .reply = reply,
    };
}
