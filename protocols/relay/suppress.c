/* suppress.c - servers said that an address does not exist: the store remembers it, so that who
 * submits mail to it again is told at once (store/store_suppress.h). */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/relay.h"
#include "store/store_suppress.h"

#include <stdlib.h>

/* RFC 3463 3.2, RFC 7505 4.2: nobody there, moved without an address, a domain without mail. Said
 * by a server; 5.1.2 and 5.1.3 say more about what the sender wrote. */
static const char *const statuses[] = {"5.1.1", "5.1.6", "5.1.10"};

struct news {
    struct relay *relay;
    struct arena *arena;
    struct suppressed *one;
    size_t n;
};

static bool does_not_exist(const struct delivery_result *d, const struct queue_result *r)
{
    if (r->outcome != QUEUE_OUT_FAILED || d->code < 500)
        return false;
    for (size_t i = 0; i < FCT_COUNT(statuses); i++)
        if (strcmp(d->status, statuses[i]) == 0)
            return true;
    return false;
}

FCT_MAY_WAIT static void tell(void *arg)
{
    struct news *news = arg;
    struct fct_err err = {0};

    for (size_t at = 0; at < news->n; at += SUPPRESS_MANY) {
        size_t n = news->n - at < SUPPRESS_MANY ? news->n - at : SUPPRESS_MANY;

        if (!store_suppress(news->relay->store, news->one + at, n, &err))
            log_event(EV_WARNING, FCT_STR(""), F_C("text", "addresses are not suppressed"),
                      F_C("why", err.text));
    }
    arena_free(&news->arena);
    free(news);
}

void relay_suppress(struct relay *relay, const struct job *j, const struct queue_result *result)
{
    uint64_t seconds = relay->conf->suppress.ms / 1000;
    struct news *news = NULL;

    for (size_t i = 0; seconds > 0 && i < j->n; i++) {
        if (!does_not_exist(&j->result[i], &result[i]))
            continue;
        if (!news) {
            news = calloc(1, sizeof *news);
            FCT_ASSERT(news);
            news->relay = relay;
            news->arena = arena_new(NULL);
            news->one = ARENA_ARRAY(news->arena, struct suppressed, j->n);
        }
        news->one[news->n++] =
            (struct suppressed){.address = arena_str(news->arena, job_recipient(j, i)->address),
                                .until = clock_wall() + (int64_t)seconds,
                                .reason = arena_str(news->arena, str_from(j->result[i].text))};
    }
    if (news)
        (void)fiber_start(tell, news);
}
