/* message_judge.c - scan once, score per group of recipients, ask `verdict` once per group. */
#include "core/hook/message_judge.h"

#include "core/base/str.h"
#include "core/hook/sender_list.h"
#include "core/plugin/plugin_host.h"

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
                            .by = j->label,
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

/* ---- symbols of one account ---- */

/* A copy of the list without what the account has a symbol of its own for; the sum says so. */
static void take_common(struct judgement *j, const struct transaction *tx,
                        const struct call_person *person)
{
    struct symbol_hit **end = &j->hit;

    for (const struct symbol_hit *h = tx->hit; h; h = h->next) {
        const struct personal_hit *own = person->hit;

        while (own && (own->shadow || own->hit.symbol != h->symbol))
            own = own->next;
        if (own) {
            ledger_log_add(&j->log, &(struct ledger_entry){.kind = LEDGER_ADJUST,
                                                           .hook = own->hook,
                                                           .by = str_from(own->row->label),
                                                           .name = str_from(h->symbol->name),
                                                           .score_milli = -h->score_milli,
                                                           .detail = FCT_STR("own instead")});
            continue;
        }
        *end = ARENA_NEW(tx->arena, struct symbol_hit);
        **end = *h;
        end = &(*end)->next;
        j->hits++;
    }
    *end = NULL;
}

static void add_personal(struct judgement *j, struct personal_hit *own)
{
    ledger_log_add(&j->log, &(struct ledger_entry){.kind = LEDGER_SYMBOL,
                                                   .hook = own->hook,
                                                   .by = str_from(own->row->label),
                                                   .name = str_from(own->hit.symbol->name),
                                                   .score_milli = own->hit.score_milli,
                                                   .weight_milli = own->hit.symbol->score_milli,
                                                   .group = str_from(own->hit.symbol->group),
                                                   .detail = own->detail,
                                                   .took_us = own->took_us,
                                                   .shadow = own->shadow});
    if (own->shadow || own->hit.factor == 0) /* factor 0: it only takes the other's place */
        return;
    own->hit.next = j->hit;
    j->hit = &own->hit;
    j->hits++;
}

static void take_personal(struct judgement *j, const struct transaction *tx,
                          const struct call_person *person)
{
    j->hit = tx->hit;
    j->hits = tx->hits;
    if (!person)
        return;
    j->hit = NULL;
    j->hits = 0;
    take_common(j, tx, person);
    for (struct personal_hit *own = person->hit; own; own = own->next)
        add_personal(j, own);
}

/* ---- lists of the account ---- */

#define LIST_RANK 0u /* any plugin that insists is stronger: a virus from a friend is a virus */

struct judge {
    struct hook_engine *engine;
    struct transaction *tx;
    struct sender sender;
    bool knows_sender;
    bool alone; /* one group only */
};

static void apply_lists(struct judge *judge, struct judgement *j, struct fct_list setting)
{
    struct transaction *tx = judge->tx;
    enum fct_action action;
    struct fct_str why;

    if (!judge->knows_sender)
        sender_read(tx, &judge->sender);
    judge->knows_sender = true;
    if (!sender_lists_decide(&judge->sender, setting, tx->arena, &action, &why))
        return;
    note(j, &j->log, LEDGER_FORCE, action_name(action), why);
    if (force_is_stronger(&tx->forced, action, LIST_RANK))
        tx->forced = (struct call_force){true, action, LIST_RANK, j->label, why};
}

/* ---- one group ---- */

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

/* At `verdict` plugins see the symbols that count here, and force for this group alone. */
static FCT_MAY_WAIT void judge_one(struct judge *judge, struct judgement *j,
                                   const struct audience_group *group)
{
    struct hook_engine *engine = judge->engine;
    struct transaction *tx = judge->tx;
    struct call_force forced = tx->forced;
    struct symbol_hit *found = tx->hit;
    size_t hits = tx->hits;
    struct hook_decision by_action;

    take_personal(j, tx, group->person);
    tx->hit = j->hit;
    tx->hits = j->hits;
    j->score = score_judge(tx, &engine->judging.composites, j->profile, &j->log);
    if (group->setting.n > 0)
        apply_lists(judge, j, group->setting);
    j->action = tx->forced.any ? tx->forced.action : profile_action(j->profile, j->score.milli);
    if (engine->plan.point[FCT_HOOK_verdict].n > 0) {
        tx->hit = j->score.hit;
        tx->hits = j->score.symbols;
        ask_verdict(engine, tx, j, judge->alone);
    }
    tx->hit = found;
    tx->hits = hits;
    by_action = message_action_decision(j->action);
    by_action.by = tx->forced.any && tx->forced.action == j->action ? tx->forced.by : j->label;
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
        struct profile_wish wish = audience_wish(tx, &recipient[i]);

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
    struct judgement j = {
        .profile = shadow, .label = str_from(shadow->name), .log = {.arena = tx->arena}};
    struct symbol_hit *found = tx->hit;
    size_t hits = tx->hits;

    tx->hit = live->hit;
    tx->hits = live->hits;
    j.score = score_judge(tx, &engine->judging.composites, shadow, &j.log);
    tx->hit = found;
    tx->hits = hits;
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
    struct audience audience = audience_group(&engine->judging.profiles, tx, recipient, n);
    struct judge judge = {.engine = engine, .tx = tx, .alone = audience.n == 1};

    *out = (struct judgements){
        .judgement = ARENA_ARRAY(tx->arena, struct judgement, audience.n),
        .n = audience.n,
        .of = audience.of,
    };
    for (size_t i = 0; i < out->n; i++) {
        const struct audience_group *group = &audience.group[i];

        out->judgement[i] = (struct judgement){
            .profile = group->profile, .label = group->label, .log = {.arena = tx->arena}};
        judge_one(&judge, &out->judgement[i], group);
    }
    judge_shadows(engine, tx, recipient, n, out);
}

/* ---- one reply for all ---- */

struct hook_decision message_shared_decision(struct judgement *j, struct ledger_log *log)
{
    struct hook_decision d = message_action_decision(j->profile->shared);

    d.by = j->label;
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
