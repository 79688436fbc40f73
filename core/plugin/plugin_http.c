/* plugin_http.c - struct fct_host's http(): the cassette, then the client of this process. */
#include "core/plugin/plugin_services.h"

#include "core/base/str.h"
#include "core/http/http_client.h"
#include "core/plugin/cassette.h"
#include "core/plugin/plugin_host.h"

#define CASSETTE_KIND "http"

/* ---- the cassette ---- */

/* Headers are not part of it: they hold tokens and dates. */
static json_t *question_json(const struct fct_http_request *r)
{
    const char *method = r->method ? r->method : r->body.n > 0 ? "POST" : "GET";

    return json_pack("{s:s, s:o, s:o}", "method", method, "url", cassette_bytes(r->url), "body",
                     cassette_bytes(r->body));
}

static json_t *answer_json(const struct fct_http_reply *reply)
{
    json_t *headers = json_array();

    for (size_t i = 0; i < reply->headers; i++)
        json_array_append_new(headers, cassette_bytes(reply->header[i]));
    return json_pack("{s:i, s:o, s:o}", "status", (int)reply->status, "headers", headers, "body",
                     cassette_bytes(reply->body));
}

static bool answer_read(struct arena *arena, const json_t *json, struct fct_http_reply *out)
{
    const json_t *headers = json_object_get(json, "headers");
    size_t n = json_array_size(headers);
    struct fct_str *header = ARENA_ARRAY(arena, struct fct_str, n + 1);

    for (size_t i = 0; i < n; i++)
        if (!cassette_bytes_read(arena, json_array_get(headers, i), &header[i]))
            return false;
    out->status = (unsigned)json_integer_value(json_object_get(json, "status"));
    out->header = header;
    out->headers = n;
    return cassette_bytes_read(arena, json_object_get(json, "body"), &out->body);
}

static bool replay(struct fct_call *call, const json_t *question, struct fct_http_reply *reply,
                   struct fct_err *err)
{
    const json_t *answer =
        cassette_find(call_services(call)->cassette, CASSETTE_KIND, question, err);
    const char *failed = json_string_value(json_object_get(answer, "error"));

    if (!answer)
        return false;
    if (failed)
        return fct_fail(err, FCT_TEMP, "%s", failed);
    return answer_read(call->tx->arena, answer, reply) ||
           fct_fail(err, FCT_TEMP, "the cassette's answer is malformed");
}

/* ---- asking ---- */

FCT_MAY_WAIT static bool ask(struct fct_call *call, const struct fct_http_request *request,
                             struct fct_http_reply *reply, struct fct_err *err)
{
    struct http_client *client = call_services(call)->http;

    if (!client)
        return fct_fail(err, FCT_DENIED, "there is no HTTP here");
    return http_ask(client, call->tx->arena, request, reply, err);
}

FCT_MAY_WAIT static bool ask_or_replay(struct fct_call *call,
                                       const struct fct_http_request *request,
                                       struct fct_http_reply *reply, struct fct_err *err)
{
    struct cassette *cassette = call_services(call)->cassette;
    json_t *question = cassette ? question_json(request) : NULL;
    bool ok;

    if (cassette_replays(cassette)) {
        ok = replay(call, question, reply, err);
    } else {
        ok = ask(call, request, reply, err);
        if (cassette)
            cassette_add(cassette, CASSETTE_KIND, question,
                         ok ? answer_json(reply) : json_pack("{s:s}", "error", err->text));
    }
    json_decref(question);
    return ok;
}

bool service_http(struct fct_call *call, const struct fct_http_request *request,
                  struct fct_http_reply *reply, struct fct_err *err)
{
    struct fct_err own = {0}, *why = err ? err : &own;
    struct service_wait wait;
    bool ok;

    *reply = (struct fct_http_reply){.size = sizeof *reply, .body = {"", 0}};
    if (!call_services(call) || !service_wait_begin(call, &wait))
        return fct_fail(why, FCT_TEMP, "the call is over");
    ok = ask_or_replay(call, request, reply, why);
    call_operation(call, OPERATION_HTTP, reply->body.n);
    if (ok && !service_charge(call, reply->body.n))
        ok = fct_fail(why, FCT_LIMIT, "the answer does not fit into the plugin's memory");
    if (!service_wait_end(call, &wait))
        return fct_fail(why, FCT_TEMP, "the call is over");
    return ok;
}
