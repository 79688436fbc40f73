/* milter_macros.c - what is told beside each command: by default what Postfix tells, else what the
 * filter asked for. */
#include "milter_session.h"

#include "plugins/lib/view.h"

#include <ctype.h>

struct values {
    const struct milter_session *session;
    struct fct_call *call;
    const struct fct_conn *conn;
    const struct fct_envelope *envelope;
    const struct milter_rcpt *rcpt;
    char text[300]; /* for values that must be put together */
};

static struct fct_str put_together(struct values *v, int n)
{
    return (struct fct_str){v->text, n < 0                        ? 0
                                     : (size_t)n < sizeof v->text ? (size_t)n
                                                                  : sizeof v->text - 1};
}

/* ---- one function per macro ---- */

static struct fct_str server_name(struct values *v)
{
    return v->session->filter->host->server_name(v->call);
}
static struct fct_str version(struct values *v)
{
    (void)v;
    return FCT_STR("Facteur");
}
static struct fct_str daemon_name(struct values *v)
{
    return v->conn->role == FCT_ROLE_SUBMISSION ? FCT_STR("submission")
           : v->conn->role == FCT_ROLE_LMTP     ? FCT_STR("lmtp")
                                                : FCT_STR("smtp");
}
static struct fct_str daemon_address(struct values *v)
{
    return v->conn->local_ip;
}
static struct fct_str daemon_port(struct values *v)
{
    return put_together(v, snprintf(v->text, sizeof v->text, "%u", v->conn->local_port));
}
static struct fct_str client_address(struct values *v)
{
    return v->conn->client_ip;
}
static struct fct_str client_name(struct values *v)
{
    return v->conn->client_name.n ? v->conn->client_name : FCT_STR("unknown");
}
static struct fct_str client_port(struct values *v)
{
    return put_together(v, snprintf(v->text, sizeof v->text, "%u", v->conn->client_port));
}
static struct fct_str client_resolve(struct values *v)
{
    return v->conn->client_name.n ? FCT_STR("OK") : FCT_STR("FAIL");
}
static struct fct_str peer(struct values *v)
{
    return put_together(v, snprintf(v->text, sizeof v->text, "%.*s [%.*s]", FCT_FMT(client_name(v)),
                                    FCT_FMT(v->conn->client_ip)));
}
static struct fct_str tls_version(struct values *v)
{
    return v->conn->tls_version;
}
static struct fct_str cipher(struct values *v)
{
    return v->conn->tls_cipher;
}
static struct fct_str queue_id(struct values *v)
{
    return v->envelope->id;
}
static struct fct_str auth_type(struct values *v)
{
    return v->conn->auth_mechanism;
}
static struct fct_str auth_authen(struct values *v)
{
    return v->conn->login;
}
static struct fct_str mail_address(struct values *v)
{
    return v->envelope->reverse_path;
}
static struct fct_str mail_host(struct values *v)
{
    return view_domain(v->envelope->reverse_path);
}
static struct fct_str rcpt_address(struct values *v)
{
    return !v->rcpt             ? (struct fct_str){"", 0}
           : v->rcpt->refused.n ? v->rcpt->refused
                                : v->rcpt->address;
}
static struct fct_str rcpt_host(struct values *v)
{
    return !v->rcpt             ? (struct fct_str){"", 0}
           : v->rcpt->refused.n ? FCT_STR("5.1.1")
                                : view_domain(v->rcpt->address);
}
/* "error": the recipient will be refused, with the reason as its address. */
static struct fct_str rcpt_mailer(struct values *v)
{
    return v->rcpt && v->rcpt->refused.n ? FCT_STR("error") : FCT_STR("local");
}
static struct fct_str mail_mailer(struct values *v)
{
    (void)v;
    return FCT_STR("local");
}

static const struct {
    const char *name;
    struct fct_str (*value)(struct values *v);
} macros[] = {
    {"j", server_name},
    {"v", version},
    {"_", peer},
    {"i", queue_id},
    {"{daemon_name}", daemon_name},
    {"{daemon_addr}", daemon_address},
    {"{daemon_port}", daemon_port},
    {"{if_addr}", daemon_address},
    {"{if_name}", server_name},
    {"{client_addr}", client_address},
    {"{client_name}", client_name},
    {"{client_ptr}", client_name},
    {"{client_port}", client_port},
    {"{client_resolve}", client_resolve},
    {"{tls_version}", tls_version},
    {"{cipher}", cipher},
    {"{auth_type}", auth_type},
    {"{auth_authen}", auth_authen},
    {"{auth_author}", auth_authen},
    {"{mail_addr}", mail_address},
    {"{mail_host}", mail_host},
    {"{mail_mailer}", mail_mailer},
    {"{rcpt_addr}", rcpt_address},
    {"{rcpt_host}", rcpt_host},
    {"{rcpt_mailer}", rcpt_mailer},
};

static const char *const by_default[STAGE_COUNT] = {
    [STAGE_CONNECT] =
        ("j {daemon_name} {daemon_addr} {daemon_port} v _ {client_addr} {client_name} "
         "{client_ptr} {client_port} {client_resolve} {if_addr} {if_name}"),
    [STAGE_HELO] = "{tls_version} {cipher}",
    [STAGE_MAIL] =
        "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}",
    [STAGE_RCPT] = "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
    [STAGE_DATA] = "i",
    [STAGE_END_OF_MESSAGE] = "i",
    [STAGE_END_OF_HEADER] = "i",
};

/* Sendmail writes one-letter names with and without braces. */
static bool same_name(struct fct_str asked, const char *name)
{
    size_t n = strlen(name);

    if (asked.n == n && memcmp(asked.p, name, n) == 0)
        return true;
    return n == 1 && asked.n == 3 && asked.p[0] == '{' && asked.p[1] == *name && asked.p[2] == '}';
}

static struct fct_str configured(const struct milter_conf *conf, struct fct_str name)
{
    for (size_t i = 0; i < conf->macros.n; i++) {
        const char *row = conf->macros.item[i], *equals = strchr(row, '=');

        if (equals && (size_t)(equals - row) == name.n && memcmp(row, name.p, name.n) == 0)
            return (struct fct_str){equals + 1, strlen(equals + 1)};
    }
    return (struct fct_str){"", 0};
}

static struct fct_str value_of(struct values *v, struct fct_str name)
{
    struct fct_str own = configured(v->session->filter->conf, name);

    if (own.n)
        return own;
    for (size_t i = 0; i < FCT_COUNT(macros); i++)
        if (same_name(name, macros[i].name))
            return macros[i].value(v);
    return (struct fct_str){"", 0};
}

static bool next_word(struct fct_str *list, struct fct_str *word)
{
    size_t i = 0;

    while (list->n > 0 && (isspace((unsigned char)*list->p) || *list->p == ',')) {
        list->p++;
        list->n--;
    }
    while (i < list->n && !isspace((unsigned char)list->p[i]) && list->p[i] != ',')
        i++;
    *word = (struct fct_str){list->p, i};
    list->p += i;
    list->n -= i;
    return i > 0;
}

static void put_list(struct values *v, struct milter_out *out, struct fct_str list)
{
    struct fct_str name, value;

    while (next_word(&list, &name)) {
        value = value_of(v, name);
        if (value.n == 0)
            continue;
        milter_put_string(out, name);
        milter_put_string(out, value);
    }
}

/* The configured ones come with the connection; values of a stage may replace them later. */
static void put_configured(const struct milter_conf *conf, struct milter_out *out)
{
    for (size_t i = 0; i < conf->macros.n; i++) {
        const char *row = conf->macros.item[i], *equals = strchr(row, '=');

        milter_put_string(out, (struct fct_str){row, (size_t)(equals - row)});
        milter_put_string(out, (struct fct_str){equals + 1, strlen(equals + 1)});
    }
}

void milter_put_macros(struct milter_session *s, struct fct_call *call, enum milter_stage stage,
                       enum milter_command command, const struct milter_rcpt *rcpt)
{
    const struct fct_host *host = s->filter->host;
    struct milter_out *out = &s->peer->out;
    struct fct_str asked = s->peer->options.macros[stage];
    struct values v = {s, call, host->conn(call), host->envelope(call), rcpt, ""};
    char letter = (char)command;

    if (!asked.p)
        asked = (struct fct_str){by_default[stage], strlen(by_default[stage])};
    milter_begin(out, MILTER_MACRO);
    milter_put(out, &letter, 1);
    put_list(&v, out, asked);
    if (stage == STAGE_CONNECT)
        put_configured(s->filter->conf, out);
    milter_end(out);
}
