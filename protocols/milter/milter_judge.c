/* milter_judge.c - see milter_judge.h. */
#include "protocols/milter/milter_judge.h"

#include "core/base/str.h"
#include "protocols/milter/milter_edits.h"

#define REASON_MAX 200

static bool is_refusal(const struct filter_answer *answer)
{
    return answer->verdict == FCT_REJECT || answer->verdict == FCT_TEMPFAIL ||
           answer->verdict == FCT_DISCONNECT;
}

/* One line, of printable ASCII: it stands in the MTA's log. */
static const char *reason(struct arena *arena, const struct filter_result *result,
                          const struct filter_answer *answer)
{
    struct fct_str text = answer->text, by = answer->by;
    char *line;

    if (result->quarantined)
        return "two filter processes died over it";
    if (text.n == 0)
        text = FCT_STR("held by policy");
    text = by.n ? arena_printf(arena, "%.*s: %.*s", FCT_FMT(by), FCT_FMT(text)) : text;
    text = str_head(text, REASON_MAX);
    line = arena_alloc(arena, text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        line[i] = text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?';
    return line;
}

static void for_all(const struct filter_answer *answer, struct milter_judgement *out)
{
    if (is_refusal(answer)) {
        out->fate = MILTER_REFUSED;
        out->refusal = answer;
    } else if (answer->verdict == FCT_DISCARD) {
        out->fate = MILTER_DISCARDED;
    }
}

static void judge_recipients(struct arena *arena, const struct filter_result *result,
                             struct milter_judgement *out)
{
    const struct edit_list **list =
        ARENA_ARRAY(arena, const struct edit_list *, result->outcomes + 1);
    const struct filter_answer *refusal = NULL;
    size_t kept = 0;

    for (size_t i = 0; i < result->outcomes; i++) {
        const struct filter_outcome *o = &result->outcome[i];

        if (o->answer.verdict == FCT_TEMPFAIL) {
            for_all(&o->answer, out);
            return;
        }
        out->drop[i] = is_refusal(&o->answer) || o->answer.verdict == FCT_DISCARD;
        if (is_refusal(&o->answer) && !refusal)
            refusal = &o->answer;
        if (!out->drop[i])
            list[kept++] = &o->edits;
        if (!out->hold && o->answer.verdict == FCT_QUARANTINE)
            out->hold = reason(arena, result, &o->answer);
    }
    milter_edits_common(arena, list, kept, &out->edits);
    if (kept > 0)
        return;
    out->fate = refusal ? MILTER_REFUSED : MILTER_DISCARDED;
    out->refusal = refusal;
}

void milter_judge(struct arena *arena, const struct filter_result *result,
                  struct milter_judgement *out)
{
    *out = (struct milter_judgement){.fate = MILTER_KEPT};
    out->drop = ARENA_ARRAY(arena, bool, result->outcomes + 1);
    for_all(&result->answer, out);
    if (out->fate != MILTER_KEPT)
        return;
    if (result->answer.verdict == FCT_QUARANTINE || result->quarantined)
        out->hold = reason(arena, result, &result->answer);
    if (result->outcomes > 0)
        judge_recipients(arena, result, out);
}
