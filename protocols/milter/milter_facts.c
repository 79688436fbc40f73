/* milter_facts.c - see milter_facts.h. */
#include "protocols/milter/milter_facts.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "protocols/smtp/smtp_path.h"
#include "protocols/smtp/smtp_received.h"

#include <arpa/inet.h>

struct fct_str milter_fact(SMFICTX *ctx, const char *name)
{
    char copy[32];

    str_copy_c(copy, sizeof copy, str_from(name)); /* libmilter's prototype knows no const */
    return str_from(smfi_getsymval(ctx, copy));
}

void milter_fact_set(struct milter_session *s, const char *name, struct fct_str *to)
{
    struct fct_str value = milter_fact(s->ctx, name);

    if (value.n > 0 && !str_equal(value, *to))
        *to = arena_str(s->arena, value);
}

struct fct_str milter_fact_path(struct fct_str path)
{
    path = str_trim(path);
    if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
        path = (struct fct_str){path.p + 1, path.n - 2};
    return path;
}

/* ---- the client ---- */

void milter_fact_address(struct milter_session *s, const _SOCK_ADDR *address)
{
    struct fct_conn *conn = &s->hooks.conn;
    struct fct_str macro_ip = milter_fact(s->ctx, "{client_addr}");
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
void milter_fact_client_name(struct milter_session *s, struct fct_str host)
{
    if (host.n > 0 && host.p[0] != '[' && !str_equal_nocase(host, FCT_STR("unknown")))
        s->hooks.conn.client_name = arena_str(s->arena, host);
}

void milter_fact_role(struct milter_session *s)
{
    const struct fct_strings *daemons = &s->role->conf->submission_daemons;
    struct fct_str daemon = milter_fact(s->ctx, "{daemon_name}");

    s->hooks.conn.role = FCT_ROLE_MX;
    for (size_t i = 0; i < daemons->n; i++)
        if (str_equal_nocase(daemon, str_from(daemons->item[i])))
            s->hooks.conn.role = FCT_ROLE_SUBMISSION;
    s->plan = s->hooks.conn.role == FCT_ROLE_MX ? s->mx : s->submission;
}

/* ---- the envelope ---- */

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
void milter_fact_parameters(struct milter_session *s, char **argument, struct fct_ev_mail *event)
{
    struct fct_str value;

    for (; *argument; argument++) {
        struct fct_str a = str_from(*argument);

        if (takes(a, "SIZE=", &value))
            (void)!str_to_u64(value, &event->size);
        else if (takes(a, "BODY=", &value))
            event->body = body_word(value);
        else if (takes(a, "AUTH=", &value) && !str_equal(value, FCT_STR("<>")))
            event->auth = arena_str(s->message, milter_fact_path(value));
        else if (str_equal_nocase(a, FCT_STR("SMTPUTF8")))
            event->smtputf8 = true;
    }
}

/* Some MTAs know it from the beginning, Postfix from the first good recipient on. */
void milter_fact_queue_id(struct milter_session *s)
{
    struct milter_transaction *tx = s->tx;

    if (tx->queue_id.n > 0)
        return;
    tx->queue_id = arena_str(s->message, milter_fact(s->ctx, "i"));
    if (tx->queue_id.n == 0)
        return;
    tx->id =
        arena_printf(s->message, "%.*s/%.*s", FCT_FMT(tx->id), FCT_FMT(str_head(tx->queue_id, 32)));
    s->hooks.envelope.id = tx->id;
}

/* SMFIP_RCPT_REJ: also those the MTA refuses. */
struct fct_str milter_fact_refusal(struct milter_session *s)
{
    struct fct_str text = milter_fact(s->ctx, "{rcpt_addr}");

    if (!str_equal_nocase(milter_fact(s->ctx, "{rcpt_mailer}"), FCT_STR("error")))
        return FCT_STR("");
    return text.n > 0 ? arena_str(s->message, text) : FCT_STR("refused");
}

/* ---- the message ---- */

/* For the rules: the MTA writes one of its own, which nobody shows us. */
struct fct_str milter_fact_received(struct milter_session *s)
{
    FCT_CLEANUP(buf_free) struct buf field = BUF_INIT(8192);
    const struct fct_conn *conn = &s->hooks.conn;
    struct fct_str host = milter_fact(s->ctx, "j");
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
