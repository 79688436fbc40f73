/* smtp_forward.c - mail that goes on from an address here: by an alias, or by an account whose
 * setting `forward` somebody agreed to (store/consent.c). Who goes in circles or is spam does not.
 *
 * The message stays as it came, so that its DKIM signatures hold; what we add stands above:
 * Received, and Delivered-To, by which we know it again. The store rewrites the sender (SRS). */
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_deliver.h"
#include "store/forward_conf.h"

#define DELIVERED_TO "Delivered-To"

static const struct forward_conf *conf_of(const struct smtp_session *s)
{
    const struct config *conf = s->edge.listener->edge->conf;

    return conf ? config_get(conf, &forward_block) : NULL;
}

/* ---- who forwards ---- */

static struct fct_str setting(const struct smtp_target *t, struct fct_str name)
{
    return account_setting_value(t->setting.item, t->setting.n, name);
}

static bool is_consent(const struct smtp_target *t)
{
    return t->account == 0 && str_equal(t->detail, STORE_CONSENT);
}

/* An address here leads there. */
static bool is_alias(const struct smtp_target *t)
{
    return t->account == 0 && !is_consent(t) && !str_equal_nocase(t->address, t->name);
}

static struct fct_str account_forward(const struct smtp_session *s, const struct smtp_target *t)
{
    const struct forward_conf *conf = conf_of(s);
    struct fct_str to = setting(t, FCT_STR("forward"));

    if (t->account == 0 || !conf || !conf->accounts ||
        !str_equal(to, setting(t, FCT_STR("forward_confirmed"))))
        return FCT_STR("");
    return to;
}

static bool forwards(const struct smtp_session *s, const struct smtp_target *t)
{
    return is_alias(t) || account_forward(s, t).n > 0;
}

/* ---- the field ---- */

/* For a message with one recipient alone: others are none of his business. */
void smtp_put_delivered_to(struct smtp_session *s, struct buf *out)
{
    struct smtp_transaction *tx = s->tx;
    bool any = false;

    for (size_t i = 0; i < tx->targets; i++)
        any = any || forwards(s, &tx->target[i]);
    tx->delivered_to = any && tx->recipients == 1;
    if (!tx->delivered_to)
        return;
    buf_put_c(out, DELIVERED_TO ": ");
    buf_put_str(out, tx->address[0]);
    buf_put_c(out, "\r\n");
}

static bool was_delivered_to(const struct delivery *d, struct fct_str address)
{
    const struct header_list *header = &d->header;
    size_t n = 0;

    for (size_t i = 0; i < header->n; i++)
        n += str_equal_nocase(header->field[i].name, FCT_STR(DELIVERED_TO)) &&
             str_equal_nocase(str_trim(header->field[i].value), address);
    return n > (d->tx->delivered_to && d->tx->recipients == 1 &&
                str_equal_nocase(d->tx->address[0], address));
}

/* "by" FWS Domain, ours */
static bool is_by(struct fct_str value, struct fct_str name)
{
    for (;;) {
        ptrdiff_t at = str_find_nocase(value, FCT_STR("by "));
        struct fct_str rest;

        if (at < 0)
            return false;
        rest = str_trim(str_skip(value, (size_t)at + 3));
        if ((at == 0 || strchr(" \t\r\n", value.p[at - 1])) && str_starts_nocase(rest, name) &&
            (rest.n == name.n || strchr(" \t\r\n;(", rest.p[name.n])))
            return true;
        value = str_skip(value, (size_t)at + 3);
    }
}

/* How often was it here before? */
static size_t hops(const struct delivery *d)
{
    const struct header_list *header = &d->header;
    struct fct_str name = d->s->edge.listener->edge->name;
    size_t n = 0;

    for (size_t i = 0; i < header->n; i++)
        n += str_equal_nocase(header->field[i].name, FCT_STR("Received")) &&
             is_by(header->field[i].value, name);
    return n > 0 ? n - 1 : 0;
}

/* ---- what is not forwarded ---- */

static bool goes_in_circles(const struct delivery *d, const struct smtp_target *t)
{
    const struct forward_conf *conf = conf_of(d->s);

    return was_delivered_to(d, t->address) || (conf && hops(d) >= conf->max_hops);
}

static bool is_spam(const struct delivery *d, const struct fate *fate)
{
    enum fct_action action = fate->outcome->action;

    return action == FCT_JUNK || action == FCT_HOLD || fate->softened ||
           str_equal_nocase(fate->outcome->mailbox, FCT_STR("Junk")) ||
           fate->outcome->answer.verdict == FCT_QUARANTINE ||
           d->result.answer.verdict == FCT_QUARANTINE;
}

void delivery_judge_forward(struct delivery *d, size_t i)
{
    const struct smtp_target *t = &d->tx->target[i];
    struct fate *fate = &d->fate[i];

    if (fate->what != FATE_COPY || !is_alias(t))
        return;
    if (goes_in_circles(d, t))
        fate->reply = SMTP_REPLY(554, "5.4.6", "mail loop: the message was delivered here before");
    else if (is_spam(d, fate) && !smtp_may_relay(d->s))
        fate->reply = SMTP_REPLY(550, "5.7.1", "the message looks like spam and is not forwarded");
    else
        return;
    fate->what = FATE_REFUSED;
}

/* ---- what is ---- */

static struct fct_str domain_of(struct fct_str address)
{
    return str_skip(address, (size_t)(str_find_last_char(address, '@') + 1));
}

struct fct_str delivery_elsewhere(const struct delivery *d, size_t i)
{
    const struct smtp_target *t = &d->tx->target[i];

    if (t->account == 0)
        return is_consent(t) ? FCT_STR("") : t->name;
    if (is_spam(d, &d->fate[i]) || goes_in_circles(d, t))
        return FCT_STR("");
    return account_forward(d->s, t);
}

bool delivery_forward(struct delivery *d, size_t i)
{
    const struct smtp_target *t = &d->tx->target[i];
    struct fct_str to = account_forward(d->s, t);

    if (is_alias(t))
        d->send.forwarded_by = domain_of(t->address);
    if (to.n == 0 || d->fate[i].stays || is_spam(d, &d->fate[i]))
        return false;
    if (goes_in_circles(d, t)) {
        log_event(EV_WARNING, d->tx->id, F_C("text", "mail loop: kept here, not forwarded"),
                  F_STR("account", t->name), F_STR("to", to));
        return false;
    }
    d->send.forwarded_by = domain_of(t->name);
    d->remote[d->remotes++] =
        (struct queue_recipient){.address = to, .orcpt = delivery_orcpt(d, t), .notify = t->notify};
    return str_equal(setting(t, FCT_STR("forward_keep")), FCT_STR("no"));
}

bool delivery_may_bounce(const struct delivery *d)
{
    const struct forward_conf *conf = conf_of(d->s);

    return d->send.forwarded_by.n > 0 && conf && conf->bounce;
}

/* ---- who agrees to get mail ---- */

/* What answers by itself agrees to nothing (RFC 3834 2). */
static bool is_automatic(const struct delivery *d)
{
    const struct header_list *header = &d->header;

    for (size_t i = 0; i < header->n; i++)
        if (str_equal_nocase(header->field[i].name, FCT_STR("Auto-Submitted")) &&
            !str_starts_nocase(str_trim(header->field[i].value), FCT_STR("no")))
            return true;
    return d->reverse_path.n == 0;
}

bool delivery_take_consent(struct delivery *d, size_t i, bool *taken, struct fct_err *err)
{
    const struct smtp_target *t = &d->tx->target[i];
    struct fct_str code = str_skip(t->name, STORE_CONSENT.n + 1), account, target;
    ptrdiff_t at = str_find_last_char(code, '@');

    *taken = is_consent(t);
    if (!*taken)
        return true;
    if (!is_automatic(d))
        return store_forward_confirm(d->s->edge.listener->edge->store,
                                     str_head(code, at > 0 ? (size_t)at : 0), d->arena, &account,
                                     &target, err);
    log_event(EV_NOTE, d->tx->id, F_C("text", "an automatic answer is no consent to forwarding"),
              F_STR("from", d->reverse_path), F_STR("rcpt", t->name));
    return true;
}
