/* ctl_history.c - see ctl_history.h. A filter process looks: page by page, newest first, until
 * there are enough. */
#include "core/ctl/ctl_history.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/ctl/ctl.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_replay.h"
#include "core/hook/filter_client.h"
#include "core/hook/score.h"
#include "core/plugin/plugin_host.h"

#include <stdlib.h>
#include <time.h>

#define TEXT_MAX      (16u << 20)
#define READY_MS      10000u
#define DEFAULT_LIMIT 50u
#define LIMIT_MAX     1000000u

/* ---- what is wanted ---- */

struct wanted {
    struct history_query query;
    size_t limit;
    bool local;
};

static bool is_action(struct fct_str word)
{
    enum fct_action action;

    return action_parse(word, &action) || str_equal(word, FCT_STR("tempfail"));
}

static bool read_limit(const char *text, size_t *out, struct fct_err *err)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*end || end == text || n == 0 || n > LIMIT_MAX)
        return fct_fail(err, FCT_SYNTAX, "--limit: 1 to %u", LIMIT_MAX);
    *out = n;
    return true;
}

static bool read_wanted(struct ctl *c, struct wanted *w, struct fct_err *err)
{
    const char *since = ctl_option(c, "--since"), *least = ctl_option(c, "--min-score");
    const char *limit = ctl_option(c, "--limit");
    struct history_query *q = &w->query;

    *w = (struct wanted){.limit = DEFAULT_LIMIT, .local = ctl_option(c, "--local") != NULL};
    q->from = str_from(ctl_option(c, "--from"));
    q->to = str_from(ctl_option(c, "--to"));
    q->client_ip = str_from(ctl_option(c, "--ip"));
    q->action = str_from(ctl_option(c, "--action"));
    q->symbol = str_from(ctl_option(c, "--symbol"));
    q->id = str_from(ctl_option(c, "--id"));
    q->has_least = least != NULL;
    if (q->action.n > 0 && !is_action(q->action))
        return fct_fail(err, FCT_SYNTAX,
                        "--action: keep, tag, greylist, tempfail, junk, quarantine, discard or "
                        "reject");
    if (least && !score_parse(str_from(least), &q->least_milli))
        return fct_fail(err, FCT_SYNTAX, "--min-score: a number such as 4.5");
    if (since && !replay_since_parse(str_from(since), (int64_t)time(NULL), &q->since_ms, err))
        return false;
    q->since_ms *= 1000;
    return !limit || read_limit(limit, &w->limit, err);
}

/* ---- showing ---- */

static struct fct_str score_words(struct ctl *c, int32_t milli)
{
    char text[SCORE_TEXT_MAX];

    return arena_str(c->arena, score_text(milli, text));
}

static struct fct_str to_words(struct ctl *c, const struct history_entry *e)
{
    return e->recipients > 1 ? arena_printf(c->arena, "%.*s +%u", FCT_FMT(e->to), e->recipients - 1)
                             : e->to;
}

static void put_row(struct ctl *c, struct ctl_table *t, const struct history_entry *e)
{
    ctl_table_row(t, (const struct fct_str[]){
                         ctl_time(c->arena, e->at_ms / 1000),
                         e->id,
                         e->action,
                         score_words(c, e->score_milli),
                         e->client_ip,
                         e->from.n > 0 ? e->from : FCT_STR("<>"),
                         to_words(c, e),
                         e->symbols,
                     });
}

json_t *ctl_history_json(const struct history_entry *e)
{
    return json_pack("{s:f, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:f, s:o, s:o, s:I}", "time",
                     (double)e->at_ms / 1000, "id", ctl_json_str(e->id), "ip",
                     ctl_json_str(e->client_ip), "from", ctl_json_str(e->from), "to",
                     ctl_json_str(e->to), "recipients", (json_int_t)e->recipients, "size",
                     (json_int_t)e->size, "action", ctl_json_str(e->action), "score",
                     e->score_milli / 1000.0, "profile", ctl_json_str(e->profile), "symbols",
                     ctl_json_str(e->symbols), "ms", (json_int_t)e->took_ms);
}

static void put_safe(const char *label, struct fct_str value, struct buf *out)
{
    buf_put_c(out, label);
    ctl_put_safe(value, out);
}

void ctl_history_put(struct ctl *c, const struct history_entry *e, struct buf *out)
{
    buf_printf(out, "%s  %.*s  %.*s", ctl_time(c->arena, e->at_ms / 1000).p, FCT_FMT(e->action),
               FCT_FMT(score_words(c, e->score_milli)));
    put_safe("  from ", e->client_ip, out);
    put_safe("  <", e->from, out);
    put_safe("> to <", to_words(c, e), out);
    put_safe(">\nprofile ", e->profile, out);
    put_safe("\nsymbols ", e->symbols.n > 0 ? e->symbols : FCT_STR("none"), out);
    buf_put_char(out, '\n');
}

/* ---- looking ---- */

struct found {
    struct ctl *ctl;
    struct ctl_table table;
    json_t *json;
    size_t n;
};

static void take(struct found *f, const struct history_entry *e)
{
    f->n++;
    if (f->json)
        json_array_append_new(f->json, ctl_history_json(e));
    else
        put_row(f->ctl, &f->table, e);
}

static FCT_MAY_WAIT bool look(struct found *f, const struct wanted *w, struct fct_err *err)
{
    const struct history_entry *entry;
    struct fct_str cursor = FCT_STR("");
    bool stream;
    size_t n;

    do {
        if (!filter_history(f->ctl->filter, &w->query, w->local, f->ctl->arena, &cursor, &entry, &n,
                            &stream, err))
            return false;
        for (size_t i = 0; i < n && f->n < w->limit; i++)
            take(f, &entry[i]);
    } while (cursor.n > 0 && f->n < w->limit);
    return true;
}

int ctl_history(struct ctl *c)
{
    struct found f = {
        .ctl = c,
        .table = {.arena = c->arena,
                  .column = {"TIME", "ID", "ACTION", "SCORE>", "CLIENT", "FROM", "TO", "SYMBOLS"},
                  .columns = 8},
        .json = c->json ? json_array() : NULL,
    };
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    struct wanted w;
    bool ok = read_wanted(c, &w, &err) &&
              (filter_ready(c->filter, clock_ms() + READY_MS) ||
               fct_fail(&err, FCT_TEMP, "no filter process answers")) &&
              look(&f, &w, &err);

    if (ok && c->json) {
        ctl_print_json(f.json);
        return CTL_OK;
    }
    json_decref(f.json);
    if (!ok)
        return ctl_error(&err);
    ctl_table_print(&f.table, ctl_wants_colour(), &text);
    ctl_print(&text);
    return CTL_OK;
}

/* ---- one message ---- */

static FCT_MAY_WAIT bool find_at(struct ctl *c, int fd, const struct history_query *query,
                                 struct history_entry *out)
{
    struct role_env env = {.base = c->base,
                           .conf = c->config,
                           .kind = ROLE_CTL,
                           .count = {[ROLE_FILTER] = 1},
                           .run_dir = c->run_dir};
    struct filter_client *client = filter_client_new(&env);
    const struct history_entry *entry;
    struct fct_str cursor = FCT_STR("");
    struct fct_err ignored = {0};
    bool ok, stream;
    size_t n = 0;

    filter_client_peer(client, 0, fd);
    ok = filter_ready(client, clock_ms() + READY_MS);
    do
        ok = ok &&
             filter_history(client, query, false, c->arena, &cursor, &entry, &n, &stream, &ignored);
    while (ok && n == 0 && cursor.n > 0);
    filter_client_free(&client);
    if (!ok || n == 0)
        return false;
    *out = entry[0];
    return true;
}

bool ctl_history_find(struct ctl *c, struct fct_str id, struct history_entry *out)
{
    struct history_query query = {.id = id};
    struct fct_err ignored = {0};
    int fd;

    return c->control &&
           ctl_attach(c->control, ROLE_FILTER, 0, clock_ms() + READY_MS, &fd, &ignored) &&
           find_at(c, fd, &query, out);
}
