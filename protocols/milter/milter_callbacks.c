/* milter_callbacks.c - what libmilter calls, in the order a connection meets it. Each callback
 * turns arguments and macros into an event of ours; where nobody hooks it, the thread answers at
 * once. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "protocols/milter/milter_chunk.h"
#include "protocols/milter/milter_session.h"
#include "protocols/smtp/smtp_path.h"
#include "protocols/smtp/smtp_received.h"

#include <arpa/inet.h>
#include <libmilter/mfdef.h>

/* ---- arguments ---- */

/* A view: good until the next command of this kind. */
static struct fct_str macro(SMFICTX *ctx, const char *name)
{
    char copy[32];

    str_copy_c(copy, sizeof copy, str_from(name)); /* libmilter's prototype knows no const */
    return str_from(smfi_getsymval(ctx, copy));
}

static void set_from_macro(struct milter_session *s, const char *name, struct fct_str *to)
{
    struct fct_str value = macro(s->ctx, name);

    if (value.n > 0 && !str_equal(value, *to))
        *to = arena_str(s->arena, value);
}

static struct fct_str without_brackets(struct fct_str path)
{
    path = str_trim(path);
    if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
        path = (struct fct_str){path.p + 1, path.n - 2};
    return path;
}

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

static void take_address(struct milter_session *s, const _SOCK_ADDR *address)
{
    struct fct_conn *conn = &s->hooks.conn;
    struct fct_str macro_ip = macro(s->ctx, "{client_addr}");
    char text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (address && address->sa_family == AF_INET) {
        memcpy(&in, (const void *)address, sizeof in);
        (void)inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        conn->client_port = ntohs(in.sin_port);
    } else if (address && address->sa_family == AF_INET6) {
        memcpy(&in6, (const void *)address, sizeof in6);
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
        conn->client_port = ntohs(in6.sin6_port);
    } else if (macro_ip.n < sizeof text && !str_equal(macro_ip, FCT_STR("unknown"))) {
        str_copy_c(text, sizeof text, macro_ip);
    }
    if (str_starts_nocase(str_from(text), FCT_STR("IPv6:")))
        memmove(text, text + 5, strlen(text) - 4);
    /* Mail that comes by no connection (the sendmail command) is this machine's. */
    conn->client_ip = arena_str(s->arena, str_from(text[0] ? text : "127.0.0.1"));
}

/* "unknown" and "[192.0.2.1]" are what MTAs say without a confirmed name. */
static void take_client_name(struct milter_session *s, struct fct_str host)
{
    if (host.n > 0 && host.p[0] != '[' && !str_equal_nocase(host, FCT_STR("unknown")))
        s->hooks.conn.client_name = arena_str(s->arena, host);
}

static void take_role(struct milter_session *s)
{
    const struct fct_strings *daemons = &s->role->conf->submission_daemons;
    struct fct_str daemon = macro(s->ctx, "{daemon_name}");

    s->hooks.conn.role = FCT_ROLE_MX;
    for (size_t i = 0; i < daemons->n; i++)
        if (str_equal_nocase(daemon, str_from(daemons->item[i])))
            s->hooks.conn.role = FCT_ROLE_SUBMISSION;
    s->plan = s->hooks.conn.role == FCT_ROLE_MX ? s->mx : s->submission;
}

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

    if (!s)
        return SMFIS_TEMPFAIL;
    if (!s->ready)
        return unavailable(s);
    take_role(s);
    if (!milter_plan_wants_anything(&s->plan))
        return SMFIS_ACCEPT;
    take_address(s, address);
    take_client_name(s, str_from(host));
    set_from_macro(s, "{daemon_addr}", &s->hooks.conn.local_ip);
    (void)!str_to_u32(macro(ctx, "{daemon_port}"), &s->hooks.conn.local_port);
    s->hooks.conn.frontend = FCT_STR("milter");
    milter_ask(s, FCT_HOOK_connect, &event, &answer);
    s->hooks.conn.trusted = answer.verdict == FCT_ACCEPT;
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

    set_from_macro(s, "{tls_version}", &conn->tls_version);
    set_from_macro(s, "{cipher}", &conn->tls_cipher);
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
    struct fct_str user = macro(s->ctx, "{auth_authen}"), changed;
    struct filter_answer answer;
    struct fct_ev_auth event;

    if (user.n == 0 || conn->login.n > 0)
        return SMFIS_CONTINUE;
    set_from_macro(s, "{auth_authen}", &conn->login);
    set_from_macro(s, "{auth_type}", &conn->auth_mechanism);
    event = (struct fct_ev_auth){
        .mechanism = conn->auth_mechanism, .user = conn->login, .protocol = FCT_STR("smtp")};
    milter_ask(s, FCT_HOOK_auth, &event, &answer);
    if (filter_changed(&answer, "user", 0, &changed))
        conn->login = arena_str(s->arena, changed);
    return milter_reply(s, &answer, SMTP_AT_MAIL);
}

static bool takes(struct fct_str argument, const char *key, struct fct_str *value)
{
    if (!str_starts_nocase(argument, str_from(key)))
        return false;
    *value = str_skip(argument, strlen(key));
    return true;
}

static struct fct_str body_word(struct fct_str value)
{
    static const char *const known[] = {"7BIT", "8BITMIME", "BINARYMIME"};

    for (size_t i = 0; i < FCT_COUNT(known); i++)
        if (str_equal_nocase(value, str_from(known[i])))
            return str_from(known[i]);
    return FCT_STR("");
}

/* What the MTA has accepted: nothing is refused here. */
static void take_parameters(struct milter_session *s, char **argument, struct fct_ev_mail *event)
{
    struct fct_str value;

    for (; *argument; argument++) {
        struct fct_str a = str_from(*argument);

        if (takes(a, "SIZE=", &value))
            (void)!str_to_u64(value, &event->size);
        else if (takes(a, "BODY=", &value))
            event->body = body_word(value);
        else if (takes(a, "AUTH=", &value) && !str_equal(value, FCT_STR("<>")))
            event->auth = arena_str(s->message, without_brackets(value));
        else if (str_equal_nocase(a, FCT_STR("SMTPUTF8")))
            event->smtputf8 = true;
    }
}

static void take_sender(struct milter_session *s, const struct filter_answer *answer)
{
    struct fct_str changed;

    if (!filter_changed(answer, "reverse_path", 0, &changed))
        return;
    s->hooks.envelope.reverse_path = arena_str(s->message, without_brackets(changed));
    s->tx->sender_changed = true;
}

/* Some MTAs know it from the beginning, Postfix from the first good recipient on. */
static void take_queue_id(struct milter_session *s)
{
    struct milter_transaction *tx = s->tx;

    if (tx->queue_id.n > 0)
        return;
    tx->queue_id = arena_str(s->message, macro(s->ctx, "i"));
    if (tx->queue_id.n == 0)
        return;
    tx->id =
        arena_printf(s->message, "%.*s/%.*s", FCT_FMT(tx->id), FCT_FMT(str_head(tx->queue_id, 32)));
    s->hooks.envelope.id = tx->id;
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
    take_queue_id(s);
    event.reverse_path = arena_str(s->message, without_brackets(str_from(argument[0])));
    take_parameters(s, argument + 1, &event);
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

/* SMFIP_RCPT_REJ: also those the MTA refuses. */
static struct fct_str refusal(struct milter_session *s)
{
    struct fct_str text = macro(s->ctx, "{rcpt_addr}");

    if (!str_equal_nocase(macro(s->ctx, "{rcpt_mailer}"), FCT_STR("error")))
        return FCT_STR("");
    return text.n > 0 ? arena_str(s->message, text) : FCT_STR("refused");
}

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
        r.address = arena_str(s->message, without_brackets(changed));
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
    take_queue_id(s);
    event.recipient = arena_str(s->message, without_brackets(str_from(argument[0])));
    event.accepted = s->tx->addresses;
    event.refused = refusal(s);
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
    take_queue_id(s);
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

/* For the rules: the MTA writes one of its own, which nobody shows us. */
static struct fct_str synthetic_received(struct milter_session *s)
{
    FCT_CLEANUP(buf_free) struct buf field = BUF_INIT(8192);
    const struct fct_conn *conn = &s->hooks.conn;
    struct fct_str host = macro(s->ctx, "j");
    struct smtp_received received = {
        .helo = smtp_domain_is_valid(conn->helo, true) ? conn->helo : FCT_STR(""),
        .client_ip = conn->client_ip,
        .tls_version = conn->tls_version,
        .tls_cipher = conn->tls_cipher,
        .id = s->tx->queue_id.n > 0 ? s->tx->queue_id : str_from(s->id.text),
        .recipient = s->tx->addresses == 1 ? s->tx->address[0] : FCT_STR(""),
        .extended = true,
        .authenticated = conn->login.n > 0,
        .smtputf8 = s->hooks.envelope.smtputf8,
        .when = clock_wall(),
    };

    if (host.n == 0)
        host = str_from(s->role->env->server_name);
    received.by = arena_printf(s->message, "%.*s (synthetic: facteur)", FCT_FMT(host));
    smtp_received_format(&received, &field);
    return arena_str(s->message, buf_str(&field));
}

static void begin_message(struct milter_session *s)
{
    if (s->tx->message.spool)
        return;
    take_queue_id(s);
    milter_message_start(&s->tx->message, s->role->spool, s->message, synthetic_received(s));
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
