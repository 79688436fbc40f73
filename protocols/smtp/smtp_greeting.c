/* smtp_greeting.c - how a connection begins: who it is, what the plugins say of it and of its TLS,
 * our greeting (RFC 5321 4.3.1). */
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_session.h"
#include <event2/buffer.h>

static void fill_connection(struct smtp_session *s)
{
    const struct stream_address *peer = stream_peer(s->stream), *local = stream_local(s->stream);
    bool trusted = s->hooks.conn.trusted; /* of the address, so they outlive STARTTLS */
    struct fct_str name = s->hooks.conn.client_name;

    s->hooks.conn = (struct fct_conn){
        .size = sizeof s->hooks.conn,
        .role = s->edge.listener->role,
        .id = str_from(s->id.text),
        .client_ip = str_from(peer->text),
        .client_port = peer->port,
        .client_name = name,
        .local_ip = str_from(local->text),
        .local_port = local->port,
        .tls_version = str_from(stream_tls_version(s->stream)),
        .tls_cipher = str_from(stream_tls_cipher(s->stream)),
        .tls_server_name = str_from(stream_tls_server_name(s->stream)),
        .trusted = trusted,
        .frontend = s->kind == LMTP_KIND ? FCT_STR("lmtp") : FCT_STR("smtp"),
    };
    if (s->is_local) { /* this machine, in the words that plugins know */
        s->hooks.conn.client_ip = FCT_STR("127.0.0.1");
        s->hooks.conn.login = str_from(s->local_user);
        s->hooks.conn.auth_mechanism = FCT_STR("unix");
    }
    s->hooks.envelope.size = sizeof s->hooks.envelope;
}

/* ---- the greeting ---- */

static bool ask_tls(struct smtp_session *s, struct smtp_reply *r)
{
    struct fct_ev_tls event = {.version = s->hooks.conn.tls_version,
                               .cipher = s->hooks.conn.tls_cipher,
                               .server_name = s->hooks.conn.tls_server_name};
    struct filter_answer answer;

    return smtp_ask(s, FCT_HOOK_tls, &event, SMTP_AT_TLS, &answer, r);
}

/* What a plugin calls a name goes into our Received field: it must be one. */
static void take_client_name(struct smtp_session *s, const struct filter_answer *answer)
{
    struct fct_str name;

    if (smtp_changed(answer, "client_name", &name) && smtp_domain_is_valid(name, false) &&
        name.p[0] != '[')
        s->hooks.conn.client_name = arena_str(s->arena, name);
}

static bool ask_connect(struct smtp_session *s, struct fct_str *banner, uint64_t *delay_ms,
                        struct smtp_reply *r)
{
    bool implicit_tls = s->edge.listener->tls_mode == EDGE_TLS_IMPLICIT;
    struct fct_ev_connect event = {.implicit_tls = implicit_tls};
    struct filter_answer answer;
    struct fct_str delay;

    if (!smtp_ask(s, FCT_HOOK_connect, &event, SMTP_AT_CONNECT, &answer, r))
        return false;
    s->hooks.conn.trusted = answer.verdict == FCT_ACCEPT;
    take_client_name(s, &answer);
    (void)smtp_changed(&answer, "banner", banner);
    if (smtp_changed(&answer, "delay_ms", &delay) && !str_to_u64(delay, delay_ms))
        *delay_ms = 0;
    if (*delay_ms > s->conf->max_banner_delay.ms)
        *delay_ms = s->conf->max_banner_delay.ms;
    return !implicit_tls || ask_tls(s, r);
}

/* Bytes before the greeting are of somebody who does not speak SMTP (RFC 5321 4.3.1). */
static bool talks_early(struct smtp_session *s, uint64_t delay_ms)
{
    if (delay_ms < s->conf->banner_wait.ms)
        delay_ms = s->conf->banner_wait.ms;
    if (delay_ms == 0)
        return false;
    (void)fiber_sleep(delay_ms);
    return evbuffer_get_length(stream_input(s->stream)) > 0;
}

static struct smtp_reply greeting(struct smtp_session *s)
{
    struct fct_str banner =
        s->kind == LMTP_KIND ? FCT_STR("LMTP Facteur") : FCT_STR("ESMTP Facteur");
    struct smtp_reply r = {.code = 220};
    uint64_t delay_ms = 0;

    if (!edge_client_enter(&s->edge, stream_peer(s->stream), s->conf->max_connections_per_client))
        return SMTP_CLOSE(421, "4.7.0", "too many connections from your address");
    if (!ask_connect(s, &banner, &delay_ms, &r))
        return r;
    if (talks_early(s, delay_ms))
        return SMTP_CLOSE(554, "5.5.1", "you spoke before the greeting");
    r.text =
        arena_printf(s->call, "%.*s %.*s", FCT_FMT(s->edge.listener->edge->name), FCT_FMT(banner));
    return r;
}

void smtp_greet_fiber(void *arg)
{
    struct smtp_session *s = arg;
    struct smtp_reply r;

    s->running = true;
    s->fiber = fiber_self();
    fill_connection(s);
    log_event(EV_CONNECT, str_from(s->id.text), F_STR("client", s->hooks.conn.client_ip),
              F_C("listener", s->edge.listener->label), F_STR("tls", s->hooks.conn.tls_version));
    r = greeting(s);
    smtp_send(s, &r);
    smtp_session_rest(s);
}

/* ---- TLS ---- */

/* The client waits for nothing now, so a refusal is kept for its next command (RFC 3207 4.1). */
static void tls_fiber(void *arg)
{
    struct smtp_session *s = arg;
    struct smtp_reply r = SMTP_NO_REPLY;

    s->running = true;
    s->fiber = fiber_self();
    arena_reset(s->call);
    if (!ask_tls(s, &r)) {
        s->refusal = r;
        s->refusal.text = arena_str(s->arena, r.text);
        if (r.enhanced)
            s->refusal.enhanced = arena_cstr(s->arena, str_from(r.enhanced));
    }
    smtp_session_rest(s);
}

/* After STARTTLS nothing is known of the client any more (RFC 3207 4.2); with implicit TLS or PROXY
 * the dialogue begins here. */
void smtp_tls_ready(void *owner)
{
    struct smtp_session *s = owner;

    if (s->lost || s->ending)
        return;
    if (s->input != INPUT_TLS) {
        fiber_start(smtp_greet_fiber, s);
        return;
    }
    smtp_transaction_end(s, "helo");
    smtp_stretch_leave(s, STRETCH_CONNECTION);
    s->state = SMTP_NEW;
    s->input = INPUT_COMMAND;
    s->extended = false;
    s->helo[0] = '\0';
    fill_connection(s);
    if (!smtp_is_hooked(s, FCT_HOOK_tls))
        return;
    stream_deadline(s->stream, 0);
    stream_hold(s->stream);
    fiber_start(tls_fiber, s);
}
