/* smtp_relay.c - mail for other servers: who may send it, and what of a message goes into the
 * queue.
 */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "plugins/lib/clients.h"
#include "protocols/smtp/smtp_deliver.h"
#include "protocols/smtp/smtp_hold.h"

bool smtp_may_relay(const struct smtp_session *s)
{
    return s->kind == SMTP_KIND &&
           (s->principal.handle != 0 || s->is_local ||
            clients_have(&s->conf->relay_networks, s->hooks.conn.client_ip));
}

unsigned smtp_relay_extensions(const struct smtp_session *s)
{
    unsigned set = 0;

    if (s->kind != SMTP_KIND)
        return 0;
    if (stream_has_tls(s->stream))
        set |= SMTP_EXT_REQUIRETLS;
    if (!smtp_is_submission(s) && !smtp_may_relay(s))
        return set;
    if (s->conf->max_hold.ms > 0)
        set |= SMTP_EXT_HOLD;
    return set | SMTP_EXT_DSN | SMTP_EXT_PRIORITY;
}

void smtp_put_hold_limits(const struct smtp_session *s, struct buf *out)
{
    uint64_t seconds = s->conf->max_hold.ms / 1000;
    char text[32];

    buf_put_char(out, ' ');
    buf_put_u64(out, seconds);
    buf_put_char(out, ' ');
    buf_put_str(out, smtp_hold_text(clock_wall() + (int64_t)seconds, text));
}

/* ---- recipients ---- */

static bool is_xchar(char c)
{
    return c > 32 && c < 127 && c != '+' && c != '=';
}

/* "rfc822;" and the address as xtext (RFC 3461 4.2, 4); empty for one that is not ASCII, which
 * needs RFC 6533. */
static struct fct_str orcpt_of(struct arena *arena, struct fct_str address)
{
    static const char digits[] = "0123456789ABCDEF";
    char *to = arena_alloc(arena, 3 * address.n + 7);
    size_t n = 7;

    if (!str_is_ascii(address))
        return FCT_STR("");
    memcpy(to, "rfc822;", 7);
    for (size_t i = 0; i < address.n; i++) {
        unsigned char c = (unsigned char)address.p[i];

        if (is_xchar(address.p[i])) {
            to[n++] = address.p[i];
            continue;
        }
        to[n++] = '+';
        to[n++] = digits[c >> 4];
        to[n++] = digits[c & 15];
    }
    return (struct fct_str){to, n};
}

struct fct_str delivery_orcpt(struct delivery *d, const struct smtp_target *target)
{
    if (target->orcpt.n > 0 || str_equal(target->address, target->name))
        return target->orcpt;
    return orcpt_of(d->arena, target->address);
}

void delivery_add_remote(struct delivery *d, size_t i)
{
    const struct smtp_target *target = &d->tx->target[i];
    const struct fate *fate = &d->fate[i];
    struct queue_recipient *r = &d->remote[d->remotes++];

    *r = (struct queue_recipient){
        .address = target->name, .orcpt = delivery_orcpt(d, target), .notify = target->notify};
    if (fate->softened) { /* the others get it: the sender hears of this one by a report */
        r->status = QUEUE_FAILED;
        r->reply = arena_printf(d->arena, "%u %s %.*s", fate->reply.code,
                                fate->reply.enhanced ? fate->reply.enhanced : "5.7.1",
                                FCT_FMT(fate->reply.text));
    }
    if (fate->outcome->answer.verdict == FCT_QUARANTINE ||
        d->result.answer.verdict == FCT_QUARANTINE)
        d->send.held = true;
}

void delivery_add_more(struct delivery *d)
{
    for (size_t i = 0; d->remotes > 0 && i < d->nmore; i++)
        d->remote[d->remotes++] =
            (struct queue_recipient){.address = d->more[i], .notify = QUEUE_NOTIFY_NEVER};
}

/* ---- the envelope ---- */

/* TLS-Required: No (RFC 8689 5): the sender would rather have it sent in the clear than not. */
static bool is_tls_optional(const struct delivery *d)
{
    const struct header_list *header = &d->header;

    for (size_t i = 0; i < header->n; i++)
        if (str_equal_nocase(header->field[i].name, FCT_STR("TLS-Required")))
            return str_equal_nocase(str_trim(header->field[i].value), FCT_STR("No"));
    return false;
}

static bool wants_success(const struct delivery *d)
{
    for (size_t i = 0; i < d->copies; i++)
        if (d->copy[i].notify & QUEUE_NOTIFY_SUCCESS)
            return true;
    return false;
}

const struct queue_send *delivery_send(struct delivery *d)
{
    const struct smtp_mail_params *params = &d->tx->params;
    bool known = smtp_may_relay(d->s) && d->reverse_path.n > 0;

    d->send.recipient = d->remote;
    d->send.n = d->remotes;
    d->send.report_copies = known && !delivery_answers_each(d);
    d->send.envelope = (struct queue_envelope){
        .envid = params->envid,
        .class = d->class,
        .ret = params->ret == SMTP_RET_FULL   ? QUEUE_RET_FULL
               : params->ret == SMTP_RET_HDRS ? QUEUE_RET_HDRS
                                              : QUEUE_RET_NONE,
        .body = str_equal(params->body, FCT_STR("8BITMIME")) ? QUEUE_8BIT : QUEUE_7BIT,
        .may_bounce = d->reverse_path.n > 0 && (known || delivery_may_bounce(d)),
        .smtputf8 = params->smtputf8,
        .requiretls = params->requiretls,
        .tls_optional = is_tls_optional(d) && !params->requiretls,
        .priority = params->priority,
        .hold_until = params->hold_until,
    };
    return d->remotes > 0 || d->send.report_copies || wants_success(d) ? &d->send : NULL;
}
