/* session.c - see session.h. */
#include "protocols/relay/session.h"

#include "core/base/str.h"
#include "protocols/relay/find_host.h"
#include "protocols/relay/transaction.h"

#include <stdlib.h>
#include <unistd.h>

#define TRIES_MAX 3u /* hosts that may fail a message before it waits for its next turn */

struct session {
    struct destination *d;
    struct session *next, *next_idle;
    struct fiber_token idle; /* waits for work */
    bool is_idle, proven, given_up;
    struct remote remote;
    struct found_host host;
    unsigned messages;
};

/* ---- messages ---- */

/* The next job that fits this server; those that do not have got their results. */
FCT_MAY_WAIT static struct job *next_fitting(struct session *s)
{
    struct relay *relay = s->d->relay;
    struct job *j;

    while ((j = destination_next(s->d)) != NULL) {
        mail_fetch(j->mail, relay->store, relay->conf->body_memory.bytes);
        if (transaction_fits(&s->remote, relay->store, j, relay->conf, s->host.verified))
            return j;
        relay_finish(relay, j);
    }
    return NULL;
}

static bool may_take_more(const struct session *s)
{
    const struct relay_conf *conf = s->d->relay->conf;

    return !s->d->relay->draining &&
           (conf->max_messages == 0 || s->messages < conf->max_messages) &&
           (s->remote.ext.mail_max == 0 || s->messages < s->remote.ext.mail_max);
}

/* transaction_next: the one that travels behind the present one. */
FCT_MAY_WAIT static bool next_transaction(void *arg, struct transaction *t)
{
    struct session *s = arg;
    struct job *j = may_take_more(s) ? next_fitting(s) : NULL;

    if (!j)
        return false;
    s->messages++;
    transaction_begin(t, j, &s->remote, s->d->relay->conf);
    return true;
}

/* What the rest of the job's recipients get: another transaction, another host, or their turn. */
static void hand_back(struct session *s, struct job *j, bool failed)
{
    struct destination *d = s->d;

    if (j->left > 0 && failed && ++j->tries >= TRIES_MAX) {
        struct delivery_result result = s->remote.trouble;

        result.outcome = OUTCOME_DEFERRED;
        job_settle(j, &result);
    }
    if (j->left == 0)
        relay_finish(d->relay, j);
    else
        job_list_put_back(&d->waiting, j);
}

FCT_MAY_WAIT static bool send_one(struct session *s, struct transaction *t,
                                  struct transaction *following)
{
    struct relay *relay = s->d->relay;
    const struct transaction_next next = {next_transaction, s};
    struct job *j = t->job;
    uint64_t now;
    bool pushed_back, ok, accepted = false;

    ok = transaction_run(t, &s->remote, relay->store, relay->conf, &next, following, &pushed_back);
    now = clock_ms();
    for (size_t i = 0; i < t->n; i++)
        accepted |= j->result[t->pick[i]].outcome == OUTCOME_DELIVERED;
    if (accepted) {
        pace_accepted(&s->d->pace, now, now - t->began_ms);
        relay->count.messages++;
        relay->count.bytes += j->mail->entry.size;
    }
    if (following->job)
        following->began_ms = now;
    if (pushed_back)
        pace_pushed_back(&s->d->pace);
    transaction_end(t);
    hand_back(s, j, !ok);
    return ok;
}

/* Until there is no more, or the connection is lost. False: lost. */
FCT_MAY_WAIT static bool send_waiting(struct session *s)
{
    struct transaction t = {0}, following = {0};
    bool ok = next_transaction(s, &t);

    if (!ok)
        return true;
    while (ok && t.job) {
        ok = send_one(s, &t, &following);
        t = following;
        following = (struct transaction){0};
        if (ok && !t.job)
            (void)next_transaction(s, &t);
        destination_press(s->d);
    }
    if (t.job) { /* its commands were on their way when the connection broke */
        struct job *j = t.job;

        transaction_end(&t);
        hand_back(s, j, false);
    }
    return ok;
}

/* ---- life ---- */

static void leave_idle(struct session *s)
{
    struct session **link = &s->d->idle;

    while (*link && *link != s)
        link = &(*link)->next_idle;
    if (*link)
        *link = s->next_idle;
    s->is_idle = false;
}

/* False: it is over. */
FCT_MAY_WAIT static bool wait_for_work(struct session *s)
{
    struct destination *d = s->d;

    if (!may_take_more(s) || remote_has_input(&s->remote))
        return false;
    s->next_idle = d->idle;
    d->idle = s;
    s->is_idle = true;
    remote_idle(&s->remote, &s->idle, d->relay->conf->idle_keep.ms);
    if (s->is_idle)
        leave_idle(s);
    return d->waiting.n > 0 && !s->given_up && !remote_has_input(&s->remote);
}

void session_wake(struct session *s)
{
    leave_idle(s);
    (void)fiber_wake(s->idle);
}

struct session *session_after(const struct session *s)
{
    return s->next_idle;
}

FCT_MAY_WAIT static void serve(struct session *s)
{
    bool ok = true;

    while (ok) {
        ok = send_waiting(s);
        if (ok && !wait_for_work(s))
            break;
    }
}

static void leave_all(struct session *s)
{
    struct session **link = &s->d->open;

    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
}

void sessions_give_up(struct destination *d, unsigned keep)
{
    unsigned n = 0;

    for (const struct session *s = d->open; s; s = s->next)
        n += !s->given_up;
    for (struct session *s = d->open; s && n > keep; s = s->next)
        if (!s->given_up && remote_give_up(&s->remote)) {
            s->given_up = true;
            n--;
        }
}

static void end(struct session *s)
{
    struct destination *d = s->d;
    struct relay *relay = d->relay;

    leave_all(s);
    pace_closed(&d->pace, s->proven);
    relay->connections--;
    destination_press(d);
    if (s->given_up)
        remote_close(&s->remote);
    else
        remote_quit(&s->remote);
    d->sessions--;
    if (relay->draining && relay->connections == 0 && relay->jobs == 0)
        destination_press(d);
    free(s);
}

static void heard(void *arg)
{
    struct session *s = arg;

    pace_heard(&s->d->pace, clock_ms());
}

static void run(void *arg)
{
    struct session *s = arg;
    struct delivery_result why = {0};

    if (!find_host(s->d, &s->host, &why)) {
        if (s->d->pace.proven == 0)
            destination_unreachable(s->d, &why);
    } else {
        pace_proven(&s->d->pace, clock_ms());
        s->proven = true;
        serve(s);
    }
    end(s);
}

void session_start(struct destination *d)
{
    struct session *s = calloc(1, sizeof *s);

    FCT_ASSERT(s);
    s->d = d;
    s->host.remote = &s->remote;
    s->remote.heard = heard;
    s->remote.arg = s;
    s->next = d->open;
    d->open = s;
    d->sessions++;
    d->relay->connections++;
    pace_opened(&d->pace, clock_ms());
    (void)fiber_start(run, s);
}
