/* dns_list_health.c - see dns_list_health.h. */
#include "plugins/lib/dns_list_health.h"

#include <time.h>

#define FAILURES_MAX 5u /* in a row */

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool dns_list_rests(const struct dns_lists *lists, const struct dns_list_row *row)
{
    return lists->zone[row->zone_at].rests_until_ms > now_ms();
}

void dns_list_rest(struct dns_lists *lists, struct fct_call *call, const struct dns_list_row *row,
                   const char *what, struct fct_str why)
{
    if (dns_list_rests(lists, row))
        return; /* said already: the log must not drown */
    lists->zone[row->zone_at].rests_until_ms = now_ms() + lists->pause_ms;
    lists->host->log(call, FCT_WARNING, "%s %s (%.*s): not asked for %u s", row->zone, what,
                     FCT_FMT(why), (unsigned)(lists->pause_ms / 1000));
}

void dns_list_heard(struct dns_lists *lists, struct fct_call *call, const struct dns_list_row *row,
                    const struct fct_dns_answer *answer)
{
    struct dns_list_zone *zone = &lists->zone[row->zone_at];

    if (answer && answer->status != FCT_DNS_FAILED && answer->status != FCT_DNS_BOGUS) {
        zone->failures = 0;
        return;
    }
    lists->host->count(call, "failed", 1);
    if (++zone->failures < FAILURES_MAX)
        return;
    zone->failures = 0;
    dns_list_rest(lists, call, row, "does not answer",
                  answer ? answer->why : FCT_STR("nothing came in time"));
}

bool dns_list_is_due(struct dns_lists *lists, const struct dns_list_row *row)
{
    struct dns_list_zone *zone = &lists->zone[row->zone_at];

    if (lists->test_ms == 0 || (zone->tests_again_ms > now_ms()))
        return false;
    zone->tests_again_ms = now_ms() + lists->test_ms;
    return true;
}
