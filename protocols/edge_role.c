/* edge_role.c - accepts connections and hands each to the protocol of its listener. */
#include "protocols/edge_role.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/net/listener.h"
#include "protocols/edge.h"
#include "protocols/edge_certificate.h"
#include "protocols/lmtp/lmtp_conf.h"
#include "protocols/smtp/smtp_spool.h"

#include <stdlib.h>
#include <unistd.h>

/* The words of `listener { protocol = … }` and the hook role each stands for; smtp has one per
 * `role`. */
static const struct {
    const char *protocol, *role;
    const struct edge_protocol *is;
    uint32_t bit;
} doors[] = {
    {"smtp", "mx", &smtp_protocol, FCT_ROLE_MX},
    {"smtp", "submission", &smtp_protocol, FCT_ROLE_SUBMISSION},
    {"lmtp", NULL, &lmtp_protocol, FCT_ROLE_LMTP},
    {"imap", NULL, &imap_protocol, FCT_ROLE_IMAP},
    {"pop3", NULL, &pop3_protocol, FCT_ROLE_POP3},
};

static const char *const tls_words[] = {
    [EDGE_TLS_NONE] = "none", [EDGE_TLS_STARTTLS] = "starttls", [EDGE_TLS_IMPLICIT] = "implicit"};

struct edge_process {
    struct edge edge; /* first */
    struct role_env *env;
};

/* ---- configuration ---- */

static size_t find_door(const struct listener_conf *conf)
{
    size_t i = 0;

    while (i < FCT_COUNT(doors) && (strcmp(conf->protocol, doors[i].protocol) != 0 ||
                                    (doors[i].role && strcmp(conf->role, doors[i].role) != 0)))
        i++;
    return i;
}

static size_t find_tls(const struct listener_conf *conf)
{
    size_t i = 0;

    while (i < FCT_COUNT(tls_words) && strcmp(conf->tls, tls_words[i]) != 0)
        i++;
    return i;
}

static bool listener_check(const struct listener_conf *conf, const char *label, struct fct_err *err)
{
    if (strcmp(conf->protocol, "milter") == 0)
        return true; /* another role's: protocols/milter */
    for (size_t i = 0; i < conf->address.n; i++)
        if (listener_is_unix(conf->address.item[i]))
            return fct_fail(err, FCT_SYNTAX, "listener %s: only milter listens on unix: addresses",
                            label);
    if (find_door(conf) == FCT_COUNT(doors))
        return fct_fail(err, FCT_SYNTAX,
                        "listener %s: protocol \"%s\" with role \"%s\" is not known (smtp with mx "
                        "or submission, lmtp, imap, pop3, milter)",
                        label, conf->protocol, conf->role);
    if (find_tls(conf) == FCT_COUNT(tls_words))
        return fct_fail(err, FCT_SYNTAX,
                        "listener %s: tls \"%s\" is not known (starttls, implicit, none)", label,
                        conf->tls);
    return true;
}

bool edge_conf_check(const struct config *conf, struct fct_err *err)
{
    const struct listener_conf *listener;
    const char *label;

    for (size_t i = 0; (listener = config_each(conf, &listener_block, i, &label)); i++)
        if (!listener_check(listener, label, err))
            return false;
    return smtp_conf_check(config_get(conf, &smtp_block), "smtp", err) &&
           smtp_conf_check(config_get(conf, &lmtp_block), "lmtp", err);
}

/* ---- before the sandbox ---- */

static bool prepare_listener(struct edge_process *p, size_t i, struct fct_err *err)
{
    const struct role_listener *from = &p->env->listeners[i];
    struct edge_listener *l = &p->edge.listener[i];
    struct edge_certificate shown;

    l->edge = &p->edge;
    l->label = from->label;
    l->conf = from->conf;
    l->protocol = doors[find_door(l->conf)].is;
    l->role = doors[find_door(l->conf)].bit;
    l->tls_mode = (enum edge_tls)find_tls(l->conf);
    if (l->tls_mode == EDGE_TLS_NONE)
        return true;
    if (!edge_certificate_find(p->env->conf, &shown, err) ||
        !tls_context_new(&(struct tls_conf){.certificate = shown.certificate, .key = shown.key},
                         l->protocol->name, &l->tls, err))
        return fct_fail_in(err, "listener %s", l->label);
    return true;
}

/* Certificates and keys are read with the supervisor's rights; edge itself never can. */
static bool edge_prepare(struct role_env *env, struct fct_err *err)
{
    struct edge_process *p;

    if (!edge_conf_check(env->conf, err))
        return false;
    p = calloc(1, sizeof *p);
    if (!p)
        return fct_fail(err, FCT_TEMP, "no memory");
    env->role_data = p;
    p->env = env;
    p->edge.conf = env->conf;
    p->edge.name = str_from(env->server_name);
    p->edge.dev = env->dev;
    p->edge.listeners = env->nlisteners;
    p->edge.listener = calloc(env->nlisteners + 1, sizeof *p->edge.listener);
    if (!p->edge.listener)
        return fct_fail(err, FCT_TEMP, "no memory");
    for (size_t i = 0; i < env->nlisteners; i++)
        if (!prepare_listener(p, i, err))
            return false;
    return true;
}

/* ---- running ---- */

static void accepted(void *arg, int fd)
{
    struct edge_listener *l = arg;

    l->protocol->accepted(l, fd);
}

static bool edge_start(struct role_env *env, struct fct_err *err)
{
    struct edge_process *p = env->role_data;
    struct edge *e = &p->edge;

    e->base = env->base;
    e->store = store_client_new(env->base);
    e->filter = filter_client_new(env);
    for (size_t i = 0; i < e->listeners; i++) {
        e->listener[i].listener =
            listener_start(env->base, env->listeners[i].fd, accepted, &e->listener[i]);
        if (!e->listener[i].listener)
            return fct_fail(err, FCT_TEMP, "listener %s: cannot accept", e->listener[i].label);
    }
    return true;
}

static void edge_peer(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    struct edge_process *p = env->role_data;

    switch (kind) {
    case ROLE_STORE:
        store_client_peer(p->edge.store, fd);
        return;
    case ROLE_FILTER:
        filter_client_peer(p->edge.filter, index, fd);
        return;
    case ROLE_EDGE:
    case ROLE_CTL:
    case ROLE_MILTER:
    case ROLE_COUNT:
        break;
    }
    close(fd);
}

static void edge_idle(struct edge *edge)
{
    role_drained(((struct edge_process *)edge)->env);
}

static void edge_drain(struct role_env *env)
{
    struct edge_process *p = env->role_data;
    struct edge_session *next;

    if (p->edge.draining)
        return;
    p->edge.draining = true;
    p->edge.idle = edge_idle;
    for (size_t i = 0; i < p->edge.listeners; i++)
        listener_stop(&p->edge.listener[i].listener);
    if (p->edge.session_count == 0) {
        edge_idle(&p->edge);
        return;
    }
    for (struct edge_session *s = p->edge.sessions; s; s = next) {
        next = s->next;
        s->drain(s);
    }
}

static void edge_status(struct role_env *env, struct buf *out)
{
    const struct edge *e = &((struct edge_process *)env->role_data)->edge;

    buf_printf(out, "sessions %u\n", e->session_count);
    buf_printf(out, "connections %llu\n", (unsigned long long)e->count.connections);
    buf_printf(out, "messages %llu\n", (unsigned long long)e->count.messages);
    buf_printf(out, "message_bytes %llu\n", (unsigned long long)e->count.message_bytes);
    buf_printf(out, "refused %llu\n", (unsigned long long)e->count.refused);
    buf_printf(out, "logins %llu\n", (unsigned long long)e->count.logins);
    buf_printf(out, "login_failures %llu\n", (unsigned long long)e->count.login_failures);
    buf_printf(out, "receive_memory %llu\n", (unsigned long long)smtp_spool_total());
    for (size_t i = 0; i < e->listeners; i++)
        buf_printf(out, "listener_%s_connections %llu\n", e->listener[i].label,
                   (unsigned long long)e->listener[i].connections);
}

const struct role edge_role = {
    .kind = ROLE_EDGE,
    .name = "edge",
    .doc = "TLS and the protocol sessions: SMTP, LMTP, IMAP, POP3",
    .prepare = edge_prepare,
    .start = edge_start,
    .peer = edge_peer,
    .drain = edge_drain,
    .status = edge_status,
};
