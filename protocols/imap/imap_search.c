/* imap_search.c - SEARCH (RFC 9051 6.4.4), with ESEARCH (RFC 4731) and the result variable "$" (RFC
 * 5182). */
#include "protocols/imap/imap_search.h"

#include "protocols/imap/imap_gate.h"
#include "protocols/imap/imap_response.h"
#include "protocols/imap/imap_summaries.h"

#include <stdlib.h>

#define GROUP_MESSAGES 32
#define GROUP_BYTES    (128u << 10)
#define SMALL          (64u << 10)
#define PIECE          (2u << 20)
_Static_assert(GROUP_MESSAGES <= STORE_MANY && GROUP_BYTES + SMALL <= STORE_MANY_BYTES,
               "a group is one question to the store");
#define MESSAGE_MAX   (128u << 20)
#define OFFLOAD_ABOVE (128u << 10) /* decoding more than this would keep other sessions waiting */

#define RETURN_MIN   1u
#define RETURN_MAX   2u
#define RETURN_ALL   4u
#define RETURN_COUNT 8u
#define RETURN_SAVE  16u

struct search {
    struct imap_session *s;
    struct imap_command *c;
    struct imap_search_key *key;
    enum imap_search_level needs;
    unsigned returns; /* RETURN_*; 0 with extended false: "* SEARCH" */
    bool extended;
    uint8_t *answer; /* enum imap_search_answer of each message of the view */
    uint32_t *found; /* indexes, ascending */
    size_t nfound;
    struct arena *arena; /* of the batch in hand */
};

/* ---- parsing ---- */

static const struct {
    const char *name;
    unsigned bit;
} return_options[] = {
    {"MIN", RETURN_MIN},     {"MAX", RETURN_MAX},   {"ALL", RETURN_ALL},
    {"COUNT", RETURN_COUNT}, {"SAVE", RETURN_SAVE},
};

static bool parse_return_option(struct fct_str *in, struct search *q)
{
    for (size_t i = 0; i < FCT_COUNT(return_options); i++)
        if (imap_parse_word(in, return_options[i].name)) {
            q->returns |= return_options[i].bit;
            return true;
        }
    return false;
}

/* search-return-opts = SP "RETURN" SP "(" [option *(SP option)] ")" */
static bool parse_return(struct fct_str *in, struct search *q)
{
    struct fct_str ahead = *in;

    if (!imap_parse_space(&ahead) || !imap_parse_word(&ahead, "RETURN"))
        return true;
    q->extended = true;
    if (!imap_parse_space(&ahead) || !imap_parse_char(&ahead, '('))
        return false;
    if (!imap_parse_char(&ahead, ')')) {
        do
            if (!parse_return_option(&ahead, q))
                return false;
        while (imap_parse_space(&ahead));
        if (!imap_parse_char(&ahead, ')'))
            return false;
    }
    *in = ahead;
    if (q->returns == 0)
        q->returns = RETURN_ALL;
    return true;
}

/* SP "CHARSET" SP charset. All text is UTF-8 or ASCII, which is the same to us. */
static bool parse_charset(struct search *q, struct fct_err *err)
{
    struct fct_str *in = &q->c->args, ahead = *in, name;

    if (!imap_parse_space(&ahead) || !imap_parse_word(&ahead, "CHARSET"))
        return true;
    if (!imap_parse_space(&ahead) || !imap_parse_astring(&ahead, q->c->arena, &name))
        return imap_syntax(err, "CHARSET needs a name");
    *in = ahead;
    if (str_equal_nocase(name, FCT_STR("UTF-8")) || str_equal_nocase(name, FCT_STR("US-ASCII")))
        return true;
    return imap_fail(q->c, "BADCHARSET (US-ASCII UTF-8)", err, "That charset is not known here");
}

static bool resolve(void *owner, const struct imap_sequence_set *set, bool uid,
                    struct imap_indexes *out, struct fct_err *err)
{
    struct search *q = owner;
    struct imap_command as = {.arena = q->c->arena, .uid = uid};

    return imap_resolve(q->s, &as, set, out, err);
}

static bool parse_search(struct search *q, struct fct_err *err)
{
    struct imap_search_parser p = {.arena = q->c->arena, .resolve = resolve, .owner = q};

    if (!parse_return(&q->c->args, q))
        return imap_syntax(err, "Bad options of SEARCH RETURN");
    if (!parse_charset(q, err))
        return false;
    if (!imap_parse_space(&q->c->args))
        return imap_syntax(err, "SEARCH needs a key");
    return imap_search_parse(&p, &q->c->args, &q->key, err);
}

/* ---- judging ---- */

static struct imap_search_message message_at(const struct search *q, uint32_t index)
{
    return (struct imap_search_message){
        .record = imap_view_at(&q->s->view, index),
        .index = index,
        .keyword = q->s->view.keyword,
        .nkeywords = q->s->view.nkeywords,
    };
}

/* One message that its record does not decide. */
struct candidate {
    const struct imap_message *message;
    enum imap_search_answer answer;
    uint32_t length; /* of what must be read when the summary does not decide either */
};

static enum imap_search_answer judge_summary(struct search *q, const struct imap_message *message)
{
    struct imap_search_message m = message_at(q, message->index);

    if (!message->here)
        return SEARCH_NO; /* gone: not found */
    m.level = SEARCH_BY_SUMMARY;
    m.summary = &message->summary;
    return imap_search_judge(q->key, &m);
}

struct judge_work {
    const struct imap_search_key *key;
    struct imap_search_message m;
    enum imap_search_answer answer;
};

static void judge(void *arg)
{
    struct judge_work *w = arg;

    w->answer = imap_search_judge(w->key, &w->m);
}

static enum imap_search_answer judge_bytes(struct search *q, const struct candidate *one,
                                           struct fct_str bytes)
{
    struct judge_work w = {.key = q->key, .m = message_at(q, one->message->index)};

    w.m.level = q->needs;
    w.m.summary = &one->message->summary;
    w.m.bytes = bytes;
    w.m.arena = arena_new(q->arena);
    if (bytes.n > OFFLOAD_ABOVE)
        offload(judge, &w);
    else
        judge(&w);
    arena_free(&w.m.arena);
    return w.answer;
}

/* ---- reading ---- */

/* A large message is held whole while it is searched, and again decoded: not many at once in this
 * process. */
static struct imap_gate large_messages = IMAP_GATE(4);

static bool read_large(struct search *q, const struct candidate *one, struct buf *bytes,
                       struct fct_err *err)
{
    struct imap_session *s = q->s;

    while (bytes->n < one->length) {
        size_t before = bytes->n, left = one->length - before;

        if (!store_read(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox,
                        imap_view_at(&s->view, one->message->index)->uid, false, before,
                        (uint32_t)(left < PIECE ? left : PIECE), bytes, err))
            return false;
        if (bytes->n == before)
            return fct_fail(err, FCT_TEMP, "The message is shorter than its record");
    }
    return true;
}

static void judge_large(struct search *q, struct candidate *one)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(MESSAGE_MAX);
    struct fct_err err = {0};

    one->answer = SEARCH_NO; /* what cannot be read does not match */
    if (!imap_gate_enter(&large_messages))
        return;
    if (read_large(q, one, &bytes, &err) && !q->s->dead)
        one->answer = judge_bytes(q, one, buf_str(&bytes));
    imap_gate_leave(&large_messages);
}

/* Small messages are read many at a time. */
struct group {
    struct store_reading reading;
    struct candidate *one[GROUP_MESSAGES];
    size_t n;
};

/* Take small undecided messages from list[*at] on; a large one is judged when its turn comes. */
static void start_group(struct search *q, struct group *g, struct candidate *list, size_t n,
                        size_t *at)
{
    struct imap_session *s = q->s;
    struct store_piece piece[GROUP_MESSAGES];
    uint32_t bytes = 0;

    for (g->n = 0; *at < n && g->n < GROUP_MESSAGES && bytes < GROUP_BYTES; ++*at) {
        struct candidate *one = &list[*at];

        if (one->answer != SEARCH_MAYBE || one->length > SMALL)
            continue;
        piece[g->n] = (struct store_piece){.uid = imap_view_at(&s->view, one->message->index)->uid,
                                           .length = one->length};
        bytes += one->length;
        g->one[g->n++] = one;
    }
    if (g->n > 0)
        g->reading = store_read_many_start(s->edge.listener->edge->store, s->principal.handle,
                                           s->view.mailbox, piece, g->n);
}

static void judge_group(struct search *q, struct group *g)
{
    struct store_pieces answer;
    struct fct_err err = {0};
    bool ok = store_read_many_collect(g->reading, &answer, &err);

    for (size_t i = 0; i < g->n; i++) {
        struct fct_str bytes;

        g->one[i]->answer = SEARCH_NO; /* what cannot be read does not match */
        if (ok && store_pieces_next(&answer, &bytes, &err) && !q->s->dead)
            g->one[i]->answer = judge_bytes(q, g->one[i], bytes);
    }
    store_pieces_free(&answer);
}

/* What the summaries left undecided; the next group is on its way while one is judged. */
static void read_batch(struct search *q, struct candidate *list, size_t n)
{
    struct group group[2];
    size_t at = 0, current = 0;

    start_group(q, &group[0], list, n, &at);
    while (group[current].n > 0) {
        start_group(q, &group[!current], list, n, &at);
        judge_group(q, &group[current]);
        current = !current;
    }
    for (size_t i = 0; i < n; i++)
        if (list[i].answer == SEARCH_MAYBE)
            judge_large(q, &list[i]);
}

static uint32_t length_needed(const struct search *q, const struct imap_message *message)
{
    return q->needs == SEARCH_BY_HEADER ? message->summary.header_length : message->summary.size;
}

static void judge_batch(struct search *q, const struct imap_batch *batch)
{
    struct candidate list[IMAP_BATCH];

    q->arena = batch->arena;
    for (size_t i = 0; i < batch->n; i++)
        list[i] = (struct candidate){.message = &batch->message[i],
                                     .answer = judge_summary(q, &batch->message[i]),
                                     .length = length_needed(q, &batch->message[i])};
    read_batch(q, list, batch->n);
    for (size_t i = 0; i < batch->n; i++)
        q->answer[batch->message[i].index] = (uint8_t)list[i].answer;
}

/* What the records do not decide: summaries, then bytes. */
static bool judge_undecided(struct search *q, const struct imap_indexes *undecided,
                            struct fct_err *err)
{
    struct imap_summaries *list = imap_summaries_new(q->s, undecided);
    struct imap_batch *batch;

    while (!q->s->dead && (batch = imap_summaries_next(list, err)))
        judge_batch(q, batch);
    imap_summaries_free(&list);
    return err->class == FCT_OK;
}

static void add_index(struct imap_indexes *set, uint32_t index)
{
    if (set->n > 0 && set->range[set->n - 1].last + 1 == index)
        set->range[set->n - 1].last = index;
    else
        set->range[set->n++] = (struct imap_range){index, index};
}

static bool judge_all(struct search *q, struct fct_err *err)
{
    uint32_t count = imap_view_count(&q->s->view);
    struct imap_indexes undecided = {ARENA_ARRAY(q->c->arena, struct imap_range, count / 2 + 1), 0};

    q->answer = arena_alloc(q->c->arena, count);
    q->found = ARENA_ARRAY(q->c->arena, uint32_t, count);
    for (uint32_t i = 0; i < count; i++) {
        struct imap_search_message m = message_at(q, i);

        if (imap_view_has_vanished(&q->s->view, m.record->uid))
            continue;
        q->answer[i] = (uint8_t)imap_search_judge(q->key, &m);
        if (q->answer[i] == SEARCH_MAYBE)
            add_index(&undecided, i);
    }
    if (undecided.n > 0 && !judge_undecided(q, &undecided, err))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (q->answer[i] == SEARCH_YES)
            q->found[q->nfound++] = i;
    return true;
}

/* ---- the answer ---- */

static uint32_t number_of(const struct search *q, uint32_t index)
{
    return q->c->uid ? imap_view_at(&q->s->view, index)->uid : index + 1;
}

static bool put_search(struct search *q)
{
    struct imap_session *s = q->s;

    imap_put(s, "* SEARCH");
    for (size_t i = 0; i < q->nfound; i++) {
        buf_put_char(&s->out, ' ');
        buf_put_u64(&s->out, number_of(q, q->found[i]));
        if (!imap_room(s))
            return false;
    }
    imap_put(s, "\r\n");
    return true;
}

static void put_return(struct search *q, const char *name, uint32_t number)
{
    imap_put(q->s, name);
    buf_put_u64(&q->s->out, number);
}

/* esearch-response (RFC 9051 7.3.4); without matches MIN, MAX and ALL are left out. */
static void put_esearch(struct search *q)
{
    struct imap_session *s = q->s;
    uint32_t *number = ARENA_ARRAY(q->c->arena, uint32_t, q->nfound);

    for (size_t i = 0; i < q->nfound; i++)
        number[i] = number_of(q, q->found[i]);
    imap_put(s, "* ESEARCH (TAG ");
    imap_response_string(&s->out, q->c->tag, false);
    imap_put(s, q->c->uid ? ") UID" : ")");
    if (q->nfound > 0 && (q->returns & RETURN_MIN))
        put_return(q, " MIN ", number[0]);
    if (q->nfound > 0 && (q->returns & RETURN_MAX))
        put_return(q, " MAX ", number[q->nfound - 1]);
    if (q->nfound > 0 && (q->returns & RETURN_ALL)) {
        imap_put(s, " ALL ");
        imap_response_uids(&s->out, number, q->nfound);
    }
    if (q->returns & RETURN_COUNT)
        put_return(q, " COUNT ", (uint32_t)q->nfound);
    imap_put(s, "\r\n");
}

/* What "$" means from now on: all that was found, or only MIN and MAX when nothing else was asked
 * for (RFC 5182 2.4). */
static void save(struct search *q)
{
    struct imap_session *s = q->s;
    size_t n = q->nfound, step = 1;

    if (!(q->returns & RETURN_SAVE))
        return;
    free(s->saved);
    s->saved = NULL;
    s->nsaved = 0;
    if (n == 0)
        return;
    if ((q->returns & (RETURN_MIN | RETURN_MAX)) && !(q->returns & (RETURN_ALL | RETURN_COUNT))) {
        size_t from = q->returns & RETURN_MIN ? 0 : n - 1;

        step = q->returns & RETURN_MAX && n > 1 && from == 0 ? n - 1 : n;
        q->found += from;
        n -= from;
    }
    s->saved = malloc(n * sizeof *s->saved);
    FCT_ASSERT(s->saved);
    for (size_t i = 0; i < n; i += step) {
        uint32_t uid = imap_view_at(&s->view, q->found[i])->uid;
        bool follows = i > 0 && step == 1 && q->found[i] == q->found[i - 1] + 1;

        if (follows)
            s->saved[s->nsaved - 1].last = uid;
        else
            s->saved[s->nsaved++] = (struct uid_range){uid, uid};
    }
}

bool imap_search_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct search q = {.s = s, .c = c};
    bool ok;

    if (!parse_search(&q, err))
        return false;
    q.needs = imap_search_needs(q.key);
    ok = judge_all(&q, err);
    if (q.extended ? (q.returns & ~RETURN_SAVE) != 0 : s->rev2) {
        if (!q.extended)
            q.returns = RETURN_ALL;
        if (ok)
            put_esearch(&q);
    } else if (ok && !q.extended && !put_search(&q)) {
        return true;
    }
    save(&q);
    return ok || imap_store_failed(c, err);
}
