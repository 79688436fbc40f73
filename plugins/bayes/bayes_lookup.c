/* bayes_lookup.c - see bayes_lookup.h. A user's database, of which there are many, is first asked
 * whether it knows enough to say anything. */
#include "bayes_lookup.h"

#include "bayes_site.h"

#include <time.h>

struct look {
    const struct bayes_plugin *plugin;
    struct bayes_database *database;
    const uint64_t *token;
    size_t n;
    bayes_generation now;
    struct bayes_question question;
};

static bool has_learned(const struct look *l)
{
    double least = l->plugin->conf->min_learned;

    return l->database->messages.spam >= least && l->database->messages.ham >= least;
}

static FCT_MAY_WAIT const struct fct_redis_reply *ask(struct fct_call *call, struct look *l,
                                                      const struct fct_redis_script *script)
{
    struct bayes_question *q = &l->question;

    return l->plugin->host->redis_script(call, script, q->key, q->keys, q->arg, q->args, NULL);
}

/* ---- users ---- */

static FCT_MAY_WAIT bool look_tokens(struct fct_call *call, struct look *l)
{
    struct bayes_counts messages = {0};
    double weight = 1;

    for (unsigned age = 0; age < BAYES_GENERATIONS; age++, weight *= BAYES_OLDER_WEIGHT) {
        const struct fct_redis_reply *reply;

        bayes_look(&l->question, &l->database->db, l->now - age, l->token, l->n);
        reply = ask(call, l, &bayes_look_script);
        if (!reply || !bayes_look_add(reply, weight, &messages, l->database->token, l->n))
            return false;
    }
    l->database->messages = messages;
    return has_learned(l);
}

static FCT_MAY_WAIT void look_user(struct fct_call *call, void *arg)
{
    struct look *l = arg;
    const struct fct_redis_reply *reply;

    bayes_heads(&l->question, &l->database->db, l->now);
    reply = ask(call, l, &bayes_heads_script);
    if (reply && bayes_heads_add(reply, &l->database->messages, &l->database->near) &&
        has_learned(l))
        l->database->knows = look_tokens(call, l);
}

/* ---- the site ---- */

static FCT_MAY_WAIT void look_site(struct fct_call *call, struct look *l)
{
    struct bayes_site_look *site = l->plugin->host->alloc(call, sizeof *site);
    enum bayes_site_next next = BAYES_SITE_AGAIN;

    if (!site)
        return;
    bayes_site_begin(site, l->plugin->cache, l->now, l->token, l->n);
    while (next == BAYES_SITE_AGAIN) {
        const struct fct_redis_reply *reply;

        bayes_site_ask(site, &l->question);
        reply = ask(call, l, &bayes_site_script);
        next = reply ? bayes_site_answer(site, reply) : BAYES_SITE_STRANGE;
    }
    if (next != BAYES_SITE_DONE)
        return;
    bayes_site_counts(site, &l->database->messages, l->database->token);
    l->database->knows = has_learned(l);
}

/* ---- all ---- */

void bayes_look_up(const struct bayes_plugin *plugin, struct fct_call *call,
                   struct bayes_database *const *database, size_t databases, const uint64_t *token,
                   size_t n)
{
    bayes_generation now = bayes_generation_at((int64_t)time(NULL));
    struct fct_token started[BAYES_DATABASES_MAX];
    struct look *site = NULL;
    size_t users = 0;

    for (size_t i = 0; i < databases; i++) {
        struct look *l = plugin->host->alloc(call, sizeof *l);

        if (!l)
            break;
        l->plugin = plugin;
        l->database = database[i];
        l->token = token;
        l->n = n;
        l->now = now;
        if (!database[i]->db.is_user)
            site = l;
        else
            started[users++] = plugin->host->start(call, look_user, l);
    }
    if (site)
        look_site(call, site);
    (void)plugin->host->wait_all(call, started, users);
}
