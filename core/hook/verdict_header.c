/* verdict_header.c - the verdict in one header field. */
#include "core/hook/verdict_header.h"

#include "core/base/str.h"
#include "core/plugin/plugin_host.h"
#include <inttypes.h>
#include <stdlib.h>

#define DETAIL_MAX 60
#define LINE_FOLD  76  /* RFC 5322 2.1.1 recommends 78 */
#define TAIL_ROOM  130 /* for "N more; degraded=redis; id=…" and a fold before each */

/* At least one decimal, so that a score never looks like a count. */
static void put_score(int32_t milli, struct buf *out)
{
    char text[SCORE_TEXT_MAX];
    struct fct_str number = score_text(milli, text);

    buf_put_str(out, number);
    if (str_find_char(number, '.') < 0)
        buf_put_c(out, ".0");
}

/* Details come from mail: nothing in them may end the comment or the field. */
static void put_detail(struct fct_str detail, struct buf *out)
{
    detail = str_head(detail, DETAIL_MAX);
    if (detail.n == 0)
        return;
    buf_put_c(out, " (");
    for (size_t i = 0; i < detail.n; i++) {
        unsigned char c = (unsigned char)detail.p[i];

        buf_put_char(out, c < ' ' || c > 126 || strchr("()\\;", c) ? '?' : (char)c);
    }
    buf_put_char(out, ')');
}

/* What is printed: a symbol, or what the cap of a group did. */
struct item {
    const char *prefix, *name;
    int32_t milli;
    struct fct_str detail;
};

static bool is_cap(const struct ledger_entry *e)
{
    return e->kind == LEDGER_ADJUST && str_starts(e->detail, FCT_STR(SCORE_CAP_DETAIL));
}

/* The last one counts: an account's own stands behind the common one. */
static struct fct_str detail_in(const struct ledger_log *log, const char *name)
{
    for (size_t i = log->n; i > 0; i--) {
        const struct ledger_entry *e = &log->entry[i - 1];

        if (e->kind == LEDGER_SYMBOL && !e->shadow && str_equal(e->name, str_from(name)))
            return e->detail;
    }
    return (struct fct_str){NULL, 0};
}

static struct fct_str detail_of(const struct judgement *j, const struct ledger_log *found,
                                const struct plugin_symbol *symbol)
{
    struct fct_str own;

    if (symbol->expression) /* a composite: which others made it true stands beside it */
        return (struct fct_str){"", 0};
    own = detail_in(&j->log, symbol->name);
    return own.p ? own : detail_in(found, symbol->name);
}

static size_t take_items(struct arena *arena, const struct judgement *j,
                         const struct ledger_log *found, struct item **out)
{
    struct item *item = ARENA_ARRAY(arena, struct item, j->score.symbols + j->log.n + 1);
    size_t n = 0;

    for (const struct symbol_hit *h = j->score.hit; h; h = h->next)
        item[n++] =
            (struct item){"", h->symbol->name, h->score_milli, detail_of(j, found, h->symbol)};
    for (size_t i = 0; i < j->log.n; i++) {
        const struct ledger_entry *e = &j->log.entry[i];

        if (is_cap(e) && !e->shadow)
            item[n++] = (struct item){"g:", arena_cstr(arena, e->name), e->score_milli, e->detail};
    }
    *out = item;
    return n;
}

static int by_strength(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int32_t p = abs(x->milli), q = abs(y->milli);

    return p != q ? (p < q) - (p > q) : strcmp(x->name, y->name);
}

/* The threshold that says how far it was from the next thing. */
static int32_t limit_of(const struct judgement *j)
{
    enum fct_action action = j->action > FCT_KEEP ? j->action : FCT_JUNK;

    return j->profile->threshold_milli[action] > 0 ? j->profile->threshold_milli[action]
                                                   : j->profile->threshold_milli[FCT_JUNK];
}

/* One piece of the value, on a line of its own where it does not fit; pieces are shorter than a
 * line. */
struct folding {
    struct buf *out;
    size_t column;
};

static void put_piece(struct folding *f, struct fct_str piece)
{
    if (f->column > 0 && f->column + 1 + piece.n > LINE_FOLD) {
        buf_put_c(f->out, "\r\n");
        f->column = 0;
    }
    buf_put_char(f->out, ' ');
    buf_put_str(f->out, piece);
    f->column += 1 + piece.n;
}

/* Groups are named by plugins, not by mail; still nothing in them may look like another piece. */
static void put_name(const char *name, struct buf *out)
{
    for (; *name; name++)
        buf_put_char(out, *name > ' ' && *name < 127 && !strchr("=,;()\\", *name) ? *name : '_');
}

static struct fct_str item_piece(const struct item *item, struct buf *piece)
{
    buf_clear(piece);
    buf_put_c(piece, item->prefix);
    put_name(item->name, piece);
    buf_put_char(piece, '=');
    put_score(item->milli, piece);
    put_detail(item->detail, piece);
    return buf_str(piece);
}

static void put_items(struct folding *f, const struct item *item, size_t n, struct buf *piece)
{
    for (size_t i = 0; i < n; i++) {
        struct fct_str text = item_piece(&item[i], piece);

        if (f->out->n + text.n + TAIL_ROOM > VERDICT_HEADER_MAX) {
            buf_clear(piece);
            buf_printf(piece, "%zu more;", n - i);
            put_piece(f, buf_str(piece));
            return;
        }
        buf_put_char(piece, i + 1 < n ? ',' : ';');
        put_piece(f, buf_str(piece));
    }
}

static void put_head(struct folding *f, const struct judgement *j, struct buf *piece)
{
    buf_clear(piece);
    buf_printf(piece, "%s ", action_name(j->action));
    put_score(j->score.milli, piece);
    if (limit_of(j) > 0) {
        buf_put_char(piece, '/');
        put_score(limit_of(j), piece);
    }
    buf_put_char(piece, ';');
    put_piece(f, buf_str(piece));
    buf_clear(piece);
    buf_printf(piece, "profile=%.*s;", FCT_FMT(str_head(j->label, 60)));
    put_piece(f, buf_str(piece));
}

void verdict_header_format(struct arena *arena, const struct judgement *judgement,
                           const struct verdict_facts *facts, struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf piece = BUF_INIT(400);
    struct folding f = {out, VERDICT_HEADER_NAME.n + 1};
    struct item *item;
    size_t n = take_items(arena, judgement, facts->found, &item);

    qsort(item, n, sizeof *item, by_strength);
    put_head(&f, judgement, &piece);
    put_items(&f, item, n, &piece);
    if (facts->degraded)
        put_piece(&f, FCT_STR("degraded=redis;"));
    buf_clear(&piece);
    buf_printf(&piece, "id=%.*s", FCT_FMT(str_head(facts->id, 60)));
    put_piece(&f, buf_str(&piece));
}
