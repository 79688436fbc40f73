/* ctl_learn_fuzzy.c - sketches are made here, with the same library and the same settings as in the
 * filter. */
#include "core/ctl/ctl_learn_fuzzy.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/plugin/plugin_conf.h"
#include "core/plugin/plugin_host.h"

#include <time.h>

bool learn_fuzzy_prepare(struct ctl *c, const char *account, struct learn_fuzzy *out,
                         struct fct_err *err)
{
    const struct plugin_conf *conf;
    const char *label;

    for (size_t i = 0; (conf = config_each(c->config, &plugin_block, i, &label)); i++) {
        const struct conf_pair *pair;
        size_t n = config_extra(c->config, &plugin_block, i, &pair);

        if (!str_equal(str_from(conf->use[0] ? conf->use : label), FCT_STR("fuzzy")))
            continue;
        if (!config_fill(c->config, fuzzy_conf_keys, &out->conf, pair, n, err) ||
            !fuzzy_conf_check(&out->conf, err))
            return false;
        out->is_enabled = true;
        out->key = fuzzy_key(str_from(out->conf.secret));
        out->who = fuzzy_who_of(out->key, account ? str_from(account) : FCT_STR(""));
        return true;
    }
    return true;
}

/* False: nothing to compare it by. */
static bool read_marks(const struct learn_fuzzy *f, struct fct_str message,
                       struct fuzzy_marks *marks, unsigned char digest[16])
{
    struct fct_trial trial = {.size = sizeof trial, .message = message};
    struct fct_err err = {0};
    struct fuzzy_reading reading = {.host = &plugin_host,
                                    .call = plugin_host.trial_begin(NULL, &trial, &err),
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
                         bool spam, struct fct_str message, struct fct_err *err)
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
    enum fuzzy_learned what;

    if (!f->is_enabled)
        return true;
    q = ARENA_NEW(arena, struct fuzzy_question);
    marks = ARENA_NEW(arena, struct fuzzy_marks);
    if (!read_marks(f, message, marks, lesson.digest))
        return true;
    fuzzy_learn(q, at, marks, &lesson);
    reply = redis_script(redis, arena, &fuzzy_learn_script, q->key, q->keys, q->arg, q->args, err);
    return reply && fuzzy_learned(reply, &what);
}
