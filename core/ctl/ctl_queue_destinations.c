/* ctl_queue_destinations.c - what the relay says of its destinations, and the rows of `facteurctl
 * metrics` that tell of outgoing mail. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_queue.h"
#include "core/ctl/ctl_queue_int.h"
#include "core/ipc/ipc.h"
#include "core/ipc/ipc_codec.h"
#include "protocols/relay/relay_admin.h"

#define ANSWER_MS  10000u
#define ANSWER_MAX (5u << 20)
#define TEXT_MAX   (8u << 20)

/* ---- asking ---- */

static void left(void *owner, struct ipc_conn *conn)
{
    (void)conn;
    *(struct ipc_conn **)owner = NULL;
}

/* An array, for the caller to free. */
FCT_MAY_WAIT static bool ask_relay(struct ctl *c, json_t **out, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(ANSWER_MAX);
    struct ipc_conn *conn = NULL;
    const struct ipc_handler handler = {.closed = left, .owner = &conn};
    struct ipc_reader r;
    struct fct_str text;
    bool ok;
    int fd;

    if (!ctl_attach(c->control, ROLE_RELAY, 0, clock_ms() + ANSWER_MS, &fd, err))
        return false;
    conn = ipc_conn_new(c->base, fd, &handler);
    ok = ipc_call(conn, &(struct ipc_out){.kind = RELAY_DESTINATIONS}, clock_ms() + ANSWER_MS,
                  &reply, NULL, NULL, err);
    ipc_conn_free(&conn);
    if (!ok)
        return false;
    r = ipc_reader(buf_str(&reply));
    text = ipc_get_str(&r);
    *out = ipc_reader_ok(&r) ? json_loadb(text.p, text.n, 0, NULL) : NULL;
    return *out || fct_fail(err, FCT_BUG, "the relay's answer cannot be read");
}

/* ---- facteurctl queue destinations ---- */

static struct fct_str text_of(const json_t *row, const char *key)
{
    const char *s = json_string_value(json_object_get(row, key));

    return str_from(s ? s : "");
}

static uint64_t number_of(const json_t *row, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(row, key));

    return n > 0 ? (uint64_t)n : 0;
}

static void put_table(struct ctl *c, const json_t *all, struct buf *out)
{
    struct ctl_table t = {.arena = c->arena,
                          .column = {"destination", "state", "connections>", "waiting>", "latency>",
                                     "again in>", "trouble"},
                          .columns = 7};
    size_t i;
    json_t *row;

    json_array_foreach(all, i, row)
    {
        double latency = json_number_value(json_object_get(row, "latency_ms"));
        uint64_t again = number_of(row, "again_ms");

        ctl_table_row(
            &t, (const struct fct_str[]){
                    text_of(row, "destination"), text_of(row, "state"),
                    ctl_number(c->arena, number_of(row, "connections")),
                    ctl_number(c->arena, number_of(row, "waiting")),
                    latency > 0 ? arena_printf(c->arena, "%.1f ms", latency) : FCT_STR(""),
                    again > 0
                        ? arena_printf(c->arena, "%llu s", (unsigned long long)(again + 999) / 1000)
                        : FCT_STR(""),
                    text_of(row, "trouble")});
    }
    if (json_array_size(all) > 0)
        ctl_table_print(&t, ctl_wants_colour(), out);
    else
        buf_put_c(out, "no destination was used lately\n");
}

int ctl_queue_destinations(struct ctl *c)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    json_t *all;

    if (!ask_relay(c, &all, &err))
        return ctl_error(&err);
    if (c->json) {
        ctl_print_json(all);
        return CTL_OK;
    }
    put_table(c, all, &text);
    ctl_print(&text);
    buf_free(&text);
    json_decref(all);
    return CTL_OK;
}

/* ---- facteurctl metrics ---- */

static void put_head(const char *name, const char *type, const char *help, struct buf *out)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_ages(const struct queue_statistics *st, struct buf *out)
{
    uint64_t sum = 0;

    put_head("facteur_queue_age_seconds", "gaugehistogram", "recipients by the age of their mail",
             out);
    for (size_t i = 0; i < QUEUE_AGES; i++) {
        sum += st->age[i];
        if (i < QUEUE_AGES - 1)
            buf_printf(out, "facteur_queue_age_seconds_bucket{le=\"%u\"} %llu\n",
                       queue_age_limit[i], (unsigned long long)sum);
    }
    buf_printf(out, "facteur_queue_age_seconds_bucket{le=\"+Inf\"} %llu\n",
               (unsigned long long)sum);
    buf_printf(out, "facteur_queue_age_seconds_gcount %llu\n", (unsigned long long)sum);
}

static void put_queue(const struct queue_statistics *st, struct buf *out)
{
    const struct {
        const char *state;
        uint64_t n;
    } jobs[] = {
        {"active", st->active}, {"ready", st->ready}, {"waiting", st->waiting}, {"held", st->held}};

    put_head("facteur_queue_messages", "gauge", "messages that wait for other servers", out);
    buf_printf(out, "facteur_queue_messages %llu\n", (unsigned long long)st->messages);
    put_head("facteur_queue_recipients", "gauge", "their recipients", out);
    buf_printf(out, "facteur_queue_recipients %llu\n", (unsigned long long)st->recipients);
    put_head("facteur_queue_jobs", "gauge", "recipients of one message in one domain, by state",
             out);
    for (size_t i = 0; i < FCT_COUNT(jobs); i++)
        buf_printf(out, "facteur_queue_jobs{state=\"%s\"} %llu\n", jobs[i].state,
                   (unsigned long long)jobs[i].n);
    put_ages(st, out);
}

/* The store, asked over a connection of its own: the verb has none. */
FCT_MAY_WAIT static void put_store(struct ctl *c, struct buf *out)
{
    struct queue_statistics st;
    struct fct_err err = {0};
    struct store *store;
    int fd;

    if (!ctl_attach(c->control, ROLE_STORE, 0, clock_ms() + ANSWER_MS, &fd, &err))
        return;
    store = store_client_new(c->base);
    store_client_peer(store, fd);
    if (store_queue_statistics(store, 0, c->arena, &st, &err))
        put_queue(&st, out);
    store_client_free(&store);
}

/* "delivered 12" of `facteurctl status`. */
static void put_counts(const json_t *status, struct buf *out)
{
    static const struct {
        const char *key, *name, *type, *help;
    } rows[] = {
        {"delivered", "facteur_relay_delivered_total", "counter",
         "recipients that another server took"},
        {"deferred", "facteur_relay_deferred_total", "counter", "attempts that failed for now"},
        {"failed", "facteur_relay_failed_total", "counter", "recipients that were given up"},
        {"connections", "facteur_relay_connections", "gauge", "open connections"},
        {"connections_made", "facteur_relay_connections_total", "counter", "connections made"},
        {"dead_hosts", "facteur_relay_dead_hosts", "gauge",
         "addresses that are left alone for now"},
        {"message_bytes", "facteur_relay_bytes_total", "counter", "bytes of messages sent"},
    };

    for (size_t i = 0; i < FCT_COUNT(rows); i++) {
        const json_t *value = json_object_get(status, rows[i].key);

        if (!value)
            continue;
        put_head(rows[i].name, rows[i].type, rows[i].help, out);
        buf_printf(out, "%s %lld\n", rows[i].name, (long long)json_integer_value(value));
    }
}

static void put_label(struct fct_str value, struct buf *out)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, value.p[i]);
    }
}

static void put_destinations(const json_t *all, struct buf *out)
{
    static const struct {
        const char *key, *name, *help;
    } rows[] = {
        {"connections", "facteur_destination_connections", "open connections"},
        {"waiting", "facteur_destination_waiting", "jobs that no connection has taken"},
        {"again_ms", "facteur_destination_backoff_milliseconds", "left alone for so long from now"},
    };
    size_t i;
    json_t *one;

    for (size_t k = 0; k < FCT_COUNT(rows); k++) {
        put_head(rows[k].name, "gauge", rows[k].help, out);
        json_array_foreach(all, i, one)
        {
            buf_printf(out, "%s{destination=\"", rows[k].name);
            put_label(text_of(one, "destination"), out);
            buf_printf(out, "\"} %llu\n", (unsigned long long)number_of(one, rows[k].key));
        }
    }
}

/* The relay's part of the status: {"processes": [{"role": "relay", …}]} or its like. */
static const json_t *find_relay(const json_t *v)
{
    const json_t *role = json_object_get(v, "role"), *found = NULL;
    json_t *inner;
    size_t i;

    if (json_is_string(role) && strcmp(json_string_value(role), "relay") == 0)
        return v;
    if (json_is_array(v)) {
        json_array_foreach(v, i, inner) if (!found) found = find_relay(inner);
    } else {
        void *at = json_object_iter((json_t *)(uintptr_t)v);

        for (; at && !found; at = json_object_iter_next((json_t *)(uintptr_t)v, at))
            found = find_relay(json_object_iter_value(at));
    }
    return found;
}

FCT_MAY_WAIT static void put_relay(struct ctl *c, struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    json_t *all, *status;

    if (ctl_text(c->control, CTL_STATUS, true, clock_ms() + ANSWER_MS, &text, &err) &&
        (status = json_loadb(text.p, text.n, 0, NULL))) {
        const json_t *relay = find_relay(status), *says = json_object_get(relay, "status");

        put_counts(says ? says : relay, out);
        json_decref(status);
    }
    if (ask_relay(c, &all, &err)) {
        put_destinations(all, out);
        json_decref(all);
    }
}

void ctl_queue_metrics(struct ctl *c, struct buf *out)
{
    put_store(c, out);
    put_relay(c, out);
}
