/* kv.c - see kv.h. */
#include "core/state/kv.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/state/state_int.h"
#include <stdio.h>

#define KIND "kv"

static const struct fct_redis_script add_script = {
    "kv_add", "local sum = redis.call('INCRBY', KEYS[1], ARGV[1])\n"
              "if ARGV[2] ~= '0' and redis.call('TTL', KEYS[1]) < 0 then\n"
              "    redis.call('EXPIRE', KEYS[1], ARGV[2])\n"
              "end\n"
              "return sum\n"};

static const struct fct_redis_script seen_script = {
    "kv_seen", "local seen = redis.call('EXISTS', KEYS[1])\n"
               "if ARGV[1] == '0' then\n"
               "    redis.call('SET', KEYS[1], '1')\n"
               "else\n"
               "    redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])\n"
               "end\n"
               "return seen\n"};

static uint64_t expiry(uint64_t now_ms, uint32_t ttl_s)
{
    return ttl_s ? now_ms + (uint64_t)ttl_s * 1000 : CLOCK_NEVER;
}

static struct fct_str decimal(struct arena *arena, int64_t n)
{
    return arena_printf(arena, "%lld", (long long)n);
}

bool kv_get(struct state *s, struct arena *arena, const char *owner, struct fct_str key,
            struct fct_str *value, enum state_from *from)
{
    const struct fct_redis_reply *reply;
    struct fct_str full;

    *value = (struct fct_str){"", 0};
    *from = STATE_LOCAL;
    if (!state_key(s, arena, KIND, owner, key, &full, NULL))
        return false;
    reply = state_ask(s, arena, (struct fct_str[]){FCT_STR("GET"), full}, 2, from);
    if (reply) {
        *value = reply->string;
        return reply->kind == FCT_REDIS_STRING;
    }
    if (!local_table_get(s->local, full, clock_ms(), value, NULL))
        return false;
    *value = arena_str(arena, *value);
    return true;
}

bool kv_set(struct state *s, struct arena *arena, const char *owner, struct fct_str key,
            struct fct_str value, uint32_t ttl_s, enum state_from *from)
{
    struct fct_str word[] = {FCT_STR("SET"), {"", 0}, value, FCT_STR("EX"), decimal(arena, ttl_s)};
    uint64_t now = clock_ms();

    *from = STATE_LOCAL;
    if (value.n > s->conf->max_value.bytes ||
        !state_key(s, arena, KIND, owner, key, &word[1], NULL))
        return false;
    return state_ask(s, arena, word, ttl_s ? 5 : 3, from) ||
           local_table_put(s->local, word[1], value, now, expiry(now, ttl_s));
}

/* What INCRBY takes for a number. */
static bool read_number(struct fct_str value, int64_t *out)
{
    bool negative = value.n > 0 && value.p[0] == '-';
    uint64_t magnitude;

    if (!str_to_u64(str_skip(value, negative), &magnitude) || magnitude > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

static int64_t add_locally(struct state *s, struct fct_str key, int64_t by, uint32_t ttl_s)
{
    uint64_t now = clock_ms(), expires = expiry(now, ttl_s);
    struct fct_str value;
    int64_t sum = 0;
    char text[24];

    if (local_table_get(s->local, key, now, &value, &expires) && !read_number(value, &sum))
        return 0;
    if (__builtin_add_overflow(sum, by, &sum))
        return 0;
    if (expires == CLOCK_NEVER)
        expires = expiry(now, ttl_s);
    snprintf(text, sizeof text, "%lld", (long long)sum);
    local_table_put(s->local, key, str_from(text), now, expires);
    return sum;
}

int64_t kv_add(struct state *s, struct arena *arena, const char *owner, struct fct_str key,
               int64_t by, uint32_t ttl_s, enum state_from *from)
{
    const struct fct_str arg[] = {decimal(arena, by), decimal(arena, ttl_s)};
    const struct fct_redis_reply *reply;
    struct fct_str full;

    *from = STATE_LOCAL;
    if (!state_key(s, arena, KIND, owner, key, &full, NULL))
        return 0;
    reply = state_run(s, arena, &add_script, full, arg, 2, from);
    return reply ? reply->integer : add_locally(s, full, by, ttl_s);
}

bool kv_seen(struct state *s, struct arena *arena, const char *owner, struct fct_str key,
             uint32_t ttl_s, enum state_from *from)
{
    const struct fct_str arg = decimal(arena, ttl_s);
    const struct fct_redis_reply *reply;
    uint64_t now = clock_ms();
    struct fct_str full, value;
    bool seen;

    *from = STATE_LOCAL;
    if (!state_key(s, arena, KIND, owner, key, &full, NULL))
        return false;
    reply = state_run(s, arena, &seen_script, full, &arg, 1, from);
    if (reply)
        return reply->integer == 1;
    seen = local_table_get(s->local, full, now, &value, NULL);
    local_table_put(s->local, full, FCT_STR("1"), now, expiry(now, ttl_s));
    return seen;
}
