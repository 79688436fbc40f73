/* ledger.c - the ledger as bytes, as text and as JSON. */
#include "core/hook/ledger.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/hook/hook_plan.h"
#include "core/hook/ledger_log.h"
#include "core/ipc/ipc_codec.h"
#include <inttypes.h>

#define LEDGER_VERSION   1
#define LEDGER_MAX_BYTES (16u << 10)
#define ENTRY_BYTES      13u /* of an entry with empty strings */
#define TAIL_BYTES       80u /* room for the entry that counts the others */
#define NAME_MAX_BYTES   100u
#define DETAIL_MAX_BYTES 200u
#define SCORE_LIMIT      1000000 /* of a symbol */
#define REST_LIMIT \
    800000000 /* of the last entry, which may stand for many: all together fit an int32_t */

static const char *const kind_names[] = {
    [LEDGER_SYMBOL] = "symbol", [LEDGER_VERDICT] = "verdict", [LEDGER_EDIT] = "edit",
    [LEDGER_FAULT] = "fault",   [LEDGER_DELIVER] = "deliver",
};

static const char *const verdict_names[] = {
    [FCT_NEXT] = "next",
    [FCT_ACCEPT] = "accept",
    [FCT_QUARANTINE] = "quarantine",
    [FCT_DISCARD] = "discard",
    [FCT_TEMPFAIL] = "tempfail",
    [FCT_REJECT] = "reject",
    [FCT_DISCONNECT] = "disconnect",
};

const char *hook_name(enum fct_hook hook)
{
    return (unsigned)hook < FCT_HOOK_COUNT ? hook_info[hook].name : "unknown";
}

const char *verdict_name(enum fct_verdict verdict)
{
    return (unsigned)verdict < FCT_COUNT(verdict_names) ? verdict_names[verdict] : "unknown";
}

/* ---- writing it down ---- */

void ledger_log_add(struct ledger_log *log, const struct ledger_entry *entry)
{
    if (log->n >= LEDGER_LOG_MAX && entry->kind != LEDGER_SYMBOL)
        return; /* symbols are bounded by their declarations: the sum stays right */
    if (log->n == log->cap) {
        size_t cap = log->cap ? 2 * log->cap : 8;

        log->entry =
            arena_grow(log->arena, log->entry, sizeof *entry * log->cap, sizeof *entry * cap);
        log->cap = cap;
    }
    log->entry[log->n++] = *entry;
    if (entry->kind == LEDGER_SYMBOL)
        log->score_milli += entry->score_milli;
}

/* ---- bytes: u8 version, u32 entries, i32 sum, entries ---- */

/* Cut at a character, not inside one. */
static struct fct_str cut(struct fct_str s, size_t max)
{
    if (s.n <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return str_head(s, max);
}

static void put_short(struct buf *out, struct fct_str s)
{
    ipc_put_u8(out, (uint8_t)s.n);
    buf_put_str(out, s);
}

static void put_entry(struct buf *out, const struct ledger_entry *e)
{
    ipc_put_u8(out, (uint8_t)e->kind);
    ipc_put_u8(out, (uint8_t)e->hook);
    ipc_put_u32(out, (uint32_t)e->score_milli);
    ipc_put_u32(out, e->took_us);
    put_short(out, cut(e->by, NAME_MAX_BYTES));
    put_short(out, cut(e->name, NAME_MAX_BYTES));
    put_short(out, cut(e->detail, DETAIL_MAX_BYTES));
}

static size_t entry_bytes(const struct ledger_entry *e)
{
    return ENTRY_BYTES + cut(e->by, NAME_MAX_BYTES).n + cut(e->name, NAME_MAX_BYTES).n +
           cut(e->detail, DETAIL_MAX_BYTES).n;
}

/* How many entries fit; the others become one that carries their sum. */
static size_t entries_that_fit(const struct ledger *l)
{
    size_t bytes = 0;

    for (size_t i = 0; i < l->n; i++) {
        bytes += entry_bytes(&l->entry[i]);
        if (bytes > LEDGER_MAX_BYTES - TAIL_BYTES)
            return i;
    }
    return l->n;
}

static void put_rest(struct buf *out, const struct ledger *l, size_t from)
{
    struct ledger_entry rest = {.kind = LEDGER_SYMBOL, .hook = l->entry[from].hook};
    char detail[40];

    for (size_t i = from; i < l->n; i++)
        if (l->entry[i].kind == LEDGER_SYMBOL)
            rest.score_milli += l->entry[i].score_milli;
    rest.by = FCT_STR("ledger");
    rest.name = FCT_STR("MORE");
    rest.detail.p = detail;
    rest.detail.n = (size_t)snprintf(detail, sizeof detail, "%zu further entries", l->n - from);
    put_entry(out, &rest);
}

void ledger_encode(const struct ledger *l, struct buf *out)
{
    size_t fit = entries_that_fit(l);

    ipc_put_u8(out, LEDGER_VERSION);
    ipc_put_u32(out, (uint32_t)(fit + (fit < l->n)));
    ipc_put_u32(out, (uint32_t)l->score_milli);
    for (size_t i = 0; i < fit; i++)
        put_entry(out, &l->entry[i]);
    if (fit < l->n)
        put_rest(out, l, fit);
}

static struct fct_str get_short(struct ipc_reader *r)
{
    size_t n = ipc_get_u8(r);
    struct fct_str s = {r->p, n};

    if (r->bad || (size_t)(r->end - r->p) < n) {
        r->bad = true;
        return (struct fct_str){"", 0};
    }
    r->p += n;
    return s;
}

static bool get_entry(struct ipc_reader *r, int32_t limit, struct ledger_entry *e)
{
    unsigned kind = ipc_get_u8(r), hook = ipc_get_u8(r);

    e->score_milli = (int32_t)ipc_get_u32(r);
    e->took_us = ipc_get_u32(r);
    e->by = get_short(r);
    e->name = get_short(r);
    e->detail = get_short(r);
    if (kind >= FCT_COUNT(kind_names) || hook >= FCT_HOOK_COUNT || e->score_milli > limit ||
        e->score_milli < -limit)
        return false;
    e->kind = (enum ledger_kind)kind;
    e->hook = (enum fct_hook)hook;
    return true;
}

bool ledger_decode(struct arena *arena, struct fct_str bytes, struct ledger *out,
                   struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(bytes);
    struct ledger_entry *entry;
    int64_t sum = 0;
    uint32_t n;

    if (ipc_get_u8(&r) != LEDGER_VERSION)
        return fct_fail(err, FCT_SYNTAX, "the ledger has a version we do not know");
    n = ipc_get_count(&r, ENTRY_BYTES);
    if (n > LEDGER_MAX_BYTES / ENTRY_BYTES)
        return fct_fail(err, FCT_SYNTAX, "the ledger has too many entries");
    out->score_milli = (int32_t)ipc_get_u32(&r);
    entry = ARENA_ARRAY(arena, struct ledger_entry, n + 1);
    for (uint32_t i = 0; i < n && !r.bad; i++) {
        if (!get_entry(&r, i + 1 < n ? SCORE_LIMIT : REST_LIMIT, &entry[i]))
            return fct_fail(err, FCT_SYNTAX, "ledger entry %u has an unknown kind, hook or score",
                            i);
        if (entry[i].kind == LEDGER_SYMBOL)
            sum += entry[i].score_milli;
    }
    if (!ipc_reader_ok(&r))
        return fct_fail(err, FCT_SYNTAX, "the ledger is cut off or has something behind it");
    if (sum != out->score_milli)
        return fct_fail(err, FCT_SYNTAX, "the ledger's symbols make %" PRId64 ", it says %d", sum,
                        out->score_milli);
    out->entry = entry;
    out->n = n;
    return true;
}

/* ---- for people and for machines ---- */

static void print_milli(int32_t milli, struct buf *out)
{
    int64_t size = milli < 0 ? -(int64_t)milli : milli;

    buf_printf(out, "%s%" PRId64 ".%03" PRId64, milli < 0 ? "-" : "", size / 1000, size % 1000);
}

/* Details come from mail: nothing in them may move a cursor or end a string. */
static void print_text(struct fct_str s, struct buf *out)
{
    bool utf8 = s.n == 0 || utf8_is_valid(s);

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
            buf_printf(out, "\\u%04x", c);
        else
            buf_put_char(out, (char)c);
    }
}

static void print_json_entry(const struct ledger_entry *e, struct buf *out)
{
    buf_printf(out, "{\"kind\": \"%s\", \"hook\": \"%s\", \"by\": \"", kind_names[e->kind],
               hook_name(e->hook));
    print_text(e->by, out);
    buf_put_c(out, "\", \"name\": \"");
    print_text(e->name, out);
    buf_put_c(out, "\"");
    if (e->kind == LEDGER_SYMBOL) {
        buf_put_c(out, ", \"score\": ");
        print_milli(e->score_milli, out);
    }
    buf_put_c(out, ", \"detail\": \"");
    print_text(e->detail, out);
    buf_printf(out, "\", \"took_us\": %" PRIu32 "}", e->took_us);
}

static void print_json(const struct ledger *l, struct buf *out)
{
    buf_put_c(out, "{\"score\": ");
    print_milli(l->score_milli, out);
    buf_put_c(out, ", \"entries\": [");
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0)
            buf_put_c(out, ", ");
        print_json_entry(&l->entry[i], out);
    }
    buf_put_c(out, "]}");
}

/* Text in a column of at least that width. */
static void print_column(struct fct_str s, size_t width, struct buf *out)
{
    size_t start = out->n;

    print_text(s, out);
    do
        buf_put_char(out, ' ');
    while (out->n - start < width && !out->overflow);
}

static void print_line(const struct ledger_entry *e, struct buf *out)
{
    print_column(str_from(hook_name(e->hook)), 9, out);
    print_column(str_from(kind_names[e->kind]), 9, out);
    print_column(e->by, 25, out);
    print_column(e->name, 24, out);
    if (e->kind == LEDGER_SYMBOL) {
        print_milli(e->score_milli, out);
        buf_put_char(out, ' ');
    }
    if (e->detail.n > 0) {
        buf_put_c(out, "\"");
        print_text(e->detail, out);
        buf_put_c(out, "\" ");
    }
    buf_printf(out, "%" PRIu32 " us\n", e->took_us);
}

void ledger_print(const struct ledger *l, bool json, struct buf *out)
{
    if (json) {
        print_json(l, out);
        return;
    }
    for (size_t i = 0; i < l->n; i++)
        print_line(&l->entry[i], out);
    buf_put_c(out, "score    ");
    print_milli(l->score_milli, out);
    buf_put_c(out, "\n");
}
