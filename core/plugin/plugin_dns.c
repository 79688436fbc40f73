/* plugin_dns.c - struct fct_host's dns(): limits per message, the cassette, then the resolver. */
#include "core/plugin/plugin_services.h"

#include "core/base/str.h"
#include "core/dns/dns_answer.h"
#include "core/dns/dns_name.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/plugin/cassette.h"
#include "core/plugin/plugin_host.h"

#define CASSETTE_KIND "dns"

static bool refuse(struct fct_dns_answer *out, enum fct_dns_status status, struct fct_str why)
{
    out->status = (uint32_t)status;
    out->why = why;
    return false;
}

/* ---- the cassette ---- */

static json_t *question_json(struct arena *arena, enum fct_dns_type type, struct fct_str text)
{
    const char *known = dns_type_name((uint32_t)type);
    struct fct_str type_text =
        known ? str_from(known) : arena_printf(arena, "TYPE%u", (unsigned)type);
    struct dns_name name;
    struct fct_err err = {0};

    if (!dns_name_parse(text, &name, &err))
        return json_pack("{s:s%, s:o}", "type", type_text.p, type_text.n, "name",
                         cassette_bytes(text));
    return json_pack("{s:s%, s:s%}", "type", type_text.p, type_text.n, "name", name.text, name.n);
}

static json_t *answer_json(const struct fct_dns_answer *answer)
{
    json_t *records = json_array();

    for (size_t i = 0; i < answer->n; i++)
        json_array_append_new(
            records, json_pack("{s:o, s:I}", "data", cassette_bytes(answer->record[i].data),
                               "preference", (json_int_t)answer->record[i].preference));
    return json_pack("{s:s, s:b, s:I, s:o, s:o, s:o}", "status",
                     dns_status_word((enum fct_dns_status)answer->status), "authentic",
                     answer->authentic, "ttl", (json_int_t)answer->ttl, "canonical",
                     cassette_bytes(answer->canonical), "why", cassette_bytes(answer->why),
                     "records", records);
}

static uint32_t u32_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));

    return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

static bool answer_read(struct arena *arena, const json_t *json, struct fct_dns_answer *out)
{
    const char *word = json_string_value(json_object_get(json, "status"));
    const json_t *records = json_object_get(json, "records");
    struct fct_dns_record *record;
    enum fct_dns_status status;

    if (!word || !dns_status_from_word(str_from(word), &status) ||
        !cassette_bytes_read(arena, json_object_get(json, "canonical"), &out->canonical) ||
        !cassette_bytes_read(arena, json_object_get(json, "why"), &out->why))
        return false;
    record = ARENA_ARRAY(arena, struct fct_dns_record, json_array_size(records) + 1);
    for (size_t i = 0; i < json_array_size(records); i++) {
        const json_t *row = json_array_get(records, i);

        if (!cassette_bytes_read(arena, json_object_get(row, "data"), &record[i].data))
            return false;
        record[i].preference = u32_of(row, "preference");
    }
    out->status = (uint32_t)status;
    out->authentic = json_is_true(json_object_get(json, "authentic"));
    out->ttl = u32_of(json, "ttl");
    out->record = record;
    out->n = json_array_size(records);
    return true;
}

static void replay(struct fct_call *call, struct cassette *cassette, const json_t *question,
                   struct fct_dns_answer *out)
{
    struct arena *arena = call->tx->arena;
    struct fct_err err = {0};
    const json_t *answer = cassette_find(cassette, CASSETTE_KIND, question, &err);

    if (!answer)
        refuse(out, FCT_DNS_FAILED, arena_str(arena, str_from(err.text)));
    else if (!answer_read(arena, answer, out))
        refuse(out, FCT_DNS_FAILED, FCT_STR("the cassette's answer is malformed"));
}

/* ---- limits ---- */

/* Time counts while at least one question of the transaction waits: two at once cost it once. */
static void start_clock(struct dns_budget *budget)
{
    if (budget->waiting++ == 0)
        budget->since_ms = clock_ms();
}

static void stop_clock(struct dns_budget *budget)
{
    if (--budget->waiting == 0)
        budget->used_ms += clock_ms() - budget->since_ms;
}

static bool within_limits(struct fct_call *call, const struct dns_conf *conf,
                          struct fct_dns_answer *out)
{
    const struct dns_budget *budget = &call->tx->dns;

    if (budget->asked >= conf->max_queries)
        return refuse(out, FCT_DNS_REFUSED, FCT_STR("too many questions (dns.max_queries)"));
    if (budget->used_ms >= conf->message_timeout.ms)
        return refuse(out, FCT_DNS_FAILED,
                      FCT_STR("the time for questions is used up (dns.message_timeout)"));
    return true;
}

FCT_MAY_WAIT static void ask(struct fct_call *call, struct dns_resolver *dns,
                             enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    const struct dns_conf *conf = dns_resolver_conf(dns);
    struct dns_budget *budget = &call->tx->dns;
    uint64_t end;

    if (!within_limits(call, conf, out))
        return;
    budget->asked++;
    start_clock(budget);
    end = budget->since_ms + (conf->message_timeout.ms - budget->used_ms);
    (void)dns_resolve(dns, call->tx->arena, type, name, end, out);
    stop_clock(budget);
}

/* ---- the host function ---- */

/* Answers live in the transaction: they count as the plugin's memory. */
static void charge(struct fct_call *call, struct fct_dns_answer *out)
{
    size_t bytes = out->n * sizeof *out->record;

    for (size_t i = 0; i < out->n; i++)
        bytes += out->record[i].data.n;
    if (service_charge(call, bytes))
        return;
    out->n = 0;
    (void)refuse(out, FCT_DNS_FAILED, FCT_STR("the plugin's memory for this message is used up"));
}

static void record(struct plugin_services *services, const json_t *question,
                   const struct fct_dns_answer *out)
{
    if (services->cassette)
        cassette_add(services->cassette, CASSETTE_KIND, question, answer_json(out));
}

FCT_MAY_WAIT static void serve(struct fct_call *call, struct plugin_services *services,
                               enum fct_dns_type type, struct fct_str name,
                               struct fct_dns_answer *out)
{
    json_t *question = services->cassette ? question_json(call->tx->arena, type, name) : NULL;

    if (cassette_replays(services->cassette)) {
        replay(call, services->cassette, question, out);
    } else if (services->dns) {
        ask(call, services->dns, type, name, out);
        record(services, question, out);
    } else {
        refuse(out, FCT_DNS_FAILED, FCT_STR("there is no resolver here"));
    }
    json_decref(question);
}

bool service_dns(struct fct_call *call, enum fct_dns_type type, struct fct_str name,
                 struct fct_dns_answer *out)
{
    struct plugin_services *services = call_services(call);
    struct service_wait wait;

    *out = (struct fct_dns_answer){.size = sizeof *out,
                                   .status = FCT_DNS_FAILED,
                                   .canonical = FCT_STR(""),
                                   .why = FCT_STR("")};
    if (!services)
        return refuse(out, FCT_DNS_FAILED, FCT_STR("there is no resolver here"));
    if (!service_wait_begin(call, &wait))
        return refuse(out, FCT_DNS_FAILED, FCT_STR("the call is over"));
    serve(call, services, type, name, out);
    charge(call, out);
    plugin_count(call->row->self, "dns_questions", 1);
    call_operation(call, OPERATION_DNS, 0);
    if (out->status == FCT_DNS_FAILED || out->status == FCT_DNS_BOGUS)
        plugin_count(call->row->self, "dns_failures", 1);
    return service_wait_end(call, &wait) && out->status == FCT_DNS_OK && out->n > 0;
}
