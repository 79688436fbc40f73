/* filter_session.c - a map and a list by last use. */
#include "core/hook/filter_session.h"

#include "core/base/err.h"
#include "core/base/str.h"

struct filter_session {
    struct filter_session *newer, *older;
    size_t id_n;
    char id[64];
    void *slot[];
};

void filter_sessions_init(struct filter_sessions *s, size_t plugins, size_t max)
{
    *s = (struct filter_sessions){.by_id = map_new(), .plugins = plugins, .max = max ? max : 1};
}

static struct fct_str id_of(const struct filter_session *session)
{
    return (struct fct_str){session->id, session->id_n};
}

static void unlink_session(struct filter_sessions *s, struct filter_session *x)
{
    *(x->newer ? &x->newer->older : &s->newest) = x->older;
    *(x->older ? &x->older->newer : &s->oldest) = x->newer;
    x->newer = x->older = NULL;
}

static void link_newest(struct filter_sessions *s, struct filter_session *x)
{
    x->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = x;
    s->newest = x;
}

static void drop(struct filter_sessions *s, struct filter_session *x)
{
    map_remove(s->by_id, id_of(x));
    unlink_session(s, x);
    for (size_t i = 0; i < s->plugins; i++)
        free(x->slot[i]);
    free(x);
}

static struct filter_session *session_new(struct filter_sessions *s, struct fct_str id)
{
    struct filter_session *x = calloc(1, sizeof *x + s->plugins * sizeof(void *));

    if (!x)
        fct_assert_failed("memory for a session", __FILE__, __LINE__);
    x->id_n = id.n;
    memcpy(x->id, id.p, id.n);
    if (map_count(s->by_id) >= s->max)
        drop(s, s->oldest);
    map_put(s->by_id, id_of(x), x);
    return x;
}

void **filter_session_slot(struct filter_sessions *s, struct fct_str id, size_t plugin)
{
    struct filter_session *x;

    if (id.n == 0 || id.n > sizeof x->id || plugin >= s->plugins)
        return NULL;
    x = map_get(s->by_id, id);
    if (x)
        unlink_session(s, x);
    else
        x = session_new(s, id);
    link_newest(s, x);
    return &x->slot[plugin];
}

bool filter_session_exists(const struct filter_sessions *s, struct fct_str id)
{
    return map_get(s->by_id, id) != NULL;
}

void filter_session_forget(struct filter_sessions *s, struct fct_str id)
{
    struct filter_session *x = map_get(s->by_id, id);

    if (x)
        drop(s, x);
}
