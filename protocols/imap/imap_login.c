/* imap_login.c - STARTTLS, LOGIN, AUTHENTICATE, LOGOUT (RFC 9051 6.1.3, 6.2; SASL-IR RFC 4959). */
#include "core/log/log.h"
#include "protocols/guard.h"
#include "protocols/imap/imap_hooks.h"
#include "protocols/sasl/sasl.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static struct edge *edge_of(const struct imap_session *s)
{
    return s->edge.listener->edge;
}

bool imap_logout_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "LOGOUT takes no argument");
    imap_bye(s, "Logging out");
    return true;
}

/* The answer goes out in the clear, then everything the client sent behind the command is dropped
 * unseen (RFC 9051 6.2.1). */
bool imap_starttls_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "STARTTLS takes no argument");
    if (stream_has_tls(s->stream))
        return imap_syntax(err, "TLS is already active");
    if (!edge_may_starttls(s->edge.listener, s->stream))
        return imap_fail(c, "CANNOT", err, "TLS is not available here");
    c->text = "Begin TLS negotiation now";
    imap_reply(s, c, true, NULL);
    c->done = true;
    if (!imap_flush(s))
        return true;
    if (!stream_starttls(s->stream, s->edge.listener->tls, err))
        imap_bye(s, "[SERVERBUG] TLS cannot start");
    return true;
}

/* ---- the end of every login ---- */

static void store_changed(void *arg, uint32_t principal, uint64_t mailbox, uint64_t mod_seq)
{
    struct imap_session *s = arg;

    (void)principal;
    /* mailbox 0 is about the list of mailboxes, among them ours */
    if (s->view.mailbox == 0 ||
        (mailbox != 0 && (mailbox != s->view.mailbox || mod_seq <= s->view.mod_seq)))
        return;
    s->changed = true;
    imap_idle_notice(s);
}

static void logged_in(struct imap_session *s, struct imap_command *c,
                      const struct store_principal *principal, const char *mechanism)
{
    s->principal.handle = principal->handle;
    s->login = str_dup_c(principal->name);
    s->access.login = s->login;
    s->access.mechanism = mechanism;
    s->state = IMAP_AUTHENTICATED;
    s->errors = 0;
    edge_of(s)->count.logins++;
    store_watch(edge_of(s)->store, s->principal.handle, store_changed, s);
    log_event(EV_LOGIN, str_from(s->id.text), F_C("login", s->login), F_C("by", mechanism),
              F_C("peer", stream_peer(s->stream)->text), F_C("tls", stream_tls_version(s->stream)));
    /* Clients that see the capabilities here need not ask (RFC 9051 6.2.3). */
    FCT_CLEANUP(buf_free) struct buf code = BUF_INIT(4096);
    imap_put_capabilities(s, &code);
    c->code = arena_str(c->arena, buf_str(&code));
    c->text = "Logged in";
}

/* Of the guard: whatever came out of the check, it is not told. */
static bool login_barred(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (++s->login_failures >= s->conf->max_login_failures)
        imap_bye(s, "Too many failed logins");
    return imap_fail(c, "UNAVAILABLE", err, GUARD_TEXT);
}

/* One text for every cause, and late: neither tells whether the user exists. Other sessions go on
 * meanwhile. */
static bool login_failed(struct imap_session *s, struct imap_command *c, struct fct_str user,
                         const char *mechanism, struct fct_err *err)
{
    uint32_t times;
    bool told;

    log_event(EV_LOGIN_FAILED, str_from(s->id.text), F_STR("login", user), F_C("by", mechanism),
              F_C("peer", stream_peer(s->stream)->text), F_C("why", err->text));
    if (err->class != FCT_DENIED)
        return false;
    edge_of(s)->count.login_failures++;
    told = guard_checked(edge_of(s)->guard, stream_peer(s->stream), user, false, &times);
    fiber_sleep(times * s->conf->login_delay.ms);
    if (!told)
        return login_barred(s, c, err);
    if (++s->login_failures >= s->conf->max_login_failures)
        imap_bye(s, "Too many failed logins");
    return imap_fail(c, "AUTHENTICATIONFAILED", err, "Authentication failed");
}

/* The password was right; the filters have a say. p is the session's, or closed. */
static FCT_MAY_WAIT bool login_proved(struct imap_session *s, struct imap_command *c,
                                      struct store_principal *p, struct fct_str user,
                                      const char *mechanism, struct fct_err *err)
{
    struct access_login login = {.mechanism = mechanism,
                                 .client = str_from(s->client ? s->client : "")};
    enum fct_verdict verdict;
    uint32_t times;

    if (!guard_checked(edge_of(s)->guard, stream_peer(s->stream), user, true, &times)) {
        store_logout(edge_of(s)->store, p);
        fiber_sleep(s->conf->login_delay.ms);
        return login_barred(s, c, err);
    }
    verdict = access_login(&s->access, p, &login, c->arena);
    if (!imap_verdict(s, c, verdict, &login.answer, "AUTHORIZATIONFAILED", err)) {
        store_logout(edge_of(s)->store, p);
        return false;
    }
    if (login.alert.n > 0) {
        imap_put(s, "* OK [ALERT] ");
        buf_put_str(&s->out, login.alert);
        imap_put(s, "\r\n");
    }
    logged_in(s, c, p, mechanism);
    return true;
}

static bool may_login(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!edge_may_login(s->edge.listener, s->stream))
        return imap_fail(c, "PRIVACYREQUIRED", err, "Passwords are only taken under TLS");
    return guard_admits(edge_of(s)->guard, stream_peer(s->stream)) || login_barred(s, c, err);
}

/* login = "LOGIN" SP userid SP password */
bool imap_login_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    size_t secret = (size_t)(c->args.p - s->input.command.p);
    struct fct_str user, password;
    struct store_principal principal = {0};
    bool ok;

    if (!imap_parse_space(&c->args) || !imap_parse_astring(&c->args, c->arena, &user) ||
        !imap_parse_space(&c->args) || !imap_parse_astring(&c->args, c->arena, &password) ||
        !imap_parse_end(c->args))
        return imap_syntax(err, "LOGIN needs a user and a password");
    if (!may_login(s, c, err))
        return false;
    ok = store_login(edge_of(s)->store, user, password, c->arena, &principal, err);
    user = arena_str(c->arena, user);
    OPENSSL_cleanse(s->input.command.p + secret, s->input.command.n - secret);
    if (!ok)
        return login_failed(s, c, user, "LOGIN", err);
    return login_proved(s, c, &principal, user, "LOGIN", err);
}

/* ---- AUTHENTICATE: several lines, a fiber for each ---- */

struct imap_authentication {
    struct arena *arena;
    struct sasl sasl;
    struct imap_command command; /* its answer comes at the end of the exchange */
    struct fct_str line;
};

void imap_authentication_free(struct imap_session *s)
{
    struct imap_authentication *a = s->authentication;

    if (!a)
        return;
    s->authentication = NULL;
    sasl_abort(&a->sasl);
    arena_free(&a->arena);
    free(a);
}

static bool auth_finish(struct imap_session *s, struct imap_authentication *a, struct fct_err *err)
{
    struct imap_command *c = &a->command;

    if (a->sasl.err.class == FCT_OK && a->sasl.principal.handle) {
        struct store_principal p = a->sasl.principal;

        a->sasl.principal.handle = 0; /* the session's now */
        return login_proved(s, c, &p, a->sasl.user, a->sasl.mechanism->name, err);
    }
    *err = a->sasl.err;
    if (a->sasl.cancelled)
        return imap_syntax(err, "AUTHENTICATE cancelled");
    return login_failed(s, c, a->sasl.user, a->sasl.mechanism ? a->sasl.mechanism->name : "?", err);
}

/* Challenge, or the tagged answer and the end of the exchange. */
static void auth_advance(struct imap_session *s, enum sasl_state state)
{
    struct imap_authentication *a = s->authentication;
    struct fct_err err = {0};
    bool ok;

    if (state == SASL_CHALLENGE) {
        s->mode = IMAP_MODE_AUTHENTICATE;
        imap_put(s, "+ ");
        buf_put_str(&s->out, a->sasl.challenge);
        imap_put(s, "\r\n");
        return;
    }
    s->mode = IMAP_MODE_COMMAND;
    ok = auth_finish(s, a, &err);
    imap_reply(s, &a->command, ok, &err);
    if (!ok && err.class == FCT_SYNTAX && ++s->errors >= s->conf->max_errors)
        imap_bye(s, "Too many errors");
    imap_authentication_free(s);
}

/* authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64) */
bool imap_authenticate_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct imap_authentication *a;
    struct fct_str mechanism, initial = {0};

    if (!imap_parse_space(&c->args) || !imap_parse_atom(&c->args, &mechanism))
        return imap_syntax(err, "AUTHENTICATE needs a mechanism");
    if (imap_parse_space(&c->args))
        initial = c->args;
    else if (!imap_parse_end(c->args))
        return imap_syntax(err, "Unexpected text after the mechanism");
    if (!may_login(s, c, err))
        return false;
    if (!sasl_find(mechanism))
        return imap_fail(c, "CANNOT", err, "That mechanism is not offered");
    a = calloc(1, sizeof *a);
    FCT_ASSERT(a);
    a->arena = arena_new(NULL);
    a->command = (struct imap_command){
        .arena = a->arena, .verb = c->verb, .tag = arena_str(a->arena, c->tag)};
    s->authentication = a;
    c->done = true;
    auth_advance(s, sasl_start(&a->sasl, edge_of(s)->store, a->arena, mechanism,
                               initial.p ? &initial : NULL));
    return true;
}

static void auth_respond(struct imap_session *s)
{
    struct imap_authentication *a = s->authentication;

    auth_advance(s, sasl_respond(&a->sasl, a->line));
}

enum imap_step imap_authenticate_line(struct imap_session *s)
{
    struct fct_str line;
    int got = stream_line(s->stream, SASL_MAX_LINE, &line);

    if (got == 0)
        return IMAP_STEP_WAIT;
    if (got < 0) {
        imap_bye(s, "[TOOBIG] Authentication line too long");
        return IMAP_STEP_WAIT;
    }
    s->authentication->line = arena_str(s->authentication->arena, str_trim(line));
    return imap_session_lend(s, auth_respond);
}
