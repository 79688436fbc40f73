/* report_queue.c - see report_queue.h. A report that nobody signed would fail the checks of those
 * it is for (RFC 8460 3, RFC 9990 3.5): it rather waits for a filter. */
#include "protocols/relay/report_queue.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/memory_file.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/relay_hooks.h"

#include <unistd.h>

#define FILTER_MS 30000u /* as long a filter may take to start */

/* hold_until: who is here is looked for first (home.c); most are elsewhere. */
FCT_MAY_WAIT static bool put(struct relay *relay, struct arena *arena,
                             const struct relay_report *report, struct fct_str id,
                             struct fct_str message, struct fct_err *err)
{
    struct queue_recipient *to = ARENA_ARRAY(arena, struct queue_recipient, report->n + 1);
    struct queue_send send = {
        .envelope =
            {
                .reverse_path = report->from,
                .log_id = id,
                .body = QUEUE_7BIT,
                .tls_optional = report->tls_optional,
                .hold_until = clock_wall(),
            },
        .recipient = to,
        .n = report->n,
    };
    struct store_delivery d = {.id = id,
                               .reverse_path = report->from,
                               .size = message.n,
                               .send = &send,
                               .fd = memory_file("report", message)};
    struct store_delivered out;
    bool ok;

    if (d.fd < 0)
        return fct_fail(err, FCT_TEMP, "no memory for a report");
    for (size_t i = 0; i < report->n; i++)
        to[i] = (struct queue_recipient){.address = report->to[i], .notify = QUEUE_NOTIFY_NEVER};
    ok = store_deliver(relay->store, &d, arena, &out, err);
    close(d.fd);
    return ok;
}

static void log_reports(const struct relay_report *report, struct fct_str id, bool dropped)
{
    for (size_t i = 0; i < report->n; i++)
        if (dropped)
            log_event(EV_REPORT_DROPPED, id, F_STR("to", report->to[i]),
                      F_STR("about", report->about), F_C("why", "discarded at queue.in"));
        else
            log_event(EV_REPORT, id, F_STR("to", report->to[i]), F_STR("about", report->about));
}

bool report_queue(struct relay *relay, struct arena *arena, const struct relay_report *report,
                  struct fct_err *err)
{
    struct id *id = ARENA_NEW(arena, struct id);
    struct relay_hooked_report hooked = {.from = report->from, .to = {report->to, report->n}};
    struct fct_str message = report->message;

    *id = id_new();
    hooked.id = str_from(id->text);
    if (!filter_ready(relay->hooks->filter, clock_ms() + FILTER_MS))
        return fct_fail(err, FCT_TEMP, "no filter is there to sign it");
    switch (relay_hook_report(relay, &hooked, arena, &message)) {
    case HOOKED_UNASKED:
        return fct_fail(err, FCT_TEMP, "no filter answered");
    case HOOKED_DROPPED:
        log_reports(report, hooked.id, true);
        return true;
    case HOOKED_GOES:
        break;
    }
    if (!put(relay, arena, report, hooked.id, message, err))
        return false;
    log_reports(report, hooked.id, false);
    return true;
}
