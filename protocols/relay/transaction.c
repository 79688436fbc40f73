/* transaction.c - see transaction.h. */
#include "protocols/relay/transaction.h"

#include "core/base/str.h"
#include "core/message/down_convert.h"
#include "protocols/relay/body.h"

#include <stdlib.h>

/* ---- beginning and end ---- */

void transaction_begin(struct transaction *t, struct job *job, const struct remote *r,
                       const struct relay_conf *conf)
{
    size_t most = conf->max_recipients;

    if (r->ext.rcpt_max > 0 && r->ext.rcpt_max < most)
        most = r->ext.rcpt_max;
    *t = (struct transaction){.job = job, .began_ms = clock_ms()};
    t->pick = calloc(job->n + 1, sizeof *t->pick);
    t->taken = calloc(job->n + 1, sizeof *t->taken);
    FCT_ASSERT(t->pick && t->taken);
    for (size_t i = 0; i < job->n && t->n < most; i++)
        if (job->result[i].outcome == OUTCOME_NONE)
            t->pick[t->n++] = (uint32_t)i;
}

void transaction_end(struct transaction *t)
{
    free(t->pick);
    free(t->taken);
    *t = (struct transaction){0};
}

/* ---- what is said ---- */

static bool has(const struct remote *r, uint32_t extension)
{
    return (r->ext.has & extension) != 0;
}

/* What is made while it goes out travels with DATA, which every server has. */
static bool is_chunked(const struct transaction *t, const struct remote *r)
{
    return has(r, REMOTE_CHUNKING) && !t->job->conversion;
}

static void put_body(const struct transaction *t, const struct remote *r, struct buf *out)
{
    enum queue_body body = t->job->mail->entry.envelope.body;

    if (body == QUEUE_BINARY && has(r, REMOTE_BINARYMIME) && is_chunked(t, r))
        buf_put_c(out, " BODY=BINARYMIME");
    else if (body != QUEUE_7BIT && has(r, REMOTE_8BITMIME))
        buf_put_c(out, " BODY=8BITMIME");
}

/* RFC 3461 4.3, 4.4 */
static void put_report_wishes(const struct remote *r, const struct queue_envelope *e,
                              struct buf *out)
{
    static const char *const ret[] = {
        [QUEUE_RET_NONE] = "", [QUEUE_RET_FULL] = " RET=FULL", [QUEUE_RET_HDRS] = " RET=HDRS"};

    if (!has(r, REMOTE_DSN))
        return;
    buf_put_c(out, ret[e->ret]);
    if (e->envid.n > 0)
        buf_printf(out, " ENVID=%.*s", FCT_FMT(e->envid));
}

static void put_mail(const struct transaction *t, const struct remote *r, struct buf *out)
{
    const struct queue_entry *entry = &t->job->mail->entry;
    const struct queue_envelope *e = &entry->envelope;

    buf_printf(out, "MAIL FROM:<%.*s>", FCT_FMT(e->reverse_path));
    if (has(r, REMOTE_SIZE))
        buf_printf(out, " SIZE=%llu", (unsigned long long)job_size(t->job));
    put_body(t, r, out);
    if (e->smtputf8 && has(r, REMOTE_SMTPUTF8))
        buf_put_c(out, " SMTPUTF8");
    if (e->requiretls && has(r, REMOTE_REQUIRETLS))
        buf_put_c(out, " REQUIRETLS");
    if (e->priority != 0 && has(r, REMOTE_PRIORITY))
        buf_printf(out, " MT-PRIORITY=%d", e->priority);
    put_report_wishes(r, e, out);
    buf_put_c(out, "\r\n");
}

/* RFC 3461 4.1, 4.2 */
static void put_notify(uint8_t notify, struct buf *out)
{
    static const struct {
        uint8_t bit;
        const char *word;
    } words[] = {{QUEUE_NOTIFY_SUCCESS, "SUCCESS"},
                 {QUEUE_NOTIFY_FAILURE, "FAILURE"},
                 {QUEUE_NOTIFY_DELAY, "DELAY"}};
    const char *before = " NOTIFY=";

    if (notify & QUEUE_NOTIFY_NEVER) {
        buf_put_c(out, " NOTIFY=NEVER");
        return;
    }
    for (size_t i = 0; i < FCT_COUNT(words); i++)
        if (notify & words[i].bit) {
            buf_printf(out, "%s%s", before, words[i].word);
            before = ",";
        }
}

static void put_rcpt(const struct transaction *t, const struct remote *r, size_t i, struct buf *out)
{
    const struct queue_recipient *to = job_recipient(t->job, t->pick[i]);

    buf_printf(out, "RCPT TO:<%.*s>", FCT_FMT(to->address));
    if (has(r, REMOTE_DSN)) {
        put_notify(to->notify, out);
        if (to->orcpt.n > 0)
            buf_printf(out, " ORCPT=%.*s", FCT_FMT(to->orcpt));
    }
    buf_put_c(out, "\r\n");
}

/* The commands of a group: MAIL and all RCPT, and DATA, which ends a group (RFC 2920 3.1). A chunk
 * only goes when somebody wants it. */
FCT_MAY_WAIT static bool say_group(struct transaction *t, struct remote *r)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20);

    put_mail(t, r, &out);
    for (size_t i = 0; i < t->n; i++)
        put_rcpt(t, r, i, &out);
    t->data_said = !is_chunked(t, r);
    if (t->data_said)
        buf_put_c(&out, "DATA\r\n");
    t->said = true;
    if (out.overflow)
        return remote_fail(r, "4.3.0", "the commands of one transaction are too long");
    return remote_say(r, buf_str(&out));
}

bool transaction_say_ahead(struct transaction *t, struct remote *r)
{
    return !has(r, REMOTE_PIPELINING) || t->said || say_group(t, r);
}

/* ---- what is answered ---- */

struct dialogue {
    struct transaction *t;
    struct remote *r;
    const struct relay_conf *conf;
    bool mail_taken, wants_reset, *pushed_back;
    struct remote_reply reply;
};

static void settle(struct dialogue *d, size_t i, enum outcome outcome, enum outcome_step step)
{
    struct delivery_result result = {0};

    str_copy_c(result.host, sizeof result.host, str_from(d->r->trouble.host));
    outcome_from_reply(&result, outcome, step, &d->reply);
    result.reports = has(d->r, REMOTE_DSN);
    str_copy_c(result.tls, sizeof result.tls, str_from(stream_tls_version(d->r->io)));
    if (d->t->job->conversion)
        result.converted = down_convert_name(down_convert_kind(d->t->job->conversion));
    job_settle_one(d->t->job, d->t->pick[i], &result);
}

/* All of this transaction that have no result, or those that were taken. */
static void settle_all(struct dialogue *d, bool only_taken, enum outcome outcome,
                       enum outcome_step step)
{
    for (size_t i = 0; i < d->t->n; i++)
        if (only_taken ? d->t->taken[i] : d->t->job->result[d->t->pick[i]].outcome == OUTCOME_NONE)
            settle(d, i, outcome, step);
}

FCT_MAY_WAIT static bool hear(struct dialogue *d, enum outcome_step step, uint64_t timeout_ms)
{
    if (!remote_reply(d->r, step, timeout_ms, &d->reply))
        return false;
    if (outcome_pushes_back(step, &d->reply))
        *d->pushed_back = true;
    return true;
}

static bool host_trouble(struct dialogue *d, enum outcome_step step)
{
    outcome_from_reply(&d->r->trouble, OUTCOME_HOST, step, &d->reply);
    return false;
}

/* "Must issue a STARTTLS command first", where TLS was offered and could not be had: no fault of
 * the mail. */
static bool wants_tls(const struct dialogue *d)
{
    return d->reply.code == 530 && has(d->r, REMOTE_STARTTLS);
}

FCT_MAY_WAIT static bool hear_mail(struct dialogue *d)
{
    enum outcome outcome;

    if (!hear(d, STEP_MAIL, d->conf->mail_timeout.ms))
        return false;
    outcome = outcome_of(STEP_MAIL, &d->reply, 0);
    if (outcome == OUTCOME_HOST || wants_tls(d))
        return host_trouble(d, STEP_MAIL);
    d->mail_taken = outcome == OUTCOME_DELIVERED;
    d->wants_reset = !d->mail_taken && d->reply.code == 503 && d->t->after_failure;
    if (!d->mail_taken && !d->wants_reset)
        settle_all(d, false, outcome, STEP_MAIL);
    return true;
}

FCT_MAY_WAIT static bool hear_rcpt(struct dialogue *d, size_t i)
{
    enum outcome outcome;

    if (!hear(d, STEP_RCPT, d->conf->rcpt_timeout.ms))
        return false;
    if (!d->mail_taken)
        return d->reply.code != 421 || host_trouble(d, STEP_RCPT);
    outcome = outcome_of(STEP_RCPT, &d->reply, d->t->accepted);
    if (outcome == OUTCOME_HOST)
        return host_trouble(d, STEP_RCPT);
    if (outcome == OUTCOME_DELIVERED) {
        d->t->taken[i] = true;
        d->t->accepted++;
    } else if (outcome != OUTCOME_AGAIN) {
        settle(d, i, outcome, STEP_RCPT);
    }
    return true;
}

/* One command, one answer, for servers without PIPELINING. */
FCT_MAY_WAIT static bool step_by_step(struct dialogue *d)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(16384);
    struct transaction *t = d->t;

    t->said = true;
    put_mail(t, d->r, &out);
    if (!remote_say(d->r, buf_str(&out)) || !hear_mail(d))
        return false;
    for (size_t i = 0; i < t->n && d->mail_taken; i++) {
        buf_clear(&out);
        put_rcpt(t, d->r, i, &out);
        if (!remote_say(d->r, buf_str(&out)) || !hear_rcpt(d, i))
            return false;
    }
    return true;
}

FCT_MAY_WAIT static bool envelope(struct dialogue *d)
{
    struct transaction *t = d->t;

    if (!has(d->r, REMOTE_PIPELINING))
        return step_by_step(d);
    if (!t->said && !say_group(t, d->r))
        return false;
    if (!hear_mail(d))
        return false;
    for (size_t i = 0; i < t->n; i++)
        if (!hear_rcpt(d, i))
            return false;
    return true;
}

FCT_MAY_WAIT static bool reset(struct dialogue *d)
{
    struct remote_reply reply;

    if (!remote_say(d->r, FCT_STR("RSET\r\n")) ||
        !remote_reply(d->r, STEP_MAIL, d->conf->ehlo_timeout.ms, &reply))
        return false;
    return reply_class(&reply) == 2 || remote_fail(d->r, "4.5.0", "RSET was refused");
}

/* Nobody is left to get it. The server may want a message all the same (354): it gets an empty one
 * and throws it away, having no recipient. */
FCT_MAY_WAIT static bool abandon(struct dialogue *d)
{
    if (!d->t->data_said)
        return !d->mail_taken || reset(d);
    if (!remote_reply(d->r, STEP_DATA, d->conf->data_timeout.ms, &d->reply))
        return false;
    if (d->reply.code == 421)
        return host_trouble(d, STEP_DATA);
    if (reply_class(&d->reply) == 3)
        return remote_say(d->r, FCT_STR(".\r\n")) &&
               remote_reply(d->r, STEP_DOT, d->conf->dot_timeout.ms, &d->reply);
    return !d->mail_taken || reset(d);
}

/* Sent after a failed chunk or behind a stale transaction: the server wants to hear RSET first. */
FCT_MAY_WAIT static bool again_after_reset(struct dialogue *d)
{
    struct transaction *t = d->t;

    if (t->data_said && !abandon(d))
        return false;
    if (!reset(d))
        return false;
    t->said = t->data_said = t->after_failure = false;
    d->wants_reset = false;
    return envelope(d);
}

/* ---- the message ---- */

/* True and *go: the body is wanted. */
FCT_MAY_WAIT static bool ask_to_send(struct dialogue *d, bool *go)
{
    enum outcome outcome;

    *go = true;
    if (is_chunked(d->t, d->r))
        return true;
    if (!d->t->data_said && !remote_say(d->r, FCT_STR("DATA\r\n")))
        return false;
    if (!hear(d, STEP_DATA, d->conf->data_timeout.ms))
        return false;
    outcome = outcome_of(STEP_DATA, &d->reply, 0);
    if (outcome == OUTCOME_HOST)
        return host_trouble(d, STEP_DATA);
    *go = outcome == OUTCOME_DELIVERED;
    if (*go)
        return true;
    settle_all(d, true, outcome, STEP_DATA);
    return reset(d);
}

/* The answer may be lost when the message was not: a second copy at once would be a duplicate for
 * sure, so it waits for its turn (RFC 5321 6.1 leaves the choice to us; losing is worse). */
static void settle_in_doubt(struct dialogue *d)
{
    for (size_t i = 0; i < d->t->n; i++)
        if (d->t->taken[i]) {
            struct delivery_result result = d->r->trouble;

            result.outcome = OUTCOME_DEFERRED;
            job_settle_one(d->t->job, d->t->pick[i], &result);
        }
}

FCT_MAY_WAIT static bool hear_end(struct dialogue *d)
{
    enum outcome outcome;
    bool answered;

    d->r->in_doubt = true;
    answered = hear(d, STEP_DOT, d->conf->dot_timeout.ms);
    d->r->in_doubt = false;
    if (!answered) {
        settle_in_doubt(d);
        return false;
    }
    outcome = outcome_of(STEP_DOT, &d->reply, 0);
    if (outcome == OUTCOME_HOST) {
        settle_all(d, true, OUTCOME_DEFERRED, STEP_DOT);
        return host_trouble(d, STEP_DOT);
    }
    settle_all(d, true, outcome, STEP_DOT);
    return true;
}

/* An answer in the middle of the message is a refusal; what was sent of it cannot be ended well. */
FCT_MAY_WAIT static bool refused_early(struct dialogue *d)
{
    if (!hear(d, STEP_DOT, d->conf->dot_timeout.ms))
        return false;
    if (reply_class(&d->reply) == 5 && d->reply.code != 521)
        settle_all(d, true, OUTCOME_FAILED, STEP_DOT);
    else
        settle_all(d, true, OUTCOME_DEFERRED, STEP_DOT);
    return remote_fail(d->r, "4.4.2", "it answered in the middle of the message");
}

FCT_MAY_WAIT static bool send_message(struct dialogue *d, struct store *store,
                                      const struct transaction_next *next,
                                      struct transaction *following)
{
    const struct body body = {store, d->t->job->mail, d->t->job->conversion};
    bool chunked = is_chunked(d->t, d->r), early, ok;

    if (!body_send(d->r, &body, chunked ? BODY_BDAT : BODY_DATA, d->conf->block_timeout.ms, &early))
        return false;
    if (early)
        return refused_early(d);
    if (has(d->r, REMOTE_PIPELINING) && next->next(next->arg, following)) {
        following->after_failure = true; /* until we know better */
        if (!transaction_say_ahead(following, d->r)) {
            settle_in_doubt(d);
            return false;
        }
    }
    ok = hear_end(d);
    if (ok && chunked && reply_class(&d->reply) != 2 && !(following->job && following->said))
        ok = reset(d);
    if (reply_class(&d->reply) == 2)
        following->after_failure = false;
    return ok;
}

bool transaction_run(struct transaction *t, struct remote *r, struct store *store,
                     const struct relay_conf *conf, const struct transaction_next *next,
                     struct transaction *following, bool *pushed_back)
{
    struct dialogue d = {.t = t, .r = r, .conf = conf, .pushed_back = pushed_back};
    bool go;

    *pushed_back = false;
    if (!envelope(&d) || (d.wants_reset && !again_after_reset(&d)))
        return false;
    if (t->accepted == 0)
        return abandon(&d);
    return ask_to_send(&d, &go) && (!go || send_message(&d, store, next, following));
}
