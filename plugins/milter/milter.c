/* milter.c - asks a foreign filter (OpenDKIM, OpenDMARC, clamav-milter, rspamd …) as Sendmail and
 * Postfix do. One block per filter: `plugin opendkim { use = milter  address = … }`.
 *
 * The dialogue goes on at our points of the dialogue; the whole message goes out at `headers`, once
 * for all recipients, in the state earlier filters left it in; changes of the envelope are made at
 * `edit`. */
#include "milter_table.h"

#include <stdlib.h>

struct milter {
    struct milter_filter filter;
    struct milter_table table;
};

/* ---- verdicts ---- */

/* A foreign text may be longer than a reply line or no UTF-8: its code counts all the same. */
static enum fct_verdict say(struct milter *m, struct fct_call *call, const struct milter_verdict *v)
{
    const struct fct_host *host = m->filter.host;
    const char *enhanced = v->enhanced[0] ? v->enhanced : NULL;

    if (v->code && !host->reply(call, v->code, enhanced, v->text))
        (void)host->reply(call, v->code, enhanced, NULL);
    return v->verdict;
}

/* Points of the dialogue have no quarantine: the message's own points say it again. */
static enum fct_verdict say_in_dialogue(struct milter *m, struct fct_call *call,
                                        const struct milter_verdict *v)
{
    return v->verdict == FCT_QUARANTINE ? FCT_NEXT : say(m, call, v);
}

/* ---- the dialogue ---- */

static FCT_MAY_WAIT enum fct_verdict step(struct milter *m, struct fct_call *call,
                                          enum milter_stage stage, const struct milter_rcpt *rcpt)
{
    struct milter_verdict verdict;
    struct milter_session *session;

    if (!milter_conf_wants(m->filter.conf, m->filter.host->conn(call)))
        return FCT_NEXT;
    session = milter_table_session(&m->table, call);
    if (!session)
        return FCT_NEXT;
    milter_session_step(session, call, stage, rcpt, &verdict);
    return say_in_dialogue(m, call, &verdict);
}

static enum fct_verdict on_connect(struct fct_call *call, const struct fct_ev_connect *ev,
                                   void *state)
{
    (void)ev;
    return step(state, call, STAGE_CONNECT, NULL);
}

static enum fct_verdict on_helo(struct fct_call *call, const struct fct_ev_helo *ev, void *state)
{
    struct milter *m = state;
    struct milter_session *known = milter_table_find(&m->table, call);

    (void)ev;
    if (known)
        milter_session_greeting(known);
    return step(m, call, STAGE_HELO, NULL);
}

static enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev, void *state)
{
    (void)ev;
    return step(state, call, STAGE_MAIL, NULL);
}

static enum fct_verdict on_rcpt(struct fct_call *call, const struct fct_ev_rcpt *ev, void *state)
{
    struct milter_rcpt rcpt = {ev->recipient, ev->refused};

    return step(state, call, STAGE_RCPT, &rcpt);
}

static enum fct_verdict on_data(struct fct_call *call, const struct fct_ev_data *ev, void *state)
{
    (void)ev;
    return step(state, call, STAGE_DATA, NULL);
}

static enum fct_verdict on_unknown(struct fct_call *call, const struct fct_ev_unknown *ev,
                                   void *state)
{
    struct milter *m = state;
    struct milter_session *known = milter_table_find(&m->table, call);
    struct milter_verdict verdict;

    if (!known)
        return FCT_NEXT;
    milter_session_unknown(known, call, ev->line, &verdict);
    return say_in_dialogue(m, call, &verdict);
}

static enum fct_verdict on_abort(struct fct_call *call, const struct fct_ev_abort *ev, void *state)
{
    struct milter *m = state;
    struct milter_session *known = milter_table_find(&m->table, call);

    (void)ev;
    if (known)
        milter_session_abort(known);
    return FCT_NEXT;
}

static enum fct_verdict on_disconnect(struct fct_call *call, const struct fct_ev_disconnect *ev,
                                      void *state)
{
    struct milter *m = state;
    struct milter_session *known = milter_table_find(&m->table, call);

    (void)ev;
    if (known) {
        milter_session_end(known, call);
        milter_table_release(&m->table, known);
    }
    return FCT_NEXT;
}

/* ---- the message ---- */

static enum fct_verdict on_headers(struct fct_call *call, const struct fct_ev_headers *ev,
                                   void *state)
{
    struct milter *m = state;
    const struct fct_host *host = m->filter.host;
    struct milter_session *session;
    struct milter_verdict verdict;

    (void)ev;
    if (!milter_conf_wants(m->filter.conf, host->conn(call)) ||
        !milter_conf_wants_domain(m->filter.conf, host->envelope(call)))
        return FCT_NEXT;
    session = milter_table_session(&m->table, call);
    if (!session)
        return FCT_NEXT;
    milter_session_message(session, call, &verdict);
    return say(m, call, &verdict);
}

static void change(struct milter *m, struct fct_call *call, const char *name, const char *value)
{
    if (!m->filter.host->set(call, name, (struct fct_str){value, strlen(value)}))
        m->filter.host->log(call, FCT_WARNING,
                            "%s %s, asked for by the filter at %s, cannot be done", name, value,
                            m->filter.conf->address);
}

static enum fct_verdict on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    struct milter *m = state;
    struct milter_session *s = milter_table_find(&m->table, call);

    (void)ev;
    if (!s)
        return FCT_NEXT;
    if (s->has_sender)
        change(m, call, "reverse_path", s->sender);
    for (size_t i = 0; i < s->add.n; i++)
        change(m, call, "add_recipient", s->add.item[i]);
    for (size_t i = 0; i < s->remove.n; i++)
        change(m, call, "remove_recipient", s->remove.item[i]);
    return FCT_NEXT;
}

/* ---- the plugin ---- */

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    struct milter *m = calloc(1, sizeof *m);

    (void)self;
    if (!m)
        return false;
    m->filter = (struct milter_filter){.host = host, .conf = conf};
    m->table.filter = &m->filter;
    *state = m;
    if (milter_conf_check(conf, &m->filter.on_failure, err))
        return true;
    free(m);
    return false;
}

static void stop(void *state)
{
    struct milter *m = state;

    milter_table_free(&m->table);
    milter_filter_close(&m->filter);
    free(m);
}

/* Authentication-Results that a client forged are gone before a filter reads them. */
static const struct fct_hook_row hooks[] = {
    FCT_ON(connect, on_connect), FCT_ON(helo, on_helo),
    FCT_ON(mail, on_mail),       FCT_ON(rcpt, on_rcpt),
    FCT_ON(data, on_data),       FCT_ON(headers, on_headers, .after = "headers?"),
    FCT_ON(edit, on_edit),       FCT_ON(unknown, on_unknown),
    FCT_ON(abort, on_abort),     FCT_ON(disconnect, on_disconnect),
};

const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "milter",
    .version = "1.0",
    .summary = "asks a foreign filter over the milter protocol",
    .license = "Apache-2.0",
    .keys = milter_keys,
    .conf_size = sizeof(struct milter_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
