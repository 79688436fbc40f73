/* pop3_maildrop.c - see pop3_maildrop.h.
 *
 * Reading ahead: a queue of pieces asked for and not used yet. A client that asks for one message
 * after the other, waiting for each, finds the next ones here already; the store is asked for
 * several at once and answers in one go. */
#include "protocols/pop3/pop3_maildrop.h"

#include <stdlib.h>

#define PIECE_BYTES  (256u << 10)
#define TOP_BYTES    (16u << 10)
#define AHEAD_BYTES  (384u << 10) /* asked for and not used, the present message included */
#define AHEAD_REFILL (AHEAD_BYTES / 2)
#define AHEAD_PIECES 32

struct piece {
    uint32_t number;
    uint32_t length;
    struct store_reading reading;
};

struct pop3_maildrop {
    struct store *store;
    uint32_t principal;
    struct arena *arena;
    struct store_view view;
    bool *marked; /* by index */
    uint32_t nmarked;
    uint64_t octets; /* of those not marked */

    struct piece piece[AHEAD_PIECES]; /* a ring */
    unsigned first, n;
    uint64_t in_flight;                /* their bytes */
    uint32_t next_number, next_offset; /* what is asked for next */

    uint32_t number, left; /* the message being read, and how much of it is to come */
    uint32_t piece_bytes;
    bool ahead;
    uint32_t read_before; /* the last message that was read whole */
    struct buf bytes;     /* of the present piece */
};

bool pop3_maildrop_open(struct store *store, uint32_t principal, struct pop3_maildrop **out,
                        struct fct_err *err)
{
    struct pop3_maildrop *d = calloc(1, sizeof *d);

    FCT_ASSERT(d);
    d->store = store;
    d->principal = principal;
    d->arena = arena_new(NULL);
    d->bytes = BUF_INIT(PIECE_BYTES);
    if (!store_select(store, principal, FCT_STR("INBOX"), false, d->arena, &d->view, err)) {
        arena_free(&d->arena);
        free(d);
        return false;
    }
    d->marked = ARENA_ARRAY(d->arena, bool, d->view.info.exists + 1);
    for (uint32_t i = 0; i < d->view.info.exists; i++)
        d->octets += d->view.record[i].size;
    *out = d;
    return true;
}

static void drop_first(struct pop3_maildrop *d)
{
    store_read_drop(d->piece[d->first].reading);
    d->in_flight -= d->piece[d->first].length;
    d->first = (d->first + 1) % AHEAD_PIECES;
    d->n--;
}

static void forget_ahead(struct pop3_maildrop *d)
{
    while (d->n > 0)
        drop_first(d);
}

void pop3_maildrop_free(struct pop3_maildrop **drop)
{
    struct pop3_maildrop *d = *drop;

    *drop = NULL;
    if (!d)
        return;
    forget_ahead(d);
    store_unselect(d->store, d->principal, d->view.info.id);
    store_view_free(&d->view);
    buf_free(&d->bytes);
    arena_free(&d->arena);
    free(d);
}

/* ---- what is there ---- */

uint32_t pop3_maildrop_count(const struct pop3_maildrop *d)
{
    return d->view.info.exists - d->nmarked;
}

uint64_t pop3_maildrop_octets(const struct pop3_maildrop *d)
{
    return d->octets;
}

uint32_t pop3_maildrop_last(const struct pop3_maildrop *d)
{
    return d->view.info.exists;
}

const struct hot_record *pop3_maildrop_at(const struct pop3_maildrop *d, uint32_t number)
{
    if (number == 0 || number > d->view.info.exists || d->marked[number - 1])
        return NULL;
    return &d->view.record[number - 1];
}

uint32_t pop3_maildrop_uid_validity(const struct pop3_maildrop *d)
{
    return d->view.info.uid_validity;
}

/* ---- deleting ---- */

void pop3_maildrop_mark(struct pop3_maildrop *d, uint32_t number)
{
    d->marked[number - 1] = true;
    d->nmarked++;
    d->octets -= d->view.record[number - 1].size;
}

void pop3_maildrop_unmark_all(struct pop3_maildrop *d)
{
    for (uint32_t i = 0; i < d->view.info.exists; i++) {
        if (d->marked[i])
            d->octets += d->view.record[i].size;
        d->marked[i] = false;
    }
    d->nmarked = 0;
}

uint32_t pop3_maildrop_marked(const struct pop3_maildrop *d)
{
    return d->nmarked;
}

/* UIDs between two marked neighbours are free or gone, so a run of neighbours is one range. */
static size_t marked_ranges(const struct pop3_maildrop *d, struct uid_range *range)
{
    size_t n = 0;

    for (uint32_t i = 0; i < d->view.info.exists; i++) {
        if (!d->marked[i])
            continue;
        if (i > 0 && d->marked[i - 1])
            range[n - 1].last = d->view.record[i].uid;
        else
            range[n++] = (struct uid_range){d->view.record[i].uid, d->view.record[i].uid};
    }
    return n;
}

struct uid_set pop3_maildrop_marked_uids(struct pop3_maildrop *d)
{
    struct uid_range *range = ARENA_ARRAY(d->arena, struct uid_range, d->nmarked + 1);

    return (struct uid_set){range, marked_ranges(d, range)};
}

bool pop3_maildrop_update(struct pop3_maildrop *d, struct fct_err *err)
{
    uint64_t mod_seq;

    forget_ahead(d);
    return d->nmarked == 0 || store_expunge(d->store, d->principal, d->view.info.id,
                                            pop3_maildrop_marked_uids(d), false, &mod_seq, err);
}

/* ---- reading ---- */

/* Move on to a message that is worth asking for; false: there is none. */
static bool next_to_ask(struct pop3_maildrop *d)
{
    while (d->next_number <= d->view.info.exists) {
        const struct hot_record *r = &d->view.record[d->next_number - 1];

        if (d->next_number > d->number && !d->ahead)
            return false;
        if (!d->marked[d->next_number - 1] && d->next_offset < r->size)
            return true;
        d->next_number++;
        d->next_offset = 0;
    }
    return false;
}

static void ask_one(struct pop3_maildrop *d)
{
    const struct hot_record *r = &d->view.record[d->next_number - 1];
    uint32_t left = r->size - d->next_offset;
    struct piece *p = &d->piece[(d->first + d->n++) % AHEAD_PIECES];

    p->number = d->next_number;
    p->length = left < d->piece_bytes ? left : d->piece_bytes;
    p->reading = store_read_start(d->store, d->principal, d->view.info.id, r->uid, false,
                                  d->next_offset, p->length);
    d->next_offset += p->length;
    d->in_flight += p->length;
}

/* Asks in groups: when half of what may be under way is used up. */
static void ask(struct pop3_maildrop *d)
{
    if (d->n > AHEAD_PIECES / 2 || d->in_flight > AHEAD_REFILL)
        return;
    while (d->n < AHEAD_PIECES && d->in_flight < AHEAD_BYTES && next_to_ask(d))
        ask_one(d);
}

/* Was the beginning of `number` asked for already? What stands before it in the queue is not wanted
 * any more: the rest of a message that broke off, or one that was marked meanwhile. */
static bool is_at_hand(struct pop3_maildrop *d, uint32_t number)
{
    if (!d->ahead || number <= d->number)
        return false;
    while (d->n > 0 && d->piece[d->first].number < number)
        drop_first(d);
    return d->n > 0 && d->piece[d->first].number == number;
}

void pop3_maildrop_read(struct pop3_maildrop *d, uint32_t number, bool whole)
{
    uint32_t size = d->view.record[number - 1].size;
    bool at_hand = whole && size > 0 && is_at_hand(d, number);

    if (!at_hand && size > 0) {
        forget_ahead(d);
        d->next_number = number;
        d->next_offset = 0;
    }
    d->ahead = whole && (at_hand || number == d->read_before + 1);
    d->piece_bytes = whole ? PIECE_BYTES : TOP_BYTES;
    d->number = number;
    d->left = size;
    if (whole)
        d->read_before = number;
}

bool pop3_maildrop_piece(struct pop3_maildrop *d, struct fct_str *piece, struct fct_err *err)
{
    struct piece *p;

    *piece = (struct fct_str){"", 0};
    if (d->left == 0)
        return true;
    ask(d);
    p = &d->piece[d->first];
    FCT_ASSERT(d->n > 0 && p->number == d->number);
    d->first = (d->first + 1) % AHEAD_PIECES;
    d->n--;
    d->in_flight -= p->length;
    d->left -= p->length;
    buf_clear(&d->bytes);
    if (!store_read_collect(p->reading, &d->bytes, err))
        return false;
    if (d->bytes.n != p->length)
        return fct_fail(err, FCT_TEMP, "message %u is shorter than its record says", d->number);
    *piece = buf_str(&d->bytes);
    return true;
}
