/* ledger.c - the ledger as bytes, as text and as JSON. */
#include "core/hook/ledger.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/hook/hook_plan.h"
#include "core/hook/ledger_log.h"
#include "core/ipc/ipc_codec.h"
#include <inttypes.h>

#define LEDGER_VERSION   2 /* 1 had no flags, weights and groups: still read */
#define LEDGER_MAX_BYTES (16u << 10)
#define ENTRY_BYTES      19u /* of an entry with empty strings */
#define ENTRY_BYTES_1    13u /* the same in version 1 */
#define TAIL_BYTES       80u /* room for the entry that counts the others */
#define NAME_MAX_BYTES   100u
#define DETAIL_MAX_BYTES 200u
#define SCORE_LIMIT      1000000    /* of a symbol */
#define SUM_LIMIT        1000000000 /* of the entries up to any of them: no plan's symbols make more */
#define FLAG_SHADOW      1u

static const char *const kind_names[] = {
    [LEDGER_SYMBOL] = "symbol", [LEDGER_VERDICT] = "verdict", [LEDGER_EDIT] = "edit",
    [LEDGER_FAULT] = "fault",   [LEDGER_DELIVER] = "deliver", [LEDGER_ADJUST] = "adjust",
    [LEDGER_FORCE] = "force",   [LEDGER_PROFILE] = "profile", [LEDGER_CHANGE] = "change",
};

static const char *const verdict_names[] = {
    [FCT_NEXT] = "next",
    [FCT_ACCEPT] = "accept",
    [FCT_QUARANTINE] = "quarantine",
    [FCT_DISCARD] = "discard",
    [FCT_TEMPFAIL] = "tempfail",
    [FCT_REJECT] = "reject",
    [FCT_DISCONNECT] = "disconnect",
    [FCT_SKIP] = "skip",
};

const char *hook_name(enum fct_hook hook)
{
    return (unsigned)hook < FCT_HOOK_COUNT ? hook_info[hook].name : "unknown";
}

const char *verdict_name(enum fct_verdict verdict)
{
    return (unsigned)verdict < FCT_COUNT(verdict_names) ? verdict_names[verdict] : "unknown";
}

/* Does its score belong to the sum? */
static bool counts(const struct ledger_entry *e)
{
    return (e->kind == LEDGER_SYMBOL || e->kind == LEDGER_ADJUST) && !e->shadow;
}

/* ---- writing it down ---- */

void ledger_log_add(struct ledger_log *log, const struct ledger_entry *entry)
{
    if (log->n >= LEDGER_LOG_MAX && !counts(entry))
        return; /* symbols are bounded (plugin_result.c): the sum stays right */
    if (log->n == log->cap) {
        size_t cap = log->cap ? 2 * log->cap : 8;

        log->entry =
            arena_grow(log->arena, log->entry, sizeof *entry * log->cap, sizeof *entry * cap);
        log->cap = cap;
    }
    log->entry[log->n++] = *entry;
    if (counts(entry))
        log->score_milli += entry->score_milli;
}

void ledger_log_append(struct ledger_log *log, const struct ledger_log *more)
{
    for (size_t i = 0; i < more->n; i++)
        ledger_log_add(log, &more->entry[i]);
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
    ipc_put_u8(out, e->shadow ? FLAG_SHADOW : 0);
    ipc_put_u32(out, (uint32_t)e->score_milli);
    ipc_put_u32(out, (uint32_t)e->weight_milli);
    ipc_put_u32(out, e->took_us);
    put_short(out, cut(e->by, NAME_MAX_BYTES));
    put_short(out, cut(e->name, NAME_MAX_BYTES));
    put_short(out, cut(e->detail, DETAIL_MAX_BYTES));
    put_short(out, cut(e->group, NAME_MAX_BYTES));
}

static size_t entry_bytes(const struct ledger_entry *e)
{
    return ENTRY_BYTES + cut(e->by, NAME_MAX_BYTES).n + cut(e->name, NAME_MAX_BYTES).n +
           cut(e->detail, DETAIL_MAX_BYTES).n + cut(e->group, NAME_MAX_BYTES).n;
}

/* Who judged and what was decided is never left out. */
static bool is_essential(const struct ledger_entry *e)
{
    return e->kind == LEDGER_PROFILE && !e->shadow;
}

/* Room for entries that are not essential. */
static size_t room_for_others(const struct ledger *l)
{
    size_t room = LEDGER_MAX_BYTES - TAIL_BYTES;

    for (size_t i = 0; i < l->n; i++)
        if (is_essential(&l->entry[i]))
            room -= room < entry_bytes(&l->entry[i]) ? room : entry_bytes(&l->entry[i]);
    return room;
}

/* The entries that do not fit become one that carries their sum. */
struct fitting {
    size_t room, left_out;
    int64_t score_milli; /* of those left out */
};

static bool fits(struct fitting *f, const struct ledger_entry *e)
{
    size_t bytes = entry_bytes(e);

    if (is_essential(e))
        return true;
    if (f->left_out == 0 && bytes <= f->room) {
        f->room -= bytes;
        return true;
    }
    f->left_out++;
    f->score_milli += counts(e) ? e->score_milli : 0;
    return false;
}

static void put_rest(struct buf *out, const struct fitting *f)
{
    struct ledger_entry rest = {.kind = LEDGER_SYMBOL,
                                .hook = FCT_HOOK_scan,
                                .by = FCT_STR("ledger"),
                                .name = FCT_STR("MORE"),
                                .score_milli = (int32_t)f->score_milli};
    char detail[40];

    rest.detail.p = detail;
    rest.detail.n = (size_t)snprintf(detail, sizeof detail, "%zu further entries", f->left_out);
    put_entry(out, &rest);
}

void ledger_encode(const struct ledger *l, struct buf *out)
{
    struct fitting f = {.room = room_for_others(l)}, before = f;

    for (size_t i = 0; i < l->n; i++)
        (void)fits(&f, &l->entry[i]);
    ipc_put_u8(out, LEDGER_VERSION);
    ipc_put_u32(out, (uint32_t)(l->n - f.left_out + (f.left_out > 0)));
    ipc_put_u32(out, (uint32_t)l->score_milli);
    for (size_t i = 0; i < l->n; i++)
        if (fits(&before, &l->entry[i]))
            put_entry(out, &l->entry[i]);
    if (f.left_out > 0)
        put_rest(out, &f);
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

static bool get_entry(struct ipc_reader *r, unsigned version, bool last, struct ledger_entry *e)
{
    unsigned kind = ipc_get_u8(r), hook = ipc_get_u8(r), flags = version > 1 ? ipc_get_u8(r) : 0;
    int32_t limit = kind == LEDGER_SYMBOL && !last ? SCORE_LIMIT : 2 * SUM_LIMIT;

    e->score_milli = (int32_t)ipc_get_u32(r);
    e->weight_milli = version > 1 ? (int32_t)ipc_get_u32(r) : e->score_milli;
    e->took_us = ipc_get_u32(r);
    e->by = get_short(r);
    e->name = get_short(r);
    e->detail = get_short(r);
    if (version > 1)
        e->group = get_short(r);
    if (kind >= FCT_COUNT(kind_names) || hook >= FCT_HOOK_COUNT || flags > FLAG_SHADOW ||
        e->score_milli > limit || e->score_milli < -limit || e->weight_milli > SUM_LIMIT ||
        e->weight_milli < -SUM_LIMIT)
        return false;
    e->kind = (enum ledger_kind)kind;
    e->hook = (enum fct_hook)hook;
    e->shadow = flags & FLAG_SHADOW;
    return true;
}

bool ledger_decode(struct arena *arena, struct fct_str bytes, struct ledger *out,
                   struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(bytes);
    unsigned version = ipc_get_u8(&r);
    struct ledger_entry *entry;
    int64_t sum = 0;
    uint32_t n;

    if (version == 0 || version > LEDGER_VERSION)
        return fct_fail(err, FCT_SYNTAX, "the ledger has a version we do not know");
    n = ipc_get_count(&r, ENTRY_BYTES_1);
    if (n > LEDGER_MAX_BYTES / ENTRY_BYTES_1)
        return fct_fail(err, FCT_SYNTAX, "the ledger has too many entries");
    out->score_milli = (int32_t)ipc_get_u32(&r);
    entry = ARENA_ARRAY(arena, struct ledger_entry, n + 1);
    for (uint32_t i = 0; i < n && !r.bad; i++) {
        if (!get_entry(&r, version, i + 1 == n, &entry[i]))
            return fct_fail(err, FCT_SYNTAX, "ledger entry %u has an unknown kind, hook or score",
                            i);
        if (counts(&entry[i]))
            sum += entry[i].score_milli;
        if (sum > SUM_LIMIT || sum < -SUM_LIMIT)
            return fct_fail(err, FCT_SYNTAX, "the ledger's sum is beyond every limit");
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

void ledger_put_milli(int32_t milli, struct buf *out)
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
        else if (c == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0) /* a C1 control */
            buf_printf(out, "\\u%04x", (unsigned char)s.p[++i]);
        else
            buf_put_char(out, (char)c);
    }
}

static bool has_score(const struct ledger_entry *e)
{
    return e->kind == LEDGER_SYMBOL || e->kind == LEDGER_ADJUST || e->kind == LEDGER_PROFILE;
}

/* Whoever adds up all "score" of the entries gets the ledger's. */
static const char *score_key(const struct ledger_entry *e)
{
    if (e->kind == LEDGER_PROFILE)
        return "sum";
    return e->shadow ? "would_score" : "score";
}

static void print_json_symbol(const struct ledger_entry *e, struct buf *out)
{
    buf_put_c(out, ", \"weight\": ");
    ledger_put_milli(e->weight_milli, out);
    buf_put_c(out, ", \"group\": \"");
    print_text(e->group, out);
    buf_put_c(out, "\"");
}

static void print_json_entry(const struct ledger_entry *e, struct buf *out)
{
    buf_printf(out, "{\"kind\": \"%s\", \"hook\": \"%s\", \"by\": \"", kind_names[e->kind],
               hook_name(e->hook));
    print_text(e->by, out);
    buf_put_c(out, "\", \"name\": \"");
    print_text(e->name, out);
    buf_put_c(out, "\"");
    if (has_score(e)) {
        buf_printf(out, ", \"%s\": ", score_key(e));
        ledger_put_milli(e->score_milli, out);
    }
    if (e->kind == LEDGER_SYMBOL)
        print_json_symbol(e, out);
    if (e->shadow)
        buf_put_c(out, ", \"shadow\": true");
    buf_put_c(out, ", \"detail\": \"");
    print_text(e->detail, out);
    buf_printf(out, "\", \"took_us\": %" PRIu32 "}", e->took_us);
}

static void print_json(const struct ledger *l, struct buf *out)
{
    buf_put_c(out, "{\"score\": ");
    ledger_put_milli(l->score_milli, out);
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
    if (e->shadow)
        buf_put_c(out, "would ");
    print_column(str_from(kind_names[e->kind]), 9, out);
    print_column(e->by, 25, out);
    print_column(e->name, 24, out);
    if (has_score(e)) {
        ledger_put_milli(e->score_milli, out);
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
    ledger_put_milli(l->score_milli, out);
    buf_put_c(out, "\n");
}
