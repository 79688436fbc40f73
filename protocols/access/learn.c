/* learn.c - see learn.h. */
#include "protocols/access/learn.h"

#include "protocols/access/access_conf.h"

#include "core/base/str.h"
#include "core/log/log.h"

#include <unistd.h>

/* One command. Everything it names lies in its arena. */
struct learn_job {
    struct learn_job *next;
    struct arena *arena;
    struct edge *edge;
    struct filter_context context;
    struct store_principal principal;
    bool ends_login; /* the session has gone: the login goes with this job */
    bool by_roles;   /* spam is found out by the roles of the mailboxes */
    bool spam;
    enum mailbox_role from;
    struct fct_str account, mailbox;
    const struct learn_message *message;
    size_t n;
};

/* Of this process; the first one is being worked on. */
static struct {
    struct learn_job *first, **last;
    uint32_t n;
    bool full; /* said already */
} queue;

/* ---- noting ---- */

static struct fct_str keep(struct arena *arena, struct fct_str s)
{
    return arena_str(arena, s);
}

static struct filter_context keep_context(struct arena *arena, const struct access *a)
{
    struct filter_context c = access_context(a);

    c.conn.id = keep(arena, c.conn.id);
    c.conn.client_ip = keep(arena, c.conn.client_ip);
    c.conn.local_ip = keep(arena, c.conn.local_ip);
    c.conn.tls_version = keep(arena, c.conn.tls_version);
    c.conn.tls_cipher = keep(arena, c.conn.tls_cipher);
    c.conn.login = keep(arena, c.conn.login);
    c.conn.tls_server_name = keep(arena, c.conn.tls_server_name);
    c.conn.auth_mechanism = keep(arena, c.conn.auth_mechanism);
    c.carried = (struct fct_str){0};
    return c;
}

static bool has_room(const struct access *a, const struct access_conf *conf)
{
    if (queue.n < conf->learn_queue) {
        queue.full = false;
        return true;
    }
    if (!queue.full)
        log_event(EV_WARNING, str_from(a->id->text),
                  F_C("text", "more is moved than learners take: some of it is not learned "
                              "(access.learn_queue)"));
    queue.full = true;
    return false;
}

static void pick(struct learn_job *job, const struct learn_message *message, size_t n, size_t most)
{
    struct learn_message *kept;

    job->n = n < most ? n : most;
    kept = ARENA_ARRAY(job->arena, struct learn_message, job->n + 1);
    for (size_t i = 0; i < job->n; i++)
        kept[i] = message[learn_pick(i, n, most)];
    job->message = kept;
}

FCT_MAY_WAIT static void work(void *arg);

static void append(struct learn_job *job)
{
    if (!queue.first)
        queue.last = &queue.first;
    *queue.last = job;
    queue.last = &job->next;
    if (queue.n++ == 0)
        fiber_start(work, NULL);
}

/* NULL: nobody learns, or too much waits already. */
static struct learn_job *new_job(struct access *a, uint32_t principal, struct fct_str mailbox,
                                 const struct learn_message *message, size_t n)
{
    struct edge *edge = a->edge->listener->edge;
    const struct access_conf *conf;
    struct arena *arena;
    struct learn_job *job;

    if (n == 0 || !access_wants(a, FCT_HOOK_learn))
        return NULL;
    conf = config_get(edge->conf, &access_block);
    if (conf->max_learn == 0 || !has_room(a, conf))
        return NULL;
    arena = arena_new(NULL);
    job = arena_alloc(arena, sizeof *job);
    *job = (struct learn_job){.arena = arena, .edge = edge, .principal.handle = principal};
    job->context = keep_context(arena, a);
    job->account = job->context.conn.login;
    job->mailbox = keep(arena, mailbox);
    pick(job, message, n, conf->max_learn);
    return job;
}

void learn_moved(struct access *a, uint32_t principal, enum mailbox_role from, struct fct_str to,
                 const struct learn_message *message, size_t n)
{
    struct learn_job *job = new_job(a, principal, to, message, n);

    if (!job)
        return;
    job->by_roles = true;
    job->from = from;
    append(job);
}

void learn_keyword(struct access *a, uint32_t principal, struct fct_str mailbox, bool spam,
                   const struct learn_message *message, size_t n)
{
    struct learn_job *job = new_job(a, principal, mailbox, message, n);

    if (!job)
        return;
    job->spam = spam;
    append(job);
}

void learn_logout(struct access *a, struct store_principal *p)
{
    struct learn_job *last = NULL;

    for (struct learn_job *job = queue.first; job; job = job->next)
        if (job->principal.handle == p->handle)
            last = job;
    if (!last) {
        store_logout(a->edge->listener->edge->store, p);
        return;
    }
    last->ends_login = true;
    p->handle = 0;
}

/* ---- telling ---- */

/* Into Junk is spam; out of it, to anywhere but Trash, is not. False: it says nothing. */
static FCT_MAY_WAIT bool judge(struct learn_job *job)
{
    struct mailbox_info to;
    struct fct_err ignored = {0};

    if (!job->by_roles)
        return true;
    if (!store_mailbox(job->edge->store, job->principal.handle, job->mailbox, job->arena, &to,
                       &ignored))
        return false;
    job->spam = to.role == MAILBOX_JUNK;
    if (job->spam)
        return job->from != MAILBOX_JUNK;
    return job->from == MAILBOX_JUNK && to.role != MAILBOX_TRASH;
}

/* False: there is no use in trying the others. */
static FCT_MAY_WAIT bool tell_one(const struct learn_job *job, const struct learn_message *m)
{
    char email[STORE_EMAIL_TEXT];
    struct fct_ev_learn ev = {
        .account = job->account,
        .spam = job->spam,
        .why = job->by_roles ? FCT_STR("move") : FCT_STR("keyword"),
        .mailbox = job->mailbox,
        .uid = m->uid,
        .email_id = store_email_text(m->email_id, email),
    };
    struct fct_err err = {0};
    uint64_t size;
    int fd;

    if (!store_original(job->edge->store, job->principal.handle, m->email_id, &fd, &size, &err))
        return err.class == FCT_DENIED; /* expunged meanwhile */
    filter_tell_message(job->edge->filter, &job->context, FCT_HOOK_learn, &ev, fd, size);
    close(fd);
    return true;
}

static FCT_MAY_WAIT void tell(struct learn_job *job)
{
    if (!judge(job))
        return;
    for (size_t i = 0; i < job->n; i++)
        if (!tell_one(job, &job->message[i]))
            return;
}

/* One fiber, as long as there is something. */
static void work(void *arg)
{
    (void)arg;
    (void)fiber_sleep(0); /* the command that began it is answered first */
    while (queue.first) {
        struct learn_job *job = queue.first;
        struct arena *arena = job->arena;

        tell(job);
        if (job->ends_login)
            store_logout(job->edge->store, &job->principal);
        queue.first = job->next;
        queue.n--;
        arena_free(&arena);
    }
}
