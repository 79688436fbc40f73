/* filter_codec_answer.c - see filter_codec.h: answers to one point, and the result of a message. */
#include "core/hook/filter_codec.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/plugin/plugin_change.h"

#define CODEC_KEYWORDS_MAX 32u
#define CODEC_TEXT_MAX     400u
#define CODEC_MAILBOX_MAX  1000u
#define CODEC_CHANGES_MAX  (CHANGES_MAX + 1)

/* ---- answers ---- */

/* Goes into a reply line: nothing in it may end the line. */
static bool is_line(struct fct_str s, size_t max)
{
    return s.n <= max && utf8_is_line(s);
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

void filter_answer_encode(const struct filter_answer *answer, bool sticky, struct buf *out)
{
    ipc_put_bool(out, sticky);
    put_answer(out, answer);
    put_changes(out, answer->change, answer->changes);
    ipc_put_str(out, answer->carried);
    ipc_put_bool(out, answer->skip);
    put_blob(out, edit_list_encode, &answer->edits);
}

bool filter_answer_decode(struct arena *arena, struct fct_str bytes, enum fct_hook hook,
                          uint64_t size, struct filter_answer *out, bool *sticky,
                          struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(bytes);

    *out = (struct filter_answer){.verdict = FCT_NEXT};
    *sticky = ipc_get_bool(&r);
    if (!get_answer(&r, out) || !get_changes(&r, arena, hook, &out->change, &out->changes))
        return fct_fail(err, FCT_BUG, "a filter's answer to %s is malformed", hook_name(hook));
    out->carried = ipc_get_str(&r);
    out->skip = ipc_get_bool(&r);
    if (!edit_list_decode(arena, ipc_get_str(&r), size, &out->edits, err))
        return fct_fail_in(err, "a filter's answer to %s", hook_name(hook));
    if (!ipc_reader_ok(&r) || !is_ledger(arena, out->carried) ||
        (out->edits.n > 0 && hook != FCT_HOOK_queue_in))
        return fct_fail(err, FCT_BUG, "a filter's answer to %s is malformed", hook_name(hook));
    return true;
}

/* ---- the result of a message ---- */

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
