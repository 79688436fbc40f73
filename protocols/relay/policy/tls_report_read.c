/* tls_report_read.c - reports of others: JSON or gzip of it (RFC 8460 4.4), bounded in all that is
 * kept. */
#include "core/base/str.h"
#include "core/message/gzip.h"
#include "protocols/relay/policy/tls_report.h"

#include <jansson.h>
#include <time.h>

#define TEXT_MAX    1000u /* bytes of a text; longer ones are cut */
#define STRINGS_MAX 250u  /* lines of a policy */

struct reader {
    struct arena *arena;
    size_t failures; /* of all policies */
};

/* ---- values ---- */

static struct fct_str take_text(struct reader *r, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value))
        return FCT_STR("");
    return arena_str(
        r->arena,
        str_head((struct fct_str){json_string_value(value), json_string_length(value)}, TEXT_MAX));
}

static uint64_t take_count(const json_t *object, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(object, name));

    return n > 0 ? (uint64_t)n : 0;
}

/* An array of texts; some write a single one as it is. */
static const struct fct_str *take_texts(struct reader *r, const json_t *object, const char *name,
                                        size_t *n)
{
    const json_t *value = json_object_get(object, name);
    size_t size = json_is_string(value) ? 1 : json_array_size(value);
    struct fct_str *out;

    size = size < STRINGS_MAX ? size : STRINGS_MAX;
    out = ARENA_ARRAY(r->arena, struct fct_str, size + 1);
    *n = 0;
    for (size_t i = 0; i < size; i++) {
        const json_t *one = json_is_string(value) ? value : json_array_get(value, i);

        if (json_is_string(one))
            out[(*n)++] = arena_str(r->arena, str_head((struct fct_str){json_string_value(one),
                                                                        json_string_length(one)},
                                                       TEXT_MAX));
    }
    return out;
}

/* date-time; a zone other than UTC is rare and shifts a day's bounds only. */
static int64_t take_time(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    struct tm tm = {0};

    return value && strptime(value, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

/* ---- policies ---- */

static void take_policy(struct reader *r, const json_t *json, struct tls_report_policy *out)
{
    struct fct_str type = take_text(r, json, "policy-type");

    for (int i = 0; i < TLS_POLICY_TYPES; i++)
        if (str_equal_nocase(type, str_from(tls_policy_type_word((enum tls_policy_type)i))))
            out->type = (enum tls_policy_type)i;
    out->domain = take_text(r, json, "policy-domain");
    out->string = take_texts(r, json, "policy-string", &out->strings);
    out->mx = take_texts(r, json, "mx-host", &out->mxs);
}

static void take_failure(struct reader *r, const json_t *json, struct tls_report_failed *out)
{
    out->word = take_text(r, json, "result-type");
    if (!tls_result_from_word(out->word, &out->is.result))
        out->is.result = TLS_RESULT_SUCCESS;
    out->is.sending_ip = take_text(r, json, "sending-mta-ip");
    out->is.receiving_host = take_text(r, json, "receiving-mx-hostname");
    out->is.receiving_helo = take_text(r, json, "receiving-mx-helo");
    out->is.receiving_ip = take_text(r, json, "receiving-ip");
    out->is.reason = take_text(r, json, "failure-reason-code");
    out->information = take_text(r, json, "additional-information");
    out->sessions = take_count(json, "failed-session-count");
}

static bool take_sums(struct reader *r, const json_t *json, struct tls_report_sums *out,
                      struct fct_err *err)
{
    const json_t *summary = json_object_get(json, "summary");
    const json_t *failures = json_object_get(json, "failure-details");
    struct tls_report_failed *failure;

    take_policy(r, json_object_get(json, "policy"), &out->policy);
    out->successful = take_count(summary, "total-successful-session-count");
    out->failed = take_count(summary, "total-failure-session-count");
    out->failures = json_array_size(failures);
    r->failures += out->failures;
    if (r->failures > TLS_REPORT_FAILURES_MAX)
        return fct_fail(err, FCT_LIMIT, "the report has more than %u failures",
                        TLS_REPORT_FAILURES_MAX);
    failure = ARENA_ARRAY(r->arena, struct tls_report_failed, out->failures + 1);
    for (size_t i = 0; i < out->failures; i++)
        take_failure(r, json_array_get(failures, i), &failure[i]);
    out->failure = failure;
    return true;
}

static bool take_report(struct reader *r, const json_t *json, struct tls_report_read *out,
                        struct fct_err *err)
{
    const json_t *range = json_object_get(json, "date-range");
    const json_t *policies = json_object_get(json, "policies");
    struct tls_report_sums *sums;

    if (!json_is_array(policies))
        return fct_fail(err, FCT_SYNTAX, "the report has no policies");
    if (json_array_size(policies) > TLS_REPORT_POLICIES_MAX)
        return fct_fail(err, FCT_LIMIT, "the report has more than %u policies",
                        TLS_REPORT_POLICIES_MAX);
    out->head = (struct tls_report_head){
        .organization = take_text(r, json, "organization-name"),
        .contact = take_text(r, json, "contact-info"),
        .id = take_text(r, json, "report-id"),
        .begin = take_time(range, "start-datetime"),
        .end = take_time(range, "end-datetime"),
    };
    out->policies = json_array_size(policies);
    out->policy = sums = ARENA_ARRAY(r->arena, struct tls_report_sums, out->policies + 1);
    for (size_t i = 0; i < out->policies; i++)
        if (!take_sums(r, json_array_get(policies, i), &sums[i], err))
            return false;
    return true;
}

/* ---- all of it ---- */

static bool parse_json(struct arena *arena, struct fct_str bytes, struct tls_report_read *out,
                       struct fct_err *err)
{
    struct reader r = {.arena = arena};
    json_error_t why;
    json_t *json;
    bool ok;

    if (bytes.n > TLS_REPORT_JSON_MAX)
        return fct_fail(err, FCT_LIMIT, "the report is larger than %u bytes", TLS_REPORT_JSON_MAX);
    json = json_loadb(bytes.p ? bytes.p : "", bytes.n, JSON_REJECT_DUPLICATES, &why);
    if (!json)
        return fct_fail(err, FCT_SYNTAX, "line %d: %s", why.line, why.text);
    ok = take_report(&r, json, out, err);
    json_decref(json);
    return ok;
}

bool tls_report_parse(struct arena *arena, struct fct_str bytes, struct tls_report_read *out,
                      struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf unpacked = BUF_INIT(TLS_REPORT_JSON_MAX);

    *out = (struct tls_report_read){0};
    if (!gzip_is(bytes))
        return parse_json(arena, bytes, out, err);
    return gzip_unpack(bytes, &unpacked, err) && parse_json(arena, buf_str(&unpacked), out, err);
}
