/* plugin_result.c - what a callback decides: symbols, the text of a reply, where a recipient's copy
 * goes. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include <math.h>

#define REPLY_TEXT_MAX \
    400 /* with code and enhanced code inside one reply line of 512 (RFC 5321 4.5.3.1.5) */
#define MAILBOX_NAME_MAX   1000
#define KEYWORD_MAX        100
#define KEYWORDS_MAX       32
#define SYMBOL_SCORE_LIMIT 1e6
#define SYMBOLS_MAX        500 /* of one message: their sum fits an int32_t, see ledger.c */

/* ---- symbols ---- */

/* Symbols make the score that `verdict` sees: they can be added on the message's way to it. */
static const bool takes_symbols[FCT_HOOK_COUNT] = {
    [FCT_HOOK_connect] = true, [FCT_HOOK_tls] = true,     [FCT_HOOK_helo] = true,
    [FCT_HOOK_auth] = true,    [FCT_HOOK_unknown] = true, [FCT_HOOK_mail] = true,
    [FCT_HOOK_rcpt] = true,    [FCT_HOOK_resolve] = true, [FCT_HOOK_data] = true,
    [FCT_HOOK_chunk] = true,   [FCT_HOOK_headers] = true, [FCT_HOOK_scan] = true,
};

static struct symbol_hit *find_in(struct symbol_hit *hit, const char *name)
{
    while (hit && strcmp(hit->symbol->name, name) != 0)
        hit = hit->next;
    return hit;
}

/* Rows that only try see what others that only try found; the others do not. */
static struct symbol_hit *find_hit(const struct fct_call *call, const char *name)
{
    struct symbol_hit *hit = find_in(call->tx->hit, name);

    return !hit && call->shadow ? find_in(call->tx->shadow_hit, name) : hit;
}

bool hook_takes_symbols(enum fct_hook hook)
{
    return takes_symbols[hook];
}

int32_t symbol_milli(const struct plugin_symbol *symbol, double factor)
{
    double milli = round(symbol->score_milli * factor);

    return (int32_t)fmin(fmax(milli, -SYMBOL_SCORE_LIMIT), SYMBOL_SCORE_LIMIT);
}

static struct symbol_hit *add_hit(struct fct_call *call, const struct plugin_symbol *symbol,
                                  double factor)
{
    struct transaction *tx = call->tx;
    struct symbol_hit **list = call->shadow ? &tx->shadow_hit : &tx->hit;
    struct symbol_hit *hit = ARENA_NEW(tx->arena, struct symbol_hit);

    *hit = (struct symbol_hit){symbol, symbol_milli(symbol, factor), factor, *list};
    *list = hit;
    tx->hits += !call->shadow; /* nobody tries at the cost of the others */
    return hit;
}

/* The first hit of a name counts. */
bool result_symbol(struct fct_call *call, const char *name, double factor, struct fct_str detail)
{
    const struct plugin_symbol *symbol;
    struct transaction *tx = call->tx;
    const struct symbol_hit *hit;

    if (!call->live || !name || !takes_symbols[call->hook])
        return false;
    symbol = plugin_symbol_find(tx->set, str_from(name));
    if (!symbol || tx->hits == SYMBOLS_MAX)
        return false;
    if (find_hit(call, name))
        return true;
    hit = add_hit(call, symbol, isfinite(factor) ? factor : 0);
    call_note(call, NOTE_SYMBOL, symbol->name, detail, hit->score_milli)->symbol = symbol;
    return true;
}

void result_timed_out(struct fct_call *call)
{
    const struct plugin_symbol *symbol = call->row->self->timeout;

    if (!symbol || find_hit(call, symbol->name))
        return;
    add_hit(call, symbol, 1);
    call_note(call, NOTE_SYMBOL, symbol->name, str_from(call->row->label), 0)->symbol = symbol;
}

bool result_has_symbol(struct fct_call *call, const char *name, double *score)
{
    const struct symbol_hit *hit = call->live && name ? find_hit(call, name) : NULL;

    if (!hit)
        return false;
    if (score)
        *score = hit->score_milli / 1000.0;
    return true;
}

const char *result_symbol_at(struct fct_call *call, size_t nth, double *score)
{
    const struct symbol_hit *hit = call->tx->hit; /* the last found comes first */

    if (!call->live || nth >= call->tx->hits)
        return NULL;
    for (size_t i = call->tx->hits - 1; hit && i > nth; i--)
        hit = hit->next;
    if (!hit)
        return NULL;
    if (score)
        *score = hit->score_milli / 1000.0;
    return hit->symbol->name;
}

const char *result_symbol_group(struct fct_call *call, const char *name)
{
    const struct symbol_hit *hit = call->live && name ? find_hit(call, name) : NULL;

    return hit ? hit->symbol->group : NULL;
}

/* ---- the reply ---- */

static bool is_reply_text(struct fct_str s)
{
    return s.n <= REPLY_TEXT_MAX && utf8_is_line(s);
}

/* status-code = class "." subject "." detail; class 2 / 4 / 5, the others up to three digits    RFC
 * 3463 2 */
static bool is_enhanced(struct fct_str s)
{
    unsigned dots = 0, digits = 0;

    if (s.n < 5 || s.n > 9 || (s.p[0] != '4' && s.p[0] != '5') || s.p[1] != '.')
        return false;
    for (size_t i = 2; i < s.n; i++) {
        if (s.p[i] == '.' && digits > 0 && dots == 0) {
            dots++;
            digits = 0;
        } else if (s.p[i] < '0' || s.p[i] > '9' || ++digits > 3) {
            return false;
        }
    }
    return dots == 1 && digits > 0;
}

bool result_reply(struct fct_call *call, unsigned code, const char *enhanced, const char *text)
{
    struct fct_str e = str_from(enhanced), t = str_from(text);

    if (!call->live || (code != 0 && (code < 400 || code > 599)))
        return false;
    if ((e.n > 0 && !is_enhanced(e)) || !is_reply_text(t))
        return false;
    if (code != 0 && e.n > 0 && e.p[0] != (char)('0' + code / 100))
        return false;
    call->code = code;
    call->enhanced = arena_str(call->tx->arena, e);
    call->text = arena_str(call->tx->arena, t);
    return true;
}

/* ---- deliver ---- */

static bool is_mailbox_name(struct fct_str s)
{
    return s.n > 0 && s.n <= MAILBOX_NAME_MAX && utf8_is_line(s);
}

bool result_mailbox(struct fct_call *call, struct fct_str name)
{
    if (!call->live || !call->recipient || call->hook == FCT_HOOK_verdict || !is_mailbox_name(name))
        return false;
    call_note(call, NOTE_DELIVER, "mailbox", name, 0);
    if (!call->shadow)
        call->recipient->mailbox = arena_str(call->tx->arena, name);
    return true;
}

/* flag-keyword = atom, or a system flag behind a backslash    RFC 9051 9 */
static bool is_keyword(struct fct_str s)
{
    if (s.n > 0 && s.p[0] == '\\')
        s = str_skip(s, 1);
    if (s.n == 0 || s.n > KEYWORD_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f ||
            strchr("(){%*\"\\]", s.p[i]))
            return false;
    return true;
}

bool result_note(struct fct_call *call, const char *what, struct fct_str detail)
{
    if (!call->live || call->hook != FCT_HOOK_deliver)
        return false;
    call_note(call, NOTE_DELIVER, arena_cstr(call->tx->arena, (struct fct_str){what, strlen(what)}),
              detail, 0);
    return true;
}

bool result_keyword(struct fct_call *call, struct fct_str name)
{
    struct call_recipient *r = call->recipient;

    if (!call->live || !r || call->hook == FCT_HOOK_verdict || !is_keyword(name) ||
        r->nkeywords == KEYWORDS_MAX)
        return false;
    for (size_t i = 0; i < r->nkeywords; i++)
        if (str_equal_nocase(r->keyword[i], name))
            return true;
    call_note(call, NOTE_DELIVER, "keyword", name, 0);
    if (call->shadow)
        return true;
    if (!r->keyword)
        r->keyword = ARENA_ARRAY(call->tx->arena, struct fct_str, KEYWORDS_MAX);
    r->keyword[r->nkeywords++] = arena_str(call->tx->arena, name);
    return true;
}
