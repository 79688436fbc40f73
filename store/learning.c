/* learning.c - see learning.h. */
#include "store/learning.h"

#include "core/base/clock.h"
#include "core/log/log.h"
#include "store/driver.h"

#include <stdlib.h>

#define VERSION   1
#define LENT_MS   600000u /* longer than telling ever takes */
#define VALUE_MAX 64

#define FLAG_SPAM  1u                              /* the other bits: why */
#define APPENDS_US (30 * 86400 * INT64_C(1000000)) /* so long learning_expects_append */

struct learning {
    struct map *words;   /* key → struct learn_word */
    struct map *appends; /* account → int64_t, when it last appended to Junk */
    uint64_t stamp;
    bool full; /* said already */
};

/* ---- on disk ---- */

static struct key key_for(uint64_t account, uint64_t email)
{
    struct key key = key_of('w');

    key_u64(&key, account);
    key_u64(&key, email);
    return key;
}

static void put(struct batch *b, const struct learn_word *w)
{
    struct buf value = BUF_INIT(VALUE_MAX);

    record_begin(&value, VERSION);
    pack_uint(&value, (uint64_t)w->said_us);
    pack_uint(&value, (uint64_t)w->due_us);
    pack_uint(&value, w->mailbox);
    pack_u8(&value, (uint8_t)((w->spam ? FLAG_SPAM : 0) | (unsigned)w->why << 1));
    record_end(&value);
    batch_part(b, PART_LEARNING);
    batch_put(b, key_for(w->account, w->email), buf_str(&value));
    buf_free(&value);
}

static bool decode(struct fct_str key, struct fct_str value, struct learn_word *out)
{
    struct unpack in;
    uint8_t flags;

    if (key.n != 17 || !record_open(value, VERSION, &in))
        return false;
    out->account = key_get_u64(key.p + 1);
    out->email = key_get_u64(key.p + 9);
    out->said_us = (int64_t)unpack_uint(&in);
    out->due_us = (int64_t)unpack_uint(&in);
    out->mailbox = unpack_uint32(&in);
    flags = unpack_u8(&in);
    out->spam = flags & FLAG_SPAM;
    out->why = (enum store_said)(flags >> 1);
    return unpack_ok(&in) && out->why <= STORE_SAID_APPEND;
}

/* ---- in memory ---- */

static struct learn_word *find(const struct server *s, uint64_t account, uint64_t email)
{
    struct key key = key_for(account, email);

    return map_get(s->learning->words, key_str(&key));
}

static void forget(struct server *s, uint64_t account, uint64_t email)
{
    struct key key = key_for(account, email);

    free(map_remove(s->learning->words, key_str(&key)));
}

static void keep(struct server *s, const struct learn_word *word)
{
    struct key key = key_for(word->account, word->email);
    struct learn_word *w = find(s, word->account, word->email);

    if (!w) {
        w = malloc(sizeof *w);
        FCT_ASSERT(w);
        (void)map_put(s->learning->words, key_str(&key), w);
    }
    *w = *word;
    w->stamp = ++s->learning->stamp;
    w->lent_till = 0;
}

static bool read_word(void *arg, struct fct_str key, struct fct_str value)
{
    struct server *s = arg;
    struct learn_word word = {0};

    if (decode(key, value, &word)) /* store check tells of one that is damaged */
        keep(s, &word);
    return true;
}

static void keep_append(struct server *s, uint64_t account, int64_t when_us)
{
    int64_t *kept = malloc(sizeof *kept);

    FCT_ASSERT(kept);
    *kept = when_us;
    free(map_put(s->learning->appends, map_u64(&account), kept));
}

static bool read_append(void *arg, struct fct_str key, struct fct_str value)
{
    struct unpack in;

    if (key.n == 9 && record_open(value, VERSION, &in))
        keep_append(arg, key_get_u64(key.p + 1), (int64_t)unpack_uint(&in));
    return true;
}

bool learning_open(struct server *s, struct fct_err *err)
{
    s->learning = calloc(1, sizeof *s->learning);
    FCT_ASSERT(s->learning);
    s->learning->words = map_new();
    s->learning->appends = map_new();
    return s->driver->ops->scan(s->driver, NULL, PART_LEARNING, FCT_STR("w"), FCT_STR("x"),
                                read_word, s, err) &&
           s->driver->ops->scan(s->driver, NULL, PART_LEARNING, FCT_STR("j"), FCT_STR("k"),
                                read_append, s, err);
}

static void free_all(struct map **map)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(*map, &at, &key, &value))
        free(value);
    map_free(map);
}

void learning_close(struct server *s)
{
    if (!s->learning)
        return;
    free_all(&s->learning->words);
    free_all(&s->learning->appends);
    free(s->learning);
    s->learning = NULL;
}

size_t learning_count(const struct server *s)
{
    return map_count(s->learning->words);
}

/* ---- saying ---- */

static bool has_room(struct server *s)
{
    bool room = learning_count(s) < s->conf->learn_words;

    if (!room && !s->learning->full)
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("why", "more is said about messages than learners take: some of it is not "
                             "learned (store.learn_words)"));
    s->learning->full = !room;
    return room;
}

bool learning_say(struct server *s, struct batch *b, const struct learn_word *word)
{
    const struct learn_word *before = find(s, word->account, word->email);

    if (!before && !has_room(s))
        return false;
    if (before && before->spam != word->spam && word->why == STORE_SAID_MOVE &&
        before->lent_till == 0) {
        learning_drop(s, b, word->account, word->email, before->stamp);
        return true;
    }
    keep(s, word);
    put(b, word);
    return true;
}

bool learning_expects_append(const struct server *s, uint64_t account)
{
    const int64_t *when = map_get(s->learning->appends, map_u64(&account));

    return when && clock_wall_us() - *when < APPENDS_US;
}

void learning_note_append(struct server *s, struct batch *b, uint64_t account)
{
    struct buf value = BUF_INIT(VALUE_MAX);
    struct key key = key_of('j');
    int64_t now_us = clock_wall_us();

    keep_append(s, account, now_us);
    key_u64(&key, account);
    record_begin(&value, VERSION);
    pack_uint(&value, (uint64_t)now_us);
    record_end(&value);
    batch_part(b, PART_LEARNING);
    batch_put(b, key, buf_str(&value));
    buf_free(&value);
}

/* ---- telling ---- */

/* Said first, told first: taking something back comes behind what it takes back. */
static bool comes_before(const struct learn_word *a, const struct learn_word *b)
{
    return a->said_us != b->said_us ? a->said_us < b->said_us : a->email < b->email;
}

static struct learn_word *oldest_due(const struct server *s, int64_t now_us, int64_t *soonest_us)
{
    struct learn_word *found = NULL;
    uint64_t now = clock_ms();
    struct fct_str key;
    size_t at = 0;
    void *value;

    *soonest_us = INT64_MAX;
    while (map_next(s->learning->words, &at, &key, &value)) {
        struct learn_word *w = value;

        if (w->lent_till > now)
            continue;
        if (w->due_us < *soonest_us)
            *soonest_us = w->due_us;
        if (w->due_us <= now_us && (!found || comes_before(w, found)))
            found = w;
    }
    return found;
}

const struct learn_word *learning_next(struct server *s, uint64_t *wait_ms)
{
    int64_t now_us = clock_wall_us(), soonest_us;
    struct learn_word *found = oldest_due(s, now_us, &soonest_us);

    *wait_ms = CLOCK_NEVER;
    if (found)
        found->lent_till = clock_ms() + LENT_MS;
    else if (soonest_us != INT64_MAX)
        *wait_ms = (uint64_t)(soonest_us - now_us) / 1000 + 1;
    return found;
}

void learning_drop(struct server *s, struct batch *b, uint64_t account, uint64_t email,
                   uint64_t stamp)
{
    const struct learn_word *w = find(s, account, email);

    if (!w || w->stamp != stamp)
        return;
    forget(s, account, email);
    batch_part(b, PART_LEARNING);
    batch_del(b, key_for(account, email));
}

void learning_again(struct server *s, struct batch *b, uint64_t account, uint64_t email,
                    uint64_t stamp, int64_t retry_us)
{
    struct learn_word *w = find(s, account, email);
    int64_t now_us = clock_wall_us();

    if (!w || w->stamp != stamp)
        return;
    if (now_us - w->said_us > (int64_t)s->conf->learn_keep.ms * 1000) {
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("why", "no learner could be told what was said about a message "
                             "(store.learn_keep)"),
                  F_U64("account", account));
        learning_drop(s, b, account, email, stamp);
        return;
    }
    w->due_us = now_us + retry_us;
    w->lent_till = 0;
    put(b, w);
}
