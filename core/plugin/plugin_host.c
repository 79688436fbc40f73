/* plugin_host.c - struct fct_host: set-up, memory, logging, context, waiting. Reading, results and
 * edits are in files of their own. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"
#include "core/plugin/plugin_change.h"
#include "core/plugin/plugin_facts.h"
#include "core/plugin/plugin_links.h"
#include "core/plugin/plugin_personal.h"
#include "core/plugin/plugin_services.h"
#include "core/plugin/plugin_trial.h"
#include "core/plugin/plugin_wait.h"
#include <math.h>

#define PLUGIN_METRICS_MAX 64
#define TICK_MIN_MS        100
#define LABEL_MAX          200
#define METRIC_MAX         1e300 /* "inf" is no number in JSON */

/* ---- calls ---- */

/* Dead calls in the order of their deaths: so many others run before a place is used again, and
 * until then whoever kept the call finds it dead. */
#define DEAD_KEPT 256u

static struct {
    struct fct_call *first, **last;
    unsigned n;
    uint32_t births;
} dead = {.last = &dead.first};

static struct fct_call *take_place(void)
{
    struct fct_call *call = dead.first;

    if (dead.n > DEAD_KEPT) {
        dead.first = call->next;
        dead.n--;
    } else if (!(call = malloc(sizeof *call))) {
        fct_assert_failed("memory for a call", __FILE__, __LINE__);
    }
    return call;
}

struct fct_call *call_begin(struct transaction *tx, struct plugin_row *row, uint64_t deadline_ms,
                            struct call_recipient *recipient)
{
    struct fct_call *call = take_place();

    *call = (struct fct_call){.tx = tx,
                              .row = row,
                              .hook = row->is.hook,
                              .live = true,
                              .deadline_ms = deadline_ms,
                              .recipient = recipient,
                              .shadow = row->shadow,
                              .birth = ++dead.births};
    call->note_end = &call->note;
    return call;
}

void call_end(struct fct_call *call)
{
    call->live = false;
}

void call_release(struct fct_call *call)
{
    call->live = false;
    call->next = NULL;
    *dead.last = call;
    dead.last = &call->next;
    dead.n++;
}

bool call_has_time(struct fct_call *call)
{
    if (call->live && (clock_ms() >= call->deadline_ms || (fiber_inside() && fiber_is_cancelled())))
        call->live = false;
    return call->live;
}

struct call_note *call_note(struct fct_call *call, enum note_kind kind, const char *name,
                            struct fct_str detail, int32_t score_milli)
{
    struct call_note *note = ARENA_NEW(call->tx->arena, struct call_note);

    *note = (struct call_note){.name = name, .score_milli = score_milli};
    note->kind = kind;
    note->detail = arena_str(call->tx->arena, str_head(detail, 200));
    *call->note_end = note;
    call->note_end = &note->next;
    return note;
}

/* ---- set-up ---- */

/* It is shown in replies to processes, the log, the ledger and metrics. */
static bool is_label(struct fct_str s)
{
    return s.n > 0 && s.n <= LABEL_MAX && utf8_is_line(s);
}

static bool add_hook(struct fct_self *self, const struct fct_hook_row *row, struct fct_err *err)
{
    size_t size = self->object->head.hook_size;
    struct fct_hook_row own = {0};
    struct plugin_row *copy;

    /* The row of an older plugin is shorter. */
    memcpy(&own, row, size < sizeof own ? size : sizeof own);
    row = &own;
    if (!self->starting)
        return fct_fail(err, FCT_BUG, "hooks are added in start() only");
    if ((unsigned)row->hook >= FCT_HOOK_COUNT)
        return fct_fail(err, FCT_DENIED, "hook number %d is none of ours", (int)row->hook);
    if (!row->fn.any)
        return fct_fail(err, FCT_DENIED, "hook row %s has no function",
                        row->label ? row->label : "");
    if (row->label && !is_label(str_from(row->label)))
        return fct_fail(err, FCT_DENIED,
                        "the label of a hook row is text in one line of up to %d bytes", LABEL_MAX);
    if (row->hook == FCT_HOOK_tick && row->interval_ms < TICK_MIN_MS)
        return fct_fail(err, FCT_DENIED, "tick row %s needs an interval_ms of at least %d",
                        row->label ? row->label : "", TICK_MIN_MS);
    if (row->scope > FCT_ONCE || row->mode > FCT_SHADOW)
        return fct_fail(err, FCT_DENIED, "hook row %s has a scope or a mode that is none of ours",
                        row->label ? row->label : "");
    copy = ARENA_NEW(self->arena, struct plugin_row);
    copy->is = own;
    copy->self = self;
    copy->label = row->label ? row->label : self->name;
    *self->row_end = copy;
    self->row_end = &copy->next;
    return true;
}

/* Thousandths: integers, so that sums always add up. */
static int32_t to_milli(double score)
{
    double milli = isfinite(score) ? round(score * 1000) : 0;

    return (int32_t)fmin(fmax(milli, -1e6), 1e6);
}

static bool is_symbol_name(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= 64 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static bool add_symbol(struct fct_self *self, const struct fct_symbol *symbol, struct fct_err *err)
{
    struct plugin_symbol *copy;

    if (!self->starting)
        return fct_fail(err, FCT_BUG, "symbols are added in start() only");
    if (!symbol->name || !is_symbol_name(symbol->name))
        return fct_fail(err, FCT_DENIED, "\"%s\" is no symbol name: up to 64 of A-Z, 0-9 and '_'",
                        symbol->name ? symbol->name : "");
    copy = ARENA_NEW(self->arena, struct plugin_symbol);
    *copy = (struct plugin_symbol){.name = symbol->name,
                                   .group = symbol->group ? symbol->group : "",
                                   .doc = symbol->doc ? symbol->doc : "",
                                   .score_milli = to_milli(symbol->score),
                                   .self = self};
    *self->symbol_end = copy;
    self->symbol_end = &copy->next;
    return true;
}

static void symbol_origin(struct fct_self *self, const char *name, const char *where)
{
    for (struct plugin_symbol *s = self->starting && name ? self->symbol : NULL; s; s = s->next)
        if (strcmp(s->name, name) == 0)
            s->origin = where;
}

/* ---- memory ---- */

static void *alloc(struct fct_call *call, size_t bytes)
{
    const struct fct_self *self = call->row->self;
    uint64_t *used;

    if (!call->live)
        return NULL;
    used = &call->tx->memory_used[self->index];
    if (bytes > self->memory_bytes || *used > self->memory_bytes - bytes)
        return NULL;
    *used += bytes;
    return arena_alloc(call->tx->arena, bytes > 0 ? bytes : 1);
}

static void **slot(struct fct_call *call)
{
    if (!call->live || !call->tx->slot)
        return NULL;
    return call->tx->slot(call->tx, call->row->self);
}

/* ---- telling people ---- */

static FCT_PRINTF(3, 4) void write_log(struct fct_call *call, enum fct_level level, const char *fmt,
                                       ...)
{
    static const enum log_event event[] = {EV_DEBUG, EV_PLUGIN, EV_WARNING, EV_WARNING};
    char text[512];
    va_list ap;

    if (!call->live || (unsigned)level >= FCT_COUNT(event) || !log_wanted(event[level]))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_event(event[level], call->tx->id, F_C("plugin", call->row->label),
              F_STR("text", str_from(text)));
}

void plugin_count(struct fct_self *self, const char *name, double by)
{
    struct plugin_metric **at = &self->metric;
    unsigned n = 0;

    if (!name || !isfinite(by))
        return;
    for (; *at; at = &(*at)->next, n++)
        if (strcmp((*at)->name, name) == 0) {
            (*at)->value = fmin(fmax((*at)->value + by, -METRIC_MAX), METRIC_MAX);
            return;
        }
    if (n >= PLUGIN_METRICS_MAX)
        return;
    *at = ARENA_NEW(self->arena, struct plugin_metric);
    (*at)->name = arena_cstr(self->arena, str_head(str_from(name), 64));
    (*at)->value = fmin(fmax(by, -METRIC_MAX), METRIC_MAX);
}

static void count(struct fct_call *call, const char *name, double by)
{
    if (call->live)
        plugin_count(call->row->self, name, by);
}

/* ---- context ---- */

/* Plugins need not test for NULL, even when their call ended while they waited. */
static const struct fct_conn no_conn = {.size = sizeof no_conn};
static const struct fct_envelope no_envelope = {.size = sizeof no_envelope};

static const struct fct_conn *get_conn(struct fct_call *call)
{
    return call->live && call->tx->conn ? call->tx->conn : &no_conn;
}

static const struct fct_envelope *get_envelope(struct fct_call *call)
{
    return call->live && call->tx->envelope ? call->tx->envelope : &no_envelope;
}

static struct fct_str get_server_name(struct fct_call *call)
{
    return call->live ? call->tx->server_name : (struct fct_str){"", 0};
}

/* ---- waiting ---- */

static bool sleep_ms(struct fct_call *call, uint32_t ms)
{
    uint64_t until;

    if (!call_has_time(call) || !fiber_inside())
        return false;
    until = clock_ms() + ms;
    call->tx->watch->leave(call);
    while (clock_ms() < until && fiber_park(until) == FIBER_WOKEN)
        ;
    call->tx->watch->enter(call);
    return call_has_time(call) && clock_ms() >= until;
}

static bool run_offload(struct fct_call *call, void (*work)(void *arg), void *arg)
{
    if (!call_has_time(call) || !fiber_inside())
        return false;
    call_operation(call, OPERATION_OFFLOAD, 0);
    call->tx->watch->leave(call);
    if (call->tx->watch->offload)
        call->tx->watch->offload(call, work, arg);
    else
        offload(work, arg);
    call->tx->watch->enter(call);
    return call_has_time(call);
}

static uint32_t time_left_ms(struct fct_call *call)
{
    uint64_t now = clock_ms();

    if (!call_has_time(call))
        return 0;
    return call->deadline_ms - now > UINT32_MAX ? UINT32_MAX : (uint32_t)(call->deadline_ms - now);
}

const struct fct_host plugin_host = {
    .size = sizeof(struct fct_host),
    .abi_major = FCT_ABI_MAJOR,
    .abi_minor = FCT_ABI_MINOR,
    .add_hook = add_hook,
    .add_symbol = add_symbol,
    .alloc = alloc,
    .slot = slot,
    .log = write_log,
    .count = count,
    .conn = get_conn,
    .envelope = get_envelope,
    .raw = message_raw,
    .headers = message_headers,
    .header = message_header,
    .header_text = message_header_text,
    .parts = message_parts,
    .part_bytes = message_part_bytes,
    .part_text = message_part_text,
    .symbol = result_symbol,
    .has_symbol = result_has_symbol,
    .symbol_at = result_symbol_at,
    .symbol_group = result_symbol_group,
    .addresses = facts_addresses,
    .fact_add = facts_add,
    .fact = facts_get,
    .recipient = personal_recipient,
    .recipient_setting = personal_setting,
    .symbol_for = personal_symbol,
    .symbol_origin = symbol_origin,
    .text = message_text,
    .reply = result_reply,
    .mailbox = result_mailbox,
    .keyword = result_keyword,
    .note = result_note,
    .header_add = edit_header_add,
    .header_set = edit_header_set,
    .header_remove = edit_header_remove,
    .patch = edit_patch,
    .header_insert = edit_header_insert,
    .part_patch = edit_part_patch,
    .body_replace = edit_body_replace,
    .sleep_ms = sleep_ms,
    .offload = run_offload,
    .time_left_ms = time_left_ms,
    .server_name = get_server_name,
    .html = message_html,
    .links = message_links,
    .url_parse = message_url_parse,
    .org_domain = message_org_domain,
    .redis = service_redis,
    .redis_script = service_redis_script,
    .kv_get = service_kv_get,
    .kv_set = service_kv_set,
    .kv_add = service_kv_add,
    .kv_seen = service_kv_seen,
    .limit_take = service_limit_take,
    .http = service_http,
    .dns = service_dns,
    .dial = stream_host_dial,
    .stream_write = stream_host_write,
    .stream_read = stream_host_read,
    .stream_close = stream_host_close,
    .stream_timeout = stream_host_timeout,
    .current = message_current,
    .set = change_set,
    .start = wait_start,
    .wait_all = wait_all,
    .force = judge_force,
    .setting = judge_setting,
    .add_composite = judge_add_composite,
    .trial_begin = plugin_trial_begin,
    .trial_end = plugin_trial_end,
};
