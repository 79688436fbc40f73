/* learn.c - see learn.h. */
#include "protocols/access/learn.h"

#include "protocols/access/access_conf.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"

#include <unistd.h>

#define LOOK_MS 10000u /* what another process left is found after so long */
#define AWAY_MS 1000u  /* the store or the filters are not there yet */

/* The fiber that tells. */
static struct {
    struct edge *edge;
    struct fiber_token sleeping;
    bool asleep, stopping;
} teller;

static const struct access_conf *conf_of(const struct edge *edge)
{
    return config_get(edge->conf, &access_block);
}

/* ---- saying ---- */

static void wake(void)
{
    if (teller.asleep)
        fiber_wake(teller.sleeping);
}

static FCT_MAY_WAIT void say(struct access *a, uint32_t principal, struct store_say word,
                             const uint64_t *email, size_t n)
{
    struct edge *edge = a->edge->listener->edge;
    const struct access_conf *conf = conf_of(edge);
    FCT_CLEANUP(arena_free) struct arena *arena = NULL;
    struct fct_err err = {0};
    uint64_t *picked;

    if (n == 0 || conf->max_learn == 0)
        return;
    arena = arena_new(NULL);
    word.n = n < conf->max_learn ? n : conf->max_learn;
    picked = ARENA_ARRAY(arena, uint64_t, word.n);
    for (size_t i = 0; i < word.n; i++)
        picked[i] = email[learn_pick(i, n, conf->max_learn)];
    word.email = picked;
    word.delay_ms = conf->learn_delay.ms;
    if (!store_learn_say(edge->store, principal, &word, &err))
        log_event(EV_WARNING, str_from(a->id->text), F_C("why", err.text));
    wake();
}

void learn_moved(struct access *a, uint32_t principal, uint64_t from, struct fct_str to,
                 const uint64_t *email, size_t n)
{
    if (access_wants(a, FCT_HOOK_learn))
        say(a, principal, (struct store_say){.why = STORE_SAID_MOVE, .from = from, .to = to}, email,
            n);
}

void learn_keyword(struct access *a, uint32_t principal, bool spam, const uint64_t *email, size_t n)
{
    if (access_wants(a, FCT_HOOK_learn))
        say(a, principal, (struct store_say){.why = STORE_SAID_KEYWORD, .spam = spam}, email, n);
}

void learn_appended(struct access *a, uint32_t principal, struct fct_str mailbox,
                    const uint32_t *uid, size_t n)
{
    FCT_CLEANUP(arena_free) struct arena *arena = NULL;
    uint64_t *number;

    if (!access_wants(a, FCT_HOOK_learn))
        return;
    arena = arena_new(NULL);
    number = ARENA_ARRAY(arena, uint64_t, n + 1);
    for (size_t i = 0; i < n; i++)
        number[i] = uid[i];
    say(a, principal, (struct store_say){.why = STORE_SAID_APPEND, .to = mailbox}, number, n);
}

/* ---- telling ---- */

/* The session that moved it may be gone: learners see an IMAP connection of nobody but the account.
 */
static struct filter_context context_of(const struct store_word *word, const struct id *id)
{
    return (struct filter_context){
        .conn =
            {
                .size = sizeof(struct fct_conn),
                .role = FCT_ROLE_IMAP,
                .id = str_from(id->text),
                .login = word->account,
                .frontend = FCT_STR("imap"),
            },
        .envelope = {.size = sizeof(struct fct_envelope)},
    };
}

/* False: not now. */
static FCT_MAY_WAIT bool tell(struct edge *edge, struct arena *arena, const struct store_word *word)
{
    static const char *const words[] = {[STORE_SAID_MOVE] = "move",
                                        [STORE_SAID_KEYWORD] = "keyword",
                                        [STORE_SAID_APPEND] = "append"};
    struct id id = id_new();
    struct filter_context context = context_of(word, &id);
    struct filter_answer answer;
    char email[STORE_EMAIL_TEXT];
    struct fct_ev_learn ev = {
        .account = word->account,
        .spam = word->spam,
        .why = str_from(words[word->why <= STORE_SAID_APPEND ? word->why : STORE_SAID_MOVE]),
        .mailbox = word->mailbox,
        .uid = word->uid,
        .email_id = store_email_text(word->email_id, email),
    };

    filter_hook_message(edge->filter, &context, FCT_HOOK_learn, &ev, word->fd, word->size, arena,
                        &answer);
    return access_goes_on(answer.verdict);
}

/* Tells one, or says how long to sleep. */
static FCT_MAY_WAIT uint64_t tell_next(struct edge *edge, struct arena *arena)
{
    uint64_t retry = conf_of(edge)->learn_retry.ms;
    struct fct_err err = {0};
    struct store_word word;
    bool told;

    if (!filter_wants(edge->filter, FCT_HOOK_learn, FCT_ROLE_IMAP))
        return LOOK_MS;
    if (!store_learn_next(edge->store, arena, &word, &err))
        return AWAY_MS;
    if (!word.any)
        return word.wait_ms < LOOK_MS ? word.wait_ms : LOOK_MS;
    told = tell(edge, arena, &word);
    close(word.fd);
    if (!store_learn_end(edge->store, &word, told, retry, &err))
        return AWAY_MS; /* told again later: learners know what they have learned */
    return told ? 0 : retry;
}

static FCT_MAY_WAIT void sleep_for(uint64_t ms)
{
    teller.sleeping = fiber_token();
    teller.asleep = true;
    (void)fiber_park(clock_ms() + ms);
    teller.asleep = false;
}

static void work(void *arg)
{
    struct edge *edge = arg;
    uint64_t ms = AWAY_MS;

    while (!teller.stopping) {
        struct arena *arena;

        if (ms > 0)
            sleep_for(ms);
        arena = arena_new(NULL);
        ms = teller.stopping ? 0 : tell_next(edge, arena);
        arena_free(&arena);
    }
}

void learn_start(struct edge *edge)
{
    teller.stopping = false;
    fiber_start(work, edge);
}

void learn_stop(void)
{
    teller.stopping = true;
    wake();
}
