/* smtp_rcpt.c - RCPT (RFC 5321 4.1.1.3): who it is for, what plugins say of it, where it leads. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/guard.h"
#include "protocols/smtp/smtp_session.h"

/* rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP
 * Rcpt-parameters] CRLF */
bool smtp_rcpt_parse(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                     struct smtp_reply *r)
{
    struct fct_str in = argument;
    struct fct_err err = {0};

    if (!smtp_take_word(&in, FCT_STR("TO:"))) {
        *r = SMTP_REPLY(501, "5.5.4", "syntax: RCPT TO:<address>");
        return false;
    }
    if (!smtp_path_parse(&in, s->tx && s->tx->params.smtputf8, &out->rcpt.path, &err) ||
        (smtp_path_is_null(&out->rcpt.path) && !fct_fail(&err, FCT_SYNTAX, "<> is no recipient"))) {
        *r = smtp_path_error(s, &err, "5.1.3");
        return false;
    }
    if (smtp_rcpt_params_parse(in, smtp_offers(s, SMTP_EXT_DSN) ? SMTP_EXT_DSN : 0u,
                               &out->rcpt.params, &err))
        return true;
    *r = smtp_params_error(s, &err);
    return false;
}

/* A recipient on its way into the transaction. */
struct rcpt {
    struct fct_str address;
    struct store_resolution to;
    struct smtp_wish wish;
    bool good;
    bool unknown;              /* counts as address harvesting (RFC 5321 7.8) */
    struct smtp_reply refusal; /* when not good */
};

/* What filters say of all copies must fit into one answer between processes: so the addresses that
 * aliases lead to count, but for those of the first recipient, who could not be sent to otherwise.
 */
static bool is_room_for(const struct smtp_session *s, const struct store_resolution *to)
{
    size_t more = smtp_transaction_new_targets(s->tx, to);

    return s->tx->recipients == 0 || more == 0 || s->tx->targets + more <= s->conf->max_recipients;
}

static void find(struct smtp_session *s, struct rcpt *rcpt)
{
    const struct smtp_reply too_many =
        SMTP_REPLY(452, "4.5.3", "too many recipients, send the others in another message");

    rcpt->good = rcpt->unknown = false;
    rcpt->refusal = too_many;
    if (s->tx->recipients >= s->conf->max_recipients)
        return;
    rcpt->good = smtp_resolve(s, rcpt->address, &rcpt->to, &rcpt->refusal);
    rcpt->unknown = !rcpt->good && rcpt->to.what != RESOLVED_LOCAL;
    if (rcpt->good && !is_room_for(s, &rcpt->to)) {
        rcpt->good = false;
        rcpt->refusal = too_many;
    }
}

/* The plugins are asked once, for refused recipients too: those they cannot refuse any more, but
 * another recipient may be found for them. */
static bool ask(struct smtp_session *s, struct rcpt *rcpt, struct smtp_reply *r)
{
    struct fct_ev_rcpt event = {.recipient = rcpt->address,
                                .accepted = s->tx->recipients,
                                .refused = rcpt->good ? FCT_STR("") : rcpt->refusal.text};
    struct filter_answer answer;
    struct fct_str address;

    if (!smtp_ask(s, FCT_HOOK_rcpt, &event, SMTP_AT_RCPT, &answer, r) && rcpt->good)
        return false;
    rcpt->wish.discard = answer.verdict == FCT_DISCARD;
    (void)smtp_changed(&answer, "profile", &rcpt->wish.profile);
    if (!smtp_changed_path(s, &answer, "recipient", false, s->call, &address) ||
        str_equal(address, rcpt->address))
        return true;
    rcpt->address = address;
    find(s, rcpt);
    return true;
}

/* Who may be harvesting addresses: not a user, not a server that hands us mail for local delivery,
 * nobody a plugin trusts. */
static bool is_stranger(const struct smtp_session *s)
{
    return s->kind == SMTP_KIND && s->principal.handle == 0 && !s->hooks.conn.trusted;
}

static struct smtp_reply refuse(struct smtp_session *s, const struct rcpt *rcpt)
{
    struct smtp_reply r = rcpt->refusal;

    if (!rcpt->unknown)
        return r;
    s->unknown_recipients++;
    if (is_stranger(s))
        guard_unknown(s->edge.listener->edge->guard, stream_peer(s->stream));
    smtp_count_error(s, &r);
    return r;
}

static struct smtp_reply add_recipient(struct smtp_session *s, struct fct_str address,
                                       const struct smtp_rcpt_params *params)
{
    struct rcpt rcpt = {.address = address, .wish = {.params = *params}};
    struct smtp_reply r;

    if (is_stranger(s) && !guard_may_name(s->edge.listener->edge->guard, stream_peer(s->stream)))
        return SMTP_REPLY(450, "4.7.1", "too many unknown recipients, please try again later");
    find(s, &rcpt);
    if (!ask(s, &rcpt, &r))
        return r;
    if (!rcpt.good)
        return refuse(s, &rcpt);
    smtp_transaction_add(s, arena_str(s->message, rcpt.address), &rcpt.to, &rcpt.wish);
    s->state = SMTP_IN_RCPT;
    return SMTP_REPLY(250, "2.1.5", "recipient accepted");
}

struct smtp_reply smtp_rcpt_run(struct smtp_session *s, const union smtp_argument *argument)
{
    struct fct_str address = smtp_path_address(s->call, &argument->rcpt.path);
    struct smtp_reply r = add_recipient(s, address, &argument->rcpt.params);

    if (smtp_reply_is_error(&r))
        log_event(EV_RCPT_REFUSED, s->tx->id, F_STR("client", s->hooks.conn.client_ip),
                  F_STR("from", s->hooks.envelope.reverse_path), F_STR("rcpt", address),
                  F_U64("code", r.code), F_STR("why", r.text));
    return r;
}
