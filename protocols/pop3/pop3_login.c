/* pop3_login.c - the AUTHORIZATION state: CAPA (RFC 2449), STLS (RFC 2595 4), USER and PASS (RFC
 * 1939 7), AUTH (RFC 5034). */
#include "protocols/pop3/pop3_session.h"

#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/guard.h"

#include <stdlib.h>

static struct edge *edge_of(const struct pop3_session *s)
{
    return s->edge.listener->edge;
}

/* RFC 2449 5 and 6; STLS, USER and SASL only where they would work now. */
bool pop3_capa_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4096);
    bool early = s->state == POP3_AUTHORIZATION;

    (void)a, (void)err;
    buf_put_c(&out, "+OK capabilities follow\r\n"
                    "TOP\r\n"
                    "UIDL\r\n"
                    "RESP-CODES\r\n"
                    "AUTH-RESP-CODE\r\n" /* RFC 3206 */
                    "PIPELINING\r\n"
                    "EXPIRE NEVER\r\n"
                    "UTF8\r\n" /* RFC 6856 */
                    "IMPLEMENTATION Facteur\r\n");
    if (early && edge_may_starttls(s->edge.listener, s->stream))
        buf_put_c(&out, "STLS\r\n");
    if (early && edge_may_login(s->edge.listener, s->stream)) {
        buf_put_c(&out, "USER\r\nSASL");
        sasl_list(" ", &out);
        buf_put_c(&out, "\r\n");
    }
    buf_put_c(&out, ".\r\n");
    return stream_write(s->stream, buf_str(&out));
}

/* What was sent behind the command is dropped by the stream; what was said before is forgotten here
 * (RFC 2595 4). */
bool pop3_stls_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)a;
    if (stream_has_tls(s->stream))
        return pop3_refuse(s, "TLS is active already");
    if (!edge_may_starttls(s->edge.listener, s->stream))
        return pop3_refuse(s, "TLS is not available here");
    free(s->user);
    s->user = NULL;
    if (!pop3_ok(s, "begin TLS"))
        return true;
    if (!stream_starttls(s->stream, s->edge.listener->tls, err))
        s->ending = true;
    return true;
}

/* ---- the end of every login ---- */

/* Of the guard: whatever came out of the check, it is not told. */
static bool login_barred(struct pop3_session *s)
{
    if (++s->login_failures >= s->conf->max_login_failures)
        s->ending = true;
    return pop3_refuse(s, "[SYS/TEMP] " GUARD_TEXT);
}

/* False: it is answered. */
static bool may_login(struct pop3_session *s)
{
    if (edge_may_login(s->edge.listener, s->stream)) {
        if (guard_admits(edge_of(s)->guard, stream_peer(s->stream)))
            return true;
        login_barred(s);
        return false;
    }
    pop3_refuse(s, "[AUTH] passwords are only taken under TLS: say STLS first, or use port 995");
    return false;
}

/* One text for every cause, and late: it does not tell whether the user exists. Other sessions go
 * on meanwhile. */
static bool login_failed(struct pop3_session *s, struct fct_str user, const char *mechanism,
                         const struct fct_err *why)
{
    uint32_t times;
    bool told;

    log_event(EV_LOGIN_FAILED, str_from(s->id.text), F_STR("login", user), F_C("by", mechanism),
              F_C("peer", stream_peer(s->stream)->text), F_C("why", why->text));
    edge_of(s)->count.login_failures++;
    if (why->class == FCT_TEMP || why->class == FCT_BUG)
        return pop3_refuse(s, "[SYS/TEMP] login is not possible right now, please try again later");
    if (why->class == FCT_SYNTAX || why->class == FCT_LIMIT)
        return pop3_refuse(s, "%s", why->text);
    told = guard_checked(edge_of(s)->guard, stream_peer(s->stream), user, false, &times);
    if (fiber_sleep(times * s->conf->login_delay.ms) == FIBER_CANCELLED)
        return true;
    if (!told)
        return login_barred(s);
    if (++s->login_failures >= s->conf->max_login_failures)
        s->ending = true;
    return pop3_refuse(s, "[AUTH] wrong user name or password");
}

/* p is ours from here on. */
static bool logged_in(struct pop3_session *s, const struct store_principal *p,
                      const char *mechanism, struct fct_err *err)
{
    s->login = str_dup_c(p->name);
    s->principal = (struct store_principal){p->handle, str_from(s->login)};
    if (!pop3_maildrop_open(edge_of(s)->store, p->handle, &s->drop, err)) {
        store_logout(edge_of(s)->store, &s->principal);
        s->principal.handle = 0;
        free(s->login);
        s->login = NULL;
        return pop3_refuse(
            s, "[SYS/TEMP] the mailbox cannot be opened right now, please try again later");
    }
    s->access.login = s->login;
    s->access.mechanism = mechanism;
    s->state = POP3_TRANSACTION;
    edge_of(s)->count.logins++;
    log_event(EV_LOGIN, str_from(s->id.text), F_C("login", s->login), F_C("by", mechanism),
              F_C("peer", stream_peer(s->stream)->text), F_C("tls", stream_tls_version(s->stream)));
    return pop3_ok(s, "%u messages (%llu octets)", pop3_maildrop_count(s->drop),
                   (unsigned long long)pop3_maildrop_octets(s->drop));
}

/* The password was right; the filters have a say. POP3 has no way to show an alert. */
static FCT_MAY_WAIT bool login_proved(struct pop3_session *s, struct store_principal *p,
                                      struct fct_str user, const char *mechanism,
                                      struct arena *arena, struct fct_err *err)
{
    struct access_login login = {.mechanism = mechanism};
    enum fct_verdict verdict;
    uint32_t times;

    if (!guard_checked(edge_of(s)->guard, stream_peer(s->stream), user, true, &times)) {
        store_logout(edge_of(s)->store, p);
        return fiber_sleep(s->conf->login_delay.ms) == FIBER_CANCELLED || login_barred(s);
    }
    verdict = access_login(&s->access, p, &login, arena);
    return pop3_verdict(s, verdict, &login.answer) ? logged_in(s, p, mechanism, err) : true;
}

/* ---- USER, PASS ---- */

bool pop3_user_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)err;
    if (!may_login(s))
        return true;
    free(s->user);
    s->user = str_dup_c(a->text);
    return pop3_ok(s, "send PASS");
}

bool pop3_pass_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    struct store_principal p = {0};
    struct arena *arena;
    char *user = s->user;
    bool answered;

    if (!user)
        return pop3_refuse(s, "say USER first");
    if (!may_login(s))
        return true;
    s->user = NULL;
    arena = arena_new(NULL);
    if (store_login(edge_of(s)->store, str_from(user), a->text, arena, &p, err))
        answered = login_proved(s, &p, str_from(user), "USER", arena, err);
    else
        answered = login_failed(s, str_from(user), "USER", err);
    arena_free(&arena);
    free(user);
    return answered;
}

/* ---- AUTH: several lines ---- */

void pop3_auth_abort(struct pop3_session *s)
{
    if (!s->exchange)
        return;
    sasl_abort(&s->sasl);
    arena_free(&s->exchange);
}

static bool take_state(struct pop3_session *s, enum sasl_state state, struct fct_err *err)
{
    struct arena *arena = s->exchange;
    bool answered = true;

    switch (state) {
    case SASL_CHALLENGE:
        return stream_printf(s->stream, "+ %.*s\r\n", FCT_FMT(s->sasl.challenge));
    case SASL_DONE:
        s->exchange = NULL;
        answered =
            login_proved(s, &s->sasl.principal, s->sasl.user, s->sasl.mechanism->name, arena, err);
        s->sasl.principal.handle = 0;
        break;
    case SASL_FAILED:
        s->exchange = NULL;
        answered = login_failed(s, s->sasl.user, s->sasl.mechanism->name, &s->sasl.err);
        break;
    }
    arena_free(&arena);
    return answered;
}

bool pop3_auth_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    if (!may_login(s))
        return true;
    if (!sasl_find(a->text))
        return pop3_refuse(s, "unknown authentication mechanism");
    s->exchange = arena_new(NULL);
    return take_state(s,
                      sasl_start(&s->sasl, edge_of(s)->store, s->exchange, a->text,
                                 a->has_initial ? &a->initial : NULL),
                      err);
}

bool pop3_auth_line(struct pop3_session *s, struct fct_str line, struct fct_err *err)
{
    return take_state(s, sasl_respond(&s->sasl, line), err);
}
