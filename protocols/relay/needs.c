/* needs.c - what a message needs and a server does not have (transaction_fits). */
#include "protocols/relay/transaction.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
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

/* RFC 6152 3 leaves conversion or a bounce. Converting would break signatures, and the servers that
 * do not announce 8BITMIME and yet are not eight-bit clean are gone: what is ASCII goes as it is,
 * the rest bounces. */
FCT_MAY_WAIT static bool fits_body(struct remote *r, struct store *store, struct job *job)
{
    enum queue_body body = job->mail->entry.envelope.body;

    if (body == QUEUE_7BIT)
        return true;
    if (body == QUEUE_BINARY && (lacks(r, REMOTE_BINARYMIME) || lacks(r, REMOTE_CHUNKING)))
        return refuse(r, job, "5.6.1", "the server does not take binary messages (BINARYMIME)");
    if (body == QUEUE_8BIT && lacks(r, REMOTE_8BITMIME) && !body_is_ascii(store, job->mail))
        return refuse(r, job, "5.6.3", "the server does not take 8-bit messages (8BITMIME)");
    return true;
}

bool transaction_fits(struct remote *r, struct store *store, struct job *job, bool tls_verified)
{
    const struct queue_entry *entry = &job->mail->entry;

    if (r->ext.size > 0 && entry->size > r->ext.size)
        return refuse(r, job, "5.3.4", "the message is larger than the server takes (SIZE)");
    if (entry->envelope.requiretls && (lacks(r, REMOTE_REQUIRETLS) || !tls_verified))
        return refuse(r, job, "5.7.30", "REQUIRETLS: the server cannot promise it (RFC 8689)");
    return fits_utf8(r, job) && fits_body(r, store, job);
}
