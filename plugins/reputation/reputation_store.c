/* reputation_store.c - see reputation_store.h. */
#include "reputation_store.h"

#include "plugins/lib/secret_hash.h"
#include "plugins/lib/view.h"

#define PREFIX_END 11 /* where the name begins, counted from 1 as in Lua */
#define TEXT(x)    #x
#define NUMBER(x)  TEXT(x)

enum { NAME_BYTES = 8 };

static const char kind_letter[] = {
    [REPUTATION_NET] = 'n', [REPUTATION_ASN] = 'a', [REPUTATION_DKIM] = 'd',
    [REPUTATION_SPF] = 's', [REPUTATION_URL] = 'u', [REPUTATION_SENDER] = 'f',
};

/* ---- keys ---- */

bool reputation_key(const char *secret, enum reputation_kind kind, struct fct_str name,
                    char out[REPUTATION_KEY_ROOM])
{
    int n = snprintf(out, REPUTATION_KEY_ROOM, REPUTATION_PREFIX "%c", kind_letter[kind]);

    return secret_hash(secret, name, NAME_BYTES, out + n);
}

bool reputation_user_tag(const char *secret, struct fct_str account, char out[REPUTATION_TAG_ROOM])
{
    char lower[320];

    if (account.n == 0 || account.n > sizeof lower)
        return false;
    out[0] = ':';
    return secret_hash(secret, view_lower(account, lower), NAME_BYTES, out + 1);
}

void reputation_message_key(const char *digest, char out[REPUTATION_KEY_ROOM])
{
    (void)snprintf(out, REPUTATION_KEY_ROOM, REPUTATION_PREFIX "m%s", digest);
}

/* ---- scripts ---- */

/* clang-format off */

/* What both scripts begin with. A value that is none of ours counts as nothing. Nothing left: the
 * key goes, as if it had never been. */
#define BUMP \
    "local function bump(key, class, weight, at, sign, ttl)\n" \
    "  if class == 0 then return end\n" \
    "  local value, c = redis.pcall('GET', key), {0, 0, 0, 0}\n" \
    "  if type(value) == 'string' and #value == 32 then\n" \
    "    c = {struct.unpack('<dddd', value)}\n" \
    "  end\n" \
    "  local age = at - " NUMBER(REPUTATION_LANDMARK) "\n" \
    "  local half_lives = {" NUMBER(REPUTATION_WEEK_S) ", " NUMBER(REPUTATION_SEASON_S) "}\n" \
    "  for i, half_life in ipairs(half_lives) do\n" \
    "    local n = 2 * (i - 1) + class\n" \
    "    c[n] = math.max(0, c[n] + sign * weight * 2 ^ (age / half_life))\n" \
    "  end\n" \
    "  if c[1] + c[2] + c[3] + c[4] == 0 then redis.call('DEL', key) return end\n" \
    "  redis.call('SET', key, struct.pack('<dddd', c[1], c[2], c[3], c[4]), 'EX', ttl)\n" \
    "end\n"

/* KEYS: the message, then names. ARGV: class, weight, now, life of names, of messages. */
const struct fct_redis_script reputation_count_script = {
    .name = "reputation_count",
    .text = BUMP
        "local class, weight, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
        "if ARGV[5] ~= '0' then\n"
        "  if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end\n"
        "  local names = {}\n"
        "  for i = 2, #KEYS do names[i - 1] = KEYS[i]:sub(" NUMBER(PREFIX_END) ") end\n"
        "  redis.call('SET', KEYS[1], cmsgpack.pack(class, weight, now, 0, 0, 0, 0,\n"
        "    table.concat(names, ' ')), 'EX', ARGV[5])\n"
        "end\n"
        "for i = 2, #KEYS do bump(KEYS[i], class, weight, now, 1, ARGV[4]) end\n"
        "return 1\n",
};

/* KEYS: the message; where it stands what was said of it: there, or a key of one user. ARGV: class,
 * weight, now, life of names, of messages, why, prefix of names, what stands behind them.
 *
 * What people say stands above what was counted when the message came, which comes back when they
 * take it back. The same move told twice counts once: `last` is what was told last. */
const struct fct_redis_script reputation_learn_script = {
    .name = "reputation_learn",
    .text = BUMP
        "local class, weight, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
        "local why = ARGV[6]\n"
        "local record = redis.pcall('GET', KEYS[1])\n"
        "if type(record) ~= 'string' then record = redis.pcall('GET', KEYS[2]) end\n"
        "if type(record) ~= 'string' then return 0 end\n"
        "local good, auto, auto_weight, auto_at, said, said_weight, said_at, last, names =\n"
        "  pcall(cmsgpack.unpack, record)\n"
        "if not good or type(names) ~= 'string' then return 0 end\n"
        "if KEYS[2] ~= KEYS[1] then\n"
        "  local own, ok = redis.pcall('GET', KEYS[2])\n"
        "  auto, said, last = 0, 0, 0\n"
        "  if type(own) == 'string' then\n"
        "    ok, auto, auto_weight, auto_at, said, said_weight, said_at, last =\n"
        "      pcall(cmsgpack.unpack, own)\n"
        "    if not ok or not last then auto, said, last = 0, 0, 0 end\n"
        "  end\n"
        "end\n"
        "if said == class or (why ~= 'said' and last == class) then return 1 end\n"
        "if why == 'came' and class == 2 and said == 0 then return 1 end\n"
        "local function each(class, weight, at, sign)\n"
        "  for name in names:gmatch('%S+') do\n"
        "    bump(ARGV[7] .. name .. ARGV[8], class, weight, at, sign, ARGV[4])\n"
        "  end\n"
        "end\n"
        "local did = said == 0 and 2 or why == 'said' and 4 or 3\n"
        "if said ~= 0 then each(said, said_weight, said_at, -1)\n"
        "else each(auto, auto_weight, auto_at, -1) end\n"
        "if did == 3 then\n"
        "  said, said_weight, said_at = 0, 0, 0\n"
        "  each(auto, auto_weight, auto_at, 1)\n"
        "else\n"
        "  said, said_weight, said_at = class, weight, now\n"
        "  each(class, weight, now, 1)\n"
        "end\n"
        "redis.call('SET', KEYS[2], cmsgpack.pack(auto, auto_weight, auto_at, said, said_weight,\n"
        "  said_at, class, names), 'EX', ARGV[5])\n"
        "return did\n",
};
/* clang-format on */

/* ---- what is sent ---- */

static void add_key(struct reputation_question *q, const char *key)
{
    q->key[q->keys++] = (struct fct_str){key, strlen(key)};
}

static FCT_PRINTF(2, 3) void add_arg(struct reputation_question *q, const char *fmt, ...)
{
    char *text = q->text[q->args];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof q->text[0], fmt, ap);
    va_end(ap);
    q->arg[q->args++] = (struct fct_str){text, strlen(text)};
}

static void begin(struct reputation_question *q, enum reputation_class class, double weight,
                  int64_t now, const struct reputation_times *times, const char *message_key)
{
    q->keys = q->args = 0;
    add_key(q, message_key);
    add_arg(q, "%u", (unsigned)class);
    add_arg(q, "%.17g", weight);
    add_arg(q, "%lld", (long long)now);
    add_arg(q, "%llu", (unsigned long long)times->names);
    add_arg(q, "%llu", (unsigned long long)times->messages);
}

void reputation_count(struct reputation_question *q, enum reputation_class class, double weight,
                      int64_t now, const struct reputation_times *times, const char *message_key,
                      const char (*key)[REPUTATION_KEY_ROOM], size_t n)
{
    begin(q, class, weight, now, times, message_key);
    for (size_t i = 0; i < n && i < REPUTATION_NAMES; i++)
        add_key(q, key[i]);
}

void reputation_learn(struct reputation_question *q, enum reputation_class class,
                      enum reputation_why why, double weight, int64_t now,
                      const struct reputation_times *times, const char *message_key,
                      const char *user_tag)
{
    static const char *const words[] = {
        [REPUTATION_MOVED] = "moved", [REPUTATION_CAME] = "came", [REPUTATION_SAID] = "said"};

    begin(q, class, weight, now, times, message_key);
    (void)snprintf(q->own_key, sizeof q->own_key, "%s%s", message_key, user_tag);
    add_key(q, q->own_key);
    add_arg(q, "%s", words[why]);
    add_arg(q, "%s", REPUTATION_PREFIX);
    add_arg(q, "%s", user_tag);
}

bool reputation_learned(const struct fct_redis_reply *reply, enum reputation_learned *out)
{
    if (reply->kind != FCT_REDIS_INTEGER || reply->integer < REPUTATION_STRANGE ||
        reply->integer > REPUTATION_LEARNED_ANEW)
        return false;
    *out = (enum reputation_learned)reply->integer;
    return true;
}

const char *reputation_learned_text(enum reputation_learned what)
{
    static const char *const text[] = {
        [REPUTATION_STRANGE] = "not known here",
        [REPUTATION_KNOWN] = "known already",
        [REPUTATION_LEARNED] = "learned",
        [REPUTATION_TAKEN_BACK] = "taken back",
        [REPUTATION_LEARNED_ANEW] = "taken back and learned anew",
    };

    return text[what];
}
