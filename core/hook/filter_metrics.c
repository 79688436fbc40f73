/* filter_metrics.c - what plugins did, as lines that Prometheus reads (text format 0.0.4): one
 * sample a line, every label quoted. `# TYPE` lines are written by who puts the filters' samples
 * together. */
#include "core/hook/filter_describe.h"

#include "core/dns/dns_answer.h"
#include "core/dns/resolver.h"
#include "core/hook/ledger.h"
#include "core/plugin/plugin_services.h"
#include "core/redis/redis.h"
#include "core/state/state.h"
#include <inttypes.h>

struct sampling {
    struct buf *out;
    unsigned filter;
    const struct fct_self *self;
    const struct plugin_row *row; /* NULL: of the plugin as a whole */
    struct plugin_counts counts;  /* of all rows that are called the same */
};

static void begin(const struct sampling *s, const char *metric)
{
    buf_printf(s->out, "facteur_plugin_%s{filter=\"%u\",plugin=", metric, s->filter);
    filter_put_quoted(s->self->name, s->out);
    if (!s->row)
        return;
    buf_printf(s->out, ",hook=\"%s\",row=", hook_info[s->row->is.hook].name);
    filter_put_quoted(s->row->label, s->out);
    if (s->row->shadow)
        buf_put_c(s->out, ",mode=\"shadow\"");
}

static void sample(const struct sampling *s, const char *metric, uint64_t value)
{
    begin(s, metric);
    buf_printf(s->out, "} %" PRIu64 "\n", value);
}

static void seconds(const struct sampling *s, const char *metric, uint64_t us)
{
    begin(s, metric);
    buf_printf(s->out, "} %" PRIu64 ".%06u\n", us / 1000000, (unsigned)(us % 1000000));
}

static void verdicts(const struct sampling *s)
{
    const struct plugin_counts *c = &s->counts;

    for (size_t v = 0; v < FCT_COUNT(c->verdict); v++) {
        if (c->verdict[v] == 0)
            continue;
        begin(s, "verdicts_total");
        buf_printf(s->out, ",verdict=\"%s\"} %" PRIu64 "\n", verdict_name((enum fct_verdict)v),
                   c->verdict[v]);
    }
}

/* A histogram: each bucket counts those below it as well. */
static void busy(const struct sampling *s)
{
    const struct plugin_counts *c = &s->counts;
    uint64_t sum = 0;

    for (unsigned t = 0; t + 1 < PLUGIN_TIMES; t++) {
        uint64_t us = UINT64_C(1) << t;

        sum += c->times[t];
        if (c->times[t] == 0)
            continue;
        begin(s, "busy_seconds_bucket");
        buf_printf(s->out, ",le=\"%u.%06u\"} %" PRIu64 "\n", (unsigned)(us / 1000000),
                   (unsigned)(us % 1000000), sum);
    }
    begin(s, "busy_seconds_bucket");
    buf_printf(s->out, ",le=\"+Inf\"} %" PRIu64 "\n", c->calls);
    seconds(s, "busy_seconds_sum", c->busy_us);
    sample(s, "busy_seconds_count", c->calls);
}

static void operations(const struct sampling *s)
{
    const struct plugin_counts *c = &s->counts;

    for (unsigned o = 0; o < OPERATION_COUNT; o++) {
        if (c->operation[o] == 0)
            continue;
        begin(s, "operations_total");
        buf_printf(s->out, ",kind=\"%s\"} %" PRIu64 "\n",
                   plugin_operation_name((enum plugin_operation)o), c->operation[o]);
    }
    if (c->bytes > 0)
        sample(s, "bytes_total", c->bytes);
}

static void of_row(const struct sampling *s)
{
    const struct plugin_counts *c = &s->counts;

    if (c->calls == 0)
        return;
    busy(s);
    seconds(s, "waited_seconds_total", c->waited_us);
    verdicts(s);
    sample(s, "timeouts_total", c->timeouts);
    sample(s, "errors_total", c->errors);
    sample(s, "symbols_total", c->symbols);
    operations(s);
}

/* Several rules of one file have one label: one sample, or nobody could read them. */
static bool is_same(const struct plugin_row *a, const struct plugin_row *b)
{
    return a->is.hook == b->is.hook && a->shadow == b->shadow && strcmp(a->label, b->label) == 0;
}

static bool gather(struct sampling *s)
{
    const struct plugin_row *r = s->self->row;

    while (!is_same(r, s->row))
        r = r->next;
    if (r != s->row)
        return false; /* counted with an earlier one */
    s->counts = (struct plugin_counts){0};
    for (; r; r = r->next)
        if (is_same(r, s->row))
            plugin_counts_add(&s->counts, &r->counts);
    return true;
}

static void of_plugin(struct sampling *s)
{
    s->row = NULL;
    sample(s, "off", plugin_is_off(s->self));
    sample(s, "strikes", s->self->strikes ? atomic_load(s->self->strikes) : 0);
    for (const struct plugin_metric *m = s->self->metric; m; m = m->next) {
        begin(s, "metric");
        buf_put_c(s->out, ",name=");
        filter_put_quoted(m->name, s->out);
        buf_printf(s->out, "} %.17g\n", m->value);
    }
    for (s->row = s->self->row; s->row; s->row = s->row->next)
        if (gather(s))
            of_row(s);
}

/* ---- of the whole process ---- */

struct metric_row {
    const char *name;
    uint64_t value;
};

static void put_rows(const char *subject, unsigned filter, const struct metric_row *row, size_t n,
                     struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "facteur_%s_%s{filter=\"%u\"} %" PRIu64 "\n", subject, row[i].name, filter,
                   row[i].value);
}

/* Questions of plugins as the resolver met them. */
static void of_resolver(const struct dns_resolver *dns, unsigned filter, struct buf *out)
{
    struct dns_stats stats = dns_resolver_stats(dns);
    const struct metric_row rows[] = {
        {"cached_total", stats.at_once},
        {"joined_total", stats.joined},
        {"timeouts_total", stats.timeouts},
        {"in_flight", stats.in_flight},
    };

    for (unsigned i = 0; i < FCT_COUNT(stats.status); i++)
        buf_printf(out, "facteur_dns_questions_total{filter=\"%u\",status=\"%s\"} %" PRIu64 "\n",
                   filter, dns_status_word((enum fct_dns_status)i), stats.status[i]);
    put_rows("dns", filter, rows, FCT_COUNT(rows), out);
    buf_printf(out, "facteur_dns_waited_seconds_total{filter=\"%u\"} %" PRIu64 ".%06u\n", filter,
               stats.waited_us / 1000000, (unsigned)(stats.waited_us % 1000000));
}

static void of_redis(const struct redis *redis, unsigned filter, struct buf *out)
{
    struct redis_stats stats = redis_stats(redis);
    const struct metric_row rows[] = {
        {"there", stats.there},
        {"commands_total", stats.commands},
        {"errors_total", stats.errors},
        {"timeouts_total", stats.timeouts},
        {"connections_total", stats.connections},
        {"refused_total", stats.refused},
        {"in_flight", stats.pending},
    };

    put_rows("redis", filter, rows, FCT_COUNT(rows), out);
}

static void of_state(const struct state *state, unsigned filter, struct buf *out)
{
    static const char *const from[] = {
        [STATE_REDIS] = "redis", [STATE_LOCAL] = "local", [STATE_DEGRADED] = "degraded"};
    struct state_stats stats = state_stats(state);

    for (size_t i = 0; i < FCT_COUNT(from); i++)
        buf_printf(out, "facteur_state_asked_total{filter=\"%u\",from=\"%s\"} %" PRIu64 "\n",
                   filter, from[i], stats.asked[i]);
}

void filter_describe_metrics(const struct hook_engine *engine, const struct filter_facts *facts,
                             struct buf *out)
{
    struct sampling s = {.out = out, .filter = facts->index};
    const struct plugin_services *services = engine->set.services;

    buf_printf(out, "facteur_filter_requests_total{filter=\"%u\"} %" PRIu64 "\n", facts->index,
               facts->requests);
    if (services && services->dns)
        of_resolver(services->dns, facts->index, out);
    if (services && services->redis)
        of_redis(services->redis, facts->index, out);
    if (services && services->state)
        of_state(services->state, facts->index, out);
    for (size_t i = 0; i < engine->set.n; i++) {
        s.self = engine->set.plugin[i];
        of_plugin(&s);
    }
}
