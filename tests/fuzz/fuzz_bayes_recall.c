/* fuzz_bayes_recall.c - lines as what Redis answers: whatever it says, nothing is read that is not
 * there, the memory stays within its bounds, and no count is below 0.
 *
 * The first byte chooses the database. Then six lines for each generation of each answer; a line
 * "nil" at the beginning of a generation: there is none. */
#include "plugins/bayes/bayes_recall.h"

#include "core/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOKENS = 40, ITEMS = 6, MOST = 20000, NOW = 2026 * 4 };

static bool next_line(struct fct_str *rest, struct fct_str *line)
{
    const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;

    *line = (struct fct_str){rest->p, end ? (size_t)(end - rest->p) : rest->n};
    rest->p += line->n + (end != NULL);
    rest->n -= line->n + (end != NULL);
    return line->n > 0 || end;
}

static bool is(struct fct_str s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

/* False: there are no more lines. */
static bool read_generation(struct fct_str *rest, struct fct_redis_reply *out,
                            struct fct_redis_reply item[ITEMS])
{
    *out = (struct fct_redis_reply){.kind = FCT_REDIS_ARRAY, .item = item, .n = 0};
    while (out->n < ITEMS) {
        struct fct_redis_reply *one = &item[out->n];

        *one = (struct fct_redis_reply){.kind = FCT_REDIS_STRING};
        if (!next_line(rest, &one->string))
            return false;
        if (is(one->string, "nil"))
            one->kind = FCT_REDIS_NIL;
        if (out->n++ == 0 && one->kind == FCT_REDIS_NIL) {
            out->kind = FCT_REDIS_NIL;
            return true;
        }
    }
    return true;
}

static void check(const struct bayes_recall *look)
{
    struct bayes_counts messages = {0, 0}, token[TOKENS] = {{0, 0}};

    bayes_recall_counts(look, &messages, token);
    FCT_ASSERT(messages.spam >= 0 && messages.ham >= 0);
    for (size_t i = 0; i < TOKENS; i++)
        FCT_ASSERT(token[i].spam >= 0 && token[i].ham >= 0);
}

static void look_up(struct bayes_cache *cache, const struct bayes_db *db, struct fct_str *rest)
{
    static struct bayes_recall look;
    static struct bayes_question q;
    static uint64_t token[TOKENS];
    enum bayes_recall_next next = BAYES_RECALL_AGAIN;

    for (uint64_t i = 0; i < TOKENS; i++)
        token[i] = i * UINT64_C(0x616263646566); /* letters: fields that a seed can name */
    bayes_recall_begin(&look, db, cache, NOW, token, TOKENS);
    for (unsigned round = 0; next == BAYES_RECALL_AGAIN; round++) {
        struct fct_redis_reply item[BAYES_GENERATIONS][ITEMS], part[BAYES_GENERATIONS];
        struct fct_redis_reply reply = {FCT_REDIS_ARRAY, .item = part, .n = BAYES_GENERATIONS};

        for (unsigned i = 0; i < BAYES_GENERATIONS; i++)
            if (!read_generation(rest, &part[i], item[i]))
                return;
        bayes_recall_ask(&look, &q);
        next = bayes_recall_answer(&look, &reply);
        FCT_ASSERT(bayes_cache_bytes(cache) <= MOST && round < 1000000);
    }
    if (next == BAYES_RECALL_DONE)
        check(&look);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str rest = {(const char *)data, size};
    struct bayes_cache *cache;
    struct bayes_db db;

    if (size == 0)
        return 0;
    bayes_db_site(&db);
    if (data[0] & 1)
        bayes_db_user(&db, 1, FCT_STR("anna@example.org"));
    rest.p++;
    rest.n--;
    cache = bayes_cache_new(MOST, db.buckets);
    FCT_ASSERT(cache);
    while (rest.n > 0)
        look_up(cache, &db, &rest);
    bayes_cache_free(&cache);
    return 0;
}
