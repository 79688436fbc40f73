/* history_entry.c - see history_entry.h. */
#include "core/hook/history_entry.h"

#include "core/base/str.h"
#include "core/ipc/ipc_codec.h"
#include "core/plugin/plugin_host.h"
#include <inttypes.h>

#define VERSION 1

/* Texts in their order, each with the most bytes that are kept of it; symbols take the rest. */
static const struct {
    size_t offset, most;
} texts[] = {
    {offsetof(struct history_entry, id), 40},     {offsetof(struct history_entry, client_ip), 45},
    {offsetof(struct history_entry, from), 80},   {offsetof(struct history_entry, to), 80},
    {offsetof(struct history_entry, action), 12}, {offsetof(struct history_entry, profile), 24},
};

static struct fct_str text_of(const struct history_entry *e, size_t i)
{
    struct fct_str s;

    memcpy(&s, (const char *)e + texts[i].offset, sizeof s);
    return s;
}

const char *history_action(enum fct_verdict verdict, enum fct_action action)
{
    static const char *const words[] = {
        [FCT_QUARANTINE] = "quarantine", [FCT_DISCARD] = "discard",   [FCT_TEMPFAIL] = "tempfail",
        [FCT_REJECT] = "reject",         [FCT_DISCONNECT] = "reject",
    };

    if (verdict == FCT_TEMPFAIL && action == FCT_GREYLIST)
        return action_name(action);
    return (unsigned)verdict < FCT_COUNT(words) && words[verdict] ? words[verdict]
                                                                  : action_name(action);
}

/* ---- bytes ---- */

static void put_text(struct buf *out, struct fct_str s)
{
    ipc_put_u16(out, (uint16_t)s.n);
    buf_put_str(out, s);
}

/* "A=3.5 B=-1 C=0.2" as "A=3.5 +2" where no more fits: whole symbols, and how many are missing. */
static void put_symbols(struct buf *out, struct fct_str s, size_t room)
{
    char more[16] = "";
    size_t n = s.n, missing = 0;

    if (n > room) {
        for (n = room - sizeof more; n > 0 && s.p[n] != ' '; n--)
            ;
        for (size_t i = n; i < s.n; i++)
            missing += s.p[i] == ' ';
        (void)snprintf(more, sizeof more, " +%zu", missing);
    }
    ipc_put_u16(out, (uint16_t)(n + strlen(more)));
    buf_put_str(out, str_head(s, n));
    buf_put_c(out, more);
}

void history_encode(const struct history_entry *e, struct buf *out)
{
    size_t start = out->n;

    ipc_put_u8(out, VERSION);
    ipc_put_u64(out, (uint64_t)e->at_ms);
    ipc_put_u32(out, e->recipients);
    ipc_put_u32(out, e->took_ms);
    ipc_put_u64(out, e->size);
    ipc_put_u32(out, (uint32_t)e->score_milli);
    for (size_t i = 0; i < FCT_COUNT(texts); i++)
        put_text(out, str_head(text_of(e, i), texts[i].most));
    put_symbols(out, e->symbols, HISTORY_BYTES - 2 - (out->n - start));
}

static struct fct_str get_text(struct ipc_reader *r)
{
    struct fct_str s = {r->p, ipc_get_u16(r)};

    s.p = r->p;
    if (r->bad || (size_t)(r->end - r->p) < s.n) {
        r->bad = true;
        return (struct fct_str){"", 0};
    }
    r->p += s.n;
    return s;
}

bool history_decode(struct fct_str bytes, struct history_entry *out)
{
    struct ipc_reader r = ipc_reader(bytes);
    bool known = ipc_get_u8(&r) == VERSION;

    *out = (struct history_entry){.at_ms = (int64_t)ipc_get_u64(&r)};
    out->recipients = ipc_get_u32(&r);
    out->took_ms = ipc_get_u32(&r);
    out->size = ipc_get_u64(&r);
    out->score_milli = (int32_t)ipc_get_u32(&r);
    for (size_t i = 0; i < FCT_COUNT(texts); i++) {
        struct fct_str s = get_text(&r);

        memcpy((char *)out + texts[i].offset, &s, sizeof s);
    }
    out->symbols = get_text(&r);
    return ipc_reader_ok(&r) && known;
}

/* ---- looking for some ---- */

static bool is_from(struct fct_str wanted, struct fct_str address)
{
    struct fct_str domain = str_skip(address, (size_t)(str_find_last_char(address, '@') + 1));

    if (wanted.n == 0)
        return true;
    if (wanted.p[0] == '@')
        return str_equal_nocase(str_skip(wanted, 1), domain);
    return str_equal_nocase(wanted, str_find_char(wanted, '@') > 0 ? address : domain);
}

static bool has_symbol(struct fct_str wanted, struct fct_str symbols)
{
    if (wanted.n == 0)
        return true;
    while (symbols.p && symbols.n > 0) {
        struct fct_str word = str_split(&symbols, ' '), name = str_split(&word, '=');

        if (str_equal(name, wanted))
            return true;
    }
    return false;
}

bool history_matches(const struct history_query *q, const struct history_entry *e)
{
    return e->at_ms >= q->since_ms && (!q->has_least || e->score_milli >= q->least_milli) &&
           (q->client_ip.n == 0 || str_equal(q->client_ip, e->client_ip)) &&
           (q->action.n == 0 || str_equal(q->action, e->action)) &&
           (q->id.n == 0 || str_equal(q->id, e->id)) && is_from(q->from, e->from) &&
           is_from(q->to, e->to) && has_symbol(q->symbol, e->symbols);
}

void history_query_put(const struct history_query *q, struct buf *out)
{
    ipc_put_str(out, q->from);
    ipc_put_str(out, q->to);
    ipc_put_str(out, q->client_ip);
    ipc_put_str(out, q->action);
    ipc_put_str(out, q->symbol);
    ipc_put_str(out, q->id);
    ipc_put_u64(out, (uint64_t)q->since_ms);
    ipc_put_u32(out, (uint32_t)q->least_milli);
    ipc_put_bool(out, q->has_least);
}

void history_query_get(struct ipc_reader *r, struct history_query *q)
{
    *q = (struct history_query){.from = ipc_get_str(r)};
    q->to = ipc_get_str(r);
    q->client_ip = ipc_get_str(r);
    q->action = ipc_get_str(r);
    q->symbol = ipc_get_str(r);
    q->id = ipc_get_str(r);
    q->since_ms = (int64_t)ipc_get_u64(r);
    q->least_milli = (int32_t)ipc_get_u32(r);
    q->has_least = ipc_get_bool(r);
}

/* ---- addresses ---- */

static struct fct_str lower(struct arena *arena, struct fct_str s)
{
    char *p = arena_alloc(arena, s.n + 1);

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    str_lower(p, s.n);
    return (struct fct_str){p, s.n};
}

struct fct_str history_address(struct arena *arena, struct fct_str address, const uint64_t key[2],
                               bool private)
{
    ptrdiff_t at = str_find_last_char(address, '@');
    struct fct_str folded = lower(arena, address);

    if (!private || at < 1)
        return folded;
    return arena_printf(arena, "#%012" PRIx64 "@%.*s",
                        str_hash_keyed(str_head(folded, (size_t)at), key) >> 16,
                        FCT_FMT(str_skip(folded, (size_t)at + 1)));
}
