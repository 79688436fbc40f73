/* history_stream.c - see history_stream.h. */
#include "core/hook/history_stream.h"

#include "core/base/str.h"
#include <inttypes.h>
#include <stdlib.h>

#define KEY_NAME "fct:hist:key"
#define NEWEST   100u /* others may have been written meanwhile, by other servers */

/* ---- one entry as fields ---- */

/* Texts of an entry by the names they have in the stream. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"id", offsetof(struct history_entry, id)},
    {"ip", offsetof(struct history_entry, client_ip)},
    {"from", offsetof(struct history_entry, from)},
    {"to", offsetof(struct history_entry, to)},
    {"action", offsetof(struct history_entry, action)},
    {"profile", offsetof(struct history_entry, profile)},
    {"symbols", offsetof(struct history_entry, symbols)},
};

enum number { NUMBER_TIME, NUMBER_RCPTS, NUMBER_SIZE, NUMBER_SCORE, NUMBER_MS, NUMBERS };
static const char *const number_names[NUMBERS] = {
    [NUMBER_TIME] = "time",   [NUMBER_RCPTS] = "rcpts", [NUMBER_SIZE] = "size",
    [NUMBER_SCORE] = "score", [NUMBER_MS] = "ms",
};

static int64_t number_of(const struct history_entry *e, enum number which)
{
    switch (which) {
    case NUMBER_TIME:
        return e->at_ms;
    case NUMBER_RCPTS:
        return e->recipients;
    case NUMBER_SIZE:
        return (int64_t)e->size;
    case NUMBER_SCORE:
        return e->score_milli;
    case NUMBER_MS:
        return e->took_ms;
    case NUMBERS:
        break;
    }
    return 0;
}

static void set_number(struct history_entry *e, enum number which, int64_t value)
{
    switch (which) {
    case NUMBER_TIME:
        e->at_ms = value;
        break;
    case NUMBER_RCPTS:
        e->recipients = (uint32_t)value;
        break;
    case NUMBER_SIZE:
        e->size = (uint64_t)value;
        break;
    case NUMBER_SCORE:
        e->score_milli = (int32_t)value;
        break;
    case NUMBER_MS:
        e->took_ms = (uint32_t)value;
        break;
    case NUMBERS:
        break;
    }
}

/* The score stands there as people write it; all others are whole numbers. */
static struct fct_str number_text(struct arena *arena, const struct history_entry *e,
                                  enum number which)
{
    int64_t value = number_of(e, which), size = value < 0 ? -value : value;

    if (which == NUMBER_SCORE)
        return arena_printf(arena, "%s%" PRId64 ".%03" PRId64, value < 0 ? "-" : "", size / 1000,
                            size % 1000);
    return arena_printf(arena, "%" PRId64, value);
}

static int64_t number_read(struct fct_str text, enum number which)
{
    char number[32];
    double value;

    str_copy_c(number, sizeof number, text);
    if (which != NUMBER_SCORE)
        return strtoll(number, NULL, 10);
    value = strtod(number, NULL) * 1000;
    return value > 1e9 || value < -1e9 ? 0 : (int64_t)(value + (value < 0 ? -0.5 : 0.5));
}

/* ---- writing ---- */

bool history_stream_add(struct redis *redis, struct arena *arena, const struct history_entry *e,
                        uint32_t length, struct fct_err *err)
{
    struct fct_str word[6 + 2 * (FCT_COUNT(texts) + NUMBERS)] = {
        FCT_STR("XADD"),
        FCT_STR(HISTORY_STREAM),
        FCT_STR("MAXLEN"),
        FCT_STR("~"),
        arena_printf(arena, "%" PRIu32, length),
        FCT_STR("*")};
    size_t n = 6;

    for (unsigned i = 0; i < NUMBERS; i++) {
        word[n++] = str_from(number_names[i]);
        word[n++] = number_text(arena, e, (enum number)i);
    }
    for (size_t i = 0; i < FCT_COUNT(texts); i++) {
        word[n++] = str_from(texts[i].name);
        memcpy(&word[n++], (const char *)e + texts[i].offset, sizeof *word);
    }
    return redis_call(redis, arena, word, n, err) != NULL;
}

/* ---- reading ---- */

/* Somebody else may have written it: what is missing stays empty. */
static void read_fields(const struct fct_redis_reply *fields, struct history_entry *e)
{
    *e = (struct history_entry){0};
    for (size_t i = 0; i + 1 < fields->n; i += 2) {
        struct fct_str name = fields->item[i].string, value = fields->item[i + 1].string;

        for (size_t t = 0; t < FCT_COUNT(texts); t++)
            if (str_equal(name, str_from(texts[t].name)))
                memcpy((char *)e + texts[t].offset, &value, sizeof value);
        for (unsigned k = 0; k < NUMBERS; k++)
            if (str_equal(name, str_from(number_names[k])))
                set_number(e, (enum number)k, number_read(value, (enum number)k));
    }
}

bool history_stream_read(struct redis *redis, struct arena *arena, struct fct_str *cursor,
                         size_t most, struct history_entry *out, size_t *n, struct fct_err *err)
{
    const struct fct_str word[] = {
        FCT_STR("XREVRANGE"),
        FCT_STR(HISTORY_STREAM),
        cursor->n > 0 ? arena_printf(arena, "(%.*s", FCT_FMT(*cursor)) : FCT_STR("+"),
        FCT_STR("-"),
        FCT_STR("COUNT"),
        arena_printf(arena, "%zu", most),
    };
    const struct fct_redis_reply *reply = redis_call(redis, arena, word, FCT_COUNT(word), err);

    *n = 0;
    if (!reply)
        return false;
    for (size_t i = 0; i < reply->n && *n < most; i++) {
        const struct fct_redis_reply *entry = &reply->item[i];

        if (entry->n < 2)
            continue;
        *cursor = entry->item[0].string;
        read_fields(&entry->item[1], &out[(*n)++]);
    }
    if (*n < most)
        *cursor = (struct fct_str){"", 0};
    return true;
}

bool history_stream_has(struct redis *redis, struct arena *arena, const struct history_entry *e,
                        bool *out, struct fct_err *err)
{
    struct history_entry *newest = ARENA_ARRAY(arena, struct history_entry, NEWEST);
    struct fct_str cursor = FCT_STR("");
    size_t n;

    *out = false;
    if (!history_stream_read(redis, arena, &cursor, NEWEST, newest, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        *out |= newest[i].at_ms == e->at_ms && str_equal(newest[i].id, e->id);
    return true;
}

/* ---- the key ---- */

bool history_stream_key(struct redis *redis, struct arena *arena, uint64_t key[2],
                        struct fct_err *err)
{
    const struct fct_str set[] = {FCT_STR("SET"), FCT_STR(KEY_NAME),
                                  arena_printf(arena, "%016" PRIx64 "%016" PRIx64, key[0], key[1]),
                                  FCT_STR("NX")};
    const struct fct_str get[] = {FCT_STR("GET"), FCT_STR(KEY_NAME)};
    const struct fct_redis_reply *reply;
    char text[33];

    if (!redis_call(redis, arena, set, FCT_COUNT(set), err) ||
        !(reply = redis_call(redis, arena, get, FCT_COUNT(get), err)))
        return false;
    if (reply->string.n != 32)
        return fct_fail(err, FCT_DENIED, "%s holds something else", KEY_NAME);
    str_copy_c(text, sizeof text, str_skip(reply->string, 16));
    key[1] = strtoull(text, NULL, 16);
    str_copy_c(text, sizeof text, str_head(reply->string, 16));
    key[0] = strtoull(text, NULL, 16);
    return true;
}
