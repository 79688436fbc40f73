/* queue_record.c - see queue_record.h. */
#include "store/queue_record.h"

#include "core/base/str.h"
#include "store/driver.h"

#include <stdlib.h>

#define VERSION       1 /* of entries without copies that wait, and of states */
#define VERSION_LATER 2 /* of entries with them */

uint64_t queue_part(uint64_t id)
{
    return PART_QUEUE + id % QUEUE_SHARDS;
}

static struct key key_for(char type, uint64_t id)
{
    struct key key = key_of(type);

    key_u64(&key, id);
    return key;
}

struct key queue_entry_key(uint64_t id)
{
    return key_for('e', id);
}

struct key queue_state_key(uint64_t id)
{
    return key_for('s', id);
}

struct key queue_counter_key(void)
{
    return key_of('n');
}

/* ---- the envelope ---- */

enum {
    BIT_SMTPUTF8 = 1,
    BIT_REQUIRETLS = 2,
    BIT_TLS_OPTIONAL = 4,
    BIT_BY_RETURN = 8,
    BIT_MAY_BOUNCE = 16,
    BIT_CLASS = 32, /* it has one */
};

static uint8_t bits_of(const struct queue_envelope *v)
{
    return (uint8_t)((v->smtputf8 ? BIT_SMTPUTF8 : 0) | (v->requiretls ? BIT_REQUIRETLS : 0) |
                     (v->tls_optional ? BIT_TLS_OPTIONAL : 0) |
                     (v->deliver_by_return ? BIT_BY_RETURN : 0) |
                     (v->may_bounce ? BIT_MAY_BOUNCE : 0) | (v->class.n > 0 ? BIT_CLASS : 0));
}

static void pack_time(struct buf *b, int64_t t)
{
    pack_uint(b, t > 0 ? (uint64_t)t : 0);
}

static int64_t unpack_time(struct unpack *in)
{
    uint64_t t = unpack_uint(in);

    if (t > INT64_MAX)
        in->bad = true;
    return in->bad ? 0 : (int64_t)t;
}

static void pack_recipient(struct buf *b, const struct queue_recipient *r)
{
    pack_str(b, r->address);
    pack_str(b, r->orcpt);
    pack_u8(b, (uint8_t)(r->notify | (unsigned)r->status << 4));
    if (r->status == QUEUE_PENDING)
        return;
    pack_str(b, str_head(r->reply, QUEUE_TEXT_MAX));
    pack_str(b, str_head(r->host, QUEUE_TEXT_MAX));
}

void queue_record_encode(const struct queue_record *r, struct buf *out)
{
    const struct queue_entry *e = &r->entry;
    const struct queue_envelope *v = &e->envelope;

    record_begin(out, r->later.n > 0 ? VERSION_LATER : VERSION);
    buf_put(out, r->blob.b, sizeof r->blob.b);
    pack_uint(out, e->size);
    pack_time(out, e->arrived);
    pack_str(out, v->reverse_path);
    pack_str(out, v->log_id);
    pack_str(out, v->login);
    pack_str(out, v->client_ip);
    pack_str(out, v->envid);
    pack_u8(out, (uint8_t)((unsigned)v->ret | (unsigned)v->body << 4));
    pack_u8(out, bits_of(v));
    pack_u8(out, (uint8_t)v->priority);
    pack_time(out, v->hold_until);
    pack_time(out, v->deliver_by);
    if (v->class.n > 0)
        pack_str(out, v->class);
    pack_uint(out, e->n);
    for (size_t i = 0; i < e->n; i++)
        pack_recipient(out, &e->recipient[i]);
    buf_put_str(out, r->later);
    record_end(out);
}

static void unpack_envelope(struct unpack *in, struct queue_envelope *v)
{
    uint8_t kinds, bits;

    v->reverse_path = unpack_str(in);
    v->log_id = unpack_str(in);
    v->login = unpack_str(in);
    v->client_ip = unpack_str(in);
    v->envid = unpack_str(in);
    kinds = unpack_u8(in);
    bits = unpack_u8(in);
    v->ret = (enum queue_ret)(kinds & 0xf);
    v->body = (enum queue_body)(kinds >> 4);
    v->smtputf8 = bits & BIT_SMTPUTF8;
    v->requiretls = bits & BIT_REQUIRETLS;
    v->tls_optional = bits & BIT_TLS_OPTIONAL;
    v->deliver_by_return = bits & BIT_BY_RETURN;
    v->may_bounce = bits & BIT_MAY_BOUNCE;
    v->priority = (int8_t)unpack_u8(in);
    v->hold_until = unpack_time(in);
    v->deliver_by = unpack_time(in);
    if (bits & BIT_CLASS)
        v->class = unpack_str(in);
    in->bad = in->bad || v->ret > QUEUE_RET_HDRS || v->body > QUEUE_BINARY;
}

static void unpack_recipient(struct unpack *in, struct queue_recipient *r)
{
    uint8_t bits;

    r->address = unpack_str(in);
    r->orcpt = unpack_str(in);
    bits = unpack_u8(in);
    r->notify = bits & 0xf;
    r->status = (enum queue_status)(bits >> 4);
    if (r->status > QUEUE_EXPIRED)
        in->bad = true;
    if (r->status == QUEUE_PENDING)
        return;
    r->reply = unpack_str(in);
    r->host = unpack_str(in);
}

bool queue_record_decode(struct fct_str value, struct arena *arena, struct queue_record *out)
{
    struct fct_str blob;
    struct unpack in;
    uint64_t n;

    *out = (struct queue_record){0};
    if (!record_open(value, VERSION, &in) && !record_open(value, VERSION_LATER, &in))
        return false;
    blob = unpack_bytes(&in, sizeof out->blob.b);
    if (blob.n == sizeof out->blob.b)
        memcpy(out->blob.b, blob.p, blob.n);
    out->entry.size = unpack_uint(&in);
    out->entry.arrived = unpack_time(&in);
    unpack_envelope(&in, &out->entry.envelope);
    n = unpack_uint(&in);
    if (in.bad || n == 0 || n > (uint64_t)(in.end - in.p)) /* each takes more than a byte */
        return false;
    out->recipient = ARENA_ARRAY(arena, struct queue_recipient, (size_t)n);
    for (size_t i = 0; i < n && !in.bad; i++)
        unpack_recipient(&in, &out->recipient[i]);
    out->entry.recipient = out->recipient;
    out->entry.n = (size_t)n;
    if (value.p[0] == VERSION_LATER && unpack_more(&in))
        out->later = unpack_bytes(&in, (size_t)(in.end - in.p));
    return unpack_ok(&in) && (out->later.n > 0) == (value.p[0] == VERSION_LATER);
}

/* ---- changes of the state ---- */

enum { CHANGE_RESULT = 1, CHANGE_HOLD, CHANGE_RETRY, CHANGE_OVER };

void queue_state_result(struct buf *out, const struct queue_result *r, int64_t when)
{
    pack_u8(out, CHANGE_RESULT);
    pack_uint(out, r->recipient);
    pack_u8(out, (uint8_t)((unsigned)r->outcome | (r->warned ? 0x80u : 0)));
    pack_time(out, when);
    pack_time(out, r->next_try);
    pack_str(out, str_head(r->reply, QUEUE_TEXT_MAX));
    pack_str(out, str_head(r->host, QUEUE_TEXT_MAX));
}

void queue_state_hold(struct buf *out, bool held)
{
    pack_u8(out, CHANGE_HOLD);
    pack_u8(out, held);
}

void queue_state_retry(struct buf *out, int64_t when)
{
    pack_u8(out, CHANGE_RETRY);
    pack_time(out, when);
}

void queue_state_over(struct buf *out)
{
    pack_u8(out, CHANGE_OVER);
}

/* ---- folding ---- */

/* Of one recipient about whom something was said. */
struct told {
    uint32_t recipient;
    enum queue_status status;
    bool done, warned;
    uint32_t attempts;
    int64_t last_try, next_try;
    struct fct_str reply, host;
};

struct state {
    bool held, hurried, over;
    struct told *told; /* ascending by recipient */
    size_t n, room;
};

enum { STATE_HELD = 1, STATE_HURRIED = 2, STATE_OVER = 4 };
enum { TOLD_DONE = 0x10, TOLD_WARNED = 0x20 };

/* The place of a recipient, made when it is new. */
static struct told *told_of(struct state *s, uint32_t recipient)
{
    size_t at = s->n;

    while (at > 0 && s->told[at - 1].recipient > recipient)
        at--;
    if (at > 0 && s->told[at - 1].recipient == recipient)
        return &s->told[at - 1];
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 4;
        s->told = realloc(s->told, s->room * sizeof *s->told);
        FCT_ASSERT(s->told);
    }
    memmove(&s->told[at + 1], &s->told[at], (s->n++ - at) * sizeof *s->told);
    s->told[at] = (struct told){.recipient = recipient};
    return &s->told[at];
}

static const enum queue_status status_after[QUEUE_OUT_COUNT] = {
    [QUEUE_OUT_DELIVERED] = QUEUE_DELIVERED,
    [QUEUE_OUT_FAILED] = QUEUE_FAILED,
    [QUEUE_OUT_EXPIRED] = QUEUE_EXPIRED,
};

static void fold_result(struct unpack *in, struct state *s)
{
    uint32_t recipient = unpack_uint32(in);
    uint8_t bits = unpack_u8(in);
    unsigned outcome = bits & 0x7f;
    struct told *t;

    if (in->bad || outcome >= QUEUE_OUT_COUNT) {
        in->bad = true;
        return;
    }
    t = told_of(s, recipient);
    t->done = outcome < QUEUE_OUT_DEFERRED;
    t->status = status_after[outcome];
    t->warned = t->warned || (bits & 0x80);
    t->attempts += outcome == QUEUE_OUT_DEFERRED;
    t->last_try = unpack_time(in);
    t->next_try = unpack_time(in);
    t->reply = unpack_str(in);
    t->host = unpack_str(in);
}

static void fold_retry(struct unpack *in, struct state *s)
{
    int64_t when = unpack_time(in);

    s->hurried = true;
    for (size_t i = 0; i < s->n; i++)
        if (!s->told[i].done)
            s->told[i].next_try = when;
}

static bool fold_changes(struct fct_str piece, struct state *s)
{
    struct unpack in = unpack_start(piece);

    while (unpack_more(&in))
        switch (unpack_u8(&in)) {
        case CHANGE_RESULT:
            fold_result(&in, s);
            break;
        case CHANGE_HOLD:
            s->held = unpack_u8(&in);
            break;
        case CHANGE_RETRY:
            fold_retry(&in, s);
            break;
        case CHANGE_OVER:
            s->over = true;
            break;
        default:
            return false;
        }
    return unpack_ok(&in);
}

static void encode_state(const struct state *s, struct buf *out)
{
    record_begin(out, VERSION);
    pack_u8(out, (uint8_t)((s->held ? STATE_HELD : 0) | (s->hurried ? STATE_HURRIED : 0) |
                           (s->over ? STATE_OVER : 0)));
    pack_uint(out, s->n);
    for (size_t i = 0; i < s->n; i++) {
        const struct told *t = &s->told[i];

        pack_uint(out, t->recipient);
        pack_u8(out, (uint8_t)((unsigned)t->status | (t->done ? TOLD_DONE : 0u) |
                               (t->warned ? TOLD_WARNED : 0u)));
        pack_uint(out, t->attempts);
        pack_time(out, t->last_try);
        pack_time(out, t->next_try);
        pack_str(out, t->reply);
        pack_str(out, t->host);
    }
    record_end(out);
}

static bool decode_told(struct unpack *in, struct state *s)
{
    uint32_t recipient = unpack_uint32(in);
    uint8_t bits = unpack_u8(in);
    struct told *t;

    if (in->bad || (s->n > 0 && s->told[s->n - 1].recipient >= recipient) ||
        (bits & 0xf) > QUEUE_EXPIRED)
        return false;
    t = told_of(s, recipient);
    t->status = (enum queue_status)(bits & 0xf);
    t->done = bits & TOLD_DONE;
    t->warned = bits & TOLD_WARNED;
    t->attempts = unpack_uint32(in);
    t->last_try = unpack_time(in);
    t->next_try = unpack_time(in);
    t->reply = unpack_str(in);
    t->host = unpack_str(in);
    return !in->bad;
}

static bool decode_state(struct fct_str value, struct state *s)
{
    struct unpack in;
    uint64_t n;
    uint8_t bits;

    if (!record_open(value, VERSION, &in))
        return false;
    bits = unpack_u8(&in);
    s->held = bits & STATE_HELD;
    s->hurried = bits & STATE_HURRIED;
    s->over = bits & STATE_OVER;
    n = unpack_uint(&in);
    for (uint64_t i = 0; i < n; i++)
        if (!decode_told(&in, s))
            return false;
    return unpack_ok(&in);
}

bool queue_state_fold(struct fct_str old, const struct fct_str *piece, size_t n, struct buf *out)
{
    struct state s = {0};
    bool ok = old.n == 0 || decode_state(old, &s);

    for (size_t i = 0; ok && i < n; i++)
        ok = fold_changes(piece[i], &s);
    if (ok)
        encode_state(&s, out);
    free(s.told);
    return ok;
}

bool queue_state_apply(struct fct_str value, struct arena *arena, struct queue_record *r,
                       struct queue_progress *out)
{
    struct state s = {0};
    bool ok = value.n == 0 || decode_state(value, &s);

    *out = (struct queue_progress){.over = s.over, .hurried = s.hurried};
    out->done = ARENA_ARRAY(arena, bool, r->entry.n + 1);
    r->entry.held = s.held;
    for (size_t i = 0; ok && i < s.n; i++) {
        const struct told *t = &s.told[i];
        struct queue_recipient *to;

        if (t->recipient >= r->entry.n) {
            ok = false;
            break;
        }
        to = &r->recipient[t->recipient];
        out->done[t->recipient] = t->done;
        if (t->done && to->status == QUEUE_PENDING)
            to->status = t->status;
        to->warned = t->warned;
        to->attempts = t->attempts;
        to->last_try = t->last_try;
        to->next_try = t->next_try;
        to->reply = t->reply;
        to->host = t->host;
    }
    free(s.told);
    return ok;
}
