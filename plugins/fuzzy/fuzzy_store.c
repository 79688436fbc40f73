/* fuzzy_store.c - see fuzzy_store.h. */
#include "fuzzy_store.h"

#include "plugins/lib/view.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { TAG = 8, TEACHER = 1 + TAG + 2 };

struct fuzzy_who fuzzy_who_of(uint64_t key, struct fct_str account)
{
    struct fuzzy_who who = {{0}};
    char lower[256];
    size_t n = account.n < sizeof lower ? account.n : sizeof lower;
    XXH64_hash_t hash;

    if (account.n == 0)
        return who;
    (void)view_lower((struct fct_str){account.p, n}, lower);
    hash = XXH3_64bits_withSeed(lower, n, key) | 1; /* never the site */
    for (unsigned i = 0; i < TAG; i++)
        who.tag[i] = (unsigned char)(hash >> 8 * i);
    return who;
}

/* ---- what is sent ---- */

static struct fct_str bytes_of(const void *p, size_t n)
{
    return (struct fct_str){p, n};
}

static struct fct_str number(struct fuzzy_question *q, unsigned slot, int64_t value)
{
    int n = snprintf(q->number[slot], sizeof q->number[slot], "%lld", (long long)value);

    return bytes_of(q->number[slot], (size_t)n);
}

int64_t fuzzy_generation(struct fuzzy_times at)
{
    return at.now / (at.keep_s / 2);
}

static void name_generations(struct fuzzy_question *q, struct fuzzy_times at)
{
    for (unsigned age = 0; age < 2; age++) {
        int n = snprintf(q->name[age], sizeof q->name[age], "fct:f:{fuzzy}:%lld",
                         (long long)fuzzy_generation(at) - age);

        q->key[age] = bytes_of(q->name[age], (size_t)n);
    }
    q->keys = 2;
}

static struct fct_str pack_sketch(const struct fuzzy_sketch *s, unsigned char *to)
{
    for (unsigned i = 0; i < FUZZY_POSITIONS; i++)
        for (unsigned k = 0; k < 4; k++)
            to[4 * i + k] = (unsigned char)(s->value[i] >> 8 * k);
    return bytes_of(to, s->is_there ? 4 * FUZZY_POSITIONS : 0);
}

static struct fct_str pack_attachments(const struct fuzzy_marks *marks, struct fuzzy_question *q)
{
    for (size_t i = 0; i < marks->attachments; i++)
        memcpy(q->attachments + i * FUZZY_ID_BYTES, marks->attachment[i].id, FUZZY_ID_BYTES);
    return bytes_of(q->attachments, marks->attachments * FUZZY_ID_BYTES);
}

/* ---- reading ---- */

void fuzzy_ask_versions(struct fuzzy_question *q, struct fuzzy_times at)
{
    q->word[0] = FCT_STR("MGET");
    for (unsigned age = 0; age < 2; age++) {
        int n = snprintf(q->name[age], sizeof q->name[age], "fct:f:{fuzzy}:%lld:v",
                         (long long)fuzzy_generation(at) - age);

        q->word[1 + age] = bytes_of(q->name[age], (size_t)n);
    }
}

static bool read_version(const struct fct_redis_reply *item, uint64_t *version)
{
    *version = 0;
    if (item->kind == FCT_REDIS_NIL)
        return true;
    for (size_t i = 0; item->kind == FCT_REDIS_STRING && i < item->string.n && i < 18; i++) {
        if (item->string.p[i] < '0' || item->string.p[i] > '9')
            return false;
        *version = *version * 10 + (uint64_t)(item->string.p[i] - '0');
    }
    return *version > 0;
}

bool fuzzy_versions(const struct fct_redis_reply *reply, uint64_t version[2])
{
    return reply->kind == FCT_REDIS_ARRAY && reply->n == 2 &&
           read_version(&reply->item[0], &version[0]) && read_version(&reply->item[1], &version[1]);
}

void fuzzy_ask_bits(struct fuzzy_question *q, int64_t generation)
{
    int n = snprintf(q->name[0], sizeof q->name[0], "fct:f:{fuzzy}:%lld:b", (long long)generation);

    q->word[0] = FCT_STR("GET");
    q->word[1] = bytes_of(q->name[0], (size_t)n);
}

/* As soon as what is left cannot make any learned one alike enough, it is not looked up. */
const struct fct_redis_script fuzzy_look_script = {
    .name = "fuzzy_look",
    .text =
        "local out = {}\n"
        "local function add(prefix, kind, matches, id)\n"
        "  local said = redis.call('HGET', prefix .. ':d:' .. id:byte(8), id)\n"
        "  if said then\n"
        "    out[#out + 1], out[#out + 2], out[#out + 3] = kind, matches, said\n"
        "  end\n"
        "end\n"
        "local function near(prefix, kind, sketch, least)\n"
        "  local seen, best = {}, 0\n"
        "  for i = 1, #sketch, 4 do\n"
        "    if best + (#sketch - i + 1) / 4 < least then return end\n"
        "    local value = sketch:sub(i, i + 3)\n"
        "    local key = prefix .. ':' .. kind .. (i - 1) / 4 .. ':' .. value:byte(4)\n"
        "    local ids = redis.call('HGET', key, value) or ''\n"
        "    for k = 1, #ids, 8 do\n"
        "      local id = ids:sub(k, k + 7)\n"
        "      seen[id] = (seen[id] or 0) + 1\n"
        "      if seen[id] > best then best = seen[id] end\n"
        "    end\n"
        "  end\n"
        "  for id, n in pairs(seen) do\n"
        "    if n >= least and #id == 8 then add(prefix, kind, n, id) end\n"
        "  end\n"
        "end\n"
        "for _, prefix in ipairs(KEYS) do\n"
        "  if redis.call('EXISTS', prefix) == 1 then\n"
        "    near(prefix, 't', ARGV[1], tonumber(ARGV[4]))\n"
        "    near(prefix, 'h', ARGV[2], tonumber(ARGV[5]))\n"
        "    for i = 1, #ARGV[3], 8 do add(prefix, 'a', (i - 1) / 8, ARGV[3]:sub(i, i + 7)) end\n"
        "  end\n"
        "end\n"
        "return out\n",
};

void fuzzy_look(struct fuzzy_question *q, struct fuzzy_times at, const struct fuzzy_marks *marks,
                unsigned text_matches, unsigned html_matches)
{
    name_generations(q, at);
    q->arg[0] = pack_sketch(&marks->text, q->text);
    q->arg[1] = pack_sketch(&marks->html, q->html);
    q->arg[2] = pack_attachments(marks, q);
    q->arg[3] = number(q, 0, text_matches);
    q->arg[4] = number(q, 1, html_matches);
    q->args = 5;
}

static bool read_hit(const struct fct_redis_reply *item, struct fuzzy_hit *hit)
{
    static const char kinds[] = "tha";
    const char *kind;

    if (item[0].kind != FCT_REDIS_STRING || item[0].string.n != 1 ||
        item[1].kind != FCT_REDIS_INTEGER || item[1].integer < 0 ||
        item[1].integer > FUZZY_POSITIONS || item[2].kind != FCT_REDIS_STRING ||
        !(kind = memchr(kinds, item[0].string.p[0], FUZZY_KINDS)))
        return false;
    *hit = (struct fuzzy_hit){.kind = (enum fuzzy_kind)(kind - kinds),
                              .matches = (unsigned)item[1].integer,
                              .teachers = item[2].string};
    return hit->kind != FUZZY_KIND_ATTACHMENT || hit->matches < FUZZY_ATTACHMENTS_MAX;
}

size_t fuzzy_looked(const struct fct_redis_reply *reply, struct fuzzy_hit out[FUZZY_HITS_MAX])
{
    size_t n = 0;

    if (reply->kind != FCT_REDIS_ARRAY)
        return 0;
    for (size_t i = 0; i + 3 <= reply->n && n < FUZZY_HITS_MAX; i += 3)
        n += read_hit(&reply->item[i], &out[n]);
    return n;
}

char fuzzy_said_by(const struct fuzzy_hit *hit, const struct fuzzy_who *who)
{
    struct fct_str t = hit->teachers;

    for (; t.n >= TEACHER; t.p += TEACHER, t.n -= TEACHER)
        if (memcmp(t.p + 1, who->tag, TAG) == 0)
            return t.p[0];
    return 0;
}

char fuzzy_said_by_all(const struct fuzzy_hit *hit, unsigned users_needed)
{
    static const struct fuzzy_who site;
    char said = fuzzy_said_by(hit, &site);
    struct fct_str t = hit->teachers;
    unsigned spam = 0, ham = 0;

    if (said || users_needed == 0)
        return said;
    for (; t.n >= TEACHER; t.p += TEACHER, t.n -= TEACHER) {
        spam += t.p[0] == 's';
        ham += t.p[0] == 'h';
    }
    if (spam >= users_needed && spam > ham)
        return 's';
    return ham >= users_needed ? 'h' : 0;
}

/* ---- learning ---- */

/* What is taken back stays in the list of messages, as a capital letter, without counts: being told
 * of the same move once more then changes nothing.
 *
 * A mark that finds no room (the generation is full, it has teachers enough) is not counted, and
 * what was not counted is not taken back: taking back is exact. */
const struct fct_redis_script fuzzy_learn_script = {
    .name = "fuzzy_learn",
    .text =
        "local now, before = KEYS[1], KEYS[2]\n"
        "local class, why, name, who = ARGV[1], ARGV[2], ARGV[3], ARGV[4]\n"
        "local most, most_teachers = tonumber(ARGV[11]), tonumber(ARGV[12])\n"
        "local ends = {[now] = ARGV[10], [before] = ARGV[13]}\n"
        "local full = false\n"
        "local function set(prefix, key, field, value)\n"
        "  if value == '' then redis.call('HDEL', key, field) return end\n"
        "  redis.call('HSET', key, field, value)\n"
        "  redis.call('EXPIREAT', key, ends[prefix])\n"
        "end\n"
        "local function find(list, what, width)\n"
        "  for i = 1, #list, width do\n"
        "    if list:sub(i, i + #what - 1) == what then return i end\n"
        "  end\n"
        "end\n"
        "local function index(prefix, kind, sketch, id, add)\n"
        "  for i = 1, #sketch, 4 do\n"
        "    local value = sketch:sub(i, i + 3)\n"
        "    if add then\n"
        "      local low = value:byte(1) + value:byte(2) * 256\n"
        "      redis.call('SETBIT', prefix .. ':b', (i - 1) * 16384 + low, 1)\n"
        "    end\n"
        "    local key = prefix .. ':' .. kind .. (i - 1) / 4 .. ':' .. value:byte(4)\n"
        "    local ids = redis.call('HGET', key, value) or ''\n"
        "    local at = find(ids, id, 8)\n"
        "    if add and not at and #ids < 32 then\n"
        "      set(prefix, key, value, ids .. id)\n"
        "    elseif at and not add then\n"
        "      set(prefix, key, value, ids:sub(1, at - 1) .. ids:sub(at + 8))\n"
        "    end\n"
        "  end\n"
        "end\n"
        "local function added(prefix)\n"
        "  if redis.call('INCR', prefix .. ':v') == 1 then\n"
        "    local now = redis.call('TIME')\n"
        "    redis.call('SET', prefix .. ':v', now[1] .. string.format('%06d', now[2]))\n"
        "  end\n"
        "  for _, key in ipairs({prefix .. ':v', prefix .. ':b'}) do\n"
        "    redis.call('EXPIREAT', key, ends[prefix])\n"
        "  end\n"
        "end\n"
        "local function room(prefix, said, at)\n"
        "  if at then return true end\n"
        "  if said ~= '' then return #said < most_teachers * 11 end\n"
        "  if tonumber(redis.call('HGET', prefix, 'n') or 0) < most then return true end\n"
        "  full = true\n"
        "end\n"
        "local function count(prefix, kind, sketch, id, class, by)\n"
        "  local key = prefix .. ':d:' .. id:byte(8)\n"
        "  local said = redis.call('HGET', key, id) or ''\n"
        "  local at = find(said, class .. who, 11)\n"
        "  if by > 0 and not room(prefix, said, at) or by < 0 and not at then return '0' end\n"
        "  local n = at and said:byte(at + 9) * 256 + said:byte(at + 10) or 0\n"
        "  if n + by > 65535 then return '0' end\n"
        "  n = n + by\n"
        "  local one = n > 0 and class .. who .. string.char(math.floor(n / 256), n % 256) or ''\n"
        "  at = at or #said + 1\n"
        "  local new = said:sub(1, at - 1) .. one .. said:sub(at + 11)\n"
        "  set(prefix, key, id, new)\n"
        "  if said == '' or new == '' then\n"
        "    index(prefix, kind, sketch, id, new ~= '')\n"
        "    if new ~= '' then added(prefix) end\n"
        "    if redis.call('HINCRBY', prefix, 'n', by) <= 0 then redis.call('DEL', prefix)\n"
        "    else redis.call('EXPIREAT', prefix, ends[prefix]) end\n"
        "  end\n"
        "  return '1'\n"
        "end\n"
        "local function count_all(prefix, class, by, which)\n"
        "  local done, place = '', 0\n"
        "  local function one(kind, sketch, id)\n"
        "    place = place + 1\n"
        "    local skip = id == '' or by < 0 and which:sub(place, place) ~= '1'\n"
        "    done = done .. (skip and '0' or count(prefix, kind, sketch, id, class, by))\n"
        "  end\n"
        "  one('t', ARGV[5], ARGV[6])\n"
        "  one('h', ARGV[7], ARGV[8])\n"
        "  for i = 1, #ARGV[9], 8 do one('a', '', ARGV[9]:sub(i, i + 7)) end\n"
        "  return done\n"
        "end\n"
        "local at, known = now, redis.call('HGET', now .. ':l', name)\n"
        "if not known then at, known = before, redis.call('HGET', before .. ':l', name) end\n"
        "local was = known and known:sub(1, 1):lower()\n"
        "local back = known and known:sub(1, 1) ~= was\n"
        "if known and why == 'guessed' then return 0 end\n"
        "if was == class and not (back and why == 'said') then return 0 end\n"
        "if known and not back then\n"
        "  count_all(at, was, -1, known:sub(2))\n"
        "  redis.call('HDEL', at .. ':l', name)\n"
        "  if why ~= 'said' then\n"
        "    set(now, now .. ':l', name, class:upper())\n"
        "    return 2\n"
        "  end\n"
        "elseif why == 'came' and class == 'h' then\n"
        "  return 0\n"
        "elseif back then\n"
        "  redis.call('HDEL', at .. ':l', name)\n"
        "end\n"
        "local done = count_all(now, class, 1)\n"
        "if not done:find('1') then return 4 end\n"
        "set(now, now .. ':l', name, class .. done)\n"
        "return known and not back and 3 or 1\n",
};

static const char *const why_words[] = {
    [FUZZY_SAID] = "said",
    [FUZZY_MOVED] = "moved",
    [FUZZY_CAME] = "came",
    [FUZZY_GUESSED] = "guessed",
};

static struct fct_str id_of(const struct fuzzy_sketch *s, unsigned char id[FUZZY_ID_BYTES])
{
    fuzzy_sketch_id(s, id);
    return bytes_of(id, s->is_there ? FUZZY_ID_BYTES : 0);
}

void fuzzy_learn(struct fuzzy_question *q, struct fuzzy_times at, const struct fuzzy_marks *marks,
                 const struct fuzzy_lesson *lesson)
{
    int64_t half = at.keep_s / 2, end = (fuzzy_generation(at) + 2) * half;

    name_generations(q, at);
    memcpy(q->digest, lesson->digest, sizeof lesson->digest);
    memcpy(q->digest + sizeof lesson->digest, lesson->who.tag, TAG);
    memcpy(q->who, lesson->who.tag, TAG);
    q->arg[0] = lesson->spam ? FCT_STR("s") : FCT_STR("h");
    q->arg[1] = bytes_of(why_words[lesson->why], strlen(why_words[lesson->why]));
    q->arg[2] = bytes_of(q->digest, sizeof q->digest);
    q->arg[3] = bytes_of(q->who, TAG);
    q->arg[4] = pack_sketch(&marks->text, q->text);
    q->arg[5] = id_of(&marks->text, q->text_id);
    q->arg[6] = pack_sketch(&marks->html, q->html);
    q->arg[7] = id_of(&marks->html, q->html_id);
    q->arg[8] = pack_attachments(marks, q);
    q->arg[9] = number(q, 0, end);
    q->arg[10] = number(q, 1, lesson->max_learned);
    q->arg[11] = number(q, 2, lesson->max_teachers);
    q->arg[12] = number(q, 3, end - half);
    q->args = 13;
}

bool fuzzy_learned(const struct fct_redis_reply *reply, enum fuzzy_learned *out)
{
    if (reply->kind != FCT_REDIS_INTEGER || reply->integer < FUZZY_KNOWN ||
        reply->integer > FUZZY_FULL)
        return false;
    *out = (enum fuzzy_learned)reply->integer;
    return true;
}

const char *fuzzy_learned_text(enum fuzzy_learned what)
{
    static const char *const text[] = {
        [FUZZY_KNOWN] = "known already",
        [FUZZY_LEARNED] = "learned",
        [FUZZY_TAKEN_BACK] = "taken back",
        [FUZZY_LEARNED_ANEW] = "taken back and learned anew",
        [FUZZY_FULL] = "not learned: no room (max_learned, max_teachers)",
    };

    return text[what];
}
