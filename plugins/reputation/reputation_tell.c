/* reputation_tell.c - what became of messages, and what people say of them, is counted for their
 * names. Nobody waits for it: at `accepted` the client has its reply, and what is refused is
 * counted when the next message comes or the client leaves. */
#include "reputation_plugin.h"

#include "plugins/bayes/bayes_message.h"
#include "plugins/lib/view.h"

#include <stdlib.h>
#include <time.h>

#define ENVELOPE_ID_MAX 80

/* The message of a connection, from scan to what becomes of it. */
struct kept {
    char envelope_id[ENVELOPE_ID_MAX];
    char message_key[REPUTATION_KEY_ROOM];
    char key[REPUTATION_NAMES][REPUTATION_KEY_ROOM];
    size_t keys;
    unsigned asked; /* profiles heard of */
    enum reputation_class class;
    bool turned_away; /* refused or thrown away: nothing will be told of it */
};

static struct kept *kept_of(const struct reputation_plugin *plugin, struct fct_call *call)
{
    void **slot = plugin->host->slot(call);
    struct kept *kept = slot ? *slot : NULL;

    return kept && view_is(plugin->host->envelope(call)->id, kept->envelope_id) ? kept : NULL;
}

static void message_key(const struct reputation_plugin *plugin, struct fct_call *call,
                        char out[REPUTATION_KEY_ROOM])
{
    struct bayes_reading reading = {.host = plugin->host, .call = call};
    struct bayes_digest digest;

    bayes_message_digest(&reading, &digest);
    reputation_message_key(digest.hex, out);
}

static struct reputation_times times_of(const struct reputation_conf *conf, bool is_remembered)
{
    return (struct reputation_times){.names = conf->forget.ms / 1000,
                                     .messages = is_remembered ? conf->remember.ms / 1000 : 0};
}

/* ---- counting ---- */

static FCT_MAY_WAIT void count(const struct reputation_plugin *plugin, struct fct_call *call,
                               const struct kept *kept)
{
    struct reputation_question *q = plugin->host->alloc(call, sizeof *q);
    struct reputation_times times = times_of(plugin->conf, !kept->turned_away);
    static const char *const metric[] = {[REPUTATION_UNSURE] = "unsure",
                                         [REPUTATION_SPAM] = "counted_spam",
                                         [REPUTATION_HAM] = "counted_ham"};

    if (!q)
        return;
    reputation_count(q, kept->class, 1, (int64_t)time(NULL), &times, kept->message_key, kept->key,
                     kept->keys);
    plugin->host->count(call,
                        plugin->host->redis_script(call, &reputation_count_script, q->key, q->keys,
                                                   q->arg, q->args, NULL)
                            ? metric[kept->class]
                            : "not_counted",
                        1);
}

/* The one of which nothing was told. */
static FCT_MAY_WAIT void count_turned_away(const struct reputation_plugin *plugin,
                                           struct fct_call *call)
{
    void **slot = plugin->host->slot(call);
    struct kept *kept = slot ? *slot : NULL;

    struct kept *copy;

    if (!kept || !kept->turned_away || kept->class != REPUTATION_SPAM ||
        !(copy = plugin->host->alloc(call, sizeof *copy)))
        return;
    *copy = *kept; /* the connection may end while we wait */
    kept->class = REPUTATION_UNSURE;
    count(plugin, call, copy);
}

/* Of those who came to send, not of trials. */
static bool is_real(const struct fct_conn *conn)
{
    return view_is(conn->frontend, "smtp") || view_is(conn->frontend, "milter");
}

FCT_MAY_WAIT void reputation_keep(const struct reputation_plugin *plugin, struct fct_call *call,
                                  const struct reputation_names *names)
{
    struct fct_str id = plugin->host->envelope(call)->id;
    struct kept *kept;
    void **slot;

    if (!is_real(plugin->host->conn(call)) || id.n == 0 || id.n >= sizeof kept->envelope_id)
        return;
    count_turned_away(plugin, call);
    slot = plugin->host->slot(call);
    if (!slot || (!*slot && !(*slot = calloc(1, sizeof *kept))))
        return;
    kept = *slot;
    *kept = (struct kept){.keys = names->n};
    (void)snprintf(kept->envelope_id, sizeof kept->envelope_id, "%.*s", FCT_FMT(id));
    message_key(plugin, call, kept->message_key);
    for (size_t i = 0; i < names->n; i++)
        memcpy(kept->key[i], names->name[i].key, sizeof kept->key[i]);
}

/* ---- what becomes of a message ---- */

static double own_score(const struct reputation_plugin *plugin, struct fct_call *call)
{
    double sum = 0, score;

    for (unsigned kind = 0; kind < REPUTATION_KINDS; kind++)
        if (plugin->host->has_symbol(call, reputation_symbols[kind].name, &score))
            sum += score;
    return sum;
}

/* By the score that others found: what we say must not feed itself. */
static enum reputation_class class_of(const struct reputation_plugin *plugin, struct fct_call *call,
                                      const struct fct_ev_verdict *ev, bool *turned_away)
{
    char text[24];
    double others;

    (void)snprintf(text, sizeof text, "%.*s", FCT_FMT(ev->score));
    others = strtod(text, NULL) - own_score(plugin, call);
    *turned_away = view_is(ev->action, "reject") || view_is(ev->action, "discard");
    if (*turned_away || view_is(ev->action, "junk") || view_is(ev->action, "quarantine"))
        return others >= plugin->conf->spam_from ? REPUTATION_SPAM : REPUTATION_UNSURE;
    return view_is(ev->action, "keep") && others < plugin->conf->ham_below ? REPUTATION_HAM
                                                                           : REPUTATION_UNSURE;
}

/* Asked once per profile: they must agree. */
enum fct_verdict reputation_on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                       void *state)
{
    const struct reputation_plugin *plugin = state;
    struct kept *kept = kept_of(plugin, call);
    enum reputation_class class;
    bool turned_away;

    if (!kept)
        return FCT_NEXT;
    class = class_of(plugin, call, ev, &turned_away);
    kept->class = kept->asked == 0 || kept->class == class ? class : REPUTATION_UNSURE;
    kept->turned_away = turned_away && (kept->asked == 0 || kept->turned_away);
    kept->asked++;
    return FCT_NEXT;
}

FCT_MAY_WAIT enum fct_verdict reputation_on_accepted(struct fct_call *call,
                                                     const struct fct_ev_accepted *ev, void *state)
{
    const struct reputation_plugin *plugin = state;
    struct kept *kept = kept_of(plugin, call), *copy;

    (void)ev;
    if (!kept || kept->asked == 0 || !(copy = plugin->host->alloc(call, sizeof *copy)))
        return FCT_NEXT;
    kept->turned_away = false;
    *copy = *kept; /* the connection may go on, or end, while we wait */
    count(plugin, call, copy);
    return FCT_NEXT;
}

FCT_MAY_WAIT enum fct_verdict
reputation_on_disconnect(struct fct_call *call, const struct fct_ev_disconnect *ev, void *state)
{
    (void)ev;
    count_turned_away(state, call);
    return FCT_NEXT;
}

/* ---- what people say ---- */

static enum reputation_why why_of(struct fct_str why)
{
    return view_is(why, "move")     ? REPUTATION_MOVED
           : view_is(why, "append") ? REPUTATION_CAME
                                    : REPUTATION_SAID;
}

FCT_MAY_WAIT enum fct_verdict reputation_on_learn(struct fct_call *call,
                                                  const struct fct_ev_learn *ev, void *state)
{
    const struct reputation_plugin *plugin = state;
    struct reputation_times times = times_of(plugin->conf, true);
    struct reputation_question *q = plugin->host->alloc(call, sizeof *q);
    const struct fct_redis_reply *reply;
    enum reputation_learned what;
    char key[REPUTATION_KEY_ROOM], tag[REPUTATION_TAG_ROOM] = "";
    struct fct_err err = {0};

    if (plugin->conf->learn_weight <= 0)
        return FCT_NEXT;
    if (!q)
        return FCT_TEMPFAIL;
    if (!plugin->conf->users_teach_site && ev->account.n > 0 &&
        !reputation_user_tag(plugin->conf->secret, ev->account, tag))
        return FCT_NEXT;
    message_key(plugin, call, key);
    reputation_learn(q, ev->spam ? REPUTATION_SPAM : REPUTATION_HAM, why_of(ev->why),
                     plugin->conf->learn_weight, (int64_t)time(NULL), &times, key, tag);
    reply = plugin->host->redis_script(call, &reputation_learn_script, q->key, q->keys, q->arg,
                                       q->args, &err);
    if (!reply || !reputation_learned(reply, &what)) {
        plugin->host->log(call, FCT_WARNING, "not learned now: %s",
                          err.text[0] ? err.text : "Redis gave a strange answer");
        return FCT_TEMPFAIL;
    }
    plugin->host->count(call, ev->spam ? "learned_spam" : "learned_ham", what > REPUTATION_KNOWN);
    plugin->host->log(call, FCT_INFO, "as %s: %s", ev->spam ? "spam" : "ham",
                      reputation_learned_text(what));
    return FCT_NEXT;
}
