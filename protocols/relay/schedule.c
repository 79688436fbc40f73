/* schedule.c - see schedule.h. */
#include "protocols/relay/schedule.h"

#include "core/base/str.h"

/* "90s", "5m", "4h", "2d": as durations in the configuration. */
static bool read_duration(struct fct_str text, uint64_t *seconds)
{
    static const struct {
        char unit;
        uint64_t s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t n;

    for (size_t i = 0; i < FCT_COUNT(units); i++)
        if (text.n > 1 && text.p[text.n - 1] == units[i].unit &&
            str_to_u64(str_head(text, text.n - 1), &n) && n <= 31536000u / units[i].s) {
            *seconds = n * units[i].s;
            return true;
        }
    return false;
}

static bool read_list(const char *key, const struct fct_strings *from, uint64_t *to, size_t *n,
                      struct fct_err *err)
{
    if (from->n > SCHEDULE_STEPS_MAX)
        return fct_fail(err, FCT_SYNTAX, "%s: at most %u values", key, SCHEDULE_STEPS_MAX);
    for (size_t i = 0; i < from->n; i++)
        if (!read_duration(str_from(from->item[i]), &to[i]) || to[i] == 0)
            return fct_fail(err, FCT_SYNTAX, "%s: cannot read \"%s\" (example: 15m)", key,
                            from->item[i]);
    *n = from->n;
    return true;
}

bool schedule_read(struct schedule *s, const struct fct_strings *retry,
                   const struct fct_strings *warning, struct fct_err *err)
{
    if (retry->n == 0)
        return fct_fail(err, FCT_SYNTAX, "retry: must name at least one wait");
    if (!read_list("retry", retry, s->step_s, &s->steps, err) ||
        !read_list("delay_warning", warning, s->warn_s, &s->warnings, err))
        return false;
    for (size_t i = 1; i < s->warnings; i++)
        if (s->warn_s[i] <= s->warn_s[i - 1])
            return fct_fail(err, FCT_SYNTAX,
                            "delay_warning: each must be longer than the one before");
    return true;
}

static int64_t end_of(const struct schedule *s, int64_t arrived, bool null_sender)
{
    return arrived + (int64_t)(null_sender ? s->expire_null_s : s->expire_s);
}

int64_t schedule_next(const struct schedule *s, int64_t arrived, int64_t now, uint32_t attempts,
                      bool null_sender, uint64_t chance)
{
    size_t i = attempts > 0 ? attempts - 1 : 0;
    double wait = (double)s->step_s[i < s->steps ? i : s->steps - 1];
    double share = (double)(chance % 2001) / 1000.0 - 1.0; /* -1 … 1 */
    int64_t next = now + (int64_t)(wait * (1.0 + s->jitter * share) + 0.5);
    int64_t end = end_of(s, arrived, null_sender);

    if (next > end)
        next = end;
    return next > now ? next : now + 1;
}

bool schedule_is_over(const struct schedule *s, int64_t arrived, int64_t now, bool null_sender)
{
    return now >= end_of(s, arrived, null_sender);
}

static size_t warnings_due(const struct schedule *s, int64_t arrived, int64_t now)
{
    size_t n = 0;

    while (n < s->warnings && now - arrived >= (int64_t)s->warn_s[n])
        n++;
    return n;
}

bool schedule_warns(const struct schedule *s, int64_t arrived, int64_t last_try, bool warned,
                    int64_t now)
{
    size_t due = warnings_due(s, arrived, now);

    return due > 0 && (!warned || due > warnings_due(s, arrived, last_try));
}
