/* needs.c - what a message needs and a server does not have (transaction_fits). */
#include "protocols/relay/transaction.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/down_convert.h"
#include "protocols/relay/body.h"

static bool refuse(const struct remote *r, struct job *job, const char *status, const char *text)
{
    struct delivery_result result = {0};

    str_copy_c(result.host, sizeof result.host, str_from(r->trouble.host));
    outcome_without_reply(&result, OUTCOME_FAILED, status, text);
    job_settle(job, &result);
    return false;
}

static bool lacks(const struct remote *r, uint32_t extension)
{
    return (r->ext.has & extension) == 0;
}

/* The header alone decides about SMTPUTF8; of a large message it is not at hand, and then taken for
 * what its sender said it is. */
static bool header_is_ascii(const struct mail *mail)
{
    ptrdiff_t end;

    if (!mail->body.p)
        return false;
    end = str_find(mail->body, FCT_STR("\r\n\r\n"));
    return str_is_ascii(end >= 0 ? str_head(mail->body, (size_t)end) : mail->body);
}

static bool addresses_are_ascii(const struct job *job)
{
    if (!str_is_ascii(job->mail->entry.envelope.reverse_path))
        return false;
    for (size_t i = 0; i < job->n; i++)
        if (!str_is_ascii(job_recipient(job, i)->address))
            return false;
    return true;
}

/* RFC 6531 3.6: a message that does not need the extension may go without it. */
static bool fits_utf8(const struct remote *r, struct job *job)
{
    const struct queue_envelope *e = &job->mail->entry.envelope;

    if (!e->smtputf8 || !lacks(r, REMOTE_SMTPUTF8))
        return true;
    if (addresses_are_ascii(job) && header_is_ascii(job->mail))
        return true;
    return refuse(
        r, job, "5.6.7",
        "the message has addresses or a header in UTF-8, and the server does not take such "
        "(SMTPUTF8)");
}

/* RFC 3030 3: BINARYMIME is of no use without CHUNKING. */
static bool lacks_binary(const struct remote *r)
{
    return lacks(r, REMOTE_BINARYMIME) || lacks(r, REMOTE_CHUNKING);
}

static bool refuse_body(const struct remote *r, struct job *job, enum down_convert_verdict why)
{
    static const char *const reasons[] = {
        [DOWN_FITS] = "",
        [DOWN_CONVERTS] = "",
        [DOWN_HEADER] = ", nor is its header ASCII",
        [DOWN_SEALED] = ", and converting would break its signature or encryption",
        [DOWN_STRUCTURE] = ", and its parts cannot be converted",
    };
    bool binary = job->mail->entry.envelope.body == QUEUE_BINARY;
    char text[160];

    (void)snprintf(text, sizeof text, "the server does not take %s%s",
                   binary ? "binary messages (BINARYMIME)" : "8-bit messages (8BITMIME)",
                   reasons[why]);
    return refuse(r, job, why == DOWN_HEADER ? "5.6.7" : binary ? "5.6.1" : "5.6.3", text);
}

/* The store is away: nothing is known about the message. */
static bool put_off(const struct remote *r, struct job *job, const struct fct_err *err)
{
    struct delivery_result result = {0};

    str_copy_c(result.host, sizeof result.host, str_from(r->trouble.host));
    outcome_without_reply(&result, OUTCOME_DEFERRED, "4.3.0", err->text);
    job_settle(job, &result);
    return false;
}

static bool fits_size(const struct remote *r, struct job *job)
{
    return r->ext.size == 0 || job_size(job) <= r->ext.size ||
           refuse(r, job, "5.3.4", "the message is larger than the server takes (SIZE)");
}

FCT_MAY_WAIT static bool convert(const struct remote *r, struct store *store, struct job *job)
{
    enum down_convert_kind kind = job->mail->entry.envelope.body == QUEUE_8BIT ? DOWN_8BIT_TO_7BIT
                                  : lacks(r, REMOTE_8BITMIME)                  ? DOWN_BINARY_TO_7BIT
                                                              : DOWN_BINARY_TO_8BIT;
    struct body body = {store, job->mail, down_convert_new(kind)};
    enum down_convert_verdict verdict;
    struct fct_err err = {0};

    job->conversion = body.conversion;
    if (!body_look(&body, &err))
        return put_off(r, job, &err);
    verdict = down_convert_decide(job->conversion);
    if (verdict == DOWN_CONVERTS)
        return fits_size(r, job);
    down_convert_free(&job->conversion);
    return verdict == DOWN_FITS || refuse_body(r, job, verdict);
}

/* RFC 6152 3 and RFC 3030 3 leave the choice between conversion and a bounce. What was declared to
 * be more than it is goes as it is. */
FCT_MAY_WAIT static bool fits_body(const struct remote *r, struct store *store, struct job *job,
                                   const struct relay_conf *conf)
{
    const struct body body = {store, job->mail, NULL};
    enum queue_body declared = job->mail->entry.envelope.body;
    struct fct_err err = {0};
    bool ascii;

    if (declared == QUEUE_7BIT || (declared == QUEUE_8BIT && !lacks(r, REMOTE_8BITMIME)) ||
        (declared == QUEUE_BINARY && !lacks_binary(r)))
        return true;
    if (declared == QUEUE_8BIT) {
        if (!body_is_ascii(&body, &ascii, &err))
            return put_off(r, job, &err);
        if (ascii)
            return true;
    }
    return conf->down_convert ? convert(r, store, job) : refuse_body(r, job, DOWN_CONVERTS);
}

bool transaction_fits(struct remote *r, struct store *store, struct job *job,
                      const struct relay_conf *conf, bool tls_verified)
{
    const struct queue_entry *entry = &job->mail->entry;

    down_convert_free(&job->conversion); /* of another server */
    if (!fits_size(r, job))
        return false;
    if (entry->envelope.requiretls && (lacks(r, REMOTE_REQUIRETLS) || !tls_verified))
        return refuse(r, job, "5.7.30", "REQUIRETLS: the server cannot promise it (RFC 8689)");
    return fits_utf8(r, job) && fits_body(r, store, job, conf);
}
