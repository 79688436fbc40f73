/* message_judge.c - scan once, score per profile, ask `verdict` once per profile. */
#include "core/hook/message_judge.h"

#include "core/base/str.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"

/* ---- who is judged by what ---- */

static struct profile_wish wish_of(const struct transaction *tx, const struct filter_recipient *r)
{
    return (struct profile_wish){.asked = r->profile,
                                 .setting = setting_value(r->setting, FCT_STR("profile")),
                                 .recipient = r->recipient,
                                 .account = r->account,
                                 .role = tx->conn->role};
}

static const struct profile *profile_of(const struct hook_engine *engine,
                                        const struct transaction *tx,
                                        const struct filter_recipient *r)
{
    struct profile_wish wish = wish_of(tx, r);
    bool unknown = false;
    const struct profile *p = profile_choose(&engine->judging.profiles, &wish, &unknown);

    if (unknown)
        log_event(EV_WARNING, tx->id, F_C("text", "a recipient asks for a profile nobody has"),
                  F_STR("rcpt", r->recipient),
                  F_STR("profile", wish.asked.n > 0 ? wish.asked : wish.setting),
                  F_C("used", p->name));
    return p;
}

static uint32_t place_of(struct judgements *all, struct arena *arena, const struct profile *profile)
{
    struct judgement *j;

    for (uint32_t i = 0; i < all->n; i++)
        if (all->judgement[i].profile == profile)
            return i;
    j = &all->judgement[all->n++];
    *j = (struct judgement){.profile = profile, .log = {.arena = arena}};
    return (uint32_t)(all->n - 1);
}

static void collect_profiles(struct hook_engine *engine, struct transaction *tx,
                             const struct filter_recipient *recipient, size_t n,
                             struct judgements *all)
{
    static const struct filter_recipient nobody;
    size_t most = n < engine->judging.profiles.n ? n : engine->judging.profiles.n;

    all->judgement = ARENA_ARRAY(tx->arena, struct judgement, most + 1);
    all->of = ARENA_ARRAY(tx->arena, uint32_t, n + 1);
    for (size_t i = 0; i < n; i++)
        all->of[i] = place_of(all, tx->arena, profile_of(engine, tx, &recipient[i]));
    if (n == 0)
        (void)place_of(all, tx->arena, profile_of(engine, tx, &nobody));
}

/* ---- actions ---- */

static const struct hook_decision decisions[PROFILE_ACTIONS] = {
    [FCT_GREYLIST] = {.verdict = FCT_TEMPFAIL,
                      .code = 451,
                      .enhanced = FCT_STR_INIT("4.7.1"),
                      .text = FCT_STR_INIT("Please try again in a few minutes")},
    [FCT_HOLD] = {.verdict = FCT_QUARANTINE},
    [FCT_DROP] = {.verdict = FCT_DISCARD},
    [FCT_REFUSE] = {.verdict = FCT_REJECT,
                    .code = 550,
                    .enhanced = FCT_STR_INIT("5.7.1"),
                    .text = FCT_STR_INIT("The message looks like junk mail")},
};

struct hook_decision message_action_decision(enum fct_action action)
{
    return decisions[action];
}

/* ---- the ledger's lines ---- */

static void note(struct judgement *j, struct ledger_log *log, enum ledger_kind kind,
                 const char *name, struct fct_str detail)
{
    ledger_log_add(log, &(struct ledger_entry){
                            .kind = kind,
                            .hook = FCT_HOOK_verdict,
                            .by = str_from(j->profile->name),
                            .name = str_from(name),
                            .score_milli = kind == LEDGER_PROFILE ? j->score.milli : 0,
                            .detail = detail,
                        });
}

static struct fct_str thresholds_text(struct arena *arena, const struct profile *p)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(200);
    char number[SCORE_TEXT_MAX];

    for (unsigned a = FCT_TAG; a <= FCT_REFUSE; a++)
        if (p->threshold_milli[a] > 0)
            buf_printf(&out, "%s%s %.*s", out.n > 0 ? ", " : "", action_name((enum fct_action)a),
                       FCT_FMT(score_text(p->threshold_milli[a], number)));
    return out.n > 0 ? arena_str(arena, buf_str(&out)) : FCT_STR("no thresholds");
}

static void note_profile(struct judgement *j, struct arena *arena)
{
    note(j, &j->log, LEDGER_PROFILE, action_name(j->action), thresholds_text(arena, j->profile));
}

/* ---- one profile ---- */

/* What `verdict` set, a later row over an earlier one. */
static bool changed_action(const struct transaction *tx, enum fct_action *out)
{
    bool changed = false;

    for (const struct call_change *c = tx->change; c; c = c->next)
        if (strcmp(c->name, "action") == 0 && action_parse(c->value, out))
            changed = true;
    return changed;
}

static FCT_MAY_WAIT void ask_verdict(struct hook_engine *engine, struct transaction *tx,
                                     struct judgement *j, bool alone)
{
    char text[SCORE_TEXT_MAX];
    struct fct_ev_verdict ev = {
        .score_milli = j->score.milli > 0 ? (uint64_t)j->score.milli : 0,
        .symbols = j->score.symbols,
        .profile = str_from(j->profile->name),
        .action = str_from(action_name(j->action)),
        .score = score_text(j->score.milli, text),
    };
    enum fct_action changed;

    hook_run(engine, tx, FCT_HOOK_verdict, &ev, alone ? NULL : &j->results, &j->log, &j->decision);
    if (j->decision.verdict == FCT_ACCEPT) /* ends the chain of its point and says no more */
        j->decision = (struct hook_decision){.verdict = FCT_NEXT};
    if (changed_action(tx, &changed))
        j->action = changed;
    else if (tx->forced.any)
        j->action = tx->forced.action;
}

/* At `verdict` plugins see the symbols that count here, and force for this profile alone. */
static FCT_MAY_WAIT void judge_one(struct hook_engine *engine, struct transaction *tx,
                                   struct judgement *j, bool alone)
{
    struct call_force forced = tx->forced;
    struct symbol_hit *found = tx->hit;
    struct hook_decision by_action;

    j->score = score_judge(tx, &engine->judging.composites, j->profile, &j->log);
    j->action = forced.any ? forced.action : profile_action(j->profile, j->score.milli);
    if (engine->plan.point[FCT_HOOK_verdict].n > 0) {
        tx->hit = j->score.hit;
        ask_verdict(engine, tx, j, alone);
        tx->hit = found;
    }
    by_action = message_action_decision(j->action);
    by_action.by = tx->forced.any && tx->forced.action == j->action ? tx->forced.by
                                                                    : str_from(j->profile->name);
    hook_decision_merge(&j->decision, &by_action);
    tx->forced = forced;
    note_profile(j, tx->arena);
}

/* ---- shadows: profiles that are only tried ---- */

static bool shadows_any(const struct profile *shadow, const struct transaction *tx,
                        const struct filter_recipient *recipient, size_t n,
                        const struct judgements *all, size_t place)
{
    for (size_t i = 0; i < n; i++) {
        struct profile_wish wish = wish_of(tx, &recipient[i]);

        if (all->of[i] == place && profile_shadows(shadow, &wish))
            return true;
    }
    return false;
}

static void count_shadow(struct profile_counts *counts, const struct judgement *shadow,
                         const struct judgement *live)
{
    counts->judged++;
    counts->otherwise += shadow->action != live->action;
    counts->action[shadow->action]++;
    counts->score_milli += shadow->score.milli;
}

/* The same lines as those of a live profile, marked: they count nowhere. */
static void judge_shadow(struct hook_engine *engine, struct transaction *tx, struct profile *shadow,
                         struct judgement *live)
{
    struct judgement j = {.profile = shadow, .log = {.arena = tx->arena}};

    j.score = score_judge(tx, &engine->judging.composites, shadow, &j.log);
    j.action = tx->forced.any ? tx->forced.action : profile_action(shadow, j.score.milli);
    note_profile(&j, tx->arena);
    count_shadow(&shadow->counts, &j, live);
    for (size_t i = 0; i < j.log.n; i++)
        j.log.entry[i].shadow = true;
    ledger_log_append(&live->log, &j.log);
}

static void judge_shadows(struct hook_engine *engine, struct transaction *tx,
                          const struct filter_recipient *recipient, size_t n,
                          struct judgements *all)
{
    const struct profile_set *set = &engine->judging.profiles;

    for (size_t i = 0; i < set->n; i++)
        for (size_t k = 0; set->profile[i].shadow && k < all->n; k++)
            if (shadows_any(&set->profile[i], tx, recipient, n, all, k))
                judge_shadow(engine, tx, &set->profile[i], &all->judgement[k]);
}

void message_judge(struct hook_engine *engine, struct transaction *tx,
                   const struct filter_recipient *recipient, size_t n, struct judgements *out)
{
    *out = (struct judgements){0};
    collect_profiles(engine, tx, recipient, n, out);
    for (size_t i = 0; i < out->n; i++)
        judge_one(engine, tx, &out->judgement[i], out->n == 1);
    judge_shadows(engine, tx, recipient, n, out);
}

/* ---- one reply for all ---- */

struct hook_decision message_shared_decision(struct judgement *j, struct ledger_log *log)
{
    struct hook_decision d = message_action_decision(j->profile->shared);

    d.by = str_from(j->profile->name);
    note(j, log, LEDGER_VERDICT, action_name(j->profile->shared),
         FCT_STR("instead of reject: one reply answers for all recipients"));
    return d;
}

static const struct judgement *find_verdict(const struct judgements *all, enum fct_verdict verdict)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->judgement[i].decision.verdict == verdict)
            return &all->judgement[i];
    return NULL;
}

void message_share_reply(struct judgements *all)
{
    const struct judgement *later = find_verdict(all, FCT_TEMPFAIL);
    bool all_refused = true;

    for (size_t i = 0; i < all->n; i++) {
        if (later)
            all->judgement[i].decision = later->decision;
        all_refused = all_refused && all->judgement[i].decision.verdict == FCT_REJECT;
    }
    if (later || all_refused)
        return;
    for (size_t i = 0; i < all->n; i++) {
        struct judgement *j = &all->judgement[i];

        if (j->decision.verdict != FCT_REJECT)
            continue;
        j->action = j->profile->shared;
        j->decision = message_shared_decision(j, &j->log);
    }
}
