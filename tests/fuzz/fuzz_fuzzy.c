/* fuzz_fuzzy.c - any bytes as a text, as a message and as an answer of Redis: the same sketch each
 * time, and nobody's word is read outside of it. */
#include "plugins/fuzzy/fuzzy_store.h"
#include "plugins/fuzzy/fuzzy_text.h"

#include "core/base/err.h"
#include "core/dns/psl.h"
#include "core/plugin/plugin_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzzy_sketch sketch_of(struct fct_str text)
{
    struct fuzzy_sketcher s;
    struct fuzzy_sketch out;

    fuzzy_sketch_begin(&s, 1);
    fuzzy_text_add(&s, text);
    fuzzy_sketch_end(&s, &out);
    return out;
}

static void read_message(struct fct_str text)
{
    static struct fuzzy_marks marks;
    static struct fuzzy_question question;
    struct fct_trial trial = {.size = sizeof trial, .message = text};
    struct fct_err err = {0};
    struct fuzzy_reading r = {
        &plugin_host,         plugin_host.trial_begin(NULL, &trial, &err), 1, 10000, 10,
        FUZZY_ATTACHMENTS_MAX};
    unsigned char digest[16];

    if (!r.call)
        return;
    (void)fuzzy_message_marks(&r, &marks);
    fuzzy_message_digest(&r, digest);
    FCT_ASSERT(marks.attachments <= FUZZY_ATTACHMENTS_MAX);
    fuzzy_look(&question, (struct fuzzy_times){1000000, 200000}, &marks, 16, 28);
    plugin_host.trial_end(r.call);
}

static void read_answer(struct fct_str text)
{
    const struct fct_redis_reply item[] = {
        {.kind = FCT_REDIS_STRING, .string = {"tha", text.n % 4}},
        {.kind = FCT_REDIS_INTEGER, .integer = text.n > 0 ? text.p[0] : -1},
        {.kind = FCT_REDIS_STRING, .string = text},
    };
    const struct fct_redis_reply reply = {.kind = FCT_REDIS_ARRAY, .item = item, .n = 3};
    struct fuzzy_hit hit[FUZZY_HITS_MAX];
    struct fuzzy_who who = fuzzy_who_of(1, text);
    size_t n = fuzzy_looked(&reply, hit);

    for (size_t i = 0; i < n; i++) {
        (void)fuzzy_said_by(&hit[i], &who);
        (void)fuzzy_said_by_all(&hit[i], 3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str text = {(const char *)data, size};
    struct fuzzy_sketch once = sketch_of(text), again = sketch_of(text);

    psl_setup();
    FCT_ASSERT(once.is_there == again.is_there);
    FCT_ASSERT(!once.is_there || fuzzy_sketch_equal(&once, &again) == FUZZY_POSITIONS);
    read_message(text);
    read_answer(text);
    return 0;
}
