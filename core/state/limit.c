/* limit.c - see limit.h. Times are microseconds; of Redis' clock there, of ours here. */
#include "core/state/limit.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/state/state_int.h"

#define KIND "limit"

/* KEYS: the bucket. ARGV: what it costs, how far ahead it may be. Returns 0, or how long to wait.
 */
static const struct fct_redis_script take_script = {
    "limit_take", "local time = redis.call('TIME')\n"
                  "local now = time[1] * 1000000 + time[2]\n"
                  "local full = tonumber(redis.call('GET', KEYS[1])) or now\n"
                  "if full < now then full = now end\n"
                  "full = full + tonumber(ARGV[1])\n"
                  "local wait = full - now - tonumber(ARGV[2])\n"
                  "if wait > 0 then return wait end\n"
                  "redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX',\n"
                  "           math.ceil((full - now) / 1000) + 1)\n"
                  "return 0\n"};

/* What `units` cost at this rate. */
static uint64_t cost_us(const struct fct_rate *rate, uint64_t units)
{
    double us = (double)rate->period_ms * 1000 * (double)units / (double)rate->amount;

    return us < 1e15 ? (uint64_t)us : UINT64_C(1000000000000000);
}

static uint64_t bucket_of(const struct fct_rate *rate)
{
    return rate->burst ? rate->burst : rate->amount;
}

static uint64_t take_locally(struct state *s, struct fct_str key, uint64_t cost, uint64_t window)
{
    uint64_t now = clock_us(), full = now, kept;
    struct fct_str value;

    if (local_table_get(s->local, key, now / 1000, &value, NULL) && value.n == sizeof kept) {
        memcpy(&kept, value.p, sizeof kept);
        full = kept > now ? kept : now;
    }
    full += cost;
    if (full - now > window)
        return full - now - window;
    local_table_put(s->local, key, (struct fct_str){(const char *)&full, sizeof full}, now / 1000,
                    full / 1000 + 1);
    return 0;
}

/* One process of several has its share; the bucket holds at least one. */
static uint64_t take_share(struct state *s, struct fct_str key, const struct fct_rate *rate,
                           uint32_t amount)
{
    uint64_t bucket = bucket_of(rate) / s->processes;
    struct fct_rate share = *rate;

    share.period_ms *= s->processes;
    if (bucket == 0)
        bucket = 1;
    if (amount > bucket)
        amount = (uint32_t)bucket; /* what is fine for all together must not be refused for ever */
    return take_locally(s, key, cost_us(&share, amount), cost_us(&share, bucket));
}

bool limit_take(struct state *s, struct arena *arena, const char *owner, struct fct_str key,
                const struct fct_rate *rate, uint32_t amount, uint32_t *wait_ms,
                enum state_from *from)
{
    const struct fct_redis_reply *reply;
    struct fct_str full, arg[2];
    uint64_t wait_us;

    *from = STATE_LOCAL;
    *wait_ms = UINT32_MAX;
    if (rate->amount == 0 || rate->period_ms == 0 || amount > bucket_of(rate) ||
        !state_key(s, arena, KIND, owner, key, &full, NULL))
        return false;
    arg[0] = arena_printf(arena, "%llu", (unsigned long long)cost_us(rate, amount));
    arg[1] = arena_printf(arena, "%llu", (unsigned long long)cost_us(rate, bucket_of(rate)));
    reply = state_run(s, arena, &take_script, full, arg, 2, from);
    wait_us = reply ? (uint64_t)reply->integer : take_share(s, full, rate, amount);
    *wait_ms = wait_us / 1000 < UINT32_MAX ? (uint32_t)((wait_us + 999) / 1000) : UINT32_MAX;
    return wait_us == 0;
}
