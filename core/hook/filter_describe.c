/* filter_describe.c - the same facts twice: for people, and as JSON. */
#include "core/hook/filter_describe.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/hook/ledger.h"
#include "core/plugin/plugin_host.h"
#include <inttypes.h>
#include <stdlib.h>

static const char *const operation_names[OPERATION_COUNT] = {
    [OPERATION_DNS] = "dns",       [OPERATION_REDIS] = "redis",     [OPERATION_HTTP] = "http",
    [OPERATION_STREAM] = "stream", [OPERATION_OFFLOAD] = "offload",
};

const char *plugin_operation_name(enum plugin_operation what)
{
    return operation_names[what];
}

void plugin_counts_add(struct plugin_counts *sum, const struct plugin_counts *c)
{
    sum->calls += c->calls;
    sum->timeouts += c->timeouts;
    sum->errors += c->errors;
    sum->busy_us += c->busy_us;
    sum->waited_us += c->waited_us;
    sum->bytes += c->bytes;
    sum->symbols += c->symbols;
    sum->score_milli += c->score_milli;
    sum->edits += c->edits;
    for (size_t v = 0; v < FCT_COUNT(sum->verdict); v++)
        sum->verdict[v] += c->verdict[v];
    for (size_t t = 0; t < PLUGIN_TIMES; t++)
        sum->times[t] += c->times[t];
    for (size_t o = 0; o < OPERATION_COUNT; o++)
        sum->operation[o] += c->operation[o];
}

static struct plugin_counts sum_counts(const struct fct_self *self)
{
    struct plugin_counts sum = {0};

    for (const struct plugin_row *r = self->row; r; r = r->next)
        plugin_counts_add(&sum, &r->counts);
    return sum;
}

/* Of one point; false when the plugin has no row there. */
static bool hook_counts(const struct fct_self *self, enum fct_hook hook, struct plugin_counts *sum)
{
    bool any = false;

    *sum = (struct plugin_counts){0};
    for (const struct plugin_row *r = self->row; r; r = r->next)
        if (r->is.hook == hook) {
            plugin_counts_add(sum, &r->counts);
            any = true;
        }
    return any;
}

/* Rows in shadow, what they would have done. */
static struct plugin_counts shadow_counts(const struct fct_self *self, bool *any)
{
    struct plugin_counts sum = {0};

    *any = false;
    for (const struct plugin_row *r = self->row; r; r = r->next)
        if (r->shadow) {
            plugin_counts_add(&sum, &r->counts);
            *any = true;
        }
    return sum;
}

static uint32_t strikes_of(const struct fct_self *self)
{
    return self->strikes ? atomic_load(self->strikes) : 0;
}

/* ---- text ---- */

void filter_describe_status(const struct hook_engine *engine, struct buf *out)
{
    for (size_t i = 0; i < engine->set.n; i++) {
        const struct fct_self *self = engine->set.plugin[i];
        struct plugin_counts c = sum_counts(self);

        buf_printf(out,
                   "plugin %s %s, %" PRIu64 " calls, %" PRIu64 " timeouts, %" PRIu64
                   " errors, %" PRIu32 " strikes, %" PRIu64 " us\n",
                   self->name,
                   plugin_is_off(self) ? "OFF"
                   : self->shadow      ? "shadow"
                                       : "on",
                   c.calls, c.timeouts, c.errors, strikes_of(self), c.busy_us);
    }
}

static void plan_text(const struct hook_engine *engine, struct buf *out)
{
    for (int h = 0; h < FCT_HOOK_COUNT; h++) {
        const struct plan_point *point = &engine->plan.point[h];

        if (point->n == 0)
            continue;
        buf_printf(out, "  %-10s", hook_info[h].name);
        for (size_t i = 0; i < point->n; i++)
            buf_printf(out, "%s%s", i ? (hook_info[h].kind == HOOK_SCAN ? " | " : " > ") : " ",
                       point->row[i].row->label);
        buf_put_c(out, "\n");
    }
}

/* ---- JSON ---- */

void filter_put_quoted(const char *s, struct buf *out)
{
    bool text = utf8_is_valid(str_from(s));

    buf_put_char(out, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, c < 0x20 ? ' ' : c >= 0x80 && !text ? '?' : *s);
    }
    buf_put_char(out, '"');
}

static void verdicts_json(const struct plugin_counts *c, struct buf *out)
{
    buf_put_c(out, "{");
    for (size_t v = 0; v < FCT_COUNT(c->verdict); v++)
        buf_printf(out, "%s\"%s\": %" PRIu64, v ? ", " : "", verdict_name((enum fct_verdict)v),
                   c->verdict[v]);
    buf_put_c(out, "}");
}

static void put_milli(int64_t milli, struct buf *out)
{
    buf_printf(out, "%s%" PRIu64 ".%03u", milli < 0 ? "-" : "", (uint64_t)llabs(milli) / 1000,
               (unsigned)(llabs(milli) % 1000));
}

/* The members that a hook, a plugin and a shadow have in common. */
static void counts_json(const struct plugin_counts *c, struct buf *out)
{
    buf_printf(out,
               "\"calls\": %" PRIu64 ", \"timeouts\": %" PRIu64 ", \"errors\": %" PRIu64
               ", \"busy_us\": %" PRIu64 ", \"waited_us\": %" PRIu64 ", \"symbols\": %" PRIu64
               ", \"score\": ",
               c->calls, c->timeouts, c->errors, c->busy_us, c->waited_us, c->symbols);
    put_milli(c->score_milli, out);
    buf_printf(out, ", \"edits\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"verdicts\": ", c->edits,
               c->bytes);
    verdicts_json(c, out);
    buf_put_c(out, ", \"operations\": {");
    for (size_t o = 0; o < OPERATION_COUNT; o++)
        buf_printf(out, "%s\"%s\": %" PRIu64, o ? ", " : "", operation_names[o], c->operation[o]);
    buf_put_c(out, "}");
}

/* Calls below 1, 2, 4 … microseconds of processor; the last one: all longer ones. */
static void times_json(const struct plugin_counts *c, struct buf *out)
{
    buf_put_c(out, ", \"log2_us\": [");
    for (size_t t = 0; t < PLUGIN_TIMES; t++)
        buf_printf(out, "%s%" PRIu32, t ? ", " : "", c->times[t]);
    buf_put_c(out, "]");
}

static void hooks_json(const struct fct_self *self, struct buf *out)
{
    struct plugin_counts c;
    bool first = true;

    buf_put_c(out, ", \"hooks\": {");
    for (int h = 0; h < FCT_HOOK_COUNT; h++) {
        if (!hook_counts(self, (enum fct_hook)h, &c))
            continue;
        buf_printf(out, "%s\"%s\": {", first ? "" : ", ", hook_info[h].name);
        first = false;
        counts_json(&c, out);
        times_json(&c, out);
        buf_put_c(out, "}");
    }
    buf_put_c(out, "}");
}

static void plugin_json(const struct fct_self *self, struct buf *out)
{
    struct plugin_counts c = sum_counts(self), shadow;
    bool any;

    buf_put_c(out, "{\"name\": ");
    filter_put_quoted(self->name, out);
    buf_put_c(out, ", \"version\": ");
    filter_put_quoted(self->version, out);
    buf_printf(out,
               ", \"off\": %s, \"mode\": \"%s\", \"on_error\": \"%s\", \"on_timeout\": \"%s\", "
               "\"strikes\": %" PRIu32 ", ",
               plugin_is_off(self) ? "true" : "false", self->shadow ? "shadow" : "live",
               plugin_policy_name(self->on_error), plugin_policy_name(self->on_timeout),
               strikes_of(self));
    counts_json(&c, out);
    hooks_json(self, out);
    shadow = shadow_counts(self, &any);
    if (any) {
        buf_put_c(out, ", \"would\": {");
        counts_json(&shadow, out);
        buf_put_c(out, "}");
    }
    buf_put_c(out, ", \"metrics\": {");
    for (const struct plugin_metric *m = self->metric; m; m = m->next) {
        filter_put_quoted(m->name, out);
        buf_printf(out, ": %g%s", m->value, m->next ? ", " : "");
    }
    buf_put_c(out, "}}");
}

static void plan_json(const struct hook_engine *engine, struct buf *out)
{
    bool first = true;

    for (int h = 0; h < FCT_HOOK_COUNT; h++) {
        const struct plan_point *point = &engine->plan.point[h];

        if (point->n == 0)
            continue;
        buf_printf(out, "%s\"%s\": [", first ? "" : ", ", hook_info[h].name);
        first = false;
        for (size_t i = 0; i < point->n; i++) {
            if (i > 0)
                buf_put_c(out, ", ");
            filter_put_quoted(point->row[i].row->label, out);
        }
        buf_put_c(out, "]");
    }
}

static void place_json(const struct conf_place *place, struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4096);

    buf_put_c(out, ", \"where\": ");
    if (place)
        buf_printf(&text, "%s:%u:%u", place->file, place->line, place->column);
    buf_put_char(&text, '\0');
    filter_put_quoted(text.p, out);
    buf_put_c(out, "}");
}

/* What one profile says of it; false: nothing. */
static bool override_json(const struct profile *p, const char *name, bool first, struct buf *out)
{
    const struct profile_symbol *off = p->disabled ? map_get(p->disabled, str_from(name)) : NULL;
    const struct profile_symbol *own = p->weight ? map_get(p->weight, str_from(name)) : NULL;

    if (!off && !own)
        return false;
    buf_put_c(out, first ? "{\"profile\": " : ", {\"profile\": ");
    filter_put_quoted(p->name, out);
    buf_put_c(out, off ? ", \"disabled\": true" : ", \"score\": ");
    if (!off)
        ledger_put_milli(own->milli, out);
    place_json(off ? off->place : own->place, out);
    return true;
}

static void overrides_json(const struct profile_set *profiles, const char *name, struct buf *out)
{
    bool first = true;

    buf_put_c(out, ", \"overrides\": [");
    for (size_t i = 0; i < profiles->n; i++)
        first = !override_json(&profiles->profile[i], name, first, out) && first;
    buf_put_c(out, "]");
}

static void symbol_json(const struct plugin_symbol *s, const struct profile_set *profiles,
                        bool first, struct buf *out)
{
    const char *file = s->self && s->self->path ? s->self->path : "";

    buf_put_c(out, first ? "{\"name\": " : ", {\"name\": ");
    filter_put_quoted(s->name, out);
    buf_put_c(out, ", \"score\": ");
    ledger_put_milli(s->score_milli, out);
    buf_put_c(out, ", \"group\": ");
    filter_put_quoted(s->group ? s->group : "", out);
    buf_put_c(out, ", \"doc\": ");
    filter_put_quoted(s->doc ? s->doc : "", out);
    buf_put_c(out, ", \"expression\": ");
    filter_put_quoted(s->expression ? s->expression : "", out);
    buf_put_c(out, ", \"plugin\": ");
    filter_put_quoted(s->self ? s->self->name : "", out);
    buf_put_c(out, ", \"origin\": ");
    filter_put_quoted(s->origin ? s->origin : file, out);
    overrides_json(profiles, s->name, out);
    buf_put_c(out, "}");
}

/* What symbols mean: those who explain a verdict read it. Composites may be the configuration's. */
static void symbols_json(const struct hook_engine *engine, struct buf *out)
{
    const struct composite_set *composites = &engine->judging.composites;
    bool first = true;

    for (size_t i = 0; i < engine->set.n; i++)
        for (const struct plugin_symbol *s = engine->set.plugin[i]->symbol; s; s = s->next)
            if (!s->expression) {
                symbol_json(s, &engine->judging.profiles, first, out);
                first = false;
            }
    for (size_t i = 0; i < composites->n; i++) {
        symbol_json(composites->composite[i].symbol, &engine->judging.profiles, first, out);
        first = false;
    }
}

/* Of profiles in shadow: as `would` of a plugin, so that both can be summed up alike. */
static void profile_json(const struct profile *p, struct buf *out)
{
    buf_put_c(out, "{\"name\": ");
    filter_put_quoted(p->name, out);
    buf_printf(out, ", \"would\": {\"calls\": %" PRIu64 ", \"otherwise\": %" PRIu64 ", \"score\": ",
               p->counts.judged, p->counts.otherwise);
    put_milli(p->counts.score_milli, out);
    buf_put_c(out, ", \"verdicts\": {");
    for (unsigned a = 0; a < PROFILE_ACTIONS; a++)
        buf_printf(out, "%s\"%s\": %" PRIu64, a ? ", " : "", action_name((enum fct_action)a),
                   p->counts.action[a]);
    buf_put_c(out, "}}}");
}

static void profiles_json(const struct profile_set *set, struct buf *out)
{
    bool first = true;

    for (size_t i = 0; i < set->n; i++)
        if (set->profile[i].shadow) {
            buf_put_c(out, first ? "" : ", ");
            first = false;
            profile_json(&set->profile[i], out);
        }
}

/* Limits of groups, profile by profile. */
static void caps_json(const struct profile_set *set, struct buf *out)
{
    bool first = true;

    for (size_t i = 0; i < set->n; i++)
        for (size_t k = 0; k < set->profile[i].caps; k++) {
            const struct profile_cap *cap = &set->profile[i].cap[k];

            buf_put_c(out, first ? "{\"profile\": " : ", {\"profile\": ");
            first = false;
            filter_put_quoted(set->profile[i].name, out);
            buf_put_c(out, ", \"group\": ");
            filter_put_quoted(cap->group, out);
            buf_put_c(out, ", \"most\": ");
            ledger_put_milli(cap->most_milli, out);
            if (cap->least_milli > INT32_MIN) {
                buf_put_c(out, ", \"least\": ");
                ledger_put_milli(cap->least_milli, out);
            }
            place_json(cap->place, out);
        }
}

static void describe_json(const struct hook_engine *engine, const struct filter_facts *facts,
                          struct buf *out)
{
    buf_printf(out,
               "{\"index\": %u, \"requests\": %" PRIu64 ", \"age_ms\": %" PRIu64 ", \"plugins\": [",
               facts->index, facts->requests, facts->age_ms);
    for (size_t i = 0; i < engine->set.n; i++) {
        if (i > 0)
            buf_put_c(out, ", ");
        plugin_json(engine->set.plugin[i], out);
    }
    buf_put_c(out, "], \"profiles\": [");
    profiles_json(&engine->judging.profiles, out);
    buf_put_c(out, "], \"symbols\": [");
    symbols_json(engine, out);
    buf_put_c(out, "], \"group_caps\": [");
    caps_json(&engine->judging.profiles, out);
    buf_put_c(out, "], \"plan\": {");
    plan_json(engine, out);
    buf_put_c(out, "}}");
}

static void describe_text(const struct hook_engine *engine, const struct filter_facts *facts,
                          struct buf *out)
{
    buf_printf(out, "filter %u: %" PRIu64 " requests in %" PRIu64 " s\n", facts->index,
               facts->requests, facts->age_ms / 1000);
    filter_describe_status(engine, out);
    buf_put_c(out, "plan (> one after the other, | side by side)\n");
    plan_text(engine, out);
}

void filter_describe_engine(const struct hook_engine *engine, const struct filter_facts *facts,
                            enum filter_format format, struct buf *out)
{
    static void (*const describe[])(const struct hook_engine *engine,
                                    const struct filter_facts *facts, struct buf *out) = {
        [FILTER_TEXT] = describe_text,
        [FILTER_JSON] = describe_json,
        [FILTER_METRICS] = filter_describe_metrics,
    };

    describe[format](engine, facts, out);
}
