/* ctl_filters.c - see ctl_filters.h. One filter after the other: each speaks for itself. */
#include "core/ctl/ctl_filters.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_queue_int.h"
#include "core/hook/filter_client.h"

#define ANSWER_MS 10000u
#define TEXT_MAX  (16u << 20)

static FCT_MAY_WAIT bool describe_at(struct ctl *c, int fd, enum filter_format format,
                                     struct buf *out, struct fct_err *err)
{
    struct role_env env = {.base = c->base,
                           .conf = c->config,
                           .kind = ROLE_CTL,
                           .count = {[ROLE_FILTER] = 1},
                           .run_dir = c->run_dir};
    struct filter_client *client = filter_client_new(&env);
    bool ok;

    filter_client_peer(client, 0, fd);
    ok = filter_ready(client, clock_ms() + ANSWER_MS) && filter_describe(client, format, out, err);
    filter_client_free(&client);
    return ok;
}

/* Each running filter once: `take` gets what it said. */
static FCT_MAY_WAIT bool each_filter(struct ctl *c, enum filter_format format,
                                     void (*take)(void *to, struct fct_str said), void *to,
                                     struct fct_err *err)
{
    struct fct_err none = {0};
    unsigned described = 0;
    int fd;

    for (unsigned i = 0; ctl_attach(c->control, ROLE_FILTER, i, clock_ms() + ANSWER_MS, &fd, &none);
         i++) {
        FCT_CLEANUP(buf_free) struct buf said = BUF_INIT(TEXT_MAX);

        if (!describe_at(c, fd, format, &said, err))
            return false;
        take(to, buf_str(&said));
        described++;
    }
    return described > 0 || fct_fail(err, none.class, "%s", none.text);
}

static void take_json(void *to, struct fct_str said)
{
    json_t *one = json_loadb(said.p, said.n, 0, NULL);

    json_array_extend(to, one);
    json_decref(one);
}

bool ctl_filters_json(struct ctl *c, json_t **out, struct fct_err *err)
{
    *out = json_array();
    if (each_filter(c, FILTER_JSON, take_json, *out, err))
        return true;
    json_decref(*out);
    return false;
}

/* ---- metrics ---- */

static const struct {
    const char *name, *type, *help;
} families[] = {
    {"facteur_filter_requests_total", "counter", "Requests that a filter process served"},
    {"facteur_dns_questions_total", "counter", "Questions to the DNS, by what came of them"},
    {"facteur_dns_cached_total", "counter", "Questions answered from the cache"},
    {"facteur_dns_joined_total", "counter", "Questions that somebody waited for already"},
    {"facteur_dns_timeouts_total", "counter", "Questions that nobody answered in time"},
    {"facteur_dns_in_flight", "gauge", "Questions that wait for an answer"},
    {"facteur_dns_waited_seconds_total", "counter", "Time that questions took"},
    {"facteur_redis_there", "gauge", "1: connected to Redis"},
    {"facteur_redis_commands_total", "counter", "Commands sent to Redis"},
    {"facteur_redis_errors_total", "counter", "Connections to Redis that failed or were lost"},
    {"facteur_redis_timeouts_total", "counter",
     "Answers of Redis that took longer than redis.timeout"},
    {"facteur_redis_connections_total", "counter", "Connections made to Redis"},
    {"facteur_redis_refused_total", "counter",
     "Commands that failed at once, because Redis is away"},
    {"facteur_redis_in_flight", "gauge", "Commands that wait for an answer of Redis"},
    {"facteur_state_asked_total", "counter", "Small facts and limits, by where they were answered"},
    {"facteur_plugin_off", "gauge", "1: switched off after its strikes"},
    {"facteur_plugin_strikes", "gauge", "Deaths of a filter process in this plugin"},
    {"facteur_plugin_metric", "untyped", "What a plugin counts of its own"},
    {"facteur_plugin_busy_seconds", "histogram", "Processor time of one hook call"},
    {"facteur_plugin_waited_seconds_total", "counter", "Time that hook calls waited"},
    {"facteur_plugin_verdicts_total", "counter", "Verdicts given"},
    {"facteur_plugin_timeouts_total", "counter", "Hook calls that passed their deadline"},
    {"facteur_plugin_errors_total", "counter", "Hook calls that returned nonsense"},
    {"facteur_plugin_symbols_total", "counter", "Symbols found"},
    {"facteur_plugin_operations_total", "counter", "What hook calls asked others for"},
    {"facteur_plugin_bytes_total", "counter", "Bytes that hook calls exchanged with others"},
};

static void take_text(void *to, struct fct_str said)
{
    buf_put_str(to, said);
}

/* "name{…" or "name_bucket{…" of that family? Longer names are families of their own. */
static bool belongs(struct fct_str line, struct fct_str family)
{
    static const char *const ends[] = {"{", "_bucket{", "_sum{", "_count{"};

    if (!str_starts(line, family))
        return false;
    for (size_t i = 0; i < FCT_COUNT(ends); i++)
        if (str_starts(str_skip(line, family.n), str_from(ends[i])))
            return true;
    return false;
}

/* The format wants all samples of a family together, under its two comments. */
static void put_family(size_t i, struct fct_str lines, struct buf *out)
{
    bool any = false;

    while (lines.p && lines.n) {
        struct fct_str line = str_split(&lines, '\n');

        if (!belongs(line, str_from(families[i].name)))
            continue;
        if (!any)
            buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", families[i].name, families[i].help,
                       families[i].name, families[i].type);
        any = true;
        buf_printf(out, "%.*s\n", FCT_FMT(line));
    }
}

int ctl_metrics(struct ctl *c)
{
    FCT_CLEANUP(buf_free) struct buf lines = BUF_INIT(TEXT_MAX);
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};

    if (!each_filter(c, FILTER_METRICS, take_text, &lines, &err))
        return ctl_error(&err);
    for (size_t i = 0; i < FCT_COUNT(families); i++)
        put_family(i, buf_str(&lines), &out);
    ctl_queue_metrics(c, &out);
    ctl_print(&out);
    return CTL_OK;
}
