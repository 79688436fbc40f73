/* ctl_learn_reputation.c - for whom a message stands was written down when it came; what is told
 * here is found by the message's digest, as when a user moves it. */
#include "core/ctl/ctl_learn_reputation.h"

#include "core/base/str.h"
#include "core/ctl/ctl_learn_plugin.h"
#include "core/plugin/plugin_host.h"
#include "plugins/bayes/bayes_message.h"
#include "plugins/lib/redis_scan.h"

#include <time.h>

bool learn_reputation_prepare(struct ctl *c, const char *account, struct learn_reputation *out,
                              struct fct_err *err)
{
    bool found;

    if (!learn_plugin_conf(c, "reputation", reputation_keys, &out->conf, &found, err))
        return false;
    if (!found)
        return true;
    if (!reputation_conf_check(&out->conf, err))
        return false;
    out->is_enabled = out->conf.learn_weight > 0;
    return !account || out->conf.users_teach_site ||
           reputation_user_tag(out->conf.secret, str_from(account), out->tag);
}

static bool message_key(struct fct_str message, char key[REPUTATION_KEY_ROOM])
{
    struct bayes_reading reading = {.host = &plugin_host, .call = learn_read(message)};
    struct bayes_digest digest;

    if (!reading.call)
        return false;
    bayes_message_digest(&reading, &digest);
    plugin_host.trial_end(reading.call);
    reputation_message_key(digest.hex, key);
    return true;
}

bool learn_reputation_message(const struct learn_reputation *r, struct redis *redis,
                              struct arena *arena, bool spam, struct fct_str message,
                              enum reputation_learned *what, struct fct_err *err)
{
    struct reputation_times times = {r->conf.forget.ms / 1000, r->conf.remember.ms / 1000};
    const struct fct_redis_reply *reply;
    struct reputation_question *q;
    char key[REPUTATION_KEY_ROOM];

    *what = REPUTATION_STRANGE;
    if (!r->is_enabled || !message_key(message, key))
        return true;
    q = ARENA_NEW(arena, struct reputation_question);
    reputation_learn(q, spam ? REPUTATION_SPAM : REPUTATION_HAM, REPUTATION_SAID,
                     r->conf.learn_weight, (int64_t)time(NULL), &times, key, r->tag);
    reply =
        redis_script(redis, arena, &reputation_learn_script, q->key, q->keys, q->arg, q->args, err);
    return reply && reputation_learned(reply, what);
}

bool learn_reputation_forget(const struct learn_reputation *r, struct redis *redis,
                             struct arena *arena, uint64_t *names, struct fct_err *err)
{
    struct reputation_question *q = ARENA_NEW(arena, struct reputation_question);
    const struct fct_redis_reply *reply;
    uint64_t cursor = 0;

    *names = 0;
    if (!r->tag[0]) /* not enabled, or its users teach everybody's */
        return true;
    do {
        reputation_forget(q, cursor, r->tag);
        reply = redis_script(redis, arena, &reputation_forget_script, q->key, q->keys, q->arg,
                             q->args, err);
        if (!reply)
            return false;
        if (!redis_scan_step(reply, &cursor, names))
            return fct_fail(err, FCT_TEMP, "reputation: Redis gave a strange answer");
    } while (cursor != 0);
    return true;
}
