/* bayes_store.c - see bayes_store.h. */
#include "bayes_store.h"

#include "plugins/lib/view.h"

#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* A bucket's number has 16 bits in a question. */
enum { FIELD_BYTES = 5 };
#define CHANGES_MOST "32"

/* ---- databases and generations ---- */

void bayes_db_site(struct bayes_db *db)
{
    *db = (struct bayes_db){.name = "site", .buckets = BAYES_SITE_BUCKETS};
}

void bayes_db_user(struct bayes_db *db, uint64_t key, struct fct_str account)
{
    char lower[256];
    size_t n = account.n < sizeof lower ? account.n : sizeof lower;
    XXH128_hash_t hash;

    (void)view_lower((struct fct_str){account.p, n}, lower);
    hash = XXH3_128bits_withSeed(lower, n, key);
    *db = (struct bayes_db){.buckets = BAYES_USER_BUCKETS, .is_user = true};
    (void)snprintf(db->name, sizeof db->name, "u%016llx%016llx", (unsigned long long)hash.high64,
                   (unsigned long long)hash.low64);
}

bayes_generation bayes_generation_at(int64_t unix_time)
{
    time_t t = (time_t)unix_time;
    struct tm tm;

    if (!gmtime_r(&t, &tm))
        return 0;
    return (uint32_t)(tm.tm_year + 1900) * 4 + (uint32_t)tm.tm_mon / 3;
}

int64_t bayes_generation_end(bayes_generation generation)
{
    bayes_generation end = generation + 2;
    struct tm tm = {.tm_year = (int)(end / 4) - 1900, .tm_mon = (int)(end % 4) * 3, .tm_mday = 1};

    return (int64_t)timegm(&tm);
}

/* ---- what is sent ---- */

static struct fct_str text_of(const char *c)
{
    return (struct fct_str){c, strlen(c)};
}

/* Of all bits, mixed: those on top are low more often than not, as the lowest tokens are kept. */
uint32_t bayes_bucket(const struct bayes_db *db, uint64_t token)
{
    uint64_t mixed = (token ^ token >> 32) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)((mixed >> 40) * db->buckets >> 24);
}

void bayes_pack(const struct bayes_db *db, uint64_t token, char *to)
{
    uint32_t bucket = bayes_bucket(db, token);

    to[0] = (char)(bucket >> 8);
    to[1] = (char)bucket;
    for (unsigned k = 0; k < FIELD_BYTES; k++)
        to[2 + k] = (char)(token >> 8 * (FIELD_BYTES - 1 - k));
}

static struct fct_str pack(struct bayes_question *q, const struct bayes_db *db,
                           const uint64_t *token, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bayes_pack(db, token[i], q->packed + i * BAYES_PACKED);
    return (struct fct_str){q->packed, n * BAYES_PACKED};
}

static void name_generation(char *to, size_t size, bayes_generation generation)
{
    (void)snprintf(to, size, "%uq%u", generation / 4, generation % 4 + 1);
}

struct fct_str bayes_key_of(struct bayes_question *q, unsigned slot, const char *kind,
                            const struct bayes_db *db, bayes_generation generation)
{
    char name[16];

    name_generation(name, sizeof name, generation);
    (void)snprintf(q->text[slot], sizeof q->text[slot], "fct:%s:{%s}:%s", kind, db->name, name);
    return text_of(q->text[slot]);
}

/* Fifteen digits: as the scripts write it. */
struct fct_str bayes_state_text(struct bayes_question *q, unsigned slot, uint64_t state)
{
    (void)snprintf(q->text[slot], sizeof q->text[slot], "%015llu", (unsigned long long)state);
    return text_of(q->text[slot]);
}

uint64_t bayes_number(struct fct_str *s)
{
    uint64_t n = 0;

    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9' && n < UINT64_MAX / 100; s->p++, s->n--)
        n = n * 10 + (uint64_t)(s->p[0] - '0');
    return n;
}

/* ---- reading ---- */

const struct fct_redis_script bayes_look_script = {
    .name = "bayes_look",
    .text = "local head = redis.call('HMGET', KEYS[1], 's', 'h')\n"
            "if not head[1] and not head[2] then return false end\n"
            "local t, out = ARGV[1], {}\n"
            "for i = 1, #t, 7 do\n"
            "  local bucket = t:byte(i) * 256 + t:byte(i + 1)\n"
            "  out[#out + 1] = redis.call('HGET', KEYS[1] .. ':' .. bucket,\n"
            "    t:sub(i + 2, i + 6)) or ''\n"
            "end\n"
            "return {head[1] or '0', head[2] or '0', table.concat(out, ',')}\n",
};

void bayes_look(struct bayes_question *q, const struct bayes_db *db, bayes_generation generation,
                const uint64_t *token, size_t n)
{
    q->key[0] = bayes_key_of(q, 0, "b", db, generation);
    q->arg[0] = pack(q, db, token, n);
    q->keys = q->args = 1;
}

struct fct_str bayes_near_key(struct bayes_question *q, unsigned slot, const struct bayes_db *db)
{
    (void)snprintf(q->text[slot], sizeof q->text[slot], "fct:n:{%s}", db->name);
    return text_of(q->text[slot]);
}

static bool is_text(const struct fct_redis_reply *reply)
{
    return reply->kind == FCT_REDIS_STRING;
}

bool bayes_look_add(const struct fct_redis_reply *reply, double weight,
                    struct bayes_counts *messages, struct bayes_counts *token, size_t n)
{
    struct fct_str spam, ham, list;

    if (reply->kind == FCT_REDIS_NIL)
        return true; /* nothing was learned in this generation */
    if (reply->kind != FCT_REDIS_ARRAY || reply->n != 3 || !is_text(&reply->item[0]) ||
        !is_text(&reply->item[1]) || !is_text(&reply->item[2]))
        return false;
    spam = reply->item[0].string;
    ham = reply->item[1].string;
    list = reply->item[2].string;
    messages->spam += weight * (double)bayes_number(&spam);
    messages->ham += weight * (double)bayes_number(&ham);
    for (size_t i = 0; i < n; i++) {
        uint64_t both = bayes_number(&list);

        token[i].spam += weight * (double)(both >> 24);
        token[i].ham += weight * (double)(both & 0xffffff);
        if (i + 1 < n && (list.n == 0 || list.p[0] != ','))
            return false;
        if (list.n > 0) {
            list.p++;
            list.n--;
        }
    }
    return true;
}

const struct fct_redis_script bayes_heads_script = {
    .name = "bayes_heads",
    .text = "local a = redis.call('HMGET', KEYS[1], 's', 'h')\n"
            "local b = redis.call('HMGET', KEYS[2], 's', 'h')\n"
            "return {a[1] or '0', a[2] or '0', b[1] or '0', b[2] or '0',\n"
            "  redis.call('LRANGE', KEYS[3], 0, -1)}\n",
};

void bayes_heads(struct bayes_question *q, const struct bayes_db *db, bayes_generation now)
{
    q->key[0] = bayes_key_of(q, 0, "b", db, now);
    q->key[1] = bayes_key_of(q, 1, "b", db, now - 1);
    q->key[2] = bayes_near_key(q, 2, db);
    q->keys = 3;
    q->args = 0;
}

bool bayes_heads_add(const struct fct_redis_reply *reply, struct bayes_counts *messages,
                     const struct fct_redis_reply **near)
{
    double has[4];

    if (reply->kind != FCT_REDIS_ARRAY || reply->n != FCT_COUNT(has) + 1)
        return false;
    for (size_t i = 0; i < FCT_COUNT(has); i++) {
        struct fct_str text = reply->item[i].string;

        if (!is_text(&reply->item[i]))
            return false;
        has[i] = (double)bayes_number(&text);
    }
    messages->spam += has[0] + BAYES_OLDER_WEIGHT * has[2];
    messages->ham += has[1] + BAYES_OLDER_WEIGHT * has[3];
    *near = &reply->item[FCT_COUNT(has)];
    return true;
}

/* ---- learning ---- */

/* What somebody takes back by moving it again leaves a mark for an hour: a server that died
 * meanwhile tells of the same move once more, and that is no new lesson.
 *
 * KEYS: marks of this generation, of the one before; what a user spoke about last. ARGV: prefix of
 * the heads, this generation, the one before, class, why, digest, tokens, when this generation
 * ends, what to remember of it (may be empty), of how many; what the lesson adds to the state as
 * spam and as ham (12 hexadecimal digits each), changes to be remembered.
 *
 * A mark is up to two letters: what a person said (s, h; - nobody, ? somebody elsewhere doubts the
 * guess), and what the score had guessed before. A person's word is what counts, else a guess that
 * nobody doubts; taking the word back brings that guess back.
 *
 * What is written first may need memory, so that a Redis that has none refuses the whole lesson:
 * after a first write it refuses nothing.
 *
 * Counts never go below zero nor over their 24 bits, whatever was lost meanwhile: a change that
 * would is left out. */
const struct fct_redis_script bayes_learn_script = {
    .name = "bayes_learn",
    .text =
        "local prefix, now, before, class, why = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]\n"
        "local digest, t, ends, near, most = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]\n"
        "local amounts, keep = ARGV[11], tonumber(ARGV[12])\n"
        "local taken_back = prefix:gsub('^fct:b:', 'fct:t:') .. digest\n"
        "local unit, most_value = 16777216, 281474976710655\n"
        "local function move(generation, class, by)\n"
        "  local head, log = prefix .. generation, prefix:gsub('^fct:b:', 'fct:c:') .. generation\n"
        "  local one = tonumber(class == 's' and amounts:sub(1, 12) or amounts:sub(13), 16)\n"
        "  local v = (tonumber(redis.call('HGET', head, 'v') or 0) + by * one) % 281474976710656\n"
        "  local text = string.format('%015.0f', v)\n"
        "  if v == 0 then redis.call('HDEL', head, 'v')\n"
        "  elseif redis.call('EXISTS', head) == 1 then redis.call('HSET', head, 'v', text) end\n"
        "  redis.call('LPUSH', log, text .. t)\n"
        "  redis.call('LTRIM', log, 0, keep - 1)\n"
        "  redis.call('EXPIRE', log, 600)\n"
        "end\n"
        "local function count(generation, class, by)\n"
        "  local head = prefix .. generation\n"
        "  local step = class == 's' and unit * by or by\n"
        "  local function has(v)\n"
        "    return class == 's' and math.floor(v / unit) or v % unit\n"
        "  end\n"
        "  local function change(key, field, step, may)\n"
        "    if by < 0 and not may(tonumber(redis.call('HGET', key, field) or 0)) then return end\n"
        "    local v = redis.call('HINCRBY', key, field, step)\n"
        "    if by > 0 and not may(v) then redis.call('HINCRBY', key, field, -step) end\n"
        "    if v == 0 then redis.call('HDEL', key, field) end\n"
        "    if v == step then redis.call('EXPIREAT', key, ends) end\n"
        "  end\n"
        "  local function counts(v) return has(v) > 0 and v <= most_value end\n"
        "  for i = 1, #t, 7 do\n"
        "    change(head .. ':' .. (t:byte(i) * 256 + t:byte(i + 1)), t:sub(i + 2, i + 6), step, "
        "counts)\n"
        "  end\n"
        "  change(head, class, by, function(v) return v > 0 end)\n"
        "  move(generation, class, by)\n"
        "end\n"
        "local function forget_near()\n"
        "  for _, r in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do\n"
        "    if r:sub(2, 33) == digest then redis.call('LREM', KEYS[3], 0, r) end\n"
        "  end\n"
        "end\n"
        "local at, known = now, redis.call('HGET', KEYS[1], digest)\n"
        "if not known then at, known = before, redis.call('HGET', KEYS[2], digest) or '' end\n"
        "local person, guess = known:sub(1, 1), known:sub(2, 2)\n"
        "local moved = why == 'moved' or why == 'came'\n"
        "if moved and redis.call('GET', taken_back) == class then return 0 end\n"
        "local function is_class(c) return c == 's' or c == 'h' end\n"
        "local function counted(person, guess)\n"
        "  if is_class(person) then return person end\n"
        "  return person == '-' and guess or ''\n"
        "end\n"
        "local was, nobody = counted(person, guess), ''\n"
        "if guess ~= '' then nobody = guess == class and '-' or '?' end\n"
        "if why == 'guessed' then\n"
        "  if known ~= '' then return 0 end\n"
        "  person, guess = '-', class\n"
        "elseif why == 'said' then\n"
        "  person = class\n"
        "elseif why == 'doubted' then\n"
        "  if not is_class(person) then person = nobody end\n"
        "elseif is_class(person) and person ~= class or why == 'came' and class == 'h' then\n"
        "  person = was == class and person or nobody\n"
        "elseif was ~= class then\n"
        "  person = class\n"
        "end\n"
        "local is = counted(person, guess)\n"
        "local record = person == '' and '' or person .. guess\n"
        "if record == known then return 0 end\n"
        "local to = known ~= '' and guess ~= '' and at or now\n"
        "local function marks(generation) return generation == now and KEYS[1] or KEYS[2] end\n"
        "if known ~= '' then redis.call('HDEL', marks(at), digest) end\n"
        "if record ~= '' then\n"
        "  redis.call('HSET', marks(to), digest, record)\n"
        "  redis.call('EXPIREAT', marks(to), ends)\n"
        "end\n"
        "redis.call('DEL', taken_back)\n"
        "if was == is then return 0 end\n"
        "if was ~= '' then\n"
        "  count(at, was, -1)\n"
        "  forget_near()\n"
        "end\n"
        "if is == '' then\n"
        "  if moved then redis.call('SET', taken_back, class, 'EX', 3600) end\n"
        "  return 2\n"
        "end\n"
        "count(to, is, 1)\n"
        "if near ~= '' then\n"
        "  redis.call('LPUSH', KEYS[3], near)\n"
        "  redis.call('LTRIM', KEYS[3], 0, most - 1)\n"
        "  redis.call('EXPIREAT', KEYS[3], ends)\n"
        "end\n"
        "return was == '' and 1 or 3\n",
};

static const char *const why_words[] = {
    [BAYES_SAID] = "said",       [BAYES_MOVED] = "moved",     [BAYES_CAME] = "came",
    [BAYES_GUESSED] = "guessed", [BAYES_DOUBTED] = "doubted",
};

/* Of the tokens, once they are packed. */
static struct fct_str amounts_of(struct bayes_question *q, unsigned slot)
{
    XXH128_hash_t hash = XXH3_128bits(q->arg[6].p, q->arg[6].n);

    (void)snprintf(q->text[slot], sizeof q->text[slot], "%012llx%012llx",
                   (unsigned long long)hash.high64 >> 16, (unsigned long long)hash.low64 >> 16);
    return text_of(q->text[slot]);
}

void bayes_learn(struct bayes_question *q, const struct bayes_db *db, bayes_generation generation,
                 bool spam, enum bayes_why why, const struct bayes_digest *digest,
                 const uint64_t *token, size_t n)
{
    size_t room = sizeof q->text[3] / 4;
    char *now = q->text[3], *before = now + room, *ends = before + room, *most = ends + room;

    q->key[0] = bayes_key_of(q, 0, "l", db, generation);
    q->key[1] = bayes_key_of(q, 1, "l", db, generation - 1);
    q->key[2] = bayes_near_key(q, 4, db);
    (void)snprintf(q->text[2], sizeof q->text[2], "fct:b:{%s}:", db->name);
    name_generation(now, room, generation);
    name_generation(before, room, generation - 1);
    (void)snprintf(ends, room, "%lld", (long long)bayes_generation_end(generation));
    q->arg[0] = text_of(q->text[2]);
    q->arg[1] = text_of(now);
    q->arg[2] = text_of(before);
    q->arg[3] = spam ? FCT_STR("s") : FCT_STR("h");
    q->arg[4] = text_of(why_words[why]);
    q->arg[5] = text_of(digest->hex);
    q->arg[6] = pack(q, db, token, n);
    q->arg[7] = text_of(ends);
    q->near.n = 0;
    if (db->is_user)
        bayes_near_make(spam, digest, token, n, &q->near);
    q->arg[8] = (struct fct_str){q->near.bytes, q->near.n};
    (void)snprintf(most, room, "%d", BAYES_NEAR_MAX);
    q->arg[9] = text_of(most);
    q->arg[10] = amounts_of(q, 5);
    q->arg[11] = FCT_STR(CHANGES_MOST);
    q->keys = 3;
    q->args = 12;
}

bool bayes_learned(const struct fct_redis_reply *reply, enum bayes_learned *out)
{
    if (reply->kind != FCT_REDIS_INTEGER || reply->integer < BAYES_KNOWN ||
        reply->integer > BAYES_LEARNED_ANEW)
        return false;
    *out = (enum bayes_learned)reply->integer;
    return true;
}

const char *bayes_learned_text(enum bayes_learned what)
{
    static const char *const text[] = {
        [BAYES_KNOWN] = "known already",
        [BAYES_LEARNED] = "learned",
        [BAYES_TAKEN_BACK] = "taken back",
        [BAYES_LEARNED_ANEW] = "taken back and learned anew",
    };

    return text[what];
}
