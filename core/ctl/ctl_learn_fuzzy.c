/* ctl_learn_fuzzy.c - sketches are made here, with the same library and the same settings as in the
 * filter. */
#include "core/ctl/ctl_learn_fuzzy.h"

#include "core/base/str.h"
#include "core/ctl/ctl_learn_plugin.h"
#include "core/plugin/plugin_host.h"
#include "plugins/lib/redis_scan.h"

#include <time.h>

bool learn_fuzzy_prepare(struct ctl *c, const char *account, struct learn_fuzzy *out,
                         struct fct_err *err)
{
    if (!learn_plugin_conf(c, "fuzzy", fuzzy_conf_keys, &out->conf, &out->is_enabled, err))
        return false;
    out->key = out->is_enabled ? fuzzy_key(str_from(out->conf.secret)) : 0;
    out->who = fuzzy_who_of(out->key, account ? str_from(account) : FCT_STR(""));
    return !out->is_enabled || fuzzy_conf_check(&out->conf, err);
}

/* False: nothing to compare it by. */
static bool read_marks(const struct learn_fuzzy *f, struct fct_str message,
                       struct fuzzy_marks *marks, unsigned char digest[16])
{
    struct fuzzy_reading reading = {.host = &plugin_host,
                                    .call = learn_read(message),
                                    .key = f->key,
                                    .max_text = f->conf.max_text.bytes,
                                    .min_attachment = f->conf.min_attachment.bytes,
                                    .max_attachments = f->conf.max_attachments};
    bool found;

    if (!reading.call)
        return false;
    found = fuzzy_message_marks(&reading, marks);
    fuzzy_message_digest(&reading, digest);
    plugin_host.trial_end(reading.call);
    return found;
}

bool learn_fuzzy_message(const struct learn_fuzzy *f, struct redis *redis, struct arena *arena,
                         bool spam, struct fct_str message, bool *could, enum fuzzy_learned *what,
                         struct fct_err *err)
{
    struct fuzzy_question *q;
    struct fuzzy_marks *marks;
    struct fuzzy_lesson lesson = {.spam = spam,
                                  .why = FUZZY_SAID,
                                  .who = f->who,
                                  .max_learned = f->conf.max_learned,
                                  .max_teachers = f->conf.max_teachers};
    struct fuzzy_times at = {(int64_t)time(NULL), (int64_t)(f->conf.keep.ms / 1000)};
    const struct fct_redis_reply *reply;

    *could = false;
    if (!f->is_enabled)
        return true;
    q = ARENA_NEW(arena, struct fuzzy_question);
    marks = ARENA_NEW(arena, struct fuzzy_marks);
    if (!read_marks(f, message, marks, lesson.digest))
        return true;
    fuzzy_learn(q, at, marks, &lesson);
    reply = redis_script(redis, arena, &fuzzy_learn_script, q->key, q->keys, q->arg, q->args, err);
    *could = reply && fuzzy_learned(reply, what);
    return *could;
}

bool learn_fuzzy_forget(const struct learn_fuzzy *f, struct redis *redis, struct arena *arena,
                        uint64_t *messages, struct fct_err *err)
{
    struct fuzzy_question *q = ARENA_NEW(arena, struct fuzzy_question);
    struct fuzzy_times at = {(int64_t)time(NULL), (int64_t)(f->conf.keep.ms / 1000)};
    const struct fct_redis_reply *reply;
    uint64_t cursor = 0;

    *messages = 0;
    if (!f->is_enabled)
        return true;
    for (unsigned step = 0; step < FUZZY_FORGET_STEPS; step += cursor == 0) {
        fuzzy_forget(q, at, step, cursor, &f->who);
        reply =
            redis_script(redis, arena, &fuzzy_forget_script, q->key, q->keys, q->arg, q->args, err);
        if (!reply)
            return false;
        if (!redis_scan_step(reply, &cursor, messages))
            return fct_fail(err, FCT_TEMP, "fuzzy: Redis gave a strange answer");
    }
    return true;
}
