/* verdict_header.c - the verdict in one header field. */
#include "core/hook/verdict_header.h"

#include "core/base/str.h"
#include "core/plugin/plugin_host.h"
#include <inttypes.h>
#include <stdlib.h>

#define DETAIL_MAX 60
#define LINE_FOLD  76  /* RFC 5322 2.1.1 recommends 78 */
#define TAIL_ROOM  110 /* for "; N more; id=…" */

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

        buf_put_char(out, c < ' ' || c > 126 || strchr("()\\", c) ? '?' : (char)c);
    }
    buf_put_char(out, ')');
}

static struct fct_str detail_of(const struct ledger_log *log, const char *name)
{
    for (size_t i = 0; i < log->n; i++)
        if (log->entry[i].kind == LEDGER_SYMBOL && !log->entry[i].shadow &&
            str_equal(log->entry[i].name, str_from(name)))
            return log->entry[i].detail;
    return (struct fct_str){"", 0};
}

static int by_strength(const void *a, const void *b)
{
    const struct symbol_hit *const *x = a, *const *y = b;
    int32_t p = abs((*x)->score_milli), q = abs((*y)->score_milli);

    return p != q ? (p < q) - (p > q) : strcmp((*x)->symbol->name, (*y)->symbol->name);
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

static struct fct_str symbol_piece(const struct symbol_hit *hit, const struct ledger_log *found,
                                   struct buf *piece)
{
    buf_clear(piece);
    buf_put_c(piece, hit->symbol->name);
    buf_put_char(piece, '=');
    put_score(hit->score_milli, piece);
    put_detail(detail_of(found, hit->symbol->name), piece);
    return buf_str(piece);
}

static void put_symbols(struct folding *f, const struct symbol_hit **hit, size_t n,
                        const struct ledger_log *found, struct buf *piece)
{
    for (size_t i = 0; i < n; i++) {
        struct fct_str text = symbol_piece(hit[i], found, piece);

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
    buf_printf(piece, "profile=%.60s;", j->profile->name);
    put_piece(f, buf_str(piece));
}

void verdict_header_format(struct arena *arena, const struct judgement *judgement,
                           const struct ledger_log *found, struct fct_str id, struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf piece = BUF_INIT(400);
    struct folding f = {out, VERDICT_HEADER_NAME.n + 1};
    const struct symbol_hit **hit;
    size_t n = 0;

    hit = ARENA_ARRAY(arena, const struct symbol_hit *, judgement->score.symbols + 1);
    for (const struct symbol_hit *h = judgement->score.hit; h; h = h->next)
        hit[n++] = h;
    qsort(hit, n, sizeof *hit, by_strength);
    put_head(&f, judgement, &piece);
    put_symbols(&f, hit, n, found, &piece);
    buf_clear(&piece);
    buf_printf(&piece, "id=%.*s", FCT_FMT(str_head(id, 60)));
    put_piece(&f, buf_str(&piece));
}
