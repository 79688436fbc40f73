/* dmarc_claim.c - see dmarc_claim.h. The marks are fields of the hashes that plugin dmarc keeps,
 * and go away with them; a hash that is gone gets none. */
#include "protocols/relay/dmarc/dmarc_claim.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/redis/redis.h"
#include "plugins/dmarc/report_line.h"

#define CLAIM_S 900 /* longer than any report takes */

/* KEYS the hash; ARGV field, now, until when. Gives enum dmarc_claim. */
static const struct fct_redis_script claim_script = {
    "dmarc-claim",
    "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end\n"
    "local mark = redis.call('HGET', KEYS[1], ARGV[1])\n"
    "if mark == 'sent' then return 0 end\n"
    "local till = mark and tonumber(string.match(mark, '^until (%d+)$')) or 0\n"
    "if till > tonumber(ARGV[2]) then return 1 end\n"
    "redis.call('HSET', KEYS[1], ARGV[1], 'until ' .. ARGV[3])\n"
    "return 2\n",
};

/* KEYS the hash; ARGV field, "sent" or "". */
static const struct fct_redis_script mark_script = {
    "dmarc-mark",
    "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end\n"
    "if ARGV[2] == '' then return redis.call('HDEL', KEYS[1], ARGV[1]) end\n"
    "return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\n",
};

static FCT_MAY_WAIT bool run(struct redis *redis, const struct fct_redis_script *script,
                             const char *day, struct fct_str domain, const struct fct_str *arg,
                             size_t args, long long *out, struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    char text[REPORT_KEY_MAX];
    struct fct_str key = {text, report_key(text, day, domain)};
    const struct fct_redis_reply *reply =
        redis_script(redis, arena, script, &key, 1, arg, args, err);
    bool ok = reply && reply->kind == FCT_REDIS_INTEGER;

    if (ok)
        *out = reply->integer;
    else if (reply)
        fct_fail(err, FCT_TEMP, "Redis answers a script with something else");
    arena_free(&arena);
    return ok;
}

bool dmarc_claim(struct redis *redis, const char *day, struct fct_str domain, enum dmarc_claim *out,
                 struct fct_err *err)
{
    char now[24], until[24];
    struct fct_str arg[] = {FCT_STR(REPORT_SENT), {now, 0}, {until, 0}};
    long long answer = 0;

    arg[1].n = (size_t)snprintf(now, sizeof now, "%lld", (long long)clock_wall());
    arg[2].n = (size_t)snprintf(until, sizeof until, "%lld", (long long)clock_wall() + CLAIM_S);
    if (!run(redis, &claim_script, day, domain, arg, FCT_COUNT(arg), &answer, err))
        return false;
    *out = answer == 2 ? DMARC_CLAIM_MINE : answer == 1 ? DMARC_CLAIM_OTHER : DMARC_CLAIM_SENT;
    return true;
}

bool dmarc_claim_end(struct redis *redis, const char *day, struct fct_str domain, bool sent,
                     struct fct_err *err)
{
    const struct fct_str arg[] = {FCT_STR(REPORT_SENT), str_from(sent ? "sent" : "")};
    long long answer;

    return run(redis, &mark_script, day, domain, arg, FCT_COUNT(arg), &answer, err);
}

bool dmarc_day_is_sent(struct redis *redis, const char *day, bool *sent, struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    char key[REPORT_KEY_MAX];
    const struct fct_str word[] = {
        FCT_STR("HGET"), {key, report_key(key, day, FCT_STR(""))}, FCT_STR(REPORT_DAY_SENT)};
    const struct fct_redis_reply *reply = redis_call(redis, arena, word, FCT_COUNT(word), err);

    if (reply)
        *sent = reply->kind == FCT_REDIS_STRING;
    arena_free(&arena);
    return reply != NULL;
}

bool dmarc_day_set_sent(struct redis *redis, const char *day, struct fct_err *err)
{
    const struct fct_str arg[] = {FCT_STR(REPORT_DAY_SENT), FCT_STR("sent")};
    long long answer;

    return run(redis, &mark_script, day, FCT_STR(""), arg, FCT_COUNT(arg), &answer, err);
}
