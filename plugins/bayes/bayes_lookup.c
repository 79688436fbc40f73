/* bayes_lookup.c - see bayes_lookup.h. A user's database, of which there are many, is first asked
 * whether it knows enough to say anything. */
#include "bayes_lookup.h"

#include "bayes_recall.h"

#include <stdlib.h>
#include <time.h>

enum { SPARES_MOST = 16 };

/* What a look-up needs until it ends. Large, so it is used again and never cleared. */
struct bayes_looking {
    struct bayes_looking *next; /* of those that nobody uses */
    struct bayes_question question;
    struct bayes_recall recall;
};

struct look {
    struct bayes_plugin *plugin;
    struct bayes_database *database;
    const uint64_t *token;
    size_t n;
    bayes_generation now;
    struct bayes_looking *with;
};

static struct bayes_looking *take(struct bayes_plugin *plugin)
{
    struct bayes_looking *with = plugin->spare;

    if (!with)
        return malloc(sizeof *with);
    plugin->spare = with->next;
    plugin->spares--;
    return with;
}

static void give_back(struct bayes_plugin *plugin, struct bayes_looking *with)
{
    if (plugin->spares == SPARES_MOST) {
        free(with);
        return;
    }
    with->next = plugin->spare;
    plugin->spare = with;
    plugin->spares++;
}

void bayes_look_free(struct bayes_plugin *plugin)
{
    while (plugin->spare)
        free(take(plugin));
}

static bool has_learned(const struct look *l)
{
    double least = l->plugin->conf->min_learned;

    return l->database->messages.spam >= least && l->database->messages.ham >= least;
}

static FCT_MAY_WAIT const struct fct_redis_reply *ask(struct fct_call *call, struct look *l,
                                                      const struct fct_redis_script *script)
{
    struct bayes_question *q = &l->with->question;

    return l->plugin->host->redis_script(call, script, q->key, q->keys, q->arg, q->args, NULL);
}

/* ---- tokens ---- */

/* While one waits the memory of a user may be given to another. */
static struct bayes_cache *cache_of(const struct look *l)
{
    const struct bayes_db *db = &l->database->db;

    return db->is_user ? bayes_users_cache(l->plugin->users, db) : l->plugin->cache;
}

/* The state of one generation. Waits for itself, so the words are its own. */
struct head {
    const struct fct_host *host;
    struct fct_str word[BAYES_HEAD_WORDS];
    char key[sizeof((struct bayes_question *)0)->text[0]];
    const struct fct_redis_reply *reply;
};

static FCT_MAY_WAIT void ask_head(struct fct_call *call, void *arg)
{
    struct head *head = arg;

    head->reply = head->host->redis(call, head->word, BAYES_HEAD_WORDS, NULL);
}

static FCT_MAY_WAIT enum bayes_recall_next ask_heads(struct fct_call *call, struct look *l)
{
    const struct fct_host *host = l->plugin->host;
    struct head *head = host->alloc(call, BAYES_GENERATIONS * sizeof *head);
    struct fct_token older;

    if (!head)
        return BAYES_RECALL_STRANGE;
    for (unsigned i = 0; i < BAYES_GENERATIONS; i++) {
        head[i].host = host;
        bayes_recall_head(&l->with->question, i, head[i].word);
        memcpy(head[i].key, head[i].word[1].p, head[i].word[1].n);
        head[i].word[1].p = head[i].key;
    }
    older = host->start(call, ask_head, &head[1]);
    ask_head(call, &head[0]);
    (void)host->wait_all(call, &older, 1);
    return bayes_recall_heads(
        &l->with->recall,
        (const struct fct_redis_reply *const[BAYES_GENERATIONS]){head[0].reply, head[1].reply});
}

static FCT_MAY_WAIT enum bayes_recall_next ask_once(struct fct_call *call, struct look *l)
{
    struct bayes_recall *recall = &l->with->recall;
    const struct fct_redis_reply *reply;

    bayes_recall_ask(recall, &l->with->question);
    if (bayes_recall_is_here(recall))
        return ask_heads(call, l);
    reply = ask(call, l, &bayes_recall_script);
    recall->cache = cache_of(l);
    return reply ? bayes_recall_answer(recall, reply) : BAYES_RECALL_STRANGE;
}

static FCT_MAY_WAIT void look_tokens(struct fct_call *call, struct look *l)
{
    struct bayes_recall *recall = &l->with->recall;
    struct bayes_database *d = l->database;
    enum bayes_recall_next next = BAYES_RECALL_AGAIN;

    d->token = l->plugin->host->alloc(call, BAYES_TOKENS * sizeof *d->token);
    if (!d->token)
        return;
    bayes_recall_begin(recall, &d->db, cache_of(l), l->now, l->token, l->n);
    while (next == BAYES_RECALL_AGAIN)
        next = ask_once(call, l);
    if (next != BAYES_RECALL_DONE)
        return;
    d->messages = (struct bayes_counts){0};
    bayes_recall_counts(recall, &d->messages, d->token);
    d->knows = has_learned(l);
}

/* ---- users ---- */

/* Most users never teach anything: that is the cheapest question. */
static FCT_MAY_WAIT bool has_taught(struct fct_call *call, struct look *l)
{
    const struct bayes_question *q = &l->with->question;
    struct fct_str word[1 + FCT_COUNT(q->key)] = {FCT_STR("EXISTS")};
    const struct fct_redis_reply *reply;

    if (bayes_users_has(l->plugin->users, &l->database->db))
        return true;
    for (size_t i = 0; i < q->keys; i++)
        word[1 + i] = q->key[i];
    reply = l->plugin->host->redis(call, word, 1 + q->keys, NULL);
    return reply && reply->kind == FCT_REDIS_INTEGER && reply->integer > 0;
}

static FCT_MAY_WAIT void look_user_with(struct fct_call *call, struct look *l)
{
    const struct fct_redis_reply *reply;

    bayes_heads(&l->with->question, &l->database->db, l->now);
    if (!has_taught(call, l))
        return;
    reply = ask(call, l, &bayes_heads_script);
    if (reply && bayes_heads_add(reply, &l->database->messages, &l->database->near) &&
        has_learned(l))
        look_tokens(call, l);
}

static FCT_MAY_WAIT void look(struct fct_call *call, struct look *l,
                              FCT_MAY_WAIT void (*up)(struct fct_call *call, struct look *l))
{
    l->with = take(l->plugin);
    if (!l->with)
        return;
    up(call, l);
    give_back(l->plugin, l->with);
}

static FCT_MAY_WAIT void look_user(struct fct_call *call, void *arg)
{
    look(call, arg, look_user_with);
}

/* ---- all ---- */

void bayes_look_up(struct bayes_plugin *plugin, struct fct_call *call,
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
        look(call, site, look_tokens);
    (void)plugin->host->wait_all(call, started, users);
}
