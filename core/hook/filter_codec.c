/* filter_codec.c - see filter_codec.h: requests and greetings. Every group of values has its put
 * and its get next to each other. */
#include "core/hook/filter_codec.h"

#include "core/base/str.h"

#define CODEC_RECIPIENTS_MAX 100000u
#define CODEC_LIST_MAX       100000u
#define CODEC_SETTINGS_MAX   1000u

/* ---- lists ---- */

static void put_list(struct buf *out, struct fct_list list)
{
    ipc_put_u32(out, (uint32_t)list.n);
    for (size_t i = 0; i < list.n; i++)
        ipc_put_str(out, list.item[i]);
}

static struct fct_list get_list(struct ipc_reader *r, struct arena *arena, size_t max)
{
    size_t n = ipc_get_count(r, 4);
    struct fct_str *item;

    if (n > max)
        r->bad = true;
    if (r->bad)
        return (struct fct_list){NULL, 0};
    item = ARENA_ARRAY(arena, struct fct_str, n + 1);
    for (size_t i = 0; i < n; i++)
        item[i] = ipc_get_str(r);
    return (struct fct_list){item, n};
}

/* ---- the connection and the envelope ---- */

static void put_conn(struct buf *out, const struct fct_conn *c)
{
    ipc_put_u32(out, c->role);
    ipc_put_str(out, c->id);
    ipc_put_str(out, c->client_ip);
    ipc_put_str(out, c->local_ip);
    ipc_put_u32(out, c->client_port);
    ipc_put_u32(out, c->local_port);
    ipc_put_str(out, c->helo);
    ipc_put_str(out, c->tls_version);
    ipc_put_str(out, c->tls_cipher);
    ipc_put_str(out, c->login);
    ipc_put_bool(out, c->trusted);
    ipc_put_str(out, c->frontend);
    ipc_put_str(out, c->client_name);
    ipc_put_str(out, c->tls_server_name);
    ipc_put_str(out, c->auth_mechanism);
}

static void get_conn(struct ipc_reader *r, struct fct_conn *c)
{
    *c = (struct fct_conn){.size = sizeof *c};
    c->role = ipc_get_u32(r);
    c->id = ipc_get_str(r);
    c->client_ip = ipc_get_str(r);
    c->local_ip = ipc_get_str(r);
    c->client_port = ipc_get_u32(r);
    c->local_port = ipc_get_u32(r);
    c->helo = ipc_get_str(r);
    c->tls_version = ipc_get_str(r);
    c->tls_cipher = ipc_get_str(r);
    c->login = ipc_get_str(r);
    c->trusted = ipc_get_bool(r);
    c->frontend = ipc_get_str(r);
    c->client_name = ipc_get_str(r);
    c->tls_server_name = ipc_get_str(r);
    c->auth_mechanism = ipc_get_str(r);
}

static void put_envelope(struct buf *out, const struct fct_envelope *e)
{
    ipc_put_str(out, e->id);
    ipc_put_str(out, e->reverse_path);
    ipc_put_bool(out, e->smtputf8);
    put_list(out, (struct fct_list){e->recipient, e->recipients});
    ipc_put_str(out, e->body);
    ipc_put_u64(out, e->declared);
}

static void get_envelope(struct ipc_reader *r, struct arena *arena, struct fct_envelope *e)
{
    struct fct_list recipients;

    *e = (struct fct_envelope){.size = sizeof *e};
    e->id = ipc_get_str(r);
    e->reverse_path = ipc_get_str(r);
    e->smtputf8 = ipc_get_bool(r);
    recipients = get_list(r, arena, CODEC_RECIPIENTS_MAX);
    e->recipient = recipients.item;
    e->recipients = recipients.n;
    e->body = ipc_get_str(r);
    e->declared = ipc_get_u64(r);
}

static void put_context(struct buf *out, const struct filter_context *context)
{
    put_conn(out, &context->conn);
    put_envelope(out, &context->envelope);
    ipc_put_str(out, context->carried);
    ipc_put_bool(out, context->each_answered);
}

static void get_context(struct ipc_reader *r, struct arena *arena, struct filter_context *context)
{
    get_conn(r, &context->conn);
    get_envelope(r, arena, &context->envelope);
    context->carried = ipc_get_str(r);
    context->each_answered = ipc_get_bool(r);
    if (context->carried.n > CODEC_LEDGER_MAX)
        r->bad = true;
}

/* ---- events, one pair of functions per point, from the table ---- */

/* clang-format off */
#define PUT_STR  ipc_put_str
#define PUT_U64  ipc_put_u64
#define PUT_BOOL ipc_put_bool
#define PUT_LIST put_list
#define HOOK(name, text, kind, verdicts, doc) \
    static void put_ev_##name(struct buf *out, const struct fct_ev_##name *ev) {
#define FIELD(hook, name, type, doc) PUT_##type(out, ev->name);
#define END(name) }
#include <facteur/hooks.def>

#define GET_STR  ipc_get_str(r)
#define GET_U64  ipc_get_u64(r)
#define GET_BOOL ipc_get_bool(r)
#define GET_LIST get_list(r, arena, CODEC_LIST_MAX)
#define HOOK(name, text, kind, verdicts, doc) \
    static void get_ev_##name(struct ipc_reader *r, struct arena *arena, struct fct_ev_##name *ev) {
#define FIELD(hook, name, type, doc) ev->name = GET_##type;
#define END(name) (void)arena; }
#include <facteur/hooks.def>
/* clang-format on */

static void put_event(struct buf *out, enum fct_hook hook, const void *ev)
{
    switch (hook) {
#define HOOK(name, text, kind, verdicts, doc) \
    case FCT_HOOK_##name:                     \
        put_ev_##name(out, ev);               \
        return;
#include <facteur/hooks.def>
    case FCT_HOOK_COUNT:
        return;
    }
}

static bool get_event(struct ipc_reader *r, struct arena *arena, unsigned hook,
                      union filter_event *ev)
{
    switch (hook) {
#define HOOK(name, text, kind, verdicts, doc) \
    case FCT_HOOK_##name:                     \
        get_ev_##name(r, arena, &ev->name);   \
        return true;
#include <facteur/hooks.def>
    default:
        return false;
    }
}

/* ---- requests ---- */

/* Requests begin with it. */
void filter_request_again(struct buf *request)
{
    if (request->n > 0)
        request->p[0] = 1;
}

void filter_hook_encode(const struct filter_context *context, enum fct_hook hook, const void *ev,
                        uint64_t size, struct buf *out)
{
    ipc_put_bool(out, false);
    put_context(out, context);
    ipc_put_u8(out, (uint8_t)hook);
    put_event(out, hook, ev);
    ipc_put_u64(out, size);
}

static bool one_role(uint32_t role)
{
    return role != 0 && (role & (role - 1)) == 0 && role < (1u << PLAN_ROLES);
}

bool filter_hook_decode(struct arena *arena, struct fct_str bytes, struct filter_hook_request *out,
                        struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(bytes);
    unsigned hook;

    memset(out, 0, sizeof *out);
    out->again = ipc_get_bool(&r);
    get_context(&r, arena, &out->context);
    hook = ipc_get_u8(&r);
    if (r.bad || !get_event(&r, arena, hook, &out->event))
        return fct_fail(err, FCT_BUG, "a hook request is malformed");
    out->size = ipc_get_u64(&r);
    if (!ipc_reader_ok(&r))
        return fct_fail(err, FCT_BUG, "a hook request is malformed");
    if (!one_role(out->context.conn.role))
        return fct_fail(err, FCT_BUG, "a hook request names %u as the listener's role",
                        out->context.conn.role);
    out->hook = (enum fct_hook)hook;
    return true;
}

void filter_message_encode(const struct filter_context *context, uint64_t size,
                           const struct filter_recipient *recipient, size_t n, struct buf *out)
{
    ipc_put_bool(out, false);
    put_context(out, context);
    ipc_put_u64(out, size);
    ipc_put_u32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_str(out, recipient[i].recipient);
        ipc_put_str(out, recipient[i].account);
        ipc_put_str(out, recipient[i].detail);
        ipc_put_str(out, recipient[i].profile);
        put_list(out, recipient[i].setting);
    }
}

bool filter_message_decode(struct arena *arena, struct fct_str bytes,
                           struct filter_message_request *out, struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(bytes);

    memset(out, 0, sizeof *out);
    out->again = ipc_get_bool(&r);
    get_context(&r, arena, &out->context);
    out->size = ipc_get_u64(&r);
    out->recipients = ipc_get_count(&r, 20);
    if (r.bad || out->recipients > CODEC_RECIPIENTS_MAX)
        return fct_fail(err, FCT_BUG, "a message request is malformed");
    out->recipient = ARENA_ARRAY(arena, struct filter_recipient, out->recipients + 1);
    for (size_t i = 0; i < out->recipients; i++) {
        out->recipient[i].recipient = ipc_get_str(&r);
        out->recipient[i].account = ipc_get_str(&r);
        out->recipient[i].detail = ipc_get_str(&r);
        out->recipient[i].profile = ipc_get_str(&r);
        out->recipient[i].setting = get_list(&r, arena, CODEC_SETTINGS_MAX);
    }
    if (!ipc_reader_ok(&r) || !one_role(out->context.conn.role))
        return fct_fail(err, FCT_BUG, "a message request is malformed");
    return true;
}

/* ---- hello ---- */

void filter_hello_encode(const struct filter_hello *hello, struct buf *out)
{
    ipc_put_u8(out, PLAN_ROLES);
    for (size_t i = 0; i < PLAN_ROLES; i++) {
        ipc_put_u64(out, hello->wants[i]);
        ipc_put_u64(out, hello->decides[i]);
        ipc_put_u32(out, hello->may[i]);
    }
    ipc_put_bool(out, hello->blamed);
    ipc_put_str(out, hello->id);
    ipc_put_str(out, hello->plugin);
}

bool filter_hello_decode(struct fct_str bytes, struct filter_hello *out, struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(bytes);

    if (ipc_get_u8(&r) != PLAN_ROLES)
        return fct_fail(err, FCT_BUG, "a filter's greeting is malformed");
    for (size_t i = 0; i < PLAN_ROLES; i++) {
        out->wants[i] = ipc_get_u64(&r);
        out->decides[i] = ipc_get_u64(&r);
        out->may[i] = ipc_get_u32(&r);
    }
    out->blamed = ipc_get_bool(&r);
    out->id = ipc_get_str(&r);
    out->plugin = ipc_get_str(&r);
    return ipc_reader_ok(&r) ? true : fct_fail(err, FCT_BUG, "a filter's greeting is malformed");
}
