/* smtp_auth.c - AUTH (RFC 4954): the lines of the exchange; what is inside them is protocols/sasl.
 */
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/guard.h"
#include "protocols/smtp/smtp_session.h"

/* AUTH mechanism [initial-response] */
bool smtp_auth_parse(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                     struct smtp_reply *r)
{
    struct fct_str rest = argument;

    (void)s;
    out->auth.mechanism = str_split(&rest, ' ');
    out->auth.has_initial = rest.p != NULL;
    out->auth.initial = out->auth.has_initial ? rest : FCT_STR("");
    if (!str_is_empty(out->auth.mechanism) && str_find_char(out->auth.initial, ' ') < 0)
        return true;
    *r = SMTP_REPLY(501, "5.5.4", "syntax: AUTH mechanism [initial-response]");
    return false;
}

/* Of the guard: whatever came out of the check, it is not told. */
static struct smtp_reply barred(struct smtp_session *s)
{
    struct smtp_reply r = SMTP_REPLY(454, "4.7.0", GUARD_TEXT);

    s->auth_failures++;
    smtp_count_error(s, &r);
    return r;
}

static bool auth_is_allowed(struct smtp_session *s, struct smtp_reply *r)
{
    if (!smtp_announces_auth(s))
        *r = SMTP_REPLY(502, "5.5.1", "authentication is not offered here");
    else if (s->principal.handle != 0)
        *r = SMTP_REPLY(503, "5.5.1", "you are logged in already");
    else if (s->state != SMTP_READY)
        *r = SMTP_REPLY(503, "5.5.1", "not now");
    else if (!edge_may_login(s->edge.listener, s->stream))
        *r = SMTP_REPLY(538, "5.7.11", "say STARTTLS first: passwords need encryption");
    else if (!guard_admits(s->edge.listener->edge->guard, stream_peer(s->stream)))
        *r = barred(s);
    else
        return true;
    return false;
}

void smtp_auth_abort(struct smtp_session *s)
{
    if (s->sasl)
        sasl_abort(s->sasl);
    s->sasl = NULL;
    if (s->input == INPUT_AUTH)
        s->input = INPUT_COMMAND;
}

/* RFC 4954 4 and 6: what each class of failure is answered with. */
static struct smtp_reply failure_reply(const struct sasl *x)
{
    switch (x->err.class) {
    case FCT_SYNTAX:
        return x->cancelled ? SMTP_REPLY(501, "5.7.0", "authentication cancelled")
                            : SMTP_REPLY(501, "5.5.2", "malformed authentication data");
    case FCT_LIMIT:
        return SMTP_REPLY(500, "5.5.6", "authentication line too long");
    case FCT_DENIED:
        return SMTP_REPLY(535, "5.7.8", "wrong user name or password");
    case FCT_TEMP:
    case FCT_BUG:
    case FCT_OK:
        break;
    }
    return SMTP_REPLY(454, "4.7.0", "authentication is not possible right now");
}

static struct smtp_reply login_failed(struct smtp_session *s, struct smtp_reply r)
{
    struct guard *guard = s->edge.listener->edge->guard;
    struct sasl *x = s->sasl;
    uint32_t times;

    log_event(EV_LOGIN_FAILED, str_from(s->id.text), F_STR("client", s->hooks.conn.client_ip),
              F_C("mechanism", x->mechanism->name), F_STR("user", x->user),
              F_C("why", x->err.text));
    s->edge.listener->edge->count.login_failures++;
    smtp_auth_abort(s);
    if (r.code == 535) {
        bool told = guard_checked(guard, stream_peer(s->stream), x->user, false, &times);

        (void)fiber_sleep(times * s->conf->auth_failure_delay.ms);
        if (!told)
            return barred(s);
        s->auth_failures++;
    }
    smtp_count_error(s, &r);
    return r;
}

/* The password is right; the plugins have a say, and may name another account. False: *r is the
 * refusal, nobody is logged in. */
static FCT_MAY_WAIT bool ask_auth(struct smtp_session *s, struct sasl *x, struct smtp_reply *r)
{
    struct fct_ev_auth event = {.mechanism = str_from(x->mechanism->name),
                                .user = x->principal.name,
                                .protocol = FCT_STR("smtp")};
    struct store *store = s->edge.listener->edge->store;
    struct filter_answer answer;
    struct fct_str user;

    if (!smtp_ask(s, FCT_HOOK_auth, &event, SMTP_AT_AUTH, &answer, r))
        (void)fct_fail(&x->err, FCT_DENIED, "refused by a plugin");
    else if (!smtp_changed(&answer, "user", &user) || str_equal(user, x->principal.name) ||
             store_login_as(store, &x->principal, user, s->message, &x->err))
        return true;
    else
        *r = failure_reply(x);
    store_logout(store, &x->principal);
    return false;
}

static struct smtp_reply login_proved(struct smtp_session *s)
{
    struct sasl *x = s->sasl;
    struct edge *edge = s->edge.listener->edge;
    struct smtp_reply r;
    uint32_t times;

    if (!guard_checked(edge->guard, stream_peer(s->stream), x->user, true, &times)) {
        store_logout(edge->store, &x->principal);
        smtp_auth_abort(s);
        (void)fiber_sleep(s->conf->auth_failure_delay.ms);
        return barred(s);
    }
    if (!ask_auth(s, x, &r))
        return login_failed(s, r);
    s->principal = x->principal;
    s->principal.name = arena_str(s->arena, x->principal.name);
    s->hooks.conn.login = s->principal.name;
    s->hooks.conn.auth_mechanism = str_from(x->mechanism->name);
    s->edge.listener->edge->count.logins++;
    log_event(EV_LOGIN, str_from(s->id.text), F_STR("client", s->hooks.conn.client_ip),
              F_C("mechanism", x->mechanism->name), F_STR("user", s->principal.name),
              F_STR("tls", s->hooks.conn.tls_version));
    smtp_auth_abort(s);
    return SMTP_REPLY(235, "2.7.0", "welcome");
}

static struct smtp_reply take_state(struct smtp_session *s, enum sasl_state state)
{
    if (state == SASL_FAILED)
        return login_failed(s, failure_reply(s->sasl));
    if (state == SASL_DONE)
        return login_proved(s);
    s->input = INPUT_AUTH;
    (void)stream_printf(s->stream, "334 %.*s\r\n", FCT_FMT(s->sasl->challenge));
    return SMTP_NO_REPLY;
}

struct smtp_reply smtp_auth_run(struct smtp_session *s, const union smtp_argument *argument)
{
    struct fct_str initial = argument->auth.initial;
    struct smtp_reply r;

    if (!auth_is_allowed(s, &r))
        return r;
    if (!sasl_find(argument->auth.mechanism))
        return SMTP_REPLY(504, "5.5.4", "unknown authentication mechanism");
    arena_reset(s->message); /* no transaction: its arena carries the exchange */
    s->sasl = ARENA_NEW(s->message, struct sasl);
    return take_state(s, sasl_start(s->sasl, s->edge.listener->edge->store, s->message,
                                    argument->auth.mechanism,
                                    argument->auth.has_initial ? &initial : NULL));
}

struct smtp_reply smtp_auth_line(struct smtp_session *s, struct fct_str line)
{
    return take_state(s, sasl_respond(s->sasl, line));
}
