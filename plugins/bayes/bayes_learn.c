/* bayes_learn.c - what people say about a message goes into their database. Said twice it counts
 * once; said otherwise, it is taken back exactly. */
#include "bayes_plugin.h"

#include "plugins/lib/view.h"

#include <time.h>

static enum bayes_why why_of(struct fct_str why)
{
    return view_is(why, "move") ? BAYES_MOVED : view_is(why, "append") ? BAYES_CAME : BAYES_SAID;
}

struct lesson {
    const struct bayes_plugin *plugin;
    struct fct_call *call;
    bool spam;
    struct bayes_digest digest;
    uint64_t token[BAYES_TOKENS];
    size_t n; /* 0: there is nothing to learn from */
    struct bayes_question question;
};

/* NULL: no memory. */
static struct lesson *read_lesson(const struct bayes_plugin *plugin, struct fct_call *call,
                                  bool spam)
{
    struct bayes_reading reading = bayes_reading(plugin, call);
    struct lesson *l = plugin->host->alloc(call, sizeof *l);

    if (!l)
        return NULL;
    l->plugin = plugin;
    l->call = call;
    l->spam = spam;
    l->n = bayes_message_tokens(&reading, l->token);
    bayes_message_digest(&reading, &l->digest);
    return l;
}

/* False: not now, it shall be told again. */
static FCT_MAY_WAIT bool learn_into(struct lesson *l, const struct bayes_db *db, enum bayes_why why,
                                    enum bayes_learned *what)
{
    const struct fct_host *host = l->plugin->host;
    struct bayes_question *q = &l->question;
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};

    bayes_learn(q, db, bayes_generation_at((int64_t)time(NULL)), l->spam, why, &l->digest, l->token,
                l->n);
    reply =
        host->redis_script(l->call, &bayes_learn_script, q->key, q->keys, q->arg, q->args, &err);
    if (!reply || !bayes_learned(reply, what)) {
        host->log(l->call, FCT_WARNING, "not learned now: %s",
                  err.text[0] ? err.text : "Redis gave a strange answer");
        return false;
    }
    if (why != BAYES_DOUBTED || *what != BAYES_KNOWN)
        host->log(l->call, FCT_INFO, "%s as %s%s: %s, %zu tokens, database %s", l->digest.hex,
                  l->spam ? "spam" : "ham",
                  why == BAYES_GUESSED   ? " by the score"
                  : why == BAYES_DOUBTED ? " by a user"
                                         : "",
                  bayes_learned_text(*what), l->n, db->name);
    return true;
}

static FCT_MAY_WAIT bool learn_word(struct lesson *l, const struct bayes_db *db, enum bayes_why why)
{
    enum bayes_learned what;

    if (!learn_into(l, db, why, &what))
        return false;
    l->plugin->host->count(l->call, l->spam ? "learned_spam" : "learned_ham", what != BAYES_KNOWN);
    return true;
}

void bayes_guess(const struct bayes_plugin *plugin, struct fct_call *call, bool spam)
{
    struct lesson *l = read_lesson(plugin, call, spam);
    enum bayes_learned what;
    struct bayes_db site;

    if (!l || l->n == 0)
        return;
    bayes_db_site(&site);
    if (learn_into(l, &site, BAYES_GUESSED, &what))
        plugin->host->count(call, spam ? "guessed_spam" : "guessed_ham", what != BAYES_KNOWN);
}

enum fct_verdict bayes_on_learn(struct fct_call *call, const struct fct_ev_learn *ev, void *state)
{
    const struct bayes_plugin *plugin = state;
    struct lesson *l = read_lesson(plugin, call, ev->spam);
    enum bayes_why why = why_of(ev->why);
    struct bayes_db user, site;
    enum bayes_learned what;
    bool done = true;

    if (!l)
        return FCT_TEMPFAIL;
    if (l->n == 0)
        return FCT_NEXT;
    bayes_db_site(&site);
    if (ev->account.n > 0) {
        bayes_db_user(&user, plugin->key, ev->account);
        done = learn_word(l, &user, why);
    }
    if (ev->account.n == 0 || plugin->conf->users_teach_site)
        done = learn_word(l, &site, why) && done;
    else
        done = learn_into(l, &site, BAYES_DOUBTED, &what) && done;
    return done ? FCT_NEXT : FCT_TEMPFAIL;
}
