/* fuzz_filter_reply.c - what a client reads from a filter process; the first byte chooses answer,
 * result or greeting. */
#include "core/hook/filter_codec.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_SIZE 100u
#define RECIPIENTS   2u

/* What the protocols and the store rely upon. */
static void check_outcome(const struct filter_outcome *o)
{
    uint64_t at = 0;

    for (size_t i = 0; i < o->edits.n; i++) {
        const struct edit *e = &o->edits.edit[i];

        if (e->offset < at || e->offset > MESSAGE_SIZE || e->remove > MESSAGE_SIZE - e->offset)
            abort();
        at = e->offset + e->remove;
    }
    if ((unsigned)o->action > FCT_REFUSE)
        abort();
    if (memchr(o->answer.text.n ? o->answer.text.p : "", '\n', o->answer.text.n))
        abort();
}

/* A change goes into a line of a protocol; what is carried comes back as a ledger. */
static void check_answer(struct arena *arena, const struct filter_answer *a)
{
    struct ledger ledger;

    if (a->verdict > FCT_DISCONNECT || a->code > 599)
        abort();
    for (size_t i = 0; i < a->changes; i++)
        if (a->change[i].value.n > 1000 || a->change[i].name.n == 0 ||
            (a->change[i].value.n > 0 && memchr(a->change[i].value.p, '\n', a->change[i].value.n)))
            abort();
    if (a->carried.n > 0 && !ledger_decode(arena, a->carried, &ledger, NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str bytes = {(const char *)data + (size > 0), size > 0 ? size - 1 : 0};
    struct filter_result result;
    struct filter_answer answer;
    struct filter_hello hello;
    struct fct_err err = {0};
    bool sticky;

    switch (size > 0 ? data[0] % 3 : 0) {
    case 0:
        /* the first byte says which point was asked as well */
        if (filter_answer_decode(arena, bytes,
                                 (enum fct_hook)((size > 0 ? data[0] / 3 : 0) % FCT_HOOK_COUNT),
                                 MESSAGE_SIZE, &answer, &sticky, &err))
            check_answer(arena, &answer);
        break;
    case 1:
        if (filter_result_decode(arena, bytes, MESSAGE_SIZE, RECIPIENTS, &result, &sticky, &err))
            for (size_t i = 0; i < result.outcomes; i++)
                check_outcome(&result.outcome[i]);
        break;
    default:
        if (filter_hello_decode(bytes, &hello, &err) && hello.id.n > bytes.n)
            abort();
    }
    arena_free(&arena);
    return 0;
}
