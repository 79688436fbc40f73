/* milter_callbacks.c - what libmilter calls, in the order a connection meets it. Each callback
 * turns arguments and macros into an event of ours; where nobody hooks it, the thread answers at
 * once. */
#include "core/base/str.h"
#include "protocols/milter/milter_chunk.h"
#include "protocols/milter/milter_facts.h"
#include "protocols/milter/milter_session.h"

#include <libmilter/mfdef.h>

/* ---- answers ---- */

/* No reply was agreed on, or: go on. */
static sfsistat go_on(const struct milter_session *s, unsigned long no_reply)
{
    return s->terms.protocol & no_reply ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat answered(const struct milter_session *s, sfsistat status, unsigned long no_reply)
{
    return status == SMFIS_CONTINUE || s->terms.protocol & no_reply ? go_on(s, no_reply) : status;
}

/* The transaction ends here unless it goes on. */
static sfsistat unless_over(struct milter_session *s, sfsistat status)
{
    if (status != SMFIS_CONTINUE && status != SMFIS_NOREPLY && status != SMFIS_SKIP)
        milter_transaction_end(s, "limit");
    return status;
}

/* ---- negotiation ---- */

static void name_macros(SMFICTX *ctx)
{
    static const struct {
        int where;
        char names[96];
    } wanted[] = {
        {SMFIM_CONNECT, "j {daemon_name} {daemon_addr} {daemon_port} {client_addr} {client_name} "
                        "{client_port}"},
        {SMFIM_HELO, "{tls_version} {cipher}"},
        {SMFIM_ENVFROM, "i {auth_type} {auth_authen} {tls_version} {cipher}"},
        {SMFIM_ENVRCPT, "i {rcpt_mailer} {rcpt_host} {rcpt_addr}"},
        {SMFIM_DATA, "i"},
        {SMFIM_EOM, "i"},
    };
    char copy[96];

    for (size_t i = 0; i < FCT_COUNT(wanted); i++) {
        memcpy(copy, wanted[i].names, sizeof copy);
        (void)smfi_setsymlist(ctx, wanted[i].where, copy);
    }
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long protocol,
                             unsigned long spare2, unsigned long spare3,
                             unsigned long *want_actions, unsigned long *want_protocol,
                             unsigned long *want2, unsigned long *want3)
{
    struct milter_session *s = milter_session_negotiate(ctx);
    const struct milter_terms offered = {actions, protocol};
    struct milter_terms terms;

    (void)spare2, (void)spare3;
    milter_negotiate(&s->mx, &s->submission, s->ready, &offered, &terms);
    if (terms.actions & SMFIF_SETSYMLIST && !(terms.protocol & SMFIP_NOHELO))
        name_macros(ctx);
    milter_session_agree(s, &terms);
    *want_actions = terms.actions;
    *want_protocol = terms.protocol;
    *want2 = *want3 = 0;
    return SMFIS_CONTINUE;
}

/* ---- the client ---- */

static sfsistat unavailable(struct milter_session *s)
{
    static const struct filter_answer later = {
        .verdict = FCT_TEMPFAIL,
        .code = 451,
        .enhanced = {"4.3.2", 5},
        .text = {"The filter is starting, please try again later", 46},
    };

    if (milter_role_accepts_unfiltered(s->role->conf))
        return SMFIS_ACCEPT;
    return milter_reply(s, &later, SMTP_AT_CONNECT);
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    struct milter_session *s = milter_session_of(ctx);
    struct fct_ev_connect event = {.implicit_tls = false};
    struct filter_answer answer;
    struct fct_str name;

    if (!s)
        return SMFIS_TEMPFAIL;
    if (!s->ready)
        return unavailable(s);
    milter_fact_role(s);
    if (!milter_plan_wants_anything(&s->plan))
        return SMFIS_ACCEPT;
    milter_fact_address(s, address);
    milter_fact_client_name(s, str_from(host));
    milter_fact_set(s, "{daemon_addr}", &s->hooks.conn.local_ip);
    (void)!str_to_u32(milter_fact(ctx, "{daemon_port}"), &s->hooks.conn.local_port);
    s->hooks.conn.frontend = FCT_STR("milter");
    milter_ask(s, FCT_HOOK_connect, &event, &answer);
    s->hooks.conn.trusted = answer.verdict == FCT_ACCEPT;
    if (filter_changed(&answer, "client_name", 0, &name))
        milter_fact_client_name(s, name);
    if (s->hooks.conn.trusted && !(s->terms.protocol & SMFIP_NR_CONN))
        return SMFIS_ACCEPT;
    return answered(s, milter_reply(s, &answer, SMTP_AT_CONNECT), SMFIP_NR_CONN);
}

/* ---- HELO, TLS ---- */

/* STARTTLS is not told: the macros say that it happened. */
static sfsistat see_tls(struct milter_session *s)
{
    struct fct_conn *conn = &s->hooks.conn;
    bool before = conn->tls_version.n > 0;
    struct filter_answer answer;
    struct fct_ev_tls event;

    milter_fact_set(s, "{tls_version}", &conn->tls_version);
    milter_fact_set(s, "{cipher}", &conn->tls_cipher);
    if (before || conn->tls_version.n == 0)
        return SMFIS_CONTINUE;
    event = (struct fct_ev_tls){.version = conn->tls_version, .cipher = conn->tls_cipher};
    milter_ask(s, FCT_HOOK_tls, &event, &answer);
    return milter_reply(s, &answer, SMTP_AT_HELO);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
    struct milter_session *s = smfi_getpriv(ctx);
    struct fct_ev_helo event = {.name = str_from(name), .extended = true};
    struct filter_answer answer;
    sfsistat status;

    if (!s)
        return SMFIS_TEMPFAIL;
    milter_transaction_end(s, "helo");
    arena_reset(s->call);
    if (!str_equal(s->hooks.conn.helo, event.name))
        s->hooks.conn.helo = arena_str(s->arena, event.name);
    status = see_tls(s);
    if (status == SMFIS_CONTINUE) {
        milter_ask(s, FCT_HOOK_helo, &event, &answer);
        status = milter_reply(s, &answer, SMTP_AT_HELO);
    }
    return answered(s, status, SMFIP_NR_HELO);
}

/* ---- MAIL ---- */

/* The MTA has proved the password long ago. */
static sfsistat see_login(struct milter_session *s)
{
    struct fct_conn *conn = &s->hooks.conn;
    struct fct_str user = milter_fact(s->ctx, "{auth_authen}"), changed;
    struct filter_answer answer;
    struct fct_ev_auth event;

    if (user.n == 0 || conn->login.n > 0)
        return SMFIS_CONTINUE;
    milter_fact_set(s, "{auth_authen}", &conn->login);
    milter_fact_set(s, "{auth_type}", &conn->auth_mechanism);
    event = (struct fct_ev_auth){
        .mechanism = conn->auth_mechanism, .user = conn->login, .protocol = FCT_STR("smtp")};
    milter_ask(s, FCT_HOOK_auth, &event, &answer);
    if (filter_changed(&answer, "user", 0, &changed))
        conn->login = arena_str(s->arena, changed);
    return milter_reply(s, &answer, SMTP_AT_MAIL);
}

static void take_sender(struct milter_session *s, const struct filter_answer *answer)
{
    struct fct_str changed;

    if (!filter_changed(answer, "reverse_path", 0, &changed))
        return;
    s->hooks.envelope.reverse_path = arena_str(s->message, milter_fact_path(changed));
    s->tx->sender_changed = true;
}

static sfsistat on_mail(SMFICTX *ctx, char **argument)
{
    struct milter_session *s = smfi_getpriv(ctx);
    struct fct_ev_mail event = {0};
    struct filter_answer answer;
    sfsistat status;

    if (!s)
        return SMFIS_TEMPFAIL;
    (void)milter_transaction_start(s);
    milter_fact_queue_id(s);
    event.reverse_path = arena_str(s->message, milter_fact_path(str_from(argument[0])));
    milter_fact_parameters(s, argument + 1, &event);
    s->hooks.envelope.reverse_path = event.reverse_path;
    s->hooks.envelope.smtputf8 = event.smtputf8;
    s->hooks.envelope.body = event.body;
    s->hooks.envelope.declared = event.size;
    status = see_tls(s); /* implicit TLS without EHLO behind it does not exist, a lazy MTA does */
    if (status == SMFIS_CONTINUE)
        status = see_login(s);
    if (status != SMFIS_CONTINUE)
        return answered(s, unless_over(s, status), SMFIP_NR_MAIL);
    milter_ask(s, FCT_HOOK_mail, &event, &answer);
    take_sender(s, &answer);
    if (answer.verdict == FCT_DISCARD)
        return unless_over(s, SMFIS_DISCARD);
    status = milter_reply(s, &answer, SMTP_AT_MAIL);
    return answered(s, unless_over(s, status), SMFIP_NR_MAIL);
}

/* ---- RCPT ---- */

static void take_recipient(struct milter_session *s, const char *given, struct fct_str address,
                           const struct filter_answer *answer)
{
    struct milter_recipient r = {
        .given = arena_cstr(s->message, str_from(given)),
        .address = address,
        .discarded = answer->verdict == FCT_DISCARD,
    };
    struct fct_str changed;

    if (filter_changed(answer, "recipient", 0, &changed)) {
        r.address = arena_str(s->message, milter_fact_path(changed));
        r.changed = true;
    }
    if (filter_changed(answer, "profile", 0, &changed))
        r.profile = arena_str(s->message, changed);
    milter_transaction_add(s, &r);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argument)
{
    struct milter_session *s = smfi_getpriv(ctx);
    struct fct_ev_rcpt event = {0};
    struct filter_answer answer;
    sfsistat status;

    if (!s || !s->tx)
        return SMFIS_TEMPFAIL;
    milter_fact_queue_id(s);
    event.recipient = arena_str(s->message, milter_fact_path(str_from(argument[0])));
    event.accepted = s->tx->addresses;
    event.refused = milter_fact_refusal(s);
    milter_ask(s, FCT_HOOK_rcpt, &event, &answer);
    if (event.refused.n > 0)
        return go_on(s, SMFIP_NR_RCPT);
    status = milter_reply(s, &answer, SMTP_AT_RCPT);
    if (status == SMFIS_CONTINUE)
        take_recipient(s, argument[0], event.recipient, &answer);
    return answered(s, status, SMFIP_NR_RCPT);
}

/* ---- DATA and what the client should not have said ---- */

static sfsistat on_data(SMFICTX *ctx)
{
    struct milter_session *s = smfi_getpriv(ctx);
    struct fct_ev_data event;
    struct filter_answer answer;
    sfsistat status;

    if (!s || !s->tx)
        return SMFIS_TEMPFAIL;
    milter_fact_queue_id(s);
    event = (struct fct_ev_data){.recipients = s->tx->addresses};
    milter_ask(s, FCT_HOOK_data, &event, &answer);
    if (answer.verdict == FCT_DISCARD)
        return unless_over(s, SMFIS_DISCARD);
    status = milter_reply(s, &answer, SMTP_AT_DATA);
    return answered(s, unless_over(s, status), SMFIP_NR_DATA);
}

static sfsistat on_unknown(SMFICTX *ctx, const char *line)
{
    struct milter_session *s = smfi_getpriv(ctx);
    struct fct_ev_unknown event = {.line = str_trim(str_from(line))};
    struct filter_answer answer;

    if (!s)
        return SMFIS_TEMPFAIL;
    if (!s->tx)
        arena_reset(s->call);
    milter_ask(s, FCT_HOOK_unknown, &event, &answer);
    return answered(s, milter_reply(s, &answer, SMTP_AT_UNKNOWN), SMFIP_NR_UNKN);
}

/* ---- the message ---- */

static void begin_message(struct milter_session *s)
{
    if (s->tx->message.spool)
        return;
    milter_fact_queue_id(s);
    milter_message_start(&s->tx->message, s->role->spool, s->message, milter_fact_received(s));
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    struct milter_session *s = smfi_getpriv(ctx);

    if (!s || !s->tx)
        return SMFIS_TEMPFAIL;
    begin_message(s);
    milter_message_field(&s->tx->message, str_from(name), str_from(value),
                         s->terms.protocol & SMFIP_HDR_LEADSPC);
    return go_on(s, SMFIP_NR_HDR);
}

static sfsistat on_end_of_header(SMFICTX *ctx)
{
    const struct milter_session *s = smfi_getpriv(ctx);

    return s ? go_on(s, SMFIP_NR_EOH) : SMFIS_TEMPFAIL;
}

static sfsistat after_piece(struct milter_session *s, sfsistat status)
{
    bool enough = s->tx->chunks_end && !milter_plan_judges_message(&s->plan);

    if (status == SMFIS_CONTINUE && enough && s->terms.protocol & SMFIP_SKIP)
        status = SMFIS_SKIP;
    return answered(s, unless_over(s, status), SMFIP_NR_BODY);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t n)
{
    struct milter_session *s = smfi_getpriv(ctx);
    struct fct_str piece = {(const char *)bytes, n};
    sfsistat status;

    if (!s || !s->tx)
        return SMFIS_TEMPFAIL;
    begin_message(s);
    milter_message_end_header(&s->tx->message);
    status = milter_chunk_header(s);
    if (status == SMFIS_CONTINUE) {
        if (milter_plan_judges_message(&s->plan))
            milter_message_body(&s->tx->message, piece);
        status = milter_chunk_body(s, piece);
    }
    return after_piece(s, status);
}

static sfsistat on_end_of_message(SMFICTX *ctx)
{
    struct milter_session *s = smfi_getpriv(ctx);
    sfsistat status = SMFIS_CONTINUE;

    if (!s)
        return SMFIS_TEMPFAIL;
    if (!s->tx)
        return SMFIS_CONTINUE; /* nobody hooks anything of a transaction */
    if (milter_plan_wants_message(&s->plan)) {
        begin_message(s);
        milter_message_end_header(&s->tx->message);
        status = milter_chunk_header(s);
    }
    if (status == SMFIS_CONTINUE)
        status = milter_end_of_message(s);
    milter_transaction_end(s, status == SMFIS_CONTINUE ? NULL : "limit");
    return status;
}

/* ---- ends ---- */

static sfsistat on_abort(SMFICTX *ctx)
{
    struct milter_session *s = smfi_getpriv(ctx);

    if (s)
        milter_transaction_end(s, "rset");
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
    milter_session_close(ctx);
    return SMFIS_CONTINUE;
}

static char own_name[] = "facteur";

const struct smfiDesc milter_callbacks = {
    .xxfi_name = own_name,
    .xxfi_version = SMFI_VERSION,
    .xxfi_negotiate = on_negotiate,
    .xxfi_connect = on_connect,
    .xxfi_helo = on_helo,
    .xxfi_envfrom = on_mail,
    .xxfi_envrcpt = on_rcpt,
    .xxfi_data = on_data,
    .xxfi_unknown = on_unknown,
    .xxfi_header = on_header,
    .xxfi_eoh = on_end_of_header,
    .xxfi_body = on_body,
    .xxfi_eom = on_end_of_message,
    .xxfi_abort = on_abort,
    .xxfi_close = on_close,
};
