/* smtp_verbs.c - the table of verbs and the rows that need no file of their own (RFC 5321 4.1.1,
 * RFC 2033 4.1). */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_session.h"
#include <event2/buffer.h>

static unsigned offered(const struct smtp_session *s);

/* ---- arguments ---- */

static bool any_argument(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                         struct smtp_reply *r)
{
    (void)s;
    (void)r;
    out->text = argument;
    return true;
}

static bool no_argument(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                        struct smtp_reply *r)
{
    (void)s;
    (void)out;
    if (str_is_empty(argument))
        return true;
    *r = SMTP_REPLY(501, "5.5.4", "this command takes no argument");
    return false;
}

static bool needs_argument(struct smtp_session *s, struct fct_str argument,
                           union smtp_argument *out, struct smtp_reply *r)
{
    (void)s;
    out->text = argument;
    if (!str_is_empty(argument))
        return true;
    *r = SMTP_REPLY(501, "5.5.4", "an argument is missing");
    return false;
}

/* ehlo = "EHLO" SP ( Domain / address-literal ) CRLF */
static bool helo_parse(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                       struct smtp_reply *r)
{
    (void)s;
    out->text = argument;
    if (smtp_domain_is_valid(argument, false))
        return true;
    *r = SMTP_REPLY(501, "5.5.4", "a domain name or an address literal must follow");
    return false;
}

/* Moves past `word` (with its colon) and the spaces that Outlook and many scripts put behind it;
 * RFC 5321 3.3 forbids them. */
bool smtp_take_word(struct fct_str *in, struct fct_str word)
{
    if (!str_starts_nocase(*in, word))
        return false;
    *in = str_skip(*in, word.n);
    while (in->n > 0 && *in->p == ' ')
        *in = str_skip(*in, 1);
    return true;
}

struct smtp_reply smtp_path_error(struct smtp_session *s, const struct fct_err *err,
                                  const char *enhanced)
{
    bool utf8 = err->class == FCT_DENIED;

    return (struct smtp_reply){.code = utf8 ? 553 : 501,
                               .enhanced = utf8 ? "5.6.7" : enhanced,
                               .text = arena_str(s->call, str_from(err->text))};
}

struct smtp_reply smtp_params_error(struct smtp_session *s, const struct fct_err *err)
{
    return (struct smtp_reply){.code = err->class == FCT_DENIED ? 555 : 501,
                               .enhanced = "5.5.4",
                               .text = arena_str(s->call, str_from(err->text))};
}

/* Whose parameters MAIL may have. AUTH= is legal behind a login, which is the end of the offer (RFC
 * 4954 5). */
static unsigned mail_extensions(const struct smtp_session *s)
{
    return (offered(s) | (smtp_announces_auth(s) ? SMTP_EXT_AUTH : 0u)) & ~s->hidden;
}

/* mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF. SMTPUTF8 comes behind the path that
 * it allows. */
static bool mail_parse(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                       struct smtp_reply *r)
{
    struct fct_str in = argument, path = argument;
    struct fct_err err = {0};

    if (!smtp_take_word(&in, FCT_STR("FROM:"))) {
        *r = SMTP_REPLY(501, "5.5.4", "syntax: MAIL FROM:<address>");
        return false;
    }
    if (!smtp_path_parse(&in, true, &out->mail.path, &err) ||
        (smtp_path_is_postmaster(&out->mail.path) &&
         !fct_fail(&err, FCT_SYNTAX, "a domain is missing"))) {
        *r = smtp_path_error(s, &err, "5.1.7");
        return false;
    }
    path.n -= in.n;
    if (!smtp_mail_params_parse(in, mail_extensions(s), &out->mail.params, &err)) {
        *r = smtp_params_error(s, &err);
        return false;
    }
    if (out->mail.params.smtputf8 || str_is_ascii(path))
        return true;
    *r = SMTP_REPLY(553, "5.6.7", "the address is not ASCII and SMTPUTF8 was not given");
    return false;
}

/* ---- EHLO, HELO, LHLO ---- */

static void take_hidden(struct smtp_session *s, const struct filter_answer *answer)
{
    struct fct_str keyword;

    s->hidden = 0;
    for (size_t i = 0; filter_changed(answer, "hide", i, &keyword); i++)
        s->hidden |= smtp_extension_find(keyword);
}

/* A greeting ends the transaction in hand (RFC 5321 4.1.4). False: *r is the refusal of a plugin.
 */
static bool take_helo(struct smtp_session *s, struct fct_str name, bool extended,
                      struct smtp_reply *r)
{
    struct fct_ev_helo event = {.name = name, .extended = extended};
    struct filter_answer answer;

    smtp_transaction_end(s, "helo");
    if (s->principal.handle == 0) { /* what `auth` found stays, what the last greeting left goes */
        smtp_stretch_leave(s, STRETCH_CONNECTION);
        smtp_stretch_enter(s, STRETCH_GREETING);
    }
    str_copy_c(s->helo, sizeof s->helo, name);
    s->hooks.conn.helo = event.name = str_from(s->helo);
    s->state = SMTP_NEW;
    s->extended = extended;
    if (!smtp_ask(s, FCT_HOOK_helo, &event, SMTP_AT_HELO, &answer, r))
        return false;
    take_hidden(s, &answer);
    s->state = SMTP_READY;
    return true;
}

/* Which extensions there are for this client at this point. */
static unsigned offered(const struct smtp_session *s)
{
    unsigned set = SMTP_EXT_ALWAYS;

    if (edge_may_starttls(s->edge.listener, s->stream))
        set |= SMTP_EXT_STARTTLS;
    if (smtp_offers_auth(s))
        set |= SMTP_EXT_AUTH;
    if (s->kind == SMTP_KIND) /* LMTP answers so without being asked (RFC 2033 4.2) */
        set |= SMTP_EXT_PRDR;
    set |= smtp_relay_extensions(s);
    return set & ~s->hidden;
}

bool smtp_offers(const struct smtp_session *s, enum smtp_extension extension)
{
    return offered(s) & extension;
}

/* ehlo-line = ehlo-keyword *( SP ehlo-param ); the last line is the one without "-" (RFC 5321
 * 4.1.1.1). */
static void put_extensions(struct smtp_session *s, struct buf *out)
{
    unsigned left = offered(s);

    while (left != 0) {
        unsigned bit = left & ~(left - 1);

        left &= ~bit;
        buf_put_c(out, left != 0 ? "250-" : "250 ");
        buf_put_c(out, smtp_extension_keyword(bit));
        if (bit == SMTP_EXT_SIZE) {
            buf_put_char(out, ' ');
            buf_put_u64(out, s->conf->max_message.bytes);
        }
        if (bit == SMTP_EXT_AUTH)
            sasl_list(" ", out);
        if (bit == SMTP_EXT_HOLD)
            smtp_put_hold_limits(s, out);
        if (bit == SMTP_EXT_LIMITS)
            buf_printf(out, " RCPTMAX=%u", s->conf->max_recipients);
        buf_put_c(out, "\r\n");
    }
}

static struct smtp_reply ehlo_run(struct smtp_session *s, const union smtp_argument *argument)
{
    FCT_CLEANUP(buf_free) struct buf lines = BUF_INIT(2048);
    struct smtp_reply r;

    if (!take_helo(s, argument->text, true, &r))
        return r;
    buf_put_c(&lines, offered(s) != 0 ? "250-" : "250 ");
    buf_put_str(&lines, s->edge.listener->edge->name);
    buf_put_c(&lines, "\r\n");
    put_extensions(s, &lines);
    (void)stream_write(s->stream, buf_str(&lines));
    return SMTP_NO_REPLY;
}

static struct smtp_reply helo_run(struct smtp_session *s, const union smtp_argument *argument)
{
    struct smtp_reply r;

    if (!take_helo(s, argument->text, false, &r))
        return r;
    return (struct smtp_reply){.code = 250, .text = s->edge.listener->edge->name};
}

/* ---- STARTTLS (RFC 3207) ---- */

static struct smtp_reply starttls_run(struct smtp_session *s, const union smtp_argument *argument)
{
    struct fct_err err = {0};

    (void)argument;
    if (stream_has_tls(s->stream))
        return SMTP_REPLY(503, "5.5.1", "TLS is on already");
    if (!smtp_offers(s, SMTP_EXT_STARTTLS))
        return SMTP_REPLY(502, "5.5.1", "TLS is not offered here");
    if (s->principal.handle != 0)
        return SMTP_REPLY(503, "5.5.1", "too late: you are logged in");
    /* What came behind the command in plain text is never looked at (RFC 3207 4.2, CVE-2011-0411).
     */
    if (evbuffer_get_length(stream_input(s->stream)) > 0)
        log_event(EV_WARNING, str_from(s->id.text), F_STR("client", s->hooks.conn.client_ip),
                  F_STR("why", FCT_STR("bytes behind STARTTLS were dropped unread")));
    smtp_send(s, &SMTP_REPLY(220, "2.0.0", "go ahead"));
    s->input = INPUT_TLS;
    if (stream_starttls(s->stream, s->edge.listener->tls, &err))
        return SMTP_NO_REPLY;
    s->input = INPUT_COMMAND;
    log_event(EV_TLS_FAILED, str_from(s->id.text), F_C("why", err.text));
    return SMTP_CLOSE(421, "4.7.0", "TLS is not available now");
}

/* ---- MAIL ---- */

/* What does not depend on who the sender is. */
static bool mail_is_allowed(struct smtp_session *s, const struct smtp_mail_params *params,
                            struct smtp_reply *r)
{
    if (s->conf->require_tls && !stream_has_tls(s->stream)) {
        *r = SMTP_REPLY(530, "5.7.0", "say STARTTLS first");
        return false;
    }
    if (smtp_wants_login(s)) {
        *r = SMTP_REPLY(530, "5.7.0", "authentication is required");
        return false;
    }
    if (params->hold_until > clock_wall() + (int64_t)(s->conf->max_hold.ms / 1000)) {
        *r = SMTP_REPLY(501, "5.5.4", "that is too far ahead"); /* RFC 4865 4 */
        return false;
    }
    if (params->size > s->conf->max_message.bytes) {
        *r = SMTP_REPLY(552, "5.3.4", "the message is larger than this server takes");
        return false;
    }
    return true;
}

/* RFC 6409 6.1: a login sends under its own addresses. <> passes: disposition notifications use it.
 */
static bool sender_is_own(struct smtp_session *s, struct fct_str address, struct smtp_reply *r)
{
    struct fct_err err = {0};
    bool yes = false;

    if (s->principal.handle == 0 || str_is_empty(address))
        return true;
    if (!store_may_send_as(s->edge.listener->edge->store, s->principal.handle, address, &yes,
                           &err)) {
        *r = smtp_reply_error(&err);
        r->text = arena_str(s->call, r->text);
        return false;
    }
    if (!yes)
        *r = SMTP_REPLY(553, "5.7.1", "this sender address does not belong to your login");
    return yes;
}

static bool ask_mail(struct smtp_session *s, struct smtp_reply *r)
{
    struct fct_envelope *envelope = &s->hooks.envelope;
    const struct smtp_mail_params *params = &s->tx->params;
    struct fct_ev_mail event = {.reverse_path = envelope->reverse_path,
                                .size = params->size,
                                .smtputf8 = params->smtputf8,
                                .body = params->body,
                                .auth = smtp_mail_params_auth(s->call, params)};
    struct filter_answer answer;

    if (!smtp_ask(s, FCT_HOOK_mail, &event, SMTP_AT_MAIL, &answer, r))
        return false;
    s->tx->discard = answer.verdict == FCT_DISCARD;
    (void)smtp_changed_path(s, &answer, "reverse_path", true, s->message, &envelope->reverse_path);
    return true;
}

static struct smtp_reply mail_run(struct smtp_session *s, const union smtp_argument *argument)
{
    const struct smtp_mail_params *params = &argument->mail.params;
    struct fct_envelope *envelope = &s->hooks.envelope;
    struct smtp_transaction *tx;
    struct smtp_reply r;

    if (!mail_is_allowed(s, params, &r))
        return r;
    tx = smtp_transaction_start(s);
    tx->params = *params;
    envelope->reverse_path = smtp_path_address(s->message, &argument->mail.path);
    envelope->smtputf8 = params->smtputf8;
    envelope->body = params->body;
    envelope->declared = params->size;
    if (!sender_is_own(s, envelope->reverse_path, &r) || !ask_mail(s, &r)) {
        log_event(EV_MAIL_REFUSED, tx->id, F_STR("client", s->hooks.conn.client_ip),
                  F_STR("from", envelope->reverse_path), F_U64("code", r.code),
                  F_STR("why", r.text));
        smtp_transaction_end(s, NULL);
        return r;
    }
    tx->params.auth = FCT_STR(""); /* a view into the line, which is over */
    tx->params.envid = arena_str(s->message, tx->params.envid);
    s->state = SMTP_IN_MAIL;
    return SMTP_REPLY(250, "2.1.0", "sender accepted");
}

/* ---- the small ones ---- */

static struct smtp_reply rset_run(struct smtp_session *s, const union smtp_argument *argument)
{
    (void)argument;
    smtp_transaction_end(s, "rset");
    return SMTP_REPLY(250, "2.0.0", "forgotten");
}

static struct smtp_reply noop_run(struct smtp_session *s, const union smtp_argument *argument)
{
    (void)s;
    (void)argument;
    return SMTP_REPLY(250, "2.0.0", "done");
}

/* RFC 5321 7.3: saying who exists is left to RCPT. */
static struct smtp_reply vrfy_run(struct smtp_session *s, const union smtp_argument *argument)
{
    (void)s;
    (void)argument;
    return SMTP_REPLY(252, "2.5.0", "not told here; send and see");
}

static struct smtp_reply expn_run(struct smtp_session *s, const union smtp_argument *argument)
{
    (void)s;
    (void)argument;
    return SMTP_REPLY(502, "5.5.1", "not offered");
}

static struct smtp_reply help_run(struct smtp_session *s, const union smtp_argument *argument)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(512);

    for (const struct smtp_verb *v = smtp_verbs; v->name; v++) {
        if (!(v->kinds & s->kind))
            continue;
        if (str_equal_nocase(argument->text, str_from(v->name)))
            return (struct smtp_reply){
                .code = 214, .enhanced = "2.0.0", .text = str_from(v->usage)};
        buf_put_c(&text, v->name);
        buf_put_char(&text, ' ');
    }
    return (struct smtp_reply){
        .code = 214, .enhanced = "2.0.0", .text = arena_str(s->call, str_trim(buf_str(&text)))};
}

static struct smtp_reply quit_run(struct smtp_session *s, const union smtp_argument *argument)
{
    (void)argument;
    s->quit = true;
    return SMTP_CLOSE(221, "2.0.0", "goodbye");
}

/* ---- the table ---- */

#define ANY     (SMTP_NEW | SMTP_READY | SMTP_IN_MAIL | SMTP_IN_RCPT | SMTP_IN_BDAT)
#define BOTH    (SMTP_KIND | LMTP_KIND)
#define IN_MAIL SMTP_IN_MAIL
#define IN_RCPT SMTP_IN_RCPT

/* RFC 5321 4.1.4: one row per verb, in the order a session meets them. BDAT checks the order
 * itself: its chunk has to be read even when it comes at the wrong time (RFC 3030 2). */
/* clang-format off */
const struct smtp_verb smtp_verbs[] = {
/*   verb        spoken in  allowed in         parse            run            usage */
    {"EHLO",     SMTP_KIND, ANY,               helo_parse,      ehlo_run,      "EHLO your.name"},
    {"HELO",     SMTP_KIND, ANY,               helo_parse,      helo_run,      "HELO your.name"},
    {"LHLO",     LMTP_KIND, ANY,               helo_parse,      ehlo_run,      "LHLO your.name"},
    {"STARTTLS", BOTH,      SMTP_READY,        no_argument,     starttls_run,  "STARTTLS"},
    {"AUTH",     SMTP_KIND, ANY,               smtp_auth_parse, smtp_auth_run, "AUTH mechanism [initial-response]"},
    {"MAIL",     BOTH,      SMTP_READY,        mail_parse,      mail_run,      "MAIL FROM:<address> [SIZE=n] [BODY=8BITMIME] [SMTPUTF8] [PRDR] [RET=FULL|HDRS] [ENVID=id] [HOLDFOR=seconds]"},
    {"RCPT",     BOTH,      IN_MAIL | IN_RCPT, smtp_rcpt_parse, smtp_rcpt_run, "RCPT TO:<address> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;address]"},
    {"DATA",     BOTH,      IN_RCPT,           no_argument,     smtp_data_run, "DATA"},
    {"BDAT",     BOTH,      ANY,               smtp_bdat_parse, smtp_bdat_run, "BDAT size [LAST]"},
    {"RSET",     BOTH,      ANY,               no_argument,     rset_run,      "RSET"},
    {"NOOP",     BOTH,      ANY,               any_argument,    noop_run,      "NOOP [anything]"},
    {"VRFY",     BOTH,      ANY,               needs_argument,  vrfy_run,      "VRFY name"},
    {"EXPN",     BOTH,      ANY,               needs_argument,  expn_run,      "EXPN is not offered"},
    {"HELP",     BOTH,      ANY,               any_argument,    help_run,      "HELP [verb]"},
    {"QUIT",     BOTH,      ANY,               no_argument,     quit_run,      "QUIT"},
    {0},
};
/* clang-format on */
