/* tls_report_write.c - a day's report as JSON, and as the mail that carries it (RFC 8460 4.4, 5).
 */
#include "core/base/base64.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/date.h"
#include "protocols/relay/policy/tls_report_int.h"

#include <jansson.h>
#include <time.h>

#define LINE_LETTERS 76u /* RFC 2045 6.8 */

/* ---- JSON ---- */

static json_t *text(struct fct_str s)
{
    json_t *json = utf8_is_valid(s) ? json_stringn(s.p ? s.p : "", s.n) : NULL;

    return json ? json : json_string("");
}

static json_t *texts(const struct fct_str *list, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, text(list[i]));
    return array;
}

static void set(json_t *object, const char *name, struct fct_str value)
{
    if (value.n > 0)
        json_object_set_new(object, name, text(value));
}

static json_t *policy_json(const struct tls_report_policy *policy)
{
    json_t *json = json_pack("{s:s}", "policy-type", tls_policy_type_word(policy->type));

    if (policy->strings > 0)
        json_object_set_new(json, "policy-string", texts(policy->string, policy->strings));
    set(json, "policy-domain", policy->domain);
    if (policy->mxs > 0)
        json_object_set_new(json, "mx-host", texts(policy->mx, policy->mxs));
    return json;
}

static json_t *failure_json(const struct tls_failure_sum *f)
{
    json_t *json = json_pack("{s:s}", "result-type", tls_result_word(f->is.result));

    set(json, "sending-mta-ip", f->is.sending_ip);
    set(json, "receiving-mx-hostname", f->is.receiving_host);
    set(json, "receiving-mx-helo", f->is.receiving_helo);
    set(json, "receiving-ip", f->is.receiving_ip);
    json_object_set_new(json, "failed-session-count", json_integer((json_int_t)f->sessions));
    set(json, "failure-reason-code", f->is.reason);
    return json;
}

static json_t *sums_json(const struct tls_policy_sums *sums)
{
    json_t *json = json_pack("{s:o, s:{s:I, s:I}}", "policy", policy_json(&sums->is), "summary",
                             "total-successful-session-count", (json_int_t)sums->successful,
                             "total-failure-session-count", (json_int_t)sums->failed);
    json_t *failures = json_array();

    for (size_t i = 0; i < sums->failures; i++)
        json_array_append_new(failures, failure_json(&sums->failure[i]));
    if (sums->failures > 0)
        json_object_set_new(json, "failure-details", failures);
    else
        json_decref(failures);
    return json;
}

/* date-time in UTC                                                  RFC 3339 5.6 */
static json_t *time_json(int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm tm;
    char out[40] = "";

    if (gmtime_r(&when, &tm))
        (void)strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_string(out);
}

static int put_json(const char *bytes, size_t n, void *out)
{
    return buf_put(out, bytes, n) ? 0 : -1;
}

bool tls_report_write(const struct tls_report *report, struct fct_str domain,
                      const struct tls_report_head *head, struct buf *out)
{
    const struct tls_domain_sums *d = tls_report_domain(report, domain);
    json_t *json = json_pack("{s:o, s:{s:o, s:o}, s:o, s:o}", "organization-name",
                             text(head->organization), "date-range", "start-datetime",
                             time_json(head->begin), "end-datetime", time_json(head->end),
                             "contact-info", text(head->contact), "report-id", text(head->id));
    json_t *policies = json_array();
    bool ok;

    for (size_t i = 0; d && i < d->policies; i++)
        json_array_append_new(policies, sums_json(&d->policy[i]));
    json_object_set_new(json, "policies", policies);
    ok = json_dump_callback(json, put_json, out, JSON_INDENT(1)) == 0;
    json_decref(json);
    return ok && buf_put_char(out, '\n');
}

/* ---- names ---- */

static void put_date(char out[16], int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm tm;

    out[0] = 0;
    if (gmtime_r(&when, &tm))
        (void)strftime(out, 16, "%Y%m%d", &tm);
}

struct fct_str tls_report_id(struct arena *arena, int64_t begin, struct fct_str domain,
                             struct fct_str sender)
{
    char day[16];

    put_date(day, begin);
    return arena_printf(arena, "%s.%.*s.tlsrpt@%.*s", day, FCT_FMT(domain), FCT_FMT(sender));
}

struct fct_str tls_report_file_name(struct arena *arena, const struct tls_report_head *head,
                                    struct fct_str domain, struct fct_str sender)
{
    return arena_printf(arena, "%.*s!%.*s!%lld!%lld.json.gz", FCT_FMT(sender), FCT_FMT(domain),
                        (long long)head->begin, (long long)head->end);
}

/* ---- the mail ---- */

static void put_header(const struct tls_report_mail *m, struct buf *out)
{
    buf_put_c(out, "Date: ");
    date_format(m->now, out);
    buf_printf(out, "\r\nFrom: <%.*s>\r\nTo: <%.*s>\r\n", FCT_FMT(m->from), FCT_FMT(m->to));
    buf_printf(out, "Subject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%.*s>\r\n",
               FCT_FMT(m->domain), FCT_FMT(m->sender), FCT_FMT(m->head->id));
    buf_printf(out, "Message-ID: <%.*s>\r\nTLS-Report-Domain: %.*s\r\n", FCT_FMT(m->message_id),
               FCT_FMT(m->domain));
    buf_printf(out, "TLS-Report-Submitter: %.*s\r\n", FCT_FMT(m->sender));
    buf_put_c(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
}

static void put_base64(struct fct_str bytes, struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf letters = BUF_INIT(bytes.n * 2 + 16);
    struct fct_str rest;

    if (!base64_encode(bytes, &letters))
        out->overflow = true;
    for (rest = buf_str(&letters); rest.n > 0; rest = str_skip(rest, LINE_LETTERS)) {
        buf_put_str(out, str_head(rest, LINE_LETTERS));
        buf_put_c(out, "\r\n");
    }
}

bool tls_report_mail_write(const struct tls_report_mail *m, struct buf *out)
{
    static const char boundary[] = "=_tls_report"; /* never in base64 or the text */
    struct arena *arena = arena_new(NULL);
    struct fct_str name = tls_report_file_name(arena, m->head, m->domain, m->sender);

    put_header(m, out);
    buf_printf(out,
               "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"%s\"\r\n\r\n"
               "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
               boundary, boundary);
    buf_printf(out,
               "This is a report (RFC 8460) on TLS connections to the mail servers of\r\n%.*s\r\n"
               "by %.*s.\r\n\r\n",
               FCT_FMT(m->domain), FCT_FMT(m->sender));
    buf_printf(out,
               "--%s\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Disposition: attachment;"
               "\r\n filename=\"%.*s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
               boundary, FCT_FMT(name));
    put_base64(m->gzip, out);
    buf_printf(out, "--%s--\r\n", boundary);
    arena_free(&arena);
    return !out->overflow;
}
