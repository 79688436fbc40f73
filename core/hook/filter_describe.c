/* filter_describe.c - the same facts twice: for people, and as JSON. */
#include "core/hook/filter_describe.h"

#include "core/hook/ledger.h"
#include <inttypes.h>

static struct plugin_counts sum_counts(const struct fct_self *self)
{
    struct plugin_counts sum = {0};

    for (const struct plugin_row *r = self->row; r; r = r->next) {
        sum.calls += r->counts.calls;
        sum.timeouts += r->counts.timeouts;
        sum.errors += r->counts.errors;
        sum.busy_us += r->counts.busy_us;
        for (size_t v = 0; v < FCT_COUNT(sum.verdict); v++)
            sum.verdict[v] += r->counts.verdict[v];
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
                   self->name, plugin_is_off(self) ? "OFF" : "on", c.calls, c.timeouts, c.errors,
                   strikes_of(self), c.busy_us);
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

/* ---- JSON; names are checked at load, so they need no escaping but labels do ---- */

static void put_json_text(const char *s, struct buf *out)
{
    buf_put_char(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_put_char(out, '\\');
        if ((unsigned char)*s >= 0x20)
            buf_put_char(out, *s);
    }
    buf_put_char(out, '"');
}

static void plugin_json(const struct fct_self *self, struct buf *out)
{
    struct plugin_counts c = sum_counts(self);

    buf_put_c(out, "{\"name\": ");
    put_json_text(self->name, out);
    buf_put_c(out, ", \"version\": ");
    put_json_text(self->version, out);
    buf_printf(out,
               ", \"off\": %s, \"on_error\": \"%s\", \"on_timeout\": \"%s\", \"strikes\": %" PRIu32
               ", \"calls\": %" PRIu64 ", \"timeouts\": %" PRIu64 ", \"errors\": %" PRIu64
               ", \"busy_us\": %" PRIu64 ", \"verdicts\": {",
               plugin_is_off(self) ? "true" : "false", plugin_policy_name(self->on_error),
               plugin_policy_name(self->on_timeout), strikes_of(self), c.calls, c.timeouts,
               c.errors, c.busy_us);
    for (size_t v = 0; v < FCT_COUNT(c.verdict); v++)
        buf_printf(out, "%s\"%s\": %" PRIu64, v ? ", " : "", verdict_name((enum fct_verdict)v),
                   c.verdict[v]);
    buf_put_c(out, "}, \"metrics\": {");
    for (const struct plugin_metric *m = self->metric; m; m = m->next) {
        put_json_text(m->name, out);
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
            put_json_text(point->row[i].row->label, out);
        }
        buf_put_c(out, "]");
    }
}

void filter_describe_engine(const struct hook_engine *engine, const struct filter_facts *facts,
                            bool json, struct buf *out)
{
    if (!json) {
        buf_printf(out, "filter %u: %" PRIu64 " requests in %" PRIu64 " s\n", facts->index,
                   facts->requests, facts->age_ms / 1000);
        filter_describe_status(engine, out);
        buf_put_c(out, "plan (> one after the other, | side by side)\n");
        plan_text(engine, out);
        return;
    }
    buf_printf(out,
               "{\"index\": %u, \"requests\": %" PRIu64 ", \"age_ms\": %" PRIu64 ", \"plugins\": [",
               facts->index, facts->requests, facts->age_ms);
    for (size_t i = 0; i < engine->set.n; i++) {
        if (i > 0)
            buf_put_c(out, ", ");
        plugin_json(engine->set.plugin[i], out);
    }
    buf_put_c(out, "], \"plan\": {");
    plan_json(engine, out);
    buf_put_c(out, "}}");
}
