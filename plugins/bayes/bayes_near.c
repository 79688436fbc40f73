/* bayes_near.c - see bayes_near.h. */
#include "bayes_near.h"

enum { HEAD = 1 + 32, HASH_BYTES = 4 };

void bayes_near_make(bool spam, const struct bayes_digest *digest, const uint64_t *token, size_t n,
                     struct bayes_near_record *out)
{
    size_t hashes = n < BAYES_SKETCH ? n : BAYES_SKETCH;

    out->n = 0;
    if (hashes < BAYES_SKETCH_MIN)
        return;
    out->bytes[0] = spam ? 's' : 'h';
    memcpy(out->bytes + 1, digest->hex, HEAD - 1);
    for (size_t i = 0; i < hashes; i++) /* the upper half: it keeps the order */
        for (unsigned k = 0; k < HASH_BYTES; k++)
            out->bytes[HEAD + i * HASH_BYTES + k] = (char)(token[i] >> (56 - 8 * k));
    out->n = HEAD + hashes * HASH_BYTES;
}

static bool is_record(struct fct_str s)
{
    return s.n >= HEAD + BAYES_SKETCH_MIN * HASH_BYTES && s.n <= HEAD + BAYES_SKETCH * HASH_BYTES &&
           (s.n - HEAD) % HASH_BYTES == 0 && (s.p[0] == 's' || s.p[0] == 'h');
}

/* Of the lowest hashes of both together, the share that both have. */
static double likeness(struct fct_str a, struct fct_str b)
{
    size_t most = a.n > b.n ? a.n : b.n, seen = 0, common = 0;

    most = (most - HEAD) / HASH_BYTES;
    for (size_t i = HEAD, k = HEAD; i < a.n && k < b.n && seen < most; seen++) {
        int order = memcmp(a.p + i, b.p + k, HASH_BYTES);

        common += order == 0;
        i += order <= 0 ? HASH_BYTES : 0;
        k += order >= 0 ? HASH_BYTES : 0;
    }
    return (double)common / (double)most;
}

void bayes_near_find(const struct bayes_near_record *record, const struct fct_redis_reply *list,
                     struct bayes_near *out)
{
    struct fct_str own = {record->bytes, record->n};

    *out = (struct bayes_near){0};
    for (size_t i = 0; own.n > 0 && list->kind == FCT_REDIS_ARRAY && i < list->n; i++) {
        const struct fct_redis_reply *item = &list->item[i];
        double like;

        if (item->kind != FCT_REDIS_STRING || !is_record(item->string))
            continue;
        like = likeness(own, item->string);
        if (like > out->likeness)
            *out = (struct bayes_near){like, item->string.p[0] == 's'};
    }
}
