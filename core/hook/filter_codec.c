/* filter_codec.c - see filter_codec.h. Every group of values has its put and its get next to each
 * other. */
#include "core/hook/filter_codec.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/plugin/plugin_change.h"

#define CODEC_RECIPIENTS_MAX 100000u
#define CODEC_KEYWORDS_MAX   32u
#define CODEC_TEXT_MAX       400u
#define CODEC_MAILBOX_MAX    1000u
#define CODEC_LEDGER_MAX     (20u << 10)
#define CODEC_LIST_MAX       100000u
#define CODEC_SETTINGS_MAX   1000u
#define CODEC_CHANGES_MAX    (CHANGES_MAX + 1)

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

/* ---- answers ---- */

/* Goes into a reply line: nothing in it may end the line. */
static bool is_line(struct fct_str s, size_t max)
{
    if (s.n > max || (s.n > 0 && !utf8_is_valid(s)))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

static void put_answer(struct buf *out, const struct filter_answer *a)
{
    ipc_put_u8(out, (uint8_t)a->verdict);
    ipc_put_u16(out, (uint16_t)a->code);
    ipc_put_str(out, a->enhanced);
    ipc_put_str(out, a->text);
    ipc_put_str(out, a->by);
}

/* A 4xx text to a permanent verdict, or the other way round, would tell the client something else
 * than what was decided. */
static void settle_code(struct filter_answer *a)
{
    unsigned wanted = a->verdict == FCT_TEMPFAIL ? 4 : a->verdict == FCT_REJECT ? 5 : 0;

    if (a->code != 0 && wanted != 0 && a->code / 100 != wanted)
        a->code = 0;
    if (a->enhanced.n > 0 && wanted != 0 && a->enhanced.p[0] != (char)('0' + wanted))
        a->enhanced = (struct fct_str){"", 0};
}

static bool get_answer(struct ipc_reader *r, struct filter_answer *a)
{
    unsigned verdict = ipc_get_u8(r);

    a->code = ipc_get_u16(r);
    a->enhanced = ipc_get_str(r);
    a->text = ipc_get_str(r);
    a->by = ipc_get_str(r);
    if (r->bad || verdict > FCT_DISCONNECT || (a->code != 0 && (a->code < 400 || a->code > 599)))
        return false;
    a->verdict = (enum fct_verdict)verdict;
    settle_code(a);
    return is_line(a->enhanced, 16) && is_line(a->text, CODEC_TEXT_MAX) && is_line(a->by, 200);
}

/* ---- changes and what is carried on ---- */

static bool is_ledger(struct arena *arena, struct fct_str bytes)
{
    struct ledger ledger;

    return bytes.n == 0 ||
           (bytes.n <= CODEC_LEDGER_MAX && ledger_decode(arena, bytes, &ledger, NULL));
}

static void put_changes(struct buf *out, const struct filter_change *change, size_t n)
{
    ipc_put_u32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_str(out, change[i].name);
        ipc_put_str(out, change[i].value);
    }
}

static bool get_changes(struct ipc_reader *r, struct arena *arena, enum fct_hook hook,
                        const struct filter_change **out, size_t *n)
{
    struct filter_change *change;

    *n = ipc_get_count(r, 8);
    if (r->bad || *n > CODEC_CHANGES_MAX)
        return false;
    change = ARENA_ARRAY(arena, struct filter_change, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        const struct change_info *info;

        change[i].name = ipc_get_str(r);
        change[i].value = ipc_get_str(r);
        info = change_find(hook, change[i].name);
        if (r->bad || !info || !change_fits(info, change[i].value))
            return false;
    }
    *out = change;
    return true;
}

void filter_answer_encode(const struct filter_answer *answer, bool sticky, struct buf *out)
{
    ipc_put_bool(out, sticky);
    put_answer(out, answer);
    put_changes(out, answer->change, answer->changes);
    ipc_put_str(out, answer->carried);
    ipc_put_bool(out, answer->skip);
}

bool filter_answer_decode(struct arena *arena, struct fct_str bytes, enum fct_hook hook,
                          struct filter_answer *out, bool *sticky, struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(bytes);

    *out = (struct filter_answer){.verdict = FCT_NEXT};
    *sticky = ipc_get_bool(&r);
    if (!get_answer(&r, out) || !get_changes(&r, arena, hook, &out->change, &out->changes))
        return fct_fail(err, FCT_BUG, "a filter's answer to %s is malformed", hook_name(hook));
    out->carried = ipc_get_str(&r);
    out->skip = ipc_get_bool(&r);
    if (!ipc_reader_ok(&r) || !is_ledger(arena, out->carried))
        return fct_fail(err, FCT_BUG, "a filter's answer to %s is malformed", hook_name(hook));
    return true;
}

/* ---- the result of a message ---- */

static void put_blob(struct buf *out, void (*encode)(const struct edit_list *, struct buf *),
                     const struct edit_list *list)
{
    size_t at = out->n;
    uint32_t n;

    ipc_put_u32(out, 0);
    encode(list, out);
    if (out->overflow)
        return;
    n = (uint32_t)(out->n - at - 4);
    for (unsigned i = 0; i < 4; i++)
        out->p[at + i] = (char)(n >> (8 * i));
}

/* Recipients mostly share the common edits: those are sent once. The first is compared with them,
 * the others with the first. */
static const struct edit_list *edits_before(const struct filter_result *result, size_t i)
{
    return i > 0 ? &result->outcome[0].edits : &result->edits;
}

static bool same_edits(const struct filter_result *result, size_t i)
{
    const struct edit_list *before = edits_before(result, i), *mine = &result->outcome[i].edits;

    return mine->edit == before->edit && mine->n == before->n;
}

static void put_outcome(struct buf *out, const struct filter_result *result, size_t i)
{
    const struct filter_outcome *o = &result->outcome[i];

    put_answer(out, &o->answer);
    ipc_put_str(out, o->mailbox);
    ipc_put_u32(out, (uint32_t)o->nkeywords);
    for (size_t k = 0; k < o->nkeywords; k++)
        ipc_put_str(out, o->keyword[k]);
    ipc_put_bool(out, same_edits(result, i));
    if (!same_edits(result, i))
        put_blob(out, edit_list_encode, &o->edits);
    ipc_put_str(out, o->ledger);
    ipc_put_str(out, o->profile);
    ipc_put_u32(out, (uint32_t)o->score_milli);
    ipc_put_u8(out, (uint8_t)o->action);
}

void filter_result_encode(const struct filter_result *result, bool sticky, struct buf *out)
{
    ipc_put_bool(out, sticky);
    put_answer(out, &result->answer);
    ipc_put_u32(out, (uint32_t)result->score_milli);
    ipc_put_str(out, result->ledger);
    put_changes(out, result->change, result->changes);
    put_blob(out, edit_list_encode, &result->edits);
    ipc_put_u32(out, (uint32_t)result->outcomes);
    for (size_t i = 0; i < result->outcomes; i++)
        put_outcome(out, result, i);
}

static bool get_keywords(struct ipc_reader *r, struct arena *arena, struct filter_outcome *o)
{
    struct fct_str *keyword;

    o->nkeywords = ipc_get_count(r, 4);
    if (r->bad || o->nkeywords > CODEC_KEYWORDS_MAX)
        return false;
    keyword = ARENA_ARRAY(arena, struct fct_str, o->nkeywords + 1);
    for (size_t k = 0; k < o->nkeywords; k++) {
        keyword[k] = ipc_get_str(r);
        if (keyword[k].n == 0 || !is_line(keyword[k], 128))
            return false;
    }
    o->keyword = keyword;
    return !r->bad;
}

static bool get_judgement(struct ipc_reader *r, struct filter_outcome *o)
{
    unsigned action;

    o->profile = ipc_get_str(r);
    o->score_milli = (int32_t)ipc_get_u32(r);
    action = ipc_get_u8(r);
    o->action = (enum fct_action)action;
    return !r->bad && action <= FCT_REFUSE && is_line(o->profile, 200);
}

static bool get_outcome(struct ipc_reader *r, struct arena *arena, uint64_t size, size_t i,
                        struct filter_result *result, struct fct_err *err)
{
    struct filter_outcome *o = &result->outcome[i];

    if (!get_answer(r, &o->answer))
        return false;
    o->mailbox = ipc_get_str(r);
    if (!is_line(o->mailbox, CODEC_MAILBOX_MAX) || !get_keywords(r, arena, o))
        return false;
    if (ipc_get_bool(r))
        o->edits = *edits_before(result, i);
    else if (!edit_list_decode(arena, ipc_get_str(r), size, &o->edits, err))
        return false;
    o->ledger = ipc_get_str(r);
    return !r->bad && is_ledger(arena, o->ledger) && get_judgement(r, o);
}

bool filter_result_decode(struct arena *arena, struct fct_str bytes, uint64_t size,
                          size_t recipients, struct filter_result *out, bool *sticky,
                          struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(bytes);

    memset(out, 0, sizeof *out);
    *sticky = ipc_get_bool(&r);
    if (!get_answer(&r, &out->answer))
        return fct_fail(err, FCT_BUG, "a filter's result is malformed");
    out->score_milli = (int32_t)ipc_get_u32(&r);
    out->ledger = ipc_get_str(&r);
    if (!get_changes(&r, arena, FCT_HOOK_edit, &out->change, &out->changes))
        return fct_fail(err, FCT_BUG, "a filter's result is malformed");
    if (!edit_list_decode(arena, ipc_get_str(&r), size, &out->edits, err))
        return fct_fail_in(err, "a filter's result");
    out->outcomes = ipc_get_u32(&r);
    /* Kept for everybody, or for nobody. */
    if (r.bad || !is_ledger(arena, out->ledger) ||
        out->outcomes != (out->answer.verdict <= FCT_QUARANTINE ? recipients : 0))
        return fct_fail(err, FCT_BUG, "a filter's result is malformed");
    out->outcome = ARENA_ARRAY(arena, struct filter_outcome, out->outcomes + 1);
    for (size_t i = 0; i < out->outcomes; i++)
        if (!get_outcome(&r, arena, size, i, out, err))
            return fct_fail(err, FCT_BUG, "a filter's result for recipient %zu is malformed", i);
    return ipc_reader_ok(&r) ? true : fct_fail(err, FCT_BUG, "a filter's result is malformed");
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
