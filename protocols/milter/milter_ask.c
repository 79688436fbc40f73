/* milter_ask.c - a hook is asked: the thread of libmilter posts it, a fiber of the loop waits for
 * the filter. */
#include "core/base/str.h"
#include "protocols/milter/milter_session.h"

struct asking {
    struct milter_session *s;
    enum fct_hook hook;
    const void *event;
    struct arena *arena;
    struct filter_answer answer;
};

bool milter_wants(const struct milter_session *s, enum fct_hook hook)
{
    return milter_plan_wants(&s->plan, hook);
}

static void ask(void *arg)
{
    struct asking *a = arg;
    struct milter *role = a->s->role;

    milter_session_name(a->s);
    filter_hook(role->filter, &a->s->hooks, a->hook, a->event, a->arena, &a->answer);
    if (a->answer.verdict == FCT_TEMPFAIL && str_equal(a->answer.by, FCT_STR("filter"))) {
        role->count.unavailable++;
        if (milter_role_accepts_unfiltered(role->conf))
            a->answer.verdict = FCT_NEXT;
    }
}

static bool of_connection(enum fct_hook hook)
{
    return hook == FCT_HOOK_connect || hook == FCT_HOOK_helo || hook == FCT_HOOK_tls ||
           hook == FCT_HOOK_auth;
}

static void take_carried(struct milter_session *s, enum fct_hook hook, struct fct_str carried)
{
    if (str_is_empty(carried))
        return;
    if (!of_connection(hook)) {
        s->hooks.carried = carried;
        return;
    }
    buf_clear(&s->carried);
    buf_put_str(&s->carried, carried);
    s->hooks.carried = buf_str(&s->carried);
}

void milter_ask(struct milter_session *s, enum fct_hook hook, const void *event,
                struct filter_answer *answer)
{
    struct asking a = {.s = s, .hook = hook, .event = event};

    *answer = (struct filter_answer){.verdict = FCT_NEXT};
    if (!milter_wants(s, hook))
        return;
    a.arena = s->tx ? s->message : s->call;
    milter_post_run(s->role->post, ask, &a, NULL);
    *answer = a.answer;
    take_carried(s, hook, answer->carried);
}

static void tell(void *arg)
{
    const struct asking *a = arg;

    filter_tell(a->s->role->filter, &a->s->hooks, a->hook, a->event);
}

void milter_tell(struct milter_session *s, enum fct_hook hook, const void *event)
{
    struct asking a = {.s = s, .hook = hook, .event = event};

    milter_post_run(s->role->post, tell, &a, NULL);
}
