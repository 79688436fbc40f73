/* tls_reports.c - see tls_reports.h. A day's sums are taken out of the service at its end, so that
 * the next day counts while this one is written. A domain whose report cannot be queued is left out
 * with a line in the log: its figures are worth no second try. */
#include "protocols/relay/tls_reports.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/gzip.h"
#include "protocols/relay/kept_state.h"
#include "protocols/relay/policy/policy_service.h"
#include "protocols/relay/report_queue.h"

#include <event2/event.h>
#include <stdlib.h>

#define MAIL_MAX    (8u << 20)
#define DNS_MS      10000u
#define TRIES       3u /* of the queue and the filters before it */
#define AGAIN_MS    60000u
#define LATE_US     500000 /* behind the end of the day, so that it is over for certain */
#define DOMAIN_TEXT "_smtp._tls.%.*s"

struct tls_day {
    struct relay *relay;
    struct tls_report *report;
    struct tls_report_head head;
    struct fct_str domain, from, sender;
    struct arena *arena; /* of one domain */
    int64_t begin;
};

/* ---- one report ---- */

static struct fct_str about(const struct tls_day *day)
{
    return arena_printf(day->arena, "TLS with %.*s", FCT_FMT(day->domain));
}

/* The report may be about TLS that fails, so it goes without when it must (RFC 8460 5.3). */
FCT_MAY_WAIT static bool queue_mail(const struct tls_day *day, struct fct_str to,
                                    struct fct_str message, struct fct_err *err)
{
    const struct relay_report report = {.from = day->from,
                                        .to = &to,
                                        .n = 1,
                                        .message = message,
                                        .about = about(day),
                                        .tls_optional = true};
    bool ok = report_queue(day->relay, day->arena, &report, err);

    for (unsigned i = 0; !ok && err->class == FCT_TEMP && i < TRIES && !day->relay->draining; i++) {
        (void)fiber_sleep(AGAIN_MS);
        ok = report_queue(day->relay, day->arena, &report, err);
    }
    return ok;
}

FCT_MAY_WAIT static bool send_one(const struct tls_day *day, struct fct_str to, struct fct_str gzip,
                                  struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf message = BUF_INIT(MAIL_MAX);
    struct tls_report_mail mail = {
        .from = day->from,
        .to = to,
        .domain = day->domain,
        .sender = day->sender,
        .message_id =
            arena_printf(day->arena, "%s.tlsrpt@%.*s", id_new().text, FCT_FMT(day->sender)),
        .head = &day->head,
        .now = clock_wall(),
        .gzip = gzip,
    };

    return tls_report_mail_write(&mail, &message)
               ? queue_mail(day, to, buf_str(&message), err)
               : fct_fail(err, FCT_LIMIT, "the report is larger than %u bytes", MAIL_MAX);
}

/* ---- one domain ---- */

static bool is_https(struct fct_str uri)
{
    return str_starts_nocase(uri, FCT_STR("https://"));
}

/* Addresses, and https: ones as they are. */
FCT_MAY_WAIT static size_t who_wants_it(const struct tls_day *day, struct fct_str *to)
{
    struct fct_dns_answer answer = {0};
    const char *why;
    size_t n = 0, found;

    if (!dns_resolve(day->relay->dns, day->arena, FCT_DNS_TXT,
                     arena_printf(day->arena, DOMAIN_TEXT, FCT_FMT(day->domain)),
                     clock_ms() + DNS_MS, &answer))
        return 0;
    found = tls_report_addresses(&answer, to, &why);
    for (size_t i = 0; i < found; i++) {
        if (is_https(to[i]))
            to[n++] = arena_str(day->arena, to[i]);
        else
            n += tls_report_mailto(day->arena, to[i], &to[n]);
    }
    return n;
}

static bool pack(const struct tls_day *day, struct buf *gzip)
{
    FCT_CLEANUP(buf_free) struct buf json = BUF_INIT(TLS_REPORT_JSON_MAX);

    return tls_report_write(day->report, day->domain, &day->head, &json) &&
           gzip_pack(buf_str(&json), gzip);
}

FCT_MAY_WAIT static void send_domain(struct tls_day *day)
{
    FCT_CLEANUP(buf_free) struct buf gzip = BUF_INIT(TLS_REPORT_JSON_MAX);
    struct fct_str to[TLS_REPORT_RUA_MAX];
    size_t n = who_wants_it(day, to);

    if (n == 0)
        return;
    day->head.id = tls_report_id(day->arena, day->head.begin, day->domain, day->sender);
    if (!pack(day, &gzip))
        n = 0;
    for (size_t i = 0; i < n; i++) {
        struct fct_err err = {0};

        if (!(is_https(to[i])
                  ? policy_service_post(day->relay->policy, day->arena, to[i], buf_str(&gzip), &err)
                  : send_one(day, to[i], buf_str(&gzip), &err)))
            log_event(EV_WARNING, FCT_STR(""), F_C("text", "a TLS report was not sent"),
                      F_STR("domain", day->domain), F_STR("to", to[i]), F_C("why", err.text));
        else if (is_https(to[i])) /* of mail the queue says it */
            log_event(EV_REPORT, FCT_STR(""), F_STR("to", to[i]), F_STR("about", about(day)));
    }
}

/* ---- the day ---- */

/* A process that ends leaves the day to the next one. */
FCT_MAY_WAIT static void send_all(void *arg)
{
    struct tls_day *day = arg;
    struct relay *relay = day->relay;
    size_t at = 0;

    while (!relay->draining && tls_report_next(day->report, &at, &day->domain)) {
        day->arena = arena_new(NULL);
        send_domain(day);
        arena_free(&day->arena);
    }
    if (relay->draining)
        return;
    if (relay->tls_day == day)
        relay->tls_day = NULL;
    tls_report_free(&day->report);
    free(day);
    kept_state_save(relay); /* so that nobody sends it once more */
}

static int64_t length_of(const struct relay *relay)
{
    return (int64_t)(policy_service_conf(relay->policy)->report_every.ms / 1000);
}

int64_t tls_reports_begin(const struct relay *relay, int64_t now)
{
    return now - now % length_of(relay);
}

static void delay_is_over(evutil_socket_t fd, short what, void *arg)
{
    struct tls_day *day = arg;

    (void)fd, (void)what;
    if (!day->relay->draining)
        (void)fiber_start(send_all, day);
}

/* Not everybody at once (RFC 8460 4.1), and long before the next period ends. */
static void wait_a_while(struct tls_day *day)
{
    const struct policy_conf *conf = policy_service_conf(day->relay->policy);
    uint64_t most = conf->report_every.ms / 4, ms = 0;
    struct timeval tv;

    if (conf->report_after.ms < most)
        most = conf->report_after.ms;
    random_bytes(&ms, sizeof ms);
    ms = most > 0 ? ms % most : 0;
    tv = (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    (void)event_base_once(day->relay->base, -1, EV_TIMEOUT, delay_is_over, day, &tv);
}

const struct tls_report *tls_reports_waiting(const struct relay *relay, int64_t *begin)
{
    *begin = relay->tls_day ? relay->tls_day->begin : 0;
    return relay->tls_day ? relay->tls_day->report : NULL;
}

/* In UTC (RFC 8460 4.1). */
void tls_reports_send(struct relay *relay, struct tls_report *report, int64_t begin)
{
    const struct policy_conf *conf = policy_service_conf(relay->policy);
    const char *name = relay->env->server_name;
    struct tls_day *day = calloc(1, sizeof *day);

    FCT_ASSERT(day);
    day->relay = relay;
    day->report = report;
    day->begin = begin;
    day->sender = str_from(name);
    day->from = policy_service_from(relay->policy, name);
    day->head = (struct tls_report_head){
        .organization = str_from(conf->report_organization[0] ? conf->report_organization : name),
        .contact = day->from,
        .begin = begin,
        .end = begin + length_of(relay) - 1,
    };
    if (!relay->tls_day)
        relay->tls_day = day;
    wait_a_while(day);
}

static void wait_for_the_end(struct relay *relay);

static void ended(evutil_socket_t fd, short what, void *arg)
{
    struct relay *relay = arg;
    int64_t now = clock_wall(), length = length_of(relay);

    (void)fd, (void)what;
    if (relay->draining)
        return;
    tls_reports_send(relay, policy_service_take_report(relay->policy), now - now % length - length);
    wait_for_the_end(relay);
}

static void wait_for_the_end(struct relay *relay)
{
    int64_t length = length_of(relay), now = clock_wall();
    struct timeval tv = {(time_t)(length - now % length), LATE_US};

    (void)event_base_once(relay->base, -1, EV_TIMEOUT, ended, relay, &tv);
}

void tls_reports_start(struct relay *relay)
{
    if (policy_service_conf(relay->policy)->report)
        wait_for_the_end(relay);
}
