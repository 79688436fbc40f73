/* bayes_learn.c - what people say about a message goes into their database. Said twice it counts
 * once; said otherwise, it is taken back exactly. */
#include "bayes_plugin.h"

#include <time.h>

static bool is(struct fct_str s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static enum bayes_why why_of(struct fct_str why)
{
    return is(why, "move")     ? BAYES_MOVED
           : is(why, "append") ? BAYES_CAME
           : is(why, "auto")   ? BAYES_GUESSED
                               : BAYES_SAID;
}

struct lesson {
    const struct bayes_plugin *plugin;
    struct fct_call *call;
    const struct fct_ev_learn *ev;
    struct bayes_digest digest;
    uint64_t token[BAYES_TOKENS];
    size_t n;
    struct bayes_question question;
};

/* False: not now, it shall be told again. */
static FCT_MAY_WAIT bool learn_into(struct lesson *l, const struct bayes_db *db)
{
    const struct fct_host *host = l->plugin->host;
    struct bayes_question *q = &l->question;
    const struct fct_redis_reply *reply;
    enum bayes_learned what;
    struct fct_err err = {0};

    bayes_learn(q, db, bayes_generation_at((int64_t)time(NULL)), l->ev->spam, why_of(l->ev->why),
                &l->digest, l->token, l->n);
    reply =
        host->redis_script(l->call, &bayes_learn_script, q->key, q->keys, q->arg, q->args, &err);
    if (!reply || !bayes_learned(reply, &what)) {
        host->log(l->call, FCT_WARNING, "not learned now: %s",
                  err.text[0] ? err.text : "Redis gave a strange answer");
        return false;
    }
    host->count(l->call, l->ev->spam ? "learned_spam" : "learned_ham", what != BAYES_KNOWN);
    host->log(l->call, FCT_INFO, "%s as %s: %s, %zu tokens, database %s", l->digest.hex,
              l->ev->spam ? "spam" : "ham", bayes_learned_text(what), l->n, db->name);
    return true;
}

enum fct_verdict bayes_on_learn(struct fct_call *call, const struct fct_ev_learn *ev, void *state)
{
    const struct bayes_plugin *plugin = state;
    struct bayes_reading reading = bayes_reading(plugin, call);
    struct lesson *l = plugin->host->alloc(call, sizeof *l);
    struct bayes_db user, site;
    bool done = true;

    if (!l)
        return FCT_TEMPFAIL;
    l->plugin = plugin;
    l->call = call;
    l->ev = ev;
    l->n = bayes_message_tokens(&reading, l->token);
    if (l->n == 0)
        return FCT_NEXT;
    bayes_message_digest(&reading, &l->digest);
    bayes_db_site(&site);
    if (ev->account.n > 0) {
        bayes_db_user(&user, plugin->key, ev->account);
        done = learn_into(l, &user);
    }
    if (ev->account.n == 0 || plugin->conf->users_teach_site)
        done = learn_into(l, &site) && done;
    return done ? FCT_NEXT : FCT_TEMPFAIL;
}
