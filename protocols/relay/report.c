/* report.c - mail to the sender about mail that could not be delivered, that waits, or that arrived
 * (RFC 3461, RFC 3464). The report and the results it tells of are one commit of the store: after a
 * crash the sender has been told once, or will be. */
#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/memory_file.h"
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/log/log.h"
#include "core/message/delivery_report.h"
#include "core/message/summary.h"
#include "protocols/relay/relay_hooks.h"
#include "protocols/relay/report_limit.h"

#include <stdlib.h>
#include <unistd.h>

#define REPORT_MAX    (64u << 20)
#define SUMMARY_MAX   (2u << 20)
#define HEADER_ENOUGH (64u << 10) /* of a large original, for a report without its body */
#define AGAIN_MS      2000u       /* after the store said: not now */
#define LOOK_MS       20u         /* while it is away */

/* ---- who is told what ---- */

/* RFC 3461 4.1: without NOTIFY a failure is told, and so is a delay when the server likes. Success
 * is told by the last server that knows of such reports (5.2.2). */
bool report_wanted(const struct job *j, size_t i, enum queue_outcome outcome)
{
    uint8_t notify = job_recipient(j, i)->notify;
    uint8_t wanted = notify ? notify : QUEUE_NOTIFY_FAILURE | QUEUE_NOTIFY_DELAY;

    if (j->mail->entry.envelope.reverse_path.n == 0 || !j->mail->entry.envelope.may_bounce ||
        (notify & QUEUE_NOTIFY_NEVER))
        return false;
    switch (outcome) {
    case QUEUE_OUT_DELIVERED:
        return (wanted & QUEUE_NOTIFY_SUCCESS) != 0 && !j->result[i].reports;
    case QUEUE_OUT_FAILED:
    case QUEUE_OUT_EXPIRED:
        return (wanted & QUEUE_NOTIFY_FAILURE) != 0;
    case QUEUE_OUT_DEFERRED:
        return (wanted & QUEUE_NOTIFY_DELAY) != 0;
    case QUEUE_OUT_RETURNED:
    case QUEUE_OUT_COUNT:
        break;
    }
    return false;
}

static bool tells(const struct job *j, const struct queue_result *r, size_t i)
{
    if (r->outcome == QUEUE_OUT_DEFERRED)
        return r->warned;
    if (j->result[i].silent)
        return false;
    return report_wanted(j, i, r->outcome);
}

bool report_is_due(const struct job *j, const struct queue_result *result)
{
    for (size_t i = 0; i < j->n; i++)
        if (tells(j, &result[i], i))
            return true;
    return false;
}

/* ---- its content ---- */

struct reporting {
    struct relay *relay;
    struct job *job;
    struct queue_result *result;
    struct arena *arena;
    struct buf message;
    struct delivery_report_made made;
    struct store_resolution to; /* where the sender's address leads */
    enum delivery_action about; /* of several: the worst */
    const char *dropped;        /* nobody gets it, for this reason; NULL: it goes */
    bool allowed;               /* its addressee elsewhere has room for it */
};

/* ORCPT = addr-type ";" xtext                                              RFC 3461 4.2 */
static void read_orcpt(struct arena *arena, struct fct_str orcpt, struct delivery_recipient *to)
{
    struct fct_str type = str_split(&orcpt, ';');

    if (orcpt.p && xtext_decode(arena, orcpt, &to->original))
        to->original_type = type;
}

/* here: a job without a domain tells of mailboxes of ours. */
static enum delivery_action action_of(const struct queue_result *r, bool here)
{
    if (r->outcome == QUEUE_OUT_DELIVERED)
        return here ? DELIVERY_DELIVERED : DELIVERY_RELAYED;
    return r->outcome == QUEUE_OUT_DEFERRED ? DELIVERY_DELAYED : DELIVERY_FAILED;
}

static struct fct_str status_of(const struct queue_result *r, const struct delivery_result *d)
{
    if (r->outcome == QUEUE_OUT_EXPIRED) /* given up: RFC 3463 3.5 */
        return d->status[0] == '4' ? FCT_STR("5.4.7") : str_from(d->status);
    return str_from(d->status);
}

/* "mx.example.net [192.0.2.1]:25", "192.0.2.1:25", "[2001:db8::1]:25": a name, or an address as in
 * mail, for the type dns (RFC 3464 2.1.2) knows no port. */
static struct fct_str name_of_host(struct arena *arena, const char *host)
{
    struct fct_str name = str_from(host);
    ptrdiff_t space = str_find_char(name, ' '), colon = str_find_last_char(name, ':');

    if (space > 0)
        return str_head(name, (size_t)space);
    if (name.n > 0 && name.p[0] == '[' && str_find_char(name, ']') > 0)
        return arena_printf(
            arena, "[IPv6:%.*s]",
            FCT_FMT(str_head(str_skip(name, 1), (size_t)str_find_char(name, ']') - 1)));
    return colon > 0 ? arena_printf(arena, "[%.*s]", FCT_FMT(str_head(name, (size_t)colon))) : name;
}

static int worth(enum delivery_action action)
{
    return action == DELIVERY_FAILED ? 2 : action == DELIVERY_DELAYED ? 1 : 0;
}

static void describe(struct reporting *p, size_t i, struct delivery_recipient *to)
{
    const struct delivery_result *d = &p->job->result[i];
    const struct queue_result *r = &p->result[i];
    const struct queue_entry *entry = &p->job->mail->entry;

    *to = (struct delivery_recipient){
        .action = action_of(r, p->job->domain.n == 0),
        .final = job_recipient(p->job, i)->address,
        .status = status_of(r, d),
        .remote_mta = d->code ? name_of_host(p->arena, d->host) : FCT_STR(""), /* it said nothing */
        .diagnostic_type = d->code ? FCT_STR("smtp") : FCT_STR("x-facteur"),
        .diagnostic = str_from(d->text),
        .last_attempt = clock_wall(),
    };
    if (to->action == DELIVERY_DELAYED)
        to->will_retry_until = entry->arrived + (int64_t)p->relay->schedule.expire_s;
    read_orcpt(p->arena, job_recipient(p->job, i)->orcpt, to);
    if (worth(to->action) > worth(p->about))
        p->about = to->action;
}

/* The original, or as much of it as the report can use. */
FCT_MAY_WAIT static struct fct_str read_original(struct reporting *p, bool *whole)
{
    const struct queue_entry *entry = &p->job->mail->entry;
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(4u << 20);
    uint64_t most = p->relay->conf->report_max_original.bytes;
    uint32_t want =
        most > HEADER_ENOUGH ? (most > 4u << 20 ? 4u << 20 : (uint32_t)most) : HEADER_ENOUGH;
    struct fct_err err = {0};

    *whole = true;
    if (p->job->mail->body.p)
        return p->job->mail->body;
    if (!store_queue_read(p->relay->store, entry->id, 0, want, &bytes, &err))
        return FCT_STR("");
    *whole = bytes.n == entry->size;
    return arena_str(p->arena, buf_str(&bytes));
}

/* What the sender has set here counts, then what the message says, then what the server says. */
static enum language language_of(const struct reporting *p, struct fct_str original)
{
    enum language language;

    for (size_t i = 0; i < p->to.n; i++)
        if (language_find_first(account_setting_value(p->to.target[i].setting,
                                                      p->to.target[i].nsettings,
                                                      FCT_STR("languages")),
                                &language))
            return language;
    return delivery_language_of_message(original,
                                        language_choose(str_from(p->relay->conf->report_language)));
}

FCT_MAY_WAIT static bool write_report(struct reporting *p, struct fct_err *err)
{
    const struct queue_entry *entry = &p->job->mail->entry;
    const char *server = p->relay->env->server_name;
    struct delivery_recipient *to = ARENA_ARRAY(p->arena, struct delivery_recipient, p->job->n + 1);
    struct delivery_report report = {
        .status = {.reporting_mta = str_from(server), .arrival = entry->arrived, .recipient = to},
        .from = arena_printf(p->arena, "MAILER-DAEMON@%s", server),
        .to = entry->envelope.reverse_path,
        .message_id = arena_printf(p->arena, "%s.report@%s", id_new().text, server),
        .now = clock_wall(),
        .text = p->job->report_text,
        .return_full = entry->envelope.ret == QUEUE_RET_FULL,
        .max_original = p->relay->conf->report_max_original.bytes,
        .accepts_utf8 = entry->envelope.smtputf8,
    };

    for (size_t i = 0; i < p->job->n; i++)
        if (tells(p->job, &p->result[i], i))
            describe(p, i, &to[report.status.recipients++]);
    if (entry->envelope.envid.n > 0)
        (void)!xtext_decode(p->arena, entry->envelope.envid, &report.status.envelope_id);
    report.original = read_original(p, &report.original_is_whole);
    report.language = language_of(p, report.original);
    buf_put_c(&p->message, "Return-Path: <>\r\n");
    return delivery_report_write(&report, &p->message, &p->made, err);
}

/* ---- on its way ---- */

static struct fct_str summary_of(struct arena *arena, struct fct_str message)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(SUMMARY_MAX);
    const struct edit_list none = {0};
    struct mime_tree tree;

    mime_scan(arena, message, &mime_default_limits, &tree);
    (void)summary_build(arena, message, &tree, &none, &out);
    return arena_str(arena, buf_str(&out));
}

/* Not here; or an address here that leads there alone: an alias, one that was rewritten (SRS). */
static bool leads_elsewhere(const struct store_resolution *to, struct fct_str *address)
{
    for (size_t i = 0; i < to->n; i++)
        if (to->target[i].account != 0)
            return false;
    if (to->n > 0)
        *address = to->target[0].name;
    return to->n > 0 || to->what == RESOLVED_NOT_LOCAL;
}

/* Asked once, however often the store has to be. */
static bool has_room(struct reporting *p, struct fct_str address)
{
    p->allowed = p->allowed || report_limit_take(p->relay->reports, address, clock_ms());
    return p->allowed;
}

FCT_MAY_WAIT static bool leave_out(struct reporting *p, struct fct_err *err)
{
    if (!store_queue_result(p->relay->store, p->result, p->job->n, err))
        return false;
    return fct_fail(err, FCT_LIMIT, "this address has had relay.max_reports of them in an hour");
}

FCT_MAY_WAIT static bool drop(struct reporting *p, const char *why, struct fct_err *err)
{
    p->dropped = why;
    return store_queue_result(p->relay->store, p->result, p->job->n, err);
}

/* The sender is here, elsewhere, or (local and unknown) nobody: then only the results are kept. */
FCT_MAY_WAIT static bool send_report(struct reporting *p, struct fct_err *err)
{
    const struct queue_entry *entry = &p->job->mail->entry;
    struct fct_str message = buf_str(&p->message);
    struct store_delivered *out;
    const struct store_resolution *to = &p->to;
    struct store_copy_for *copy;
    struct queue_recipient recipient = {.address = entry->envelope.reverse_path,
                                        .notify = QUEUE_NOTIFY_NEVER};
    struct queue_send send = {.recipient = &recipient, .n = 1};
    struct store_delivery d = {.id = entry->envelope.log_id,
                               .size = message.n,
                               .result = p->result,
                               .nresults = p->job->n};
    bool ok;

    if (to->what == RESOLVED_UNKNOWN_USER)
        return drop(p, "the sender's address does not exist here", err);
    send.envelope.body = p->made.needs_8bit ? QUEUE_8BIT : QUEUE_7BIT;
    send.envelope.smtputf8 = p->made.needs_utf8;
    copy = ARENA_ARRAY(p->arena, struct store_copy_for, to->n + 1);
    out = ARENA_ARRAY(p->arena, struct store_delivered, to->n + 1);
    if (leads_elsewhere(to, &recipient.address)) {
        if (!has_room(p, recipient.address))
            return leave_out(p, err);
        message = str_skip(message, sizeof "Return-Path: <>\r\n" - 1);
        if (relay_hook_report(p->relay,
                              &(struct relay_hooked_report){.id = entry->envelope.log_id,
                                                            .to = {&recipient.address, 1}},
                              p->arena, &message) == HOOKED_DROPPED)
            return drop(p, "discarded at queue.in", err);
        d.send = &send;
        d.size = message.n;
    }
    for (size_t i = 0; !d.send && i < to->n; i++) {
        if (to->target[i].account == 0)
            continue;
        copy[d.n] = (struct store_copy_for){.account = to->target[i].account,
                                            .summary = d.n ? copy[0].summary
                                                           : summary_of(p->arena, message),
                                            .view_size = (uint32_t)message.n,
                                            .recipient = entry->envelope.reverse_path};
        d.n++;
    }
    d.copy = copy;
    d.fd = memory_file("report", message);
    if (d.fd < 0)
        return fct_fail(err, FCT_TEMP, "no memory for a report");
    ok = store_deliver(p->relay->store, &d, p->arena, out, err);
    close(d.fd);
    return ok;
}

static const char *about_word(enum delivery_action about)
{
    return about == DELIVERY_FAILED ? "failure" : about == DELIVERY_DELAYED ? "delay" : "success";
}

static void log_report(const struct reporting *p, const struct fct_err *err)
{
    const struct queue_entry *entry = &p->job->mail->entry;
    const struct log_field queue = F_U64("queue", entry->id),
                           to = F_STR("to", entry->envelope.reverse_path);

    if (err->text[0])
        log_event(EV_WARNING, entry->envelope.log_id, F_C("text", "a report was not made"), queue,
                  F_C("why", err->text));
    else if (p->dropped)
        log_event(EV_REPORT_DROPPED, entry->envelope.log_id, queue, to, F_C("why", p->dropped));
    else
        log_event(EV_REPORT, entry->envelope.log_id, queue, to, F_C("about", about_word(p->about)));
}

/* Soon after it is back: what is not told yet would be lost with us. */
FCT_MAY_WAIT static void await_store(const struct relay *relay)
{
    if (store_is_up(relay->store))
        (void)fiber_sleep(AGAIN_MS);
    while (!store_is_up(relay->store))
        (void)fiber_sleep(LOOK_MS);
}

/* A report that cannot be written is left out: the results count. */
FCT_MAY_WAIT static bool make_once(struct reporting *p, struct fct_err *err)
{
    struct fct_err why = {0};

    if (!store_resolve(p->relay->store, p->job->mail->entry.envelope.reverse_path, p->arena, &p->to,
                       err))
        return false;
    if (p->to.what == RESOLVED_UNKNOWN_USER || write_report(p, &why))
        return send_report(p, err);
    return store_queue_result(p->relay->store, p->result, p->job->n, err) &&
           fct_fail(err, FCT_DENIED, "%s", why.text);
}

/* As long as the store is away the job stays in hand, so that nothing of it is lost; also when we
 * are to end, since what was sent would be sent again. */
FCT_MAY_WAIT static void make(void *arg)
{
    struct reporting *p = arg;
    struct relay *relay = p->relay;
    struct fct_err err = {0};

    for (;;) {
        bool told;

        err = (struct fct_err){0};
        p->dropped = NULL;
        p->about = DELIVERY_DELIVERED;
        p->arena = arena_new(NULL);
        p->message = BUF_INIT(REPORT_MAX);
        told = make_once(p, &err);
        buf_free(&p->message);
        arena_free(&p->arena);
        if (told || err.class != FCT_TEMP)
            break;
        await_store(relay);
    }
    log_report(p, &err);
    free(p->result);
    relay_forget(relay, p->job);
    free(p);
}

void report_start(struct relay *relay, struct job *j, struct queue_result *result)
{
    struct reporting *p = calloc(1, sizeof *p);

    FCT_ASSERT(p);
    p->relay = relay;
    p->job = j;
    p->result = result;
    (void)fiber_start(make, p);
}
