/* smtp_hook.c - how a session asks the filters: the verdict, what a callback changed, and what they
 * want to hear again. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_session.h"

#define CARRIED_MAX (64u << 10)

/* ---- what filters carry ---- */

void smtp_stretch_enter(struct smtp_session *s, enum smtp_stretch stretch)
{
    s->stretch = stretch;
    buf_free(&s->carried[stretch]);
}

void smtp_stretch_leave(struct smtp_session *s, enum smtp_stretch back_to)
{
    int at = (int)back_to;

    for (int i = at + 1; i < STRETCH_COUNT; i++)
        buf_free(&s->carried[i]);
    s->stretch = back_to;
    while (at > 0 && s->carried[at].n == 0)
        at--;
    s->hooks.carried = buf_str(&s->carried[at]);
}

void smtp_stretch_end(struct smtp_session *s)
{
    for (size_t i = 0; i < STRETCH_COUNT; i++)
        buf_free(&s->carried[i]);
    s->hooks.carried = FCT_STR("");
}

static void carry(struct smtp_session *s, struct fct_str bytes)
{
    struct buf *at = &s->carried[s->stretch];

    if (bytes.n == 0 || bytes.n > CARRIED_MAX)
        return;
    buf_free(at);
    *at = BUF_INIT(CARRIED_MAX);
    buf_put_str(at, bytes);
    s->hooks.carried = buf_str(at);
}

/* ---- asking ---- */

bool smtp_is_hooked(const struct smtp_session *s, enum fct_hook hook)
{
    return filter_wants(s->edge.listener->edge->filter, hook, s->edge.listener->role);
}

bool smtp_ask(struct smtp_session *s, enum fct_hook hook, const void *event, enum smtp_stage stage,
              struct filter_answer *answer, struct smtp_reply *r)
{
    *answer = (struct filter_answer){.verdict = FCT_NEXT};
    if (!smtp_is_hooked(s, hook))
        return true;
    filter_hook(s->edge.listener->edge->filter, &s->hooks, hook, event, s->call, answer);
    carry(s, answer->carried);
    return !smtp_reply_verdict(answer, stage, s->call, r);
}

void smtp_tell(struct smtp_session *s, enum fct_hook hook, const void *event)
{
    if (smtp_is_hooked(s, hook))
        filter_tell(s->edge.listener->edge->filter, &s->hooks, hook, event);
}

/* ---- changes ---- */

bool smtp_changed(const struct filter_answer *answer, const char *name, struct fct_str *value)
{
    bool found = false;

    for (size_t i = 0; filter_changed(answer, name, i, value); i++)
        found = true;
    return found;
}

bool smtp_plugin_path(struct smtp_session *s, struct fct_str text, bool null, struct arena *arena,
                      struct fct_str *address)
{
    struct fct_str in = arena_printf(arena, "<%.*s>", FCT_FMT(text));
    /* A recipient stays in this house; a sender of a message that is not SMTPUTF8 goes out again.
     */
    bool utf8 = !null || (s->tx && s->tx->params.smtputf8);
    struct smtp_path path;
    struct fct_err err = {0};

    if (smtp_path_parse(&in, utf8, &path, &err) && in.n == 0 &&
        (null || !smtp_path_is_null(&path))) {
        *address = smtp_path_address(arena, &path);
        return true;
    }
    log_event(EV_WARNING, s->tx ? s->tx->id : str_from(s->id.text), F_STR("address", text),
              F_STR("why", FCT_STR("a plugin asked for an address that is none; left out")));
    return false;
}

bool smtp_changed_path(struct smtp_session *s, const struct filter_answer *answer, const char *name,
                       bool null, struct arena *arena, struct fct_str *address)
{
    struct fct_str text;

    return smtp_changed(answer, name, &text) && smtp_plugin_path(s, text, null, arena, address);
}

void smtp_ask_unknown(struct smtp_session *s, struct fct_str line, struct smtp_reply *r)
{
    struct fct_ev_unknown event = {.line = line};
    struct filter_answer answer;
    struct smtp_reply other;

    if (smtp_ask(s, FCT_HOOK_unknown, &event, SMTP_AT_UNKNOWN, &answer, &other))
        return;
    other.close = other.close || r->close;
    *r = other;
}
