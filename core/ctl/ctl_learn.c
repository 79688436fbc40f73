/* ctl_learn.c - files become tokens here and counts in the server's Redis, with the same library
 * and the same settings as in the filter, which need not run. */
#include "core/ctl/ctl_learn.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_learn_fuzzy.h"
#include "core/ctl/ctl_learn_plugin.h"
#include "core/ctl/ctl_learn_reputation.h"
#include "core/ctl/ctl_mail.h"
#include "core/ctl/ctl_mail_files.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_redis.h"
#include "core/dns/psl.h"
#include "core/plugin/plugin_host.h"
#include "core/redis/redis.h"
#include "plugins/bayes/bayes_conf.h"
#include "plugins/bayes/bayes_store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BAR_CELLS = 24, PROGRESS_MS = 100 };

struct learn {
    struct ctl *c;
    struct redis *redis;
    bool has_bayes;
    struct bayes_conf conf;
    uint64_t key;
    struct bayes_db db;
    struct learn_fuzzy fuzzy;
    struct learn_reputation reputation;
    bool spam;
    struct mail_files files;
    size_t file; /* at work on */
    double part; /* of it that is done */
    uint64_t count[BAYES_LEARNED_ANEW + 1], empty, unread;
    uint64_t began_ms, shown_ms;
    struct fct_err err; /* why it ended early */
};

/* ---- settings ---- */

static bool prepare_bayes(struct learn *l, struct ctl *c, const char *account, struct fct_err *err)
{
    if (!learn_plugin_conf(c, "bayes", bayes_conf_keys, &l->conf, &l->has_bayes, err))
        return false;
    if (!l->has_bayes)
        return true;
    if (!bayes_conf_check(&l->conf, err))
        return false;
    l->key = bayes_conf_key(&l->conf);
    bayes_db_site(&l->db);
    if (account)
        bayes_db_user(&l->db, l->key, str_from(account));
    return true;
}

static bool prepare(struct learn *l, struct ctl *c, struct fct_err *err)
{
    const char *account = ctl_option(c, "--account");

    l->c = c;
    if (account && str_find_char(str_from(account), '@') <= 0)
        return fct_fail(err, FCT_SYNTAX, "--account %s: must be a full address", account);
    psl_setup();
    return prepare_bayes(l, c, account, err) && learn_fuzzy_prepare(c, account, &l->fuzzy, err) &&
           learn_reputation_prepare(c, account, &l->reputation, err);
}

static bool needs_learner(const struct learn *l, struct fct_err *err)
{
    return l->has_bayes || l->fuzzy.is_enabled || l->reputation.is_enabled ||
           fct_fail(err, FCT_DENIED,
                    "this configuration has no plugin bayes, fuzzy or reputation that learns");
}

static bool needs_bayes(const struct learn *l, struct fct_err *err)
{
    return l->has_bayes || fct_fail(err, FCT_DENIED, "this configuration has no plugin bayes");
}

/* ---- progress ---- */

static bool shows_progress(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

static uint64_t messages(const struct learn *l)
{
    uint64_t n = l->empty;

    for (size_t i = 0; i < FCT_COUNT(l->count); i++)
        n += l->count[i];
    return n;
}

static void show_progress(struct learn *l, bool last)
{
    uint64_t now = clock_ms(), ms = now - l->began_ms;
    double done = ((double)l->file + l->part) / (double)l->files.n;
    unsigned full = (unsigned)(done * BAR_CELLS);

    if (!shows_progress() || (!last && now - l->shown_ms < PROGRESS_MS))
        return;
    l->shown_ms = now;
    if (last)
        (void)fputs("\r\x1b[K", stderr);
    else
        (void)fprintf(stderr, "\r\x1b[K[%.*s%.*s] %.0f %%, %" PRIu64 " messages, %.0f/s", (int)full,
                      "########################", (int)(BAR_CELLS - full),
                      "                        ", 100 * done, messages(l),
                      ms ? (double)messages(l) * 1000 / (double)ms : 0.0);
    (void)fflush(stderr);
}

/* ---- one message ---- */

static size_t read_tokens(const struct learn *l, struct fct_str message,
                          struct bayes_digest *digest, uint64_t token[BAYES_TOKENS])
{
    struct bayes_reading reading = {&plugin_host, learn_read(message), l->key,
                                    l->conf.max_text.bytes, str_from(l->c->paths.name)};
    size_t n;

    if (!reading.call)
        return 0;
    n = bayes_message_tokens(&reading, token);
    bayes_message_digest(&reading, digest);
    plugin_host.trial_end(reading.call);
    return n;
}

/* What came of a message, as the first of the learners sees it that could read it. */
struct outcome {
    bool known;
    enum bayes_learned what;
};

static FCT_MAY_WAIT bool teach_bayes(struct learn *l, struct arena *arena, struct fct_str message,
                                     struct outcome *out)
{
    uint64_t token[BAYES_TOKENS];
    const struct fct_redis_reply *reply;
    struct bayes_digest digest;
    struct bayes_question *q;
    size_t n = l->has_bayes ? read_tokens(l, message, &digest, token) : 0;

    if (n == 0)
        return true;
    q = ARENA_NEW(arena, struct bayes_question);
    bayes_learn(q, &l->db, bayes_generation_at((int64_t)time(NULL)), l->spam, BAYES_SAID, &digest,
                token, n);
    reply = redis_script(l->redis, arena, &bayes_learn_script, q->key, q->keys, q->arg, q->args,
                         &l->err);
    out->known = reply && bayes_learned(reply, &out->what);
    return out->known;
}

static FCT_MAY_WAIT bool teach_fuzzy(struct learn *l, struct arena *arena, struct fct_str message,
                                     struct outcome *out)
{
    static const enum bayes_learned as[] = {[FUZZY_KNOWN] = BAYES_KNOWN,
                                            [FUZZY_LEARNED] = BAYES_LEARNED,
                                            [FUZZY_TAKEN_BACK] = BAYES_TAKEN_BACK,
                                            [FUZZY_LEARNED_ANEW] = BAYES_LEARNED_ANEW};
    enum fuzzy_learned what;
    bool could;

    if (!learn_fuzzy_message(&l->fuzzy, l->redis, arena, l->spam, message, &could, &what, &l->err))
        return false;
    if (could && what == FUZZY_FULL && !l->has_bayes)
        return fct_fail(&l->err, FCT_DENIED, "fuzzy: %s", fuzzy_learned_text(what));
    if (could && !out->known && what != FUZZY_FULL)
        *out = (struct outcome){true, as[what]};
    return true;
}

static FCT_MAY_WAIT bool teach_reputation(struct learn *l, struct arena *arena,
                                          struct fct_str message, struct outcome *out)
{
    static const enum bayes_learned as[] = {[REPUTATION_KNOWN] = BAYES_KNOWN,
                                            [REPUTATION_LEARNED] = BAYES_LEARNED,
                                            [REPUTATION_TAKEN_BACK] = BAYES_TAKEN_BACK,
                                            [REPUTATION_LEARNED_ANEW] = BAYES_LEARNED_ANEW};
    enum reputation_learned what;

    if (!learn_reputation_message(&l->reputation, l->redis, arena, l->spam, message, &what,
                                  &l->err))
        return false;
    if (!out->known && what != REPUTATION_STRANGE)
        *out = (struct outcome){true, as[what]};
    return true;
}

/* False: Redis does not want any more. The arena is this message's. */
static FCT_MAY_WAIT bool learn_message(struct learn *l, struct arena *arena, struct fct_str raw)
{
    struct fct_str message = ctl_mail_wire(arena, raw);
    struct outcome out = {.known = false};

    if (!teach_bayes(l, arena, message, &out) || !teach_fuzzy(l, arena, message, &out) ||
        !teach_reputation(l, arena, message, &out))
        return false;
    if (out.known)
        l->count[out.what]++;
    else
        l->empty++;
    return true;
}

static FCT_MAY_WAIT bool learn_file(struct learn *l, struct arena *arena, struct arena *each,
                                    const char *path)
{
    struct fct_str rest, message;
    struct fct_err err = {0};
    size_t whole;

    if (!ctl_mail_read(arena, path, &rest, &err)) {
        l->unread++;
        (void)ctl_error(&err);
        return true;
    }
    whole = rest.n;
    while (mail_files_next(&rest, &message)) {
        if (!learn_message(l, each, message))
            return false;
        arena_reset(each);
        l->part = 1 - (double)rest.n / (double)whole;
        show_progress(l, false);
    }
    l->part = 0;
    return true;
}

static FCT_MAY_WAIT void learn_all(void *arg)
{
    struct learn *l = arg;
    struct arena *arena = arena_new(NULL), *each = arena_new(NULL);

    l->began_ms = l->shown_ms = clock_ms();
    for (; l->file < l->files.n && learn_file(l, arena, each, l->files.path[l->file].p);
         l->file++) {
        arena_reset(arena);
        show_progress(l, false);
    }
    show_progress(l, true);
    arena_free(&each);
    arena_free(&arena);
}

/* ---- what came of it ---- */

static void print_sums(const struct learn *l)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);

    if (l->c->json) {
        ctl_print_json(json_pack(
            "{s:s, s:I, s:I, s:I, s:I, s:I}", "class", l->spam ? "spam" : "ham", "learned",
            (json_int_t)l->count[BAYES_LEARNED], "changed",
            (json_int_t)l->count[BAYES_LEARNED_ANEW], "known", (json_int_t)l->count[BAYES_KNOWN],
            "empty", (json_int_t)l->empty, "unread", (json_int_t)l->unread));
        return;
    }
    buf_printf(&out, "%" PRIu64 " learned as %s",
               l->count[BAYES_LEARNED] + l->count[BAYES_LEARNED_ANEW], l->spam ? "spam" : "ham");
    if (l->count[BAYES_LEARNED_ANEW] > 0)
        buf_printf(&out, ", %" PRIu64 " of them were learned as %s before",
                   l->count[BAYES_LEARNED_ANEW], l->spam ? "ham" : "spam");
    if (l->count[BAYES_KNOWN] > 0)
        buf_printf(&out, ", %" PRIu64 " were known already", l->count[BAYES_KNOWN]);
    if (l->empty + l->unread > 0)
        buf_printf(&out, ", %" PRIu64 " could not be read", l->empty + l->unread);
    buf_put_char(&out, '\n');
    ctl_print(&out);
}

static int learn(struct ctl *c, bool spam)
{
    struct learn *l = ARENA_NEW(c->arena, struct learn);
    struct fct_err err = {0};

    l->spam = spam;
    if (!prepare(l, c, &err) || !needs_learner(l, &err) ||
        !mail_files_find(c->arena, c->word, c->words, &l->files, &err) ||
        !ctl_redis_run(c, learn_all, l, &l->redis, &err))
        return ctl_error(&err);
    print_sums(l);
    if (l->file < l->files.n)
        return ctl_error(&l->err);
    return l->unread > 0 ? CTL_NO : CTL_OK;
}

int ctl_learn_spam(struct ctl *c)
{
    return learn(c, true);
}

int ctl_learn_ham(struct ctl *c)
{
    return learn(c, false);
}

/* ---- how much was taught ---- */

struct generation_counts {
    bool known;
    struct bayes_counts messages;
};

struct status {
    struct learn learn;
    struct generation_counts of[2]; /* this quarter, the one before */
};

static FCT_MAY_WAIT void ask_status(void *arg)
{
    struct status *s = arg;
    bayes_generation now = bayes_generation_at((int64_t)time(NULL));
    struct bayes_question *q = ARENA_NEW(s->learn.c->arena, struct bayes_question);
    const struct fct_redis_reply *reply;

    for (unsigned age = 0; age < FCT_COUNT(s->of); age++) {
        bayes_look(q, &s->learn.db, now - age, NULL, 0);
        reply = redis_script(s->learn.redis, s->learn.c->arena, &bayes_look_script, q->key, q->keys,
                             q->arg, q->args, &s->learn.err);
        s->of[age].known = reply && bayes_look_add(reply, 1, &s->of[age].messages, NULL, 0);
    }
}

static const char *readiness(const struct status *s)
{
    double spam = s->of[0].messages.spam + BAYES_OLDER_WEIGHT * s->of[1].messages.spam,
           ham = s->of[0].messages.ham + BAYES_OLDER_WEIGHT * s->of[1].messages.ham;

    return spam >= s->learn.conf.min_learned && ham >= s->learn.conf.min_learned
               ? "in use"
               : "not in use yet: too few of one kind or both";
}

static void print_status(const struct status *s)
{
    static const char *const age[] = {"this quarter", "the one before"};
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);

    if (s->learn.c->json) {
        ctl_print_json(json_pack("{s:f, s:f, s:f, s:f, s:s}", "spam", s->of[0].messages.spam, "ham",
                                 s->of[0].messages.ham, "older_spam", s->of[1].messages.spam,
                                 "older_ham", s->of[1].messages.ham, "state", readiness(s)));
        return;
    }
    for (unsigned i = 0; i < FCT_COUNT(age); i++)
        buf_printf(&out, "%-15s %.0f spam, %.0f ham\n", age[i], s->of[i].messages.spam,
                   s->of[i].messages.ham);
    buf_printf(&out, "%s (min_learned = %u of each; the one before counts half)\n", readiness(s),
               s->learn.conf.min_learned);
    ctl_print(&out);
}

int ctl_learn_status(struct ctl *c)
{
    struct status *s = ARENA_NEW(c->arena, struct status);
    struct fct_err err = {0};

    if (!prepare(&s->learn, c, &err) || !needs_bayes(&s->learn, &err) ||
        !ctl_redis_run(c, ask_status, s, &s->learn.redis, &err))
        return ctl_error(&err);
    if (!s->of[0].known || !s->of[1].known)
        return ctl_error(&s->learn.err);
    print_status(s);
    return CTL_OK;
}

/* ---- forgetting a user ---- */

struct forget {
    struct learn learn;
    uint64_t bayes, fuzzy; /* messages */
    uint64_t reputation;   /* names */
    bool done;
};

static FCT_MAY_WAIT bool forget_bayes(struct forget *f, struct arena *arena)
{
    struct bayes_question *q = ARENA_NEW(arena, struct bayes_question);
    const struct fct_redis_reply *reply;

    if (!f->learn.has_bayes)
        return true;
    bayes_forget(q, &f->learn.db, bayes_generation_at((int64_t)time(NULL)));
    reply = redis_script(f->learn.redis, arena, &bayes_forget_script, q->key, q->keys, q->arg,
                         q->args, &f->learn.err);
    if (!reply)
        return false;
    if (reply->kind != FCT_REDIS_INTEGER)
        return fct_fail(&f->learn.err, FCT_TEMP, "bayes: Redis gave a strange answer");
    f->bayes = (uint64_t)reply->integer;
    return true;
}

static FCT_MAY_WAIT void ask_forget(void *arg)
{
    struct forget *f = arg;
    struct learn *l = &f->learn;
    struct arena *arena = l->c->arena;

    f->done = forget_bayes(f, arena) &&
              learn_fuzzy_forget(&l->fuzzy, l->redis, arena, &f->fuzzy, &l->err) &&
              learn_reputation_forget(&l->reputation, l->redis, arena, &f->reputation, &l->err);
}

/* A message that both have learned is one. */
static void print_forgotten(const struct forget *f)
{
    uint64_t messages = f->bayes > f->fuzzy ? f->bayes : f->fuzzy;

    if (f->learn.c->json) {
        ctl_print_json(json_pack("{s:I, s:I, s:I}", "forgotten", (json_int_t)messages, "fuzzy",
                                 (json_int_t)f->fuzzy, "reputation", (json_int_t)f->reputation));
        return;
    }
    (void)printf("%" PRIu64 " messages forgotten", messages);
    if (f->reputation > 0)
        (void)printf(", and what they said of %" PRIu64 " networks, domains and senders",
                     f->reputation);
    (void)putchar('\n');
}

int ctl_learn_forget(struct ctl *c)
{
    struct forget *f = ARENA_NEW(c->arena, struct forget);
    struct fct_err err = {0};

    if (!ctl_option(c, "--account")) {
        (void)fct_fail(&err, FCT_SYNTAX, "learn forget: --account has to say whose");
        return ctl_error(&err);
    }
    if (!prepare(&f->learn, c, &err) || !needs_learner(&f->learn, &err) ||
        !ctl_redis_run(c, ask_forget, f, &f->learn.redis, &err))
        return ctl_error(&err);
    if (!f->done)
        return ctl_error(&f->learn.err);
    print_forgotten(f);
    return CTL_OK;
}
