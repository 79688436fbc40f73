/* ctl_replay_verdict.c - from a ledger to a verdict, and whether two are the same. */
#include "core/base/str.h"
#include "core/ctl/ctl_replay.h"

#include <time.h>

const char *const replay_fate_name[REPLAY_FATES] = {
    [REPLAY_KEEP] = "keep",         [REPLAY_TAG] = "tag",
    [REPLAY_JUNK] = "junk",         [REPLAY_QUARANTINE] = "quarantine",
    [REPLAY_DISCARD] = "discard",   [REPLAY_GREYLIST] = "greylist",
    [REPLAY_TEMPFAIL] = "tempfail", [REPLAY_REJECT] = "reject",
};

/* ---- words ---- */

static const struct {
    enum fct_verdict verdict;
    enum replay_fate fate;
} fates[] = {
    {FCT_QUARANTINE, REPLAY_QUARANTINE}, {FCT_DISCARD, REPLAY_DISCARD},
    {FCT_TEMPFAIL, REPLAY_TEMPFAIL},     {FCT_REJECT, REPLAY_REJECT},
    {FCT_DISCONNECT, REPLAY_REJECT},
};

static enum replay_fate of_verdict(enum fct_verdict verdict)
{
    for (size_t i = 0; i < FCT_COUNT(fates); i++)
        if (fates[i].verdict == verdict)
            return fates[i].fate;
    return REPLAY_KEEP;
}

static enum replay_fate of_verdict_name(struct fct_str name)
{
    for (size_t i = 0; i < FCT_COUNT(fates); i++)
        if (str_equal(name, str_from(verdict_name(fates[i].verdict))))
            return fates[i].fate;
    return REPLAY_KEEP;
}

static enum replay_fate of_action_name(struct fct_str name)
{
    for (size_t i = 0; i < REPLAY_FATES; i++)
        if (str_equal(name, str_from(replay_fate_name[i])))
            return (enum replay_fate)i;
    return REPLAY_KEEP;
}

/* ---- from a ledger ---- */

static void merge(struct replay_verdict *out, enum replay_fate fate, struct fct_str by)
{
    if (fate <= out->fate)
        return;
    out->fate = fate;
    out->by = by;
}

static void take_entry(struct replay_verdict *out, const struct ledger_entry *e)
{
    if (e->shadow)
        return;
    if (e->kind == LEDGER_PROFILE) {
        out->score_milli = e->score_milli;
        if (out->by.n == 0)
            out->by = e->by;
        merge(out, of_action_name(e->name), e->by);
    } else if (e->kind == LEDGER_VERDICT && !str_starts(e->detail, FCT_STR("instead of"))) {
        merge(out, of_verdict_name(e->name), e->by);
    } else if (e->kind == LEDGER_DELIVER && str_equal(e->name, FCT_STR("mailbox"))) {
        out->mailbox = e->detail;
    }
}

bool replay_verdict_of(struct arena *arena, struct fct_str ledger, struct replay_verdict *out,
                       struct fct_err *err)
{
    *out = (struct replay_verdict){.fate = REPLAY_KEEP};
    if (ledger.n == 0)
        return true;
    if (!ledger_decode(arena, ledger, &out->ledger, err))
        return false;
    out->score_milli = out->ledger.score_milli;
    for (size_t i = 0; i < out->ledger.n; i++)
        take_entry(out, &out->ledger.entry[i]);
    return true;
}

bool replay_verdict_now(const struct judge *j, struct replay_verdict *out, struct fct_err *err)
{
    if (!replay_verdict_of(j->arena, judge_ledger(j, 0), out, err))
        return false;
    merge(out, of_verdict(j->result.answer.verdict), j->result.answer.by);
    for (const struct judge_step *s = j->step; s; s = s->next)
        merge(out, of_verdict(s->answer.verdict), s->answer.by);
    return true;
}

bool replay_same(const struct replay_verdict *then, const struct replay_verdict *now)
{
    return then->fate == now->fate && str_equal(then->mailbox, now->mailbox);
}

/* ---- sums ---- */

void replay_sums_add(struct replay_sums *sums, const struct replay_verdict *then,
                     const struct replay_verdict *now)
{
    int32_t difference = now->score_milli - then->score_milli;

    sums->judged++;
    sums->changed += !replay_same(then, now);
    sums->moved[then->fate][now->fate]++;
    sums->score_differs += difference != 0;
    sums->score_milli += difference;
    if (difference < sums->least_milli)
        sums->least_milli = difference;
    if (difference > sums->most_milli)
        sums->most_milli = difference;
}

/* ---- --since ---- */

static const struct {
    char letter;
    int64_t seconds;
} units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};

static bool take_span(struct fct_str text, int64_t *seconds)
{
    int64_t n = 0;

    if (text.n < 2 || text.n > 7)
        return false;
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        n = 10 * n + (text.p[i] - '0');
    }
    for (size_t i = 0; i < FCT_COUNT(units); i++)
        if (text.p[text.n - 1] == units[i].letter) {
            *seconds = n * units[i].seconds;
            return true;
        }
    return false;
}

static bool take_date(struct fct_str text, int64_t *at)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
                                          "%Y-%m-%dT%H:%M:%S"};
    char copy[32];

    if (text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    for (size_t i = 0; i < FCT_COUNT(formats); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(copy, formats[i], &tm);

        if (end && *end == '\0') {
            *at = (int64_t)mktime(&tm);
            return *at != -1;
        }
    }
    return false;
}

bool replay_since_parse(struct fct_str text, int64_t now, int64_t *since, struct fct_err *err)
{
    int64_t span;

    if (take_span(text, &span)) {
        *since = now > span ? now - span : 0;
        return true;
    }
    return take_date(text, since) ||
           fct_fail(err, FCT_SYNTAX,
                    "--since %.*s: must be as 7d, 12h, 30m, 2w, 2026-01-05 or \"2026-01-05 10:11\"",
                    FCT_FMT(str_head(text, 40)));
}
