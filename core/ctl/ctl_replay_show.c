/* ctl_replay_show.c - what replay found: each change at once, so that nothing is kept; then sums.
 */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES 65536u
#define NAMES_SHOWN    8u
#define BAR_CELLS      24u

/* ---- symbols that came and went ---- */

static bool is_symbol(const struct ledger_entry *e)
{
    return e->kind == LEDGER_SYMBOL && !e->shadow;
}

static bool has_symbol(const struct ledger *l, struct fct_str name)
{
    for (size_t i = 0; i < l->n; i++)
        if (is_symbol(&l->entry[i]) && str_equal(l->entry[i].name, name))
            return true;
    return false;
}

/* Symbols of `l` that `other` has not. */
static void put_new(const struct ledger *l, const struct ledger *other, char sign, struct buf *out)
{
    unsigned n = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (!is_symbol(&l->entry[i]) || has_symbol(other, l->entry[i].name))
            continue;
        if (n++ == NAMES_SHOWN) {
            buf_put_c(out, " ...");
            return;
        }
        buf_printf(out, " %c", sign);
        ctl_put_safe(l->entry[i].name, out);
    }
}

static json_t *new_json(const struct ledger *l, const struct ledger *other)
{
    json_t *all = json_array();

    for (size_t i = 0; i < l->n; i++)
        if (is_symbol(&l->entry[i]) && !has_symbol(other, l->entry[i].name))
            json_array_append_new(all, ctl_json_str(l->entry[i].name));
    return all;
}

/* ---- a change ---- */

static void put_verdict(const struct replay_verdict *v, struct buf *out)
{
    buf_put_c(out, replay_fate_name[v->fate]);
    buf_put_char(out, ' ');
    ledger_put_milli(v->score_milli, out);
    if (v->mailbox.n > 0) {
        buf_put_c(out, " into ");
        ctl_put_safe(v->mailbox, out);
    }
}

static void put_change(struct ctl *c, const struct store_history_item *item,
                       const struct replay_verdict *then, const struct replay_verdict *now,
                       struct buf *out)
{
    bool colour = ctl_wants_colour();

    buf_printf(out, "%s  ", ctl_time(c->arena, item->received).p);
    ctl_put_safe(item->log_id, out);
    buf_put_c(out, "  ");
    ctl_put_safe(item->account, out);
    buf_put_c(out, "  from <");
    ctl_put_safe(item->reverse_path, out);
    buf_put_c(out, ">\n    ");
    put_verdict(then, out);
    buf_put_c(out, " -> ");
    buf_put_c(out, !colour ? "" : now->fate > then->fate ? CTL_RED : CTL_GREEN);
    put_verdict(now, out);
    buf_put_c(out, colour ? CTL_PLAIN : "");
    if (now->by.n > 0 && now->fate != REPLAY_KEEP) {
        buf_put_c(out, " by ");
        ctl_put_safe(now->by, out);
    }
    put_new(&now->ledger, &then->ledger, '+', out);
    put_new(&then->ledger, &now->ledger, '-', out);
    buf_put_char(out, '\n');
}

static json_t *verdict_json(const struct replay_verdict *v, const struct replay_verdict *other)
{
    return json_pack("{s:s, s:f, s:o, s:o, s:o}", "verdict", replay_fate_name[v->fate], "score",
                     (double)v->score_milli / 1000, "by", ctl_json_str(v->by), "mailbox",
                     ctl_json_str(v->mailbox), "only", new_json(&v->ledger, &other->ledger));
}

static void print_change_json(const struct store_history_item *item,
                              const struct replay_verdict *then, const struct replay_verdict *now,
                              bool first)
{
    json_t *one =
        json_pack("{s:o, s:o, s:o, s:i, s:I, s:o, s:o, s:o, s:o}", "id", ctl_json_str(item->log_id),
                  "account", ctl_json_str(item->account), "mailbox", ctl_json_str(item->mailbox),
                  "uid", (int)item->uid, "received", (json_int_t)item->received, "from",
                  ctl_json_str(item->reverse_path), "to", ctl_json_str(item->recipient), "then",
                  verdict_json(then, now), "now", verdict_json(now, then));

    (void)fputs(first ? "\n" : ",\n", stdout);
    json_dumpf(one, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(one);
}

void replay_show_begin(struct ctl *c)
{
    if (c->json)
        (void)fputs("{\"changes\": [", stdout);
}

void replay_show_change(struct ctl *c, const struct store_history_item *item,
                        const struct replay_verdict *then, const struct replay_verdict *now,
                        bool first)
{
    FCT_CLEANUP(buf_free) struct buf line = BUF_INIT(LINE_MAX_BYTES);

    if (c->json) {
        print_change_json(item, then, now, first);
        return;
    }
    put_change(c, item, then, now, &line);
    ctl_print(&line);
}

/* ---- the end ---- */

static json_t *moved_json(const struct replay_sums *sums)
{
    json_t *all = json_array();

    for (unsigned from = 0; from < REPLAY_FATES; from++)
        for (unsigned to = 0; to < REPLAY_FATES; to++)
            if (sums->moved[from][to] > 0 && from != to)
                json_array_append_new(all,
                                      json_pack("{s:s, s:s, s:I}", "then", replay_fate_name[from],
                                                "now", replay_fate_name[to], "messages",
                                                (json_int_t)sums->moved[from][to]));
    return all;
}

static void end_json(const struct replay_sums *sums)
{
    json_t *summary =
        json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:o}", "judged", (json_int_t)sums->judged,
                  "changed", (json_int_t)sums->changed, "lost", (json_int_t)sums->lost,
                  "score_differs", (json_int_t)sums->score_differs, "score_mean",
                  sums->judged ? (double)sums->score_milli / 1000 / (double)sums->judged : 0.0,
                  "score_least", (double)sums->least_milli / 1000, "score_most",
                  (double)sums->most_milli / 1000, "kinds", moved_json(sums));

    (void)fputs("\n], \"summary\": ", stdout);
    json_dumpf(summary, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
    (void)fputs("}\n", stdout);
    json_decref(summary);
}

static void put_moved(struct arena *arena, const struct replay_sums *sums, struct buf *out)
{
    struct ctl_table t = {.arena = arena, .column = {"THEN", "NOW", "MESSAGES>"}, .columns = 3};

    for (unsigned from = 0; from < REPLAY_FATES; from++)
        for (unsigned to = 0; to < REPLAY_FATES; to++)
            if (sums->moved[from][to] > 0 && from != to)
                ctl_table_row(&t,
                              (const struct fct_str[]){str_from(replay_fate_name[from]),
                                                       str_from(replay_fate_name[to]),
                                                       ctl_number(arena, sums->moved[from][to])});
    if (t.cells > 0) {
        buf_put_char(out, '\n');
        ctl_table_print(&t, ctl_wants_colour(), out);
    }
}

void replay_show_end(struct ctl *c, const struct replay_sums *sums)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(LINE_MAX_BYTES);

    if (c->json) {
        end_json(sums);
        return;
    }
    put_moved(c->arena, sums, &out);
    buf_printf(&out,
               "%s%" PRIu64 " judged, %" PRIu64 " with another verdict, %" PRIu64
               " with another score",
               sums->changed ? "\n" : "", sums->judged, sums->changed, sums->score_differs);
    if (sums->score_differs > 0)
        buf_printf(&out, " (%+.3f to %+.3f, on average %+.3f)", (double)sums->least_milli / 1000,
                   (double)sums->most_milli / 1000,
                   (double)sums->score_milli / 1000 / (double)sums->judged);
    if (sums->lost > 0)
        buf_printf(&out, "; %" PRIu64 " could not be read", sums->lost);
    buf_put_char(&out, '\n');
    ctl_print(&out);
}

/* ---- progress ---- */

bool replay_shows_progress(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void replay_show_progress(const struct replay_sums *sums, bool last)
{
    uint64_t ms = clock_ms() - sums->began_ms, done = sums->judged + sums->lost;
    unsigned full = 0;

    if (!replay_shows_progress())
        return;
    (void)fflush(stdout);
    if (last) {
        (void)fputs("\r\x1b[K", stderr);
        return;
    }
    if (sums->total > 0)
        full = (unsigned)((done < sums->total ? done : sums->total) * BAR_CELLS / sums->total);
    (void)fprintf(
        stderr, "\r\x1b[K[%.*s%.*s] %" PRIu64 " of %" PRIu64 ", %" PRIu64 " changed, %.0f/s",
        (int)full, "########################", (int)(BAR_CELLS - full), "                        ",
        done, sums->total, sums->changed, ms ? (double)done * 1000 / (double)ms : 0.0);
    (void)fflush(stderr);
}
