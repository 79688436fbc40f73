/* plugin_state.c - struct fct_host's kv_get, kv_set, kv_add, kv_seen and limit_take. Keys belong to
 * the plugin. On a cassette they stand as "state", whether Redis or this process answered. */
#include "core/plugin/plugin_services.h"

#include "core/base/str.h"
#include "core/plugin/cassette.h"
#include "core/plugin/plugin_host.h"
#include "core/state/kv.h"
#include "core/state/limit.h"

#define CASSETTE_KIND "state"

enum operation { GET, SET, ADD, SEEN, TAKE };

struct question {
    enum operation what;
    struct fct_str key, value;
    int64_t by;
    uint32_t ttl_s;
    const struct fct_rate *rate;
};

/* yes: found, done, seen or taken. number: the sum, or how long to wait. */
struct answer {
    bool yes;
    struct fct_str value;
    int64_t number;
};

/* ---- the cassette ---- */

static json_t *question_json(const struct fct_call *call, const struct question *q)
{
    static const char *const words[] = {"get", "set", "add", "seen", "take"};
    json_t *json = json_pack("{s:s, s:s, s:o}", "do", words[q->what], "plugin",
                             call->row->self->name, "key", cassette_bytes(q->key));

    if (q->what == SET)
        json_object_set_new(json, "value", cassette_bytes(q->value));
    if (q->what == ADD || q->what == TAKE)
        json_object_set_new(json, "by", json_integer(q->by));
    return json;
}

static void replay(struct fct_call *call, const json_t *question, struct answer *out)
{
    struct cassette *cassette = call_services(call)->cassette;
    const json_t *json = cassette_find(cassette, CASSETTE_KIND, question, NULL);

    if (!json)
        return;
    out->yes = json_is_true(json_object_get(json, "yes"));
    out->number = json_integer_value(json_object_get(json, "number"));
    if (!cassette_bytes_read(call->tx->arena, json_object_get(json, "value"), &out->value))
        out->value = (struct fct_str){"", 0};
}

static json_t *answer_json(const struct answer *a)
{
    return json_pack("{s:b, s:I, s:o}", "yes", a->yes, "number", (json_int_t)a->number, "value",
                     cassette_bytes(a->value));
}

/* ---- asking ---- */

FCT_MAY_WAIT static enum state_from ask(struct fct_call *call, const struct question *q,
                                        struct answer *out)
{
    struct state *state = call_services(call)->state;
    struct arena *arena = call->tx->arena;
    const char *owner = call->row->self->name;
    enum state_from from = STATE_LOCAL;
    uint32_t wait = 0;

    switch (q->what) {
    case GET:
        out->yes = kv_get(state, arena, owner, q->key, &out->value, &from);
        break;
    case SET:
        out->yes = kv_set(state, arena, owner, q->key, q->value, q->ttl_s, &from);
        break;
    case ADD:
        out->number = kv_add(state, arena, owner, q->key, q->by, q->ttl_s, &from);
        break;
    case SEEN:
        out->yes = kv_seen(state, arena, owner, q->key, q->ttl_s, &from);
        break;
    case TAKE:
        out->yes = limit_take(state, arena, owner, q->key, q->rate, (uint32_t)q->by, &wait, &from);
        out->number = wait;
        break;
    }
    return from;
}

FCT_MAY_WAIT static void ask_or_replay(struct fct_call *call, const struct question *q,
                                       struct answer *out)
{
    struct cassette *cassette = call_services(call)->cassette;
    json_t *question = cassette ? question_json(call, q) : NULL;
    enum state_from from;

    if (cassette_replays(cassette)) {
        replay(call, question, out);
    } else if (call_services(call)->state) {
        from = ask(call, q, out);
        if (from == STATE_DEGRADED)
            service_degraded(call, "redis");
        if (cassette)
            cassette_add(cassette, CASSETTE_KIND, question, answer_json(out));
    }
    json_decref(question);
}

/* False: the call is over, and the answer says no. */
FCT_MAY_WAIT static bool serve(struct fct_call *call, const struct question *q, struct answer *out)
{
    struct service_wait wait;

    *out = (struct answer){.value = {"", 0}};
    if (!call_services(call) || !service_wait_begin(call, &wait))
        return false;
    call_operation(call, OPERATION_REDIS, 0);
    ask_or_replay(call, q, out);
    if (service_wait_end(call, &wait))
        return true;
    *out = (struct answer){.value = {"", 0}};
    return false;
}

bool service_kv_get(struct fct_call *call, struct fct_str key, struct fct_str *value)
{
    struct answer a;

    serve(call, &(struct question){.what = GET, .key = key}, &a);
    *value = a.value;
    return a.yes;
}

bool service_kv_set(struct fct_call *call, struct fct_str key, struct fct_str value, uint32_t ttl_s)
{
    struct answer a;

    serve(call, &(struct question){.what = SET, .key = key, .value = value, .ttl_s = ttl_s}, &a);
    return a.yes;
}

int64_t service_kv_add(struct fct_call *call, struct fct_str key, int64_t by, uint32_t ttl_s)
{
    struct answer a;

    serve(call, &(struct question){.what = ADD, .key = key, .by = by, .ttl_s = ttl_s}, &a);
    return a.number;
}

bool service_kv_seen(struct fct_call *call, struct fct_str key, uint32_t ttl_s)
{
    struct answer a;

    serve(call, &(struct question){.what = SEEN, .key = key, .ttl_s = ttl_s}, &a);
    return a.yes;
}

/* No limit at all is a rate of nothing ("none"); a call that is over takes nothing. */
bool service_limit_take(struct fct_call *call, struct fct_str key, const struct fct_rate *rate,
                        uint32_t amount, uint32_t *wait_ms)
{
    struct answer a;
    bool in_time;

    if (wait_ms)
        *wait_ms = 0;
    if (rate->amount == 0)
        return call_has_time(call);
    in_time =
        serve(call, &(struct question){.what = TAKE, .key = key, .by = amount, .rate = rate}, &a);
    if (wait_ms)
        *wait_ms = in_time ? (uint32_t)a.number : UINT32_MAX;
    return a.yes;
}
