/* bayes_recall.c - see bayes_recall.h. */
#include "bayes_recall.h"

/* Of questions: when lessons overtake us again and again the cache is left alone. */
enum { ROUNDS = 16 };

enum { AHEAD = 16 }; /* tokens that memory is asked for before they are looked at */

/* KEYS: of this generation and of the one before: head, changes. ARGV, for each: the state that the
 * caller holds (15 digits, empty: none), buckets of two bytes, tokens (bayes_pack).
 *
 * Of each: false when it is empty, else s, h, state, buckets, values of tokens, what changed since.
 * A bucket is "N:" and its fields and values, a comma behind each; what changed are tokens, or
 * false when it is unknown. Nothing but the state is looked up for who holds another one. */
const struct fct_redis_script bayes_recall_script = {
    .name = "bayes_recall",
    .text = "local call, byte, format = redis.call, string.byte, string.format\n"
            "local function bucket(head, list, i)\n"
            "  local high, low = byte(list, i, i + 1)\n"
            "  return format('%s:%d', head, high * 256 + low)\n"
            "end\n"
            "local begins = {[0] = '0:'}\n"
            "local function buckets(head, list)\n"
            "  local out = {}\n"
            "  for i = 1, #list, 2 do\n"
            "    local b = call('HGETALL', bucket(head, list, i))\n"
            "    local n = #b\n"
            "    begins[n] = begins[n] or n / 2 .. ':'\n"
            "    if n > 0 then b[n + 1] = '' end\n"
            "    out[#out + 1] = begins[n]\n"
            "    out[#out + 1] = table.concat(b, ',')\n"
            "  end\n"
            "  return table.concat(out)\n"
            "end\n"
            "local function values(head, t)\n"
            "  local out = {}\n"
            "  for i = 1, #t, 7 do\n"
            "    out[#out + 1] = call('HGET', bucket(head, t, i), t:sub(i + 2, i + 6)) or ''\n"
            "  end\n"
            "  return table.concat(out, ',')\n"
            "end\n"
            "local function changes(key, held)\n"
            "  local out = {}\n"
            "  for i = 0, redis.call('LLEN', key) - 1 do\n"
            "    local r = redis.call('LINDEX', key, i)\n"
            "    if r:sub(1, 15) == held then return table.concat(out) end\n"
            "    out[#out + 1] = r:sub(16)\n"
            "  end\n"
            "  return false\n"
            "end\n"
            "local function generation(head, log, held, b, t)\n"
            "  local r = redis.call('HMGET', head, 's', 'h', 'v')\n"
            "  if not r[1] and not r[2] then return false end\n"
            "  local state = r[3] or '000000000000000'\n"
            "  local now, since = held == state or held == 'any', ''\n"
            "  if not now and held ~= '' then since = changes(log, held) end\n"
            "  return {r[1] or '0', r[2] or '0', state, now and buckets(head, b) or '',\n"
            "    now and values(head, t) or '', since}\n"
            "end\n"
            "return {generation(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]),\n"
            "  generation(KEYS[3], KEYS[4], ARGV[4], ARGV[5], ARGV[6])}\n",
};

/* ---- asking ---- */

void bayes_recall_begin(struct bayes_recall *look, const struct bayes_db *db,
                        struct bayes_cache *cache, bayes_generation now, const uint64_t *token,
                        size_t n)
{
    look->cache = cache;
    look->token = token;
    look->n = n;
    look->rounds = 0;
    look->direct = false;
    look->db = *db;
    for (size_t i = 0; i < n; i++)
        look->bucket[i] = (uint16_t)bayes_bucket(&look->db, token[i]);
    for (unsigned i = 0; i < BAYES_GENERATIONS; i++) {
        look->part[i].generation = now - i;
        look->part[i].done = false;
    }
}

static struct bayes_shelf *shelf_of(const struct bayes_recall *look,
                                    const struct bayes_recall_part *part)
{
    return look->cache ? bayes_cache_shelf(look->cache, part->generation) : NULL;
}

/* A bucket that is missing is fetched whole, and of those that are here already nothing is asked.
 */
static void want(struct bayes_recall *look, struct bayes_recall_part *part, unsigned char *seen,
                 size_t at)
{
    bool full = bayes_cache_is_full(look->cache);
    size_t most = look->db.is_user ? BAYES_FETCHED_USER : BAYES_FETCHED_MOST;
    uint16_t bucket = look->bucket[at];
    unsigned char bit = (unsigned char)(1u << bucket % 8);

    if (part->nfetched < (full ? BAYES_FETCHED_FEW : most) && !(seen[bucket / 8] & bit)) {
        seen[bucket / 8] |= bit;
        part->buckets[2 * part->nfetched] = (char)(bucket >> 8);
        part->buckets[2 * part->nfetched + 1] = (char)bucket;
        part->fetched[part->nfetched++] = (uint16_t)at;
    } else if (full) {
        part->single[part->nsingle++] = (uint16_t)at;
    } else {
        part->more = true;
    }
}

static void plan(struct bayes_recall *look, struct bayes_recall_part *part)
{
    struct bayes_shelf *shelf = shelf_of(look, part);
    unsigned char seen[BAYES_SITE_BUCKETS / 8] = {0};

    part->nfetched = part->nsingle = 0;
    part->more = false;
    part->held = shelf && bayes_shelf_state(shelf, &part->state);
    for (size_t i = 0; part->held && i < look->n + AHEAD; i++) {
        if (i < look->n)
            bayes_shelf_expect(shelf, look->bucket[i],
                               look->bucket[i + AHEAD < look->n ? i + AHEAD : i]);
        if (i >= AHEAD && !bayes_shelf_find(shelf, look->bucket[i - AHEAD], look->token[i - AHEAD],
                                            &part->value[i - AHEAD]))
            want(look, part, seen, i - AHEAD);
    }
}

static void plan_all(const struct bayes_recall *look, struct bayes_recall_part *part)
{
    part->nfetched = 0;
    part->held = part->more = false;
    for (part->nsingle = 0; part->nsingle < look->n; part->nsingle++)
        part->single[part->nsingle] = (uint16_t)part->nsingle;
}

static struct fct_str pack_single(const struct bayes_recall *look, struct bayes_recall_part *part)
{
    for (size_t i = 0; i < part->nsingle; i++)
        bayes_pack(&look->db, look->token[part->single[i]], part->tokens + i * BAYES_PACKED);
    return (struct fct_str){part->tokens, part->nsingle * BAYES_PACKED};
}

/* What is done already is asked for its state only. */
void bayes_recall_ask(struct bayes_recall *look, struct bayes_question *q)
{
    look->direct = !look->cache || look->rounds == ROUNDS;
    look->rounds++;
    for (unsigned i = 0; i < BAYES_GENERATIONS; i++) {
        struct bayes_recall_part *part = &look->part[i];
        struct fct_str *arg = &q->arg[3 * i];

        q->key[2 * i] = bayes_key_of(q, 3 * i, "b", &look->db, part->generation);
        q->key[2 * i + 1] = bayes_key_of(q, 3 * i + 1, "c", &look->db, part->generation);
        arg[0] = arg[1] = arg[2] = FCT_STR("");
        if (part->done)
            continue;
        if (look->direct)
            plan_all(look, part);
        else
            plan(look, part);
        if (look->direct)
            arg[0] = FCT_STR("any");
        else if (part->held)
            arg[0] = bayes_state_text(q, 3 * i + 2, part->state);
        arg[1] = (struct fct_str){part->buckets, 2 * part->nfetched};
        arg[2] = pack_single(look, part);
    }
    q->keys = 2 * BAYES_GENERATIONS;
    q->args = 3 * BAYES_GENERATIONS;
}

/* ---- answers ---- */

static bool take_mark(struct fct_str *s, char mark)
{
    if (s->n == 0 || s->p[0] != mark)
        return false;
    s->p++;
    s->n--;
    return true;
}

static bool read_entry(struct fct_str *s, struct bayes_entry *out)
{
    if (s->n < 5)
        return false;
    out->field = 0;
    for (unsigned i = 0; i < 5; i++)
        out->field = out->field << 8 | (unsigned char)s->p[i];
    s->p += 5;
    s->n -= 5;
    if (!take_mark(s, ','))
        return false;
    out->value = bayes_number(s);
    return take_mark(s, ',');
}

/* The bucket of the token at `at`; false: this is none. */
static bool read_bucket(const struct bayes_recall *look, struct bayes_recall_part *part, size_t at,
                        struct fct_str *s, struct bayes_shelf *shelf)
{
    uint64_t n = bayes_number(s), field = look->token[at] & UINT64_C(0xffffffffff);
    struct bayes_entry entry[BAYES_ENTRIES_MOST];

    part->value[at] = 0;
    if (!take_mark(s, ':') || n > s->n)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        struct bayes_entry *e = &entry[i < BAYES_ENTRIES_MOST ? i : 0];

        if (!read_entry(s, e))
            return false;
        if (e->field == field)
            part->value[at] = e->value;
    }
    if (shelf && n <= BAYES_ENTRIES_MOST)
        bayes_shelf_put(look->cache, shelf, look->bucket[at], entry, (size_t)n);
    return true;
}

static bool read_single(struct bayes_recall_part *part, struct fct_str s)
{
    for (size_t i = 0; i < part->nsingle; i++) {
        part->value[part->single[i]] = bayes_number(&s);
        if (i + 1 < part->nsingle && !take_mark(&s, ','))
            return false;
    }
    return true;
}

/* Another message may have moved the shelf on meanwhile: then what came is good for this message
 * only. */
static bool read_values(const struct bayes_recall *look, struct bayes_recall_part *part,
                        const struct fct_redis_reply *item)
{
    struct bayes_shelf *shelf = shelf_of(look, part);
    struct fct_str buckets = item[3].string;
    uint64_t state;

    if (!part->held || !shelf || !bayes_shelf_state(shelf, &state) || state != part->state)
        shelf = NULL;
    for (size_t i = 0; i < part->nfetched; i++)
        if (!read_bucket(look, part, part->fetched[i], &buckets, shelf))
            return false;
    return read_single(part, item[4].string);
}

/* Somebody has learned, or we knew nothing at all. */
static void move_on(const struct bayes_recall *look, const struct bayes_recall_part *part,
                    uint64_t state, const struct fct_redis_reply *changes)
{
    struct bayes_shelf *shelf = shelf_of(look, part);
    uint64_t here = 0;
    bool known = shelf && bayes_shelf_state(shelf, &here);

    if (!shelf || (known && (here == state || !part->held || here != part->state)))
        return; /* another message has done it, or is about to */
    if (!part->held || changes->kind != FCT_REDIS_STRING)
        bayes_shelf_reset(look->cache, shelf, state);
    else
        bayes_shelf_move(look->cache, shelf, state, changes->string);
}

static bool is_generation(const struct fct_redis_reply *r)
{
    if (r->kind != FCT_REDIS_ARRAY || r->n != 6)
        return false;
    for (size_t i = 0; i < 5; i++)
        if (r->item[i].kind != FCT_REDIS_STRING)
            return false;
    return true;
}

static bool answer_part(const struct bayes_recall *look, struct bayes_recall_part *part,
                        const struct fct_redis_reply *reply)
{
    struct fct_str spam, ham, text;
    uint64_t state;

    if (reply->kind == FCT_REDIS_NIL) { /* nothing was learned in this generation */
        part->messages = (struct bayes_counts){0};
        memset(part->value, 0, sizeof part->value);
        part->done = true;
        return true;
    }
    if (!is_generation(reply))
        return false;
    spam = reply->item[0].string;
    ham = reply->item[1].string;
    text = reply->item[2].string;
    part->messages.spam = (double)bayes_number(&spam);
    part->messages.ham = (double)bayes_number(&ham);
    state = bayes_number(&text);
    if (look->direct || (part->held && state == part->state)) {
        if (!read_values(look, part, reply->item))
            return false;
        part->done = !part->more;
        return true;
    }
    move_on(look, part, state, &reply->item[5]);
    return true;
}

enum bayes_recall_next bayes_recall_answer(struct bayes_recall *look,
                                           const struct fct_redis_reply *reply)
{
    bool done = true;

    if (reply->kind != FCT_REDIS_ARRAY || reply->n != BAYES_GENERATIONS)
        return BAYES_RECALL_STRANGE;
    for (unsigned i = 0; i < BAYES_GENERATIONS; i++) {
        if (!look->part[i].done && !answer_part(look, &look->part[i], &reply->item[i]))
            return BAYES_RECALL_STRANGE;
        done = done && look->part[i].done;
    }
    return done ? BAYES_RECALL_DONE : BAYES_RECALL_AGAIN;
}

/* ---- when nothing is missing ---- */

bool bayes_recall_is_here(const struct bayes_recall *look)
{
    bool any = false;

    for (unsigned i = 0; i < BAYES_GENERATIONS; i++) {
        const struct bayes_recall_part *part = &look->part[i];

        if (part->nfetched + part->nsingle > 0 || part->more)
            return false;
        any |= part->held;
    }
    return any && look->rounds == 1;
}

void bayes_recall_head(const struct bayes_question *q, unsigned age,
                       struct fct_str word[BAYES_HEAD_WORDS])
{
    word[0] = FCT_STR("HMGET");
    word[1] = q->key[2 * age];
    word[2] = FCT_STR("s");
    word[3] = FCT_STR("h");
    word[4] = FCT_STR("v");
}

static bool read_head(const struct fct_redis_reply *item, uint64_t *number)
{
    struct fct_str text = item->string;

    *number = item->kind == FCT_REDIS_STRING ? bayes_number(&text) : 0;
    return item->kind == FCT_REDIS_STRING || item->kind == FCT_REDIS_NIL;
}

/* Done when it is as we know it, or empty; else the script says what has changed. */
static bool take_head(struct bayes_recall_part *part, const struct fct_redis_reply *reply)
{
    uint64_t spam, ham, state;

    if (reply->kind != FCT_REDIS_ARRAY || reply->n != 3 || !read_head(&reply->item[0], &spam) ||
        !read_head(&reply->item[1], &ham) || !read_head(&reply->item[2], &state))
        return false;
    if (reply->item[0].kind == FCT_REDIS_NIL && reply->item[1].kind == FCT_REDIS_NIL)
        memset(part->value, 0, sizeof part->value);
    else if (!part->held || state != part->state)
        return true;
    part->messages = (struct bayes_counts){(double)spam, (double)ham};
    part->done = true;
    return true;
}

enum bayes_recall_next
bayes_recall_heads(struct bayes_recall *look,
                   const struct fct_redis_reply *const reply[BAYES_GENERATIONS])
{
    bool done = true;

    for (unsigned i = 0; i < BAYES_GENERATIONS; i++) {
        if (!reply[i] || !take_head(&look->part[i], reply[i]))
            return BAYES_RECALL_STRANGE;
        done = done && look->part[i].done;
    }
    return done ? BAYES_RECALL_DONE : BAYES_RECALL_AGAIN;
}

void bayes_recall_counts(const struct bayes_recall *look, struct bayes_counts *messages,
                         struct bayes_counts *token)
{
    double weight = 1;

    for (unsigned g = 0; g < BAYES_GENERATIONS; g++, weight *= BAYES_OLDER_WEIGHT) {
        const struct bayes_recall_part *part = &look->part[g];

        messages->spam += weight * part->messages.spam;
        messages->ham += weight * part->messages.ham;
        if (part->messages.spam + part->messages.ham <= 0)
            continue;
        for (size_t i = 0; i < look->n; i++) {
            token[i].spam += weight * (double)(part->value[i] >> 24);
            token[i].ham += weight * (double)(part->value[i] & 0xffffff);
        }
    }
}
