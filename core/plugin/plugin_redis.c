/* plugin_redis.c - struct fct_host's redis() and redis_script(): the cassette, then the one
 * connection of this process. */
#include "core/plugin/plugin_services.h"

#include "core/base/str.h"
#include "core/plugin/cassette.h"
#include "core/plugin/plugin_host.h"
#include "core/redis/redis.h"

#define CASSETTE_KIND "redis"

/* ---- the cassette ---- */

static json_t *words_json(const struct fct_str *word, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, cassette_bytes(word[i]));
    return list;
}

/* null, a number, a string or bytes, an array of such. */
static json_t *reply_json(const struct fct_redis_reply *reply)
{
    json_t *list;

    switch ((enum fct_redis_kind)reply->kind) {
    case FCT_REDIS_INTEGER:
        return json_integer(reply->integer);
    case FCT_REDIS_STRING:
        return cassette_bytes(reply->string);
    case FCT_REDIS_ARRAY:
        list = json_array();
        for (size_t i = 0; i < reply->n; i++)
            json_array_append_new(list, reply_json(&reply->item[i]));
        return list;
    case FCT_REDIS_NIL:
        break;
    }
    return json_null();
}

static bool reply_read(struct arena *arena, const json_t *json, struct fct_redis_reply *out)
{
    struct fct_redis_reply *item;

    *out = (struct fct_redis_reply){.kind = FCT_REDIS_NIL, .string = {"", 0}};
    if (json_is_null(json))
        return true;
    if (json_is_integer(json)) {
        out->kind = FCT_REDIS_INTEGER;
        out->integer = json_integer_value(json);
        return true;
    }
    if (!json_is_array(json)) {
        out->kind = FCT_REDIS_STRING;
        return cassette_bytes_read(arena, json, &out->string);
    }
    out->kind = FCT_REDIS_ARRAY;
    out->n = json_array_size(json);
    item = ARENA_ARRAY(arena, struct fct_redis_reply, out->n + 1);
    out->item = item;
    for (size_t i = 0; i < out->n; i++)
        if (!reply_read(arena, json_array_get(json, i), &item[i]))
            return false;
    return true;
}

static const struct fct_redis_reply *replay(struct fct_call *call, const json_t *question,
                                            struct fct_err *err)
{
    const json_t *answer =
        cassette_find(call_services(call)->cassette, CASSETTE_KIND, question, err);
    struct fct_redis_reply *reply;
    const char *failed;

    if (!answer)
        return NULL;
    failed = json_string_value(json_object_get(answer, "error"));
    if (failed) {
        fct_fail(err, json_is_true(json_object_get(answer, "away")) ? FCT_TEMP : FCT_DENIED, "%s",
                 failed);
        return NULL;
    }
    reply = ARENA_NEW(call->tx->arena, struct fct_redis_reply);
    if (reply_read(call->tx->arena, json_object_get(answer, "reply"), reply))
        return reply;
    fct_fail(err, FCT_TEMP, "the cassette's answer is malformed");
    return NULL;
}

static void record(struct cassette *cassette, const json_t *question,
                   const struct fct_redis_reply *reply, const struct fct_err *err)
{
    if (reply)
        cassette_add(cassette, CASSETTE_KIND, question,
                     json_pack("{s:o}", "reply", reply_json(reply)));
    else
        cassette_add(cassette, CASSETTE_KIND, question,
                     json_pack("{s:s, s:b}", "error", err->text, "away", err->class != FCT_DENIED));
}

/* ---- asking ---- */

/* A command (script is NULL) or a script with keys and arguments. */
struct question {
    const struct fct_redis_script *script;
    const struct fct_str *word, *arg;
    size_t n, args;
};

static json_t *question_json(const struct question *q)
{
    if (!q->script)
        return json_pack("{s:o}", "command", words_json(q->word, q->n));
    return json_pack("{s:s, s:o, s:o}", "script", q->script->name, "keys",
                     words_json(q->word, q->n), "arguments", words_json(q->arg, q->args));
}

FCT_MAY_WAIT static const struct fct_redis_reply *ask(struct fct_call *call,
                                                      const struct question *q, struct fct_err *err)
{
    struct redis *redis = call_services(call)->redis;

    if (!redis) {
        fct_fail(err, FCT_TEMP, "there is no Redis here (block redis)");
        return NULL;
    }
    if (q->script)
        return redis_script(redis, call->tx->arena, q->script, q->word, q->n, q->arg, q->args, err);
    return redis_call(redis, call->tx->arena, q->word, q->n, err);
}

FCT_MAY_WAIT static const struct fct_redis_reply *
ask_or_replay(struct fct_call *call, const struct question *q, struct fct_err *err)
{
    struct cassette *cassette = call_services(call)->cassette;
    json_t *question = cassette ? question_json(q) : NULL;
    const struct fct_redis_reply *reply;

    if (cassette_replays(cassette))
        reply = replay(call, question, err);
    else
        reply = ask(call, q, err);
    if (cassette && !cassette_replays(cassette))
        record(cassette, question, reply, err);
    json_decref(question);
    return reply;
}

static size_t size_of(const struct fct_redis_reply *reply)
{
    size_t size = sizeof *reply + reply->string.n;

    for (size_t i = 0; i < reply->n; i++)
        size += size_of(&reply->item[i]);
    return size;
}

FCT_MAY_WAIT static const struct fct_redis_reply *
serve(struct fct_call *call, const struct question *q, struct fct_err *err)
{
    struct fct_err own = {0}, *why = err ? err : &own;
    const struct fct_redis_reply *reply;
    struct service_wait wait;

    if (!call_services(call) || !service_wait_begin(call, &wait)) {
        fct_fail(why, FCT_TEMP, "the call is over");
        return NULL;
    }
    call_operation(call, OPERATION_REDIS, 0);
    reply = ask_or_replay(call, q, why);
    if (!reply && why->class != FCT_DENIED && call_services(call)->redis)
        service_degraded(call, "redis");
    if (reply && !service_charge(call, size_of(reply))) {
        fct_fail(why, FCT_LIMIT, "the answer does not fit into the plugin's memory");
        reply = NULL;
    }
    if (service_wait_end(call, &wait))
        return reply;
    fct_fail(why, FCT_TEMP, "the call is over");
    return NULL;
}

const struct fct_redis_reply *service_redis(struct fct_call *call, const struct fct_str *word,
                                            size_t n, struct fct_err *err)
{
    return serve(call, &(struct question){.word = word, .n = n}, err);
}

const struct fct_redis_reply *service_redis_script(struct fct_call *call,
                                                   const struct fct_redis_script *script,
                                                   const struct fct_str *key, size_t keys,
                                                   const struct fct_str *arg, size_t args,
                                                   struct fct_err *err)
{
    return serve(call, &(struct question){script, key, arg, keys, args}, err);
}
