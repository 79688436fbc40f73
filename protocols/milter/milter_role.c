/* milter_role.c - see milter_role.h. */
#include "protocols/milter/milter_role.h"

#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/edge_conf.h"
#include "protocols/milter/milter_door.h"
#include "protocols/milter/milter_session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct milter_process {
    struct milter milter; /* first */
    _Atomic uint64_t connections, turned_away;
};

/* ---- before the sandbox ---- */

static bool milter_prepare(struct role_env *env, struct fct_err *err)
{
    const struct milter_role_conf *conf = config_get(env->conf, &milter_block);
    struct milter_process *p;

    if (env->nlisteners == 0)
        return true; /* a check of a configuration that does not have us */
    p = calloc(1, sizeof *p);
    if (!p)
        return fct_fail(err, FCT_TEMP, "no memory");
    p->milter.env = env;
    p->milter.conf = conf;
    env->role_data = p;
    return milter_door_open(&milter_callbacks, (unsigned)(conf->timeout.ms / 1000), err);
}

/* ---- running ---- */

static void log_turned_away(void *arg)
{
    struct milter_process *p = arg;

    log_event(EV_WARNING, FCT_STR(""),
              F_C("text", "milter.max_connections is reached: further ones are closed"),
              F_U64("turned_away", atomic_load(&p->turned_away)));
}

/* In a thread of libmilter that holds the door: it must not wait for the loop, which may be closing
 * it. */
static bool admit(void *arg)
{
    struct milter_process *p = arg;

    if (atomic_load(&p->milter.open) < p->milter.conf->max_connections) {
        atomic_fetch_add(&p->milter.open, 1);
        atomic_fetch_add(&p->connections, 1);
        return true;
    }
    if (atomic_fetch_add(&p->turned_away, 1) % 1000 == 0)
        milter_post_send(p->milter.post, log_turned_away, p);
    return false;
}

static void closed(struct milter *role)
{
    if (atomic_load(&role->draining) && atomic_load(&role->open) == 0)
        role_drained(role->env);
}

static bool milter_start(struct role_env *env, struct fct_err *err)
{
    struct milter_process *p = env->role_data;
    struct milter *m = &p->milter;

    m->filter = filter_client_new(env);
    m->post = milter_post_new(env->base);
    m->spool = milter_spool_new(m->conf->max_message_size.bytes, m->conf->spool_memory.bytes);
    m->closed = closed;
    milter_role_of_process = m;
    for (size_t i = 0; i < env->nlisteners; i++)
        if (!milter_door_add(env->listeners[i].fd, err))
            return false;
    return milter_door_start(admit, p, err);
}

static void milter_peer(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    struct milter_process *p = env->role_data;

    if (kind == ROLE_FILTER)
        filter_client_peer(p->milter.filter, index, fd);
    else
        close(fd);
}

static void milter_drain(struct role_env *env)
{
    struct milter_process *p = env->role_data;

    atomic_store(&p->milter.draining, true);
    milter_door_close();
    closed(&p->milter);
}

static void milter_status(struct role_env *env, struct buf *out)
{
    const struct milter_process *p = env->role_data;
    const struct milter *m = &p->milter;
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"sessions", atomic_load(&m->open)},
        {"connections", atomic_load(&p->connections)},
        {"turned_away", atomic_load(&p->turned_away)},
        {"messages", m->count.messages},
        {"refused", m->count.refused},
        {"discarded", m->count.discarded},
        {"held", m->count.held},
        {"edited", m->count.edited},
        {"unavailable", m->count.unavailable},
        {"spool_bytes", milter_spool_used(m->spool)},
    };

    for (size_t i = 0; i < FCT_COUNT(lines); i++)
        buf_printf(out, "%s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
}

const struct role milter_role = {
    .kind = ROLE_MILTER,
    .name = "milter",
    .doc = "Filtering for Postfix or Sendmail: libmilter in front of the filter processes",
    .prepare = milter_prepare,
    .start = milter_start,
    .peer = milter_peer,
    .drain = milter_drain,
    .status = milter_status,
};
