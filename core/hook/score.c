/* score.c - weights of the profile, composites, what they consume, caps. Hits are bounded in number
 * and size (plugin_result.c), so that every sum fits. */
#include "core/hook/score.h"

#include "core/base/str.h"
#include <inttypes.h>
#include <math.h>

#define SYMBOL_MILLI_MAX 1000000

bool judging_build(struct plugin_set *plugins, const struct config *conf, struct judging *out,
                   struct fct_err *err)
{
    *out = (struct judging){0};
    return composite_set_build(plugins, conf, &out->composites, err) &&
           profile_set_build(plugins, conf, &out->profiles, err);
}

/* ---- the sheet: one line per symbol ---- */

struct line {
    const struct plugin_symbol *symbol;
    double factor;
    int32_t milli;
    bool disabled, consumed;
    const struct composite *composite; /* of a composite that is hit */
};

struct sheet {
    const struct transaction *tx;
    const struct profile *profile;
    struct ledger_log *log;
    struct line *line;
    size_t n;
    const struct plugin_symbol *consumer; /* composite at work */
};

static void note(struct sheet *s, enum ledger_kind kind, const char *by, const char *name,
                 int32_t milli, struct fct_str detail)
{
    ledger_log_add(s->log, &(struct ledger_entry){
                               .kind = kind,
                               .hook = FCT_HOOK_verdict,
                               .by = str_from(by),
                               .name = str_from(name),
                               .score_milli = milli,
                               .detail = detail,
                           });
}

static bool is_disabled(const struct sheet *s, const struct plugin_symbol *symbol)
{
    return s->profile->disabled && map_get(s->profile->disabled, str_from(symbol->name));
}

static int32_t weight_of(const struct sheet *s, const struct plugin_symbol *symbol)
{
    const struct profile_symbol *own =
        s->profile->weight ? map_get(s->profile->weight, str_from(symbol->name)) : NULL;

    return own ? own->milli : symbol->score_milli;
}

static int32_t times(int32_t weight, double factor)
{
    return (int32_t)fmin(fmax(round(weight * factor), -SYMBOL_MILLI_MAX), SYMBOL_MILLI_MAX);
}

/* ---- what was found, with this profile's weights ---- */

static void take_hit(struct sheet *s, const struct symbol_hit *h)
{
    struct line *l = &s->line[s->n++];
    int32_t weight = weight_of(s, h->symbol);
    char was[SCORE_TEXT_MAX], is[SCORE_TEXT_MAX];

    *l = (struct line){.symbol = h->symbol, .factor = h->factor, .milli = h->score_milli};
    if (is_disabled(s, h->symbol)) {
        l->disabled = true;
        note(s, LEDGER_ADJUST, s->profile->name, h->symbol->name, -h->score_milli,
             FCT_STR("disabled"));
    } else if (weight != h->symbol->score_milli) {
        l->milli = times(weight, h->factor);
        note(s, LEDGER_ADJUST, s->profile->name, h->symbol->name, l->milli - h->score_milli,
             arena_printf(s->tx->arena, "weight %.*s instead of %.*s",
                          FCT_FMT(score_text(weight, is)),
                          FCT_FMT(score_text(h->symbol->score_milli, was))));
    }
}

/* The list has the last one found in front. */
static void take_found(struct sheet *s)
{
    size_t n = s->tx->hits, at = n;
    const struct symbol_hit **order = ARENA_ARRAY(s->tx->arena, const struct symbol_hit *, n + 1);

    for (const struct symbol_hit *h = s->tx->hit; h && at > 0; h = h->next)
        order[--at] = h;
    for (; at < n; at++)
        take_hit(s, order[at]);
}

/* ---- composites ---- */

static bool has(void *owner, const struct plugin_symbol *symbol, const char *group,
                const struct plugin_symbol *except)
{
    const struct sheet *s = owner;

    for (size_t i = 0; i < s->n; i++) {
        const struct plugin_symbol *is = s->line[i].symbol;

        if (s->line[i].disabled || is == except)
            continue;
        if (symbol ? is == symbol : strcmp(is->group, group) == 0)
            return true;
    }
    return false;
}

static bool is_there(const struct sheet *s, const struct plugin_symbol *symbol)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->line[i].symbol == symbol)
            return true;
    return false;
}

static void add_composite(struct sheet *s, const struct composite *c)
{
    const struct plugin_symbol *symbol = c->symbol;
    int32_t weight = times(weight_of(s, symbol), 1);

    s->line[s->n++] = (struct line){.symbol = symbol, .factor = 1, .milli = weight, .composite = c};
    ledger_log_add(s->log, &(struct ledger_entry){
                               .kind = LEDGER_SYMBOL,
                               .hook = FCT_HOOK_scan,
                               .by = str_from(symbol->self->name),
                               .name = str_from(symbol->name),
                               .score_milli = weight,
                               .weight_milli = weight,
                               .group = str_from(symbol->group),
                               .detail = str_from(symbol->expression),
                           });
}

static void consume(void *owner, const struct plugin_symbol *symbol, const char *group)
{
    struct sheet *s = owner;

    for (size_t i = 0; i < s->n; i++) {
        struct line *l = &s->line[i];

        if (l->disabled || l->consumed || l->symbol == s->consumer ||
            (symbol ? l->symbol != symbol : strcmp(l->symbol->group, group) != 0))
            continue;
        note(s, LEDGER_ADJUST, s->consumer->name, l->symbol->name, -l->milli, FCT_STR("consumed"));
        l->consumed = true;
    }
}

/* First all are asked, then those that are hit take away what made them true: one that another
 * consumes still consumes, so the order changes nothing. */
static void judge_composites(struct sheet *s, const struct composite_set *set)
{
    struct composite_facts facts = {has, s};
    size_t found = s->n;

    for (size_t i = 0; i < set->n; i++) {
        const struct composite *c = &set->composite[i];

        if (!is_disabled(s, c->symbol) && !is_there(s, c->symbol) && composite_is_hit(c, &facts))
            add_composite(s, c);
    }
    for (size_t i = found; i < s->n; i++) {
        s->consumer = s->line[i].symbol;
        if (s->consumer->consume)
            composite_causes(s->line[i].composite, &facts, consume);
    }
}

/* ---- caps ---- */

static bool is_counted(const struct line *l)
{
    return !l->disabled && !l->consumed;
}

static void apply_cap(struct sheet *s, const struct profile_cap *cap, int64_t *total)
{
    int64_t sum = 0, held;
    char most[SCORE_TEXT_MAX], least[SCORE_TEXT_MAX];

    for (size_t i = 0; i < s->n; i++)
        if (is_counted(&s->line[i]) && strcmp(s->line[i].symbol->group, cap->group) == 0)
            sum += s->line[i].milli;
    held = sum > cap->most_milli    ? cap->most_milli
           : sum < cap->least_milli ? cap->least_milli
                                    : sum;
    if (held == sum)
        return;
    note(s, LEDGER_ADJUST, s->profile->name, cap->group, (int32_t)(held - sum),
         held < sum ? arena_printf(s->tx->arena, SCORE_CAP_DETAIL "at most %.*s",
                                   FCT_FMT(score_text(cap->most_milli, most)))
                    : arena_printf(s->tx->arena, SCORE_CAP_DETAIL "at least %.*s",
                                   FCT_FMT(score_text(cap->least_milli, least))));
    *total += held - sum;
}

/* ---- the sum ---- */

static struct score add_up(struct sheet *s)
{
    struct score score = {0};
    int64_t total = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct line *l = &s->line[i];
        struct symbol_hit *hit;

        if (!is_counted(l))
            continue;
        total += l->milli;
        score.symbols++;
        hit = ARENA_NEW(s->tx->arena, struct symbol_hit);
        hit->symbol = l->symbol;
        hit->score_milli = l->milli;
        hit->factor = l->factor;
        hit->next = score.hit;
        score.hit = hit;
    }
    for (size_t i = 0; i < s->profile->caps; i++)
        apply_cap(s, &s->profile->cap[i], &total);
    score.milli = (int32_t)total;
    return score;
}

struct score score_judge(const struct transaction *tx, const struct composite_set *composites,
                         const struct profile *profile, struct ledger_log *log)
{
    struct sheet sheet = {
        .tx = tx,
        .profile = profile,
        .log = log,
        .line = ARENA_ARRAY(tx->arena, struct line, tx->hits + composites->n + 1),
    };

    take_found(&sheet);
    judge_composites(&sheet, composites);
    return add_up(&sheet);
}

/* ---- text ---- */

struct fct_str score_text(int32_t milli, char *to)
{
    int64_t size = milli < 0 ? -(int64_t)milli : milli;
    int n = snprintf(to, SCORE_TEXT_MAX, "%s%" PRId64 ".%03" PRId64, milli < 0 ? "-" : "",
                     size / 1000, size % 1000);

    while (to[n - 1] == '0')
        n--;
    if (to[n - 1] == '.')
        n--;
    return (struct fct_str){to, (size_t)n};
}
