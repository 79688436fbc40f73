/* edge_role.c - accepts connections and hands each to the protocol of its listener. */
#include "protocols/edge_role.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/net/listener.h"
#include "protocols/access/learn.h"
#include "protocols/edge.h"
#include "protocols/edge_certificate.h"
#include "protocols/guard.h"
#include "protocols/smtp/smtp_spool.h"

#include <stdlib.h>
#include <unistd.h>

/* What each kind of listener speaks, and the hook role it stands for. */
static const struct {
    const struct edge_protocol *is;
    uint32_t bit;
} doors[] = {
    [LISTENER_MX] = {&smtp_protocol, FCT_ROLE_MX},
    [LISTENER_SUBMISSION] = {&smtp_protocol, FCT_ROLE_SUBMISSION},
    [LISTENER_LMTP] = {&lmtp_protocol, FCT_ROLE_LMTP},
    [LISTENER_IMAP] = {&imap_protocol, FCT_ROLE_IMAP},
    [LISTENER_POP3] = {&pop3_protocol, FCT_ROLE_POP3},
    [LISTENER_LOCAL] = {&smtp_protocol, FCT_ROLE_SUBMISSION},
};

struct edge_process {
    struct edge edge; /* first */
    struct role_env *env;
};

/* ---- before the sandbox ---- */

static bool prepare_listener(struct edge_process *p, size_t i, struct fct_err *err)
{
    const struct role_listener *from = &p->env->listeners[i];
    struct edge_listener *l = &p->edge.listener[i];
    struct edge_certificate shown;

    l->edge = &p->edge;
    l->label = from->label;
    l->conf = from->conf;
    l->protocol = doors[listener_kind(l->conf)].is;
    l->role = doors[listener_kind(l->conf)].bit;
    l->tls_mode = listener_tls(l->conf);
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
    struct edge_process *p = calloc(1, sizeof *p);

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
    e->guard = guard_new(
        config_get(env->conf, &guard_block),
        ((const struct server_conf *)config_get(env->conf, &server_block))->edge_processes);
    for (size_t i = 0; i < e->listeners; i++) {
        e->listener[i].listener =
            listener_start(env->base, env->listeners[i].fd, accepted, &e->listener[i]);
        if (!e->listener[i].listener)
            return fct_fail(err, FCT_TEMP, "listener %s: cannot accept", e->listener[i].label);
    }
    learn_start(e);
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
    case ROLE_RELAY:
    case ROLE_IMAGES:
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
    learn_stop();
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
    buf_printf(out, "guard_refused %llu\n", (unsigned long long)guard_refused(e->guard));
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
