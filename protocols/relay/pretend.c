/* pretend.c - outside.test of facteur dev: a domain that exists nowhere, where mail goes wrong as
 * its local part says, so that people can see what their programs do then. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "protocols/relay/relay.h"

#include <stdlib.h>

#define SLOW_MS 5000u

/* clang-format off */
static const struct {
    struct fct_str local;
    enum outcome outcome, later; /* later: from the second try on */
    uint16_t code;
    const char *status, *text;
} answers[] = {
    {FCT_STR_INIT("fail4xx"),  OUTCOME_DEFERRED,  OUTCOME_DEFERRED,  451, "4.3.0", "451 4.3.0 fails for now, as its name says"},
    {FCT_STR_INIT("fail5xx"),  OUTCOME_FAILED,    OUTCOME_FAILED,    550, "5.1.1", "550 5.1.1 fails for good, as its name says"},
    {FCT_STR_INIT("greylist"), OUTCOME_DEFERRED,  OUTCOME_DELIVERED, 450, "4.7.1", "450 4.7.1 greylisted: come back later"},
};
/* clang-format on */

bool pretend_takes(const struct relay *relay, const struct job *j)
{
    const struct queue_envelope *e = &j->mail->entry.envelope;

    return relay->env->dev && str_equal(j->domain, FCT_STR("outside.test")) &&
           routes_find(relay->routes, j->domain, e->reverse_path, e->class)->is_standing;
}

static struct fct_str local_of(const struct job *j, size_t i)
{
    struct fct_str address = job_recipient(j, i)->address;
    ptrdiff_t at = str_find_last_char(address, '@');

    return at >= 0 ? str_head(address, (size_t)at) : address;
}

static void answer(struct job *j, size_t i)
{
    struct delivery_result result = {.host = "outside.test"};
    struct fct_str local = local_of(j, i);

    outcome_without_reply(&result, OUTCOME_DELIVERED, "2.0.0", "250 2.0.0 taken, and thrown away");
    result.code = 250;
    for (size_t a = 0; a < FCT_COUNT(answers); a++) {
        bool again = job_recipient(j, i)->attempts > 0;

        if (!str_equal_nocase(local, answers[a].local) ||
            (again && answers[a].later == OUTCOME_DELIVERED))
            continue;
        outcome_without_reply(&result, again ? answers[a].later : answers[a].outcome,
                              answers[a].status, answers[a].text);
        result.code = answers[a].code;
    }
    job_settle_one(j, i, &result);
}

struct pretence {
    struct relay *relay;
    struct job *job;
    bool slow;
};

FCT_MAY_WAIT static void play(void *arg)
{
    struct pretence *p = arg;

    if (p->slow)
        (void)fiber_sleep(SLOW_MS);
    for (size_t i = 0; i < p->job->n; i++)
        answer(p->job, i);
    relay_finish(p->relay, p->job);
    free(p);
}

/* The slow ones are a job of their own: nobody waits for them. */
static void start(struct relay *relay, const struct job *j, bool slow)
{
    uint32_t *pick = calloc(j->n + 1, sizeof *pick);
    struct pretence *p = calloc(1, sizeof *p);
    size_t n = 0;

    FCT_ASSERT(pick && p);
    for (size_t i = 0; i < j->n; i++)
        if (str_equal_nocase(local_of(j, i), FCT_STR("slow")) == slow)
            pick[n++] = j->recipient[i];
    if (n > 0) {
        *p = (struct pretence){relay, job_new(j->mail, j->domain, pick, n), slow};
        relay_hold(relay, p->job);
        (void)fiber_start(play, p);
    } else {
        free(p);
    }
    free(pick);
}

void pretend_take(struct relay *relay, struct job *j)
{
    start(relay, j, false);
    start(relay, j, true);
    relay_forget(relay, j);
}
