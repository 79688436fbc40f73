/* fuzzy_learn.c - what people say about a message is kept with its sketches. Said twice it counts
 * once; said otherwise, it is taken back exactly. */
#include "fuzzy_plugin.h"

#include "plugins/lib/view.h"

static enum fuzzy_why why_of(struct fct_str why)
{
    return view_is(why, "move")     ? FUZZY_MOVED
           : view_is(why, "append") ? FUZZY_CAME
           : view_is(why, "auto")   ? FUZZY_GUESSED
                                    : FUZZY_SAID;
}

enum fct_verdict fuzzy_on_learn(struct fct_call *call, const struct fct_ev_learn *ev, void *state)
{
    const struct fuzzy_plugin *plugin = state;
    const struct fct_host *host = plugin->host;
    struct fuzzy_reading reading = fuzzy_reading(plugin, call);
    struct fuzzy_marks *marks = host->alloc(call, sizeof *marks);
    struct fuzzy_question *q = host->alloc(call, sizeof *q);
    struct fuzzy_lesson lesson = {.spam = ev->spam,
                                  .why = why_of(ev->why),
                                  .who = fuzzy_who_of(plugin->key, ev->account),
                                  .max_learned = plugin->conf->max_learned,
                                  .max_teachers = plugin->conf->max_teachers};
    const struct fct_redis_reply *reply;
    enum fuzzy_learned what;
    struct fct_err err = {0};

    if (!marks || !q)
        return FCT_TEMPFAIL;
    if (!fuzzy_message_marks(&reading, marks))
        return FCT_NEXT;
    fuzzy_message_digest(&reading, lesson.digest);
    fuzzy_learn(q, fuzzy_times(plugin), marks, &lesson);
    reply = host->redis_script(call, &fuzzy_learn_script, q->key, q->keys, q->arg, q->args, &err);
    if (!reply || !fuzzy_learned(reply, &what)) {
        host->log(call, FCT_WARNING, "not learned now: %s",
                  err.text[0] ? err.text : "Redis gave a strange answer");
        return FCT_TEMPFAIL;
    }
    host->count(call, ev->spam ? "learned_spam" : "learned_ham",
                what != FUZZY_KNOWN && what != FUZZY_FULL);
    host->log(call, what == FUZZY_FULL ? FCT_WARNING : FCT_INFO, "as %s: %s;%s%s %zu attachments",
              ev->spam ? "spam" : "ham", fuzzy_learned_text(what),
              marks->text.is_there ? " text," : "", marks->html.is_there ? " HTML," : "",
              marks->attachments);
    return FCT_NEXT;
}
