/* queue_codec.c - see queue_codec.h. */
#include "store/queue_codec.h"

#define RECIPIENTS_MAX 100000u

enum {
    BIT_SMTPUTF8 = 1,
    BIT_REQUIRETLS = 2,
    BIT_TLS_OPTIONAL = 4,
    BIT_BY_RETURN = 8,
    BIT_MAY_BOUNCE = 16,
};

static void put_envelope(struct buf *b, const struct queue_envelope *v)
{
    ipc_put_str(b, v->reverse_path);
    ipc_put_str(b, v->log_id);
    ipc_put_str(b, v->login);
    ipc_put_str(b, v->client_ip);
    ipc_put_str(b, v->envid);
    ipc_put_u8(b, (uint8_t)v->ret);
    ipc_put_u8(b, (uint8_t)v->body);
    ipc_put_u8(b,
               (uint8_t)((v->smtputf8 ? BIT_SMTPUTF8 : 0) | (v->requiretls ? BIT_REQUIRETLS : 0) |
                         (v->tls_optional ? BIT_TLS_OPTIONAL : 0) |
                         (v->deliver_by_return ? BIT_BY_RETURN : 0) |
                         (v->may_bounce ? BIT_MAY_BOUNCE : 0)));
    ipc_put_u8(b, (uint8_t)v->priority);
    ipc_put_u64(b, (uint64_t)v->hold_until);
    ipc_put_u64(b, (uint64_t)v->deliver_by);
    ipc_put_str(b, v->class);
}

static int64_t get_time(struct ipc_reader *r)
{
    uint64_t t = ipc_get_u64(r);

    if (t > INT64_MAX)
        r->bad = true;
    return r->bad ? 0 : (int64_t)t;
}

/* One of an enum whose last is `last`. */
static uint8_t get_kind(struct ipc_reader *r, uint8_t last)
{
    uint8_t v = ipc_get_u8(r);

    if (v > last)
        r->bad = true;
    return r->bad ? 0 : v;
}

static void get_envelope(struct ipc_reader *r, struct queue_envelope *v)
{
    uint8_t bits;

    v->reverse_path = ipc_get_str(r);
    v->log_id = ipc_get_str(r);
    v->login = ipc_get_str(r);
    v->client_ip = ipc_get_str(r);
    v->envid = ipc_get_str(r);
    v->ret = (enum queue_ret)get_kind(r, QUEUE_RET_HDRS);
    v->body = (enum queue_body)get_kind(r, QUEUE_BINARY);
    bits = ipc_get_u8(r);
    v->smtputf8 = bits & BIT_SMTPUTF8;
    v->requiretls = bits & BIT_REQUIRETLS;
    v->tls_optional = bits & BIT_TLS_OPTIONAL;
    v->deliver_by_return = bits & BIT_BY_RETURN;
    v->may_bounce = bits & BIT_MAY_BOUNCE;
    v->priority = (int8_t)ipc_get_u8(r);
    v->hold_until = get_time(r);
    v->deliver_by = get_time(r);
    v->class = ipc_get_str(r);
}

static void put_recipients(struct buf *b, const struct queue_recipient *rcpt, size_t n)
{
    ipc_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_str(b, rcpt[i].address);
        ipc_put_str(b, rcpt[i].orcpt);
        ipc_put_u8(b, rcpt[i].notify);
        ipc_put_u8(b, (uint8_t)rcpt[i].status);
        ipc_put_bool(b, rcpt[i].warned);
        ipc_put_u32(b, rcpt[i].attempts);
        ipc_put_u64(b, (uint64_t)rcpt[i].last_try);
        ipc_put_u64(b, (uint64_t)rcpt[i].next_try);
        ipc_put_str(b, rcpt[i].reply);
        ipc_put_str(b, rcpt[i].host);
    }
}

#define RECIPIENT_MIN 39u /* bytes */

static const struct queue_recipient *get_recipients(struct ipc_reader *r, struct arena *arena,
                                                    size_t *n)
{
    struct queue_recipient *rcpt;

    *n = ipc_get_count(r, RECIPIENT_MIN);
    if (*n > RECIPIENTS_MAX)
        r->bad = true;
    if (r->bad)
        *n = 0;
    rcpt = ARENA_ARRAY(arena, struct queue_recipient, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        rcpt[i].address = ipc_get_str(r);
        rcpt[i].orcpt = ipc_get_str(r);
        rcpt[i].notify = get_kind(r, 0xf);
        rcpt[i].status = (enum queue_status)get_kind(r, QUEUE_EXPIRED);
        rcpt[i].warned = ipc_get_bool(r);
        rcpt[i].attempts = ipc_get_u32(r);
        rcpt[i].last_try = get_time(r);
        rcpt[i].next_try = get_time(r);
        rcpt[i].reply = ipc_get_str(r);
        rcpt[i].host = ipc_get_str(r);
    }
    return rcpt;
}

void queue_put_send(struct buf *b, const struct queue_send *send)
{
    ipc_put_bool(b, send);
    if (!send)
        return;
    put_envelope(b, &send->envelope);
    put_recipients(b, send->recipient, send->n);
    ipc_put_bool(b, send->report_copies);
    ipc_put_bool(b, send->held);
    ipc_put_str(b, send->forwarded_by);
}

bool queue_get_send(struct ipc_reader *r, struct arena *arena, struct queue_send *out)
{
    *out = (struct queue_send){0};
    if (!ipc_get_bool(r))
        return false;
    get_envelope(r, &out->envelope);
    out->recipient = get_recipients(r, arena, &out->n);
    out->report_copies = ipc_get_bool(r);
    out->held = ipc_get_bool(r);
    out->forwarded_by = ipc_get_str(r);
    return !r->bad;
}

void queue_put_entry(struct buf *b, const struct queue_entry *e)
{
    ipc_put_u64(b, e->id);
    ipc_put_u64(b, (uint64_t)e->arrived);
    ipc_put_u64(b, e->size);
    ipc_put_bool(b, e->held);
    put_envelope(b, &e->envelope);
    put_recipients(b, e->recipient, e->n);
}

void queue_get_entry(struct ipc_reader *r, struct arena *arena, struct queue_entry *out)
{
    *out = (struct queue_entry){.id = ipc_get_u64(r)};
    out->arrived = get_time(r);
    out->size = ipc_get_u64(r);
    out->held = ipc_get_bool(r);
    get_envelope(r, &out->envelope);
    out->recipient = get_recipients(r, arena, &out->n);
}

void queue_put_results(struct buf *b, const struct queue_result *result, size_t n)
{
    ipc_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_u64(b, result[i].id);
        ipc_put_u32(b, result[i].recipient);
        ipc_put_u8(b, (uint8_t)result[i].outcome);
        ipc_put_bool(b, result[i].warned);
        ipc_put_u64(b, (uint64_t)(result[i].tried > 0 ? result[i].tried : 0));
        ipc_put_u64(b, (uint64_t)(result[i].next_try > 0 ? result[i].next_try : 0));
        ipc_put_str(b, result[i].reply);
        ipc_put_str(b, result[i].host);
        ipc_put_str(b, result[i].address);
        ipc_put_str(b, result[i].status);
        ipc_put_str(b, result[i].tls);
        ipc_put_str(b, result[i].converted);
        ipc_put_u32(b, result[i].took_ms);
    }
}

const struct queue_result *queue_get_results(struct ipc_reader *r, struct arena *arena, size_t *n)
{
    struct queue_result *result;

    *n = ipc_get_count(r, 38);
    if (*n > QUEUE_RESULTS_MAX)
        r->bad = true;
    if (r->bad)
        *n = 0;
    result = ARENA_ARRAY(arena, struct queue_result, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        result[i].id = ipc_get_u64(r);
        result[i].recipient = ipc_get_u32(r);
        result[i].outcome = (enum queue_outcome)get_kind(r, QUEUE_OUT_COUNT - 1);
        result[i].warned = ipc_get_bool(r);
        result[i].tried = get_time(r);
        result[i].next_try = get_time(r);
        result[i].reply = ipc_get_str(r);
        result[i].host = ipc_get_str(r);
        result[i].address = ipc_get_str(r);
        result[i].status = ipc_get_str(r);
        result[i].tls = ipc_get_str(r);
        result[i].converted = ipc_get_str(r);
        result[i].took_ms = ipc_get_u32(r);
    }
    return result;
}

void queue_put_filter(struct buf *b, const struct queue_filter *f)
{
    ipc_put_u64(b, f->id);
    ipc_put_str(b, f->sender);
    ipc_put_str(b, f->recipient);
    ipc_put_str(b, f->domain);
    ipc_put_str(b, f->login);
    ipc_put_str(b, f->reply);
    ipc_put_str(b, f->trace);
    ipc_put_u64(b, f->older_than);
    ipc_put_u64(b, f->younger_than);
    ipc_put_u32(b, f->states);
}

void queue_get_filter(struct ipc_reader *r, struct queue_filter *out)
{
    out->id = ipc_get_u64(r);
    out->sender = ipc_get_str(r);
    out->recipient = ipc_get_str(r);
    out->domain = ipc_get_str(r);
    out->login = ipc_get_str(r);
    out->reply = ipc_get_str(r);
    out->trace = ipc_get_str(r);
    out->older_than = ipc_get_u64(r);
    out->younger_than = ipc_get_u64(r);
    out->states = ipc_get_u32(r);
}

void queue_put_rule(struct buf *b, const struct queue_rule *rule)
{
    ipc_put_str(b, rule->pattern);
    ipc_put_bool(b, rule->held);
    ipc_put_u64(b, (uint64_t)(rule->until > 0 ? rule->until : 0));
    ipc_put_str(b, rule->host);
    ipc_put_u32(b, rule->per_minute);
    ipc_put_str(b, rule->why);
    ipc_put_u64(b, (uint64_t)(rule->made > 0 ? rule->made : 0));
}

void queue_get_rule(struct ipc_reader *r, struct queue_rule *out)
{
    out->pattern = ipc_get_str(r);
    out->held = ipc_get_bool(r);
    out->until = get_time(r);
    out->host = ipc_get_str(r);
    out->per_minute = ipc_get_u32(r);
    out->why = ipc_get_str(r);
    out->made = get_time(r);
}
