/* ctl_queue_list.c - `facteurctl queue list`: a hundred thousand messages while somebody waits. The
 * store makes the next page while this one is written. */
#include "core/ctl/ctl_queue.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_json_out.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_queue_int.h"

#define TEXT_MAX (1u << 30)

bool ctl_queue_each(struct ctl *c, const struct queue_filter *f, ctl_queue_row_fn fn, void *arg,
                    struct fct_err *err)
{
    struct arena *page = arena_new(NULL);
    struct queue_pages pages;
    bool ok = true;

    store_queue_pages_start(&pages, c->store, f);
    while (ok && !pages.done) {
        const struct queue_row *row;
        size_t n;

        arena_reset(page);
        ok = store_queue_pages_next(&pages, page, &row, &n, err);
        for (size_t i = 0; ok && i < n; i++)
            fn(arg, &row[i]);
    }
    store_queue_pages_end(&pages);
    arena_free(&page);
    return ok;
}

/* ---- JSON ---- */

static void put_recipient(struct ctl_json_out *j, const struct queue_recipient *r)
{
    ctl_json_out_open(j, NULL, '{');
    ctl_json_out_str(j, "address", r->address);
    ctl_json_out_str(j, "status", str_from(ctl_queue_status_word[r->status]));
    ctl_json_out_int(j, "attempts", r->attempts);
    ctl_json_out_int(j, "last_try", r->last_try);
    ctl_json_out_int(j, "next_try", r->next_try);
    ctl_json_out_str(j, "reply", r->reply);
    ctl_json_out_str(j, "host", r->host);
    ctl_json_out_str(j, "orcpt", r->orcpt);
    ctl_json_out_int(j, "notify", r->notify);
    ctl_json_out_bool(j, "warned", r->warned);
    ctl_json_out_close(j, '{');
}

static void put_row(struct ctl_json_out *j, const struct queue_row *row)
{
    const struct queue_entry *e = &row->entry;
    const struct queue_envelope *v = &e->envelope;

    ctl_json_out_open(j, NULL, '{');
    ctl_json_out_int(j, "id", (int64_t)e->id);
    ctl_json_out_int(j, "arrived", e->arrived);
    ctl_json_out_int(j, "size", (int64_t)e->size);
    ctl_json_out_str(j, "state", str_from(ctl_queue_state_word[row->state]));
    ctl_json_out_int(j, "due", row->due);
    ctl_json_out_bool(j, "held", e->held);
    ctl_json_out_str(j, "from", v->reverse_path);
    ctl_json_out_str(j, "login", v->login);
    ctl_json_out_str(j, "client", v->client_ip);
    ctl_json_out_str(j, "trace", v->log_id);
    ctl_json_out_str(j, "envid", v->envid);
    ctl_json_out_int(j, "priority", v->priority);
    ctl_json_out_int(j, "hold_until", v->hold_until);
    ctl_json_out_str(j, "class", v->class);
    ctl_json_out_open(j, "to", '[');
    for (size_t i = 0; i < e->n; i++)
        put_recipient(j, &e->recipient[i]);
    ctl_json_out_close(j, '[');
    ctl_json_out_close(j, '{');
}

/* Indented, as facteurctl prints single things. */
void ctl_queue_print_json(const struct queue_row *row)
{
    struct ctl_json_out j = CTL_JSON_OUT_INIT;

    put_row(&j, row);
    ctl_print_json(json_loadb(j.text.p, j.text.n, 0, NULL));
    buf_free(&j.text);
}

/* ---- the table ---- */

struct listing {
    struct ctl *c;
    struct ctl_table table;
    struct ctl_json_out json;
    uint64_t n, limit;
    struct arena *cells; /* of one row */
    int64_t second;      /* of many rows one after the other */
    struct fct_str time; /* its text */
};

/* The first recipient with work left, and how many there are besides. */
static const struct queue_recipient *first_pending(const struct queue_entry *e, size_t *others)
{
    const struct queue_recipient *first = NULL;

    *others = 0;
    for (size_t i = 0; i < e->n; i++) {
        if (e->recipient[i].status != QUEUE_PENDING)
            continue;
        if (first)
            ++*others;
        else
            first = &e->recipient[i];
    }
    return first ? first : &e->recipient[0];
}

static struct fct_str arrived(struct listing *l, int64_t second)
{
    if (l->time.n == 0 || l->second != second)
        l->time = ctl_time(l->c->arena, second);
    l->second = second;
    return l->time;
}

static void put_cells(struct listing *l, const struct queue_row *row)
{
    size_t others;
    const struct queue_recipient *r = first_pending(&row->entry, &others);
    struct fct_str from = row->entry.envelope.reverse_path;
    struct arena *a = l->cells;

    arena_reset(a);
    ctl_table_row(
        &l->table,
        (const struct fct_str[]){
            ctl_number(a, row->entry.id), arrived(l, row->entry.arrived),
            ctl_bytes(a, row->entry.size), str_from(ctl_queue_state_word[row->state]),
            row->state == QUEUE_STATE_WAITING ? ctl_time(a, row->due) : FCT_STR(""),
            from.n > 0 ? from : FCT_STR("<>"),
            others ? arena_printf(a, "%.*s +%zu", FCT_FMT(r->address), others) : r->address,
            r->reply});
}

static void list_row(void *arg, const struct queue_row *row)
{
    struct listing *l = arg;

    if (l->n++ >= l->limit)
        return;
    if (!l->c->json) {
        put_cells(l, row);
        return;
    }
    buf_put_c(&l->json.text, l->n > 1 ? ",\n " : "\n ");
    l->json.follows = false;
    put_row(&l->json, row);
    ctl_json_out_row(&l->json);
}

static void print_table(const struct listing *l)
{
    struct buf text = BUF_INIT(TEXT_MAX);

    if (l->n > 0)
        ctl_table_print(&l->table, ctl_wants_colour(), &text);
    if (l->n > l->limit)
        buf_printf(&text, "%llu of %llu messages\n", (unsigned long long)l->limit,
                   (unsigned long long)l->n);
    else
        buf_printf(&text, "%llu message%s\n", (unsigned long long)l->n, l->n == 1 ? "" : "s");
    ctl_print(&text);
    buf_free(&text);
}

static bool read_limit(struct ctl *c, uint64_t *limit, struct fct_err *err)
{
    const char *text = ctl_option(c, "--limit");

    *limit = UINT64_MAX;
    return !text || (str_to_u64(str_from(text), limit) && *limit > 0) ||
           fct_fail(err, FCT_SYNTAX, "--limit: a number above 0");
}

int ctl_queue_list(struct ctl *c)
{
    struct listing l = {.c = c,
                        .table = {.arena = c->arena,
                                  .column = {"id>", "arrived", "size>", "state", "next try", "from",
                                             "to", "last reply"},
                                  .columns = 8},
                        .json = CTL_JSON_OUT_INIT};
    struct queue_filter f;
    struct fct_err err = {0};
    bool ok;

    if (ctl_option(c, "--mailq") && !c->json)
        return ctl_queue_mailq(c);
    l.cells = arena_new(c->arena);
    if (!ctl_queue_read_filter(c, &f, &err) || !read_limit(c, &l.limit, &err))
        return ctl_queue_failed(&err);
    if (c->json)
        ctl_json_out_open(&l.json, NULL, '[');
    ok = ctl_queue_each(c, &f, list_row, &l, &err);
    if (!ok) {
        buf_free(&l.json.text);
        return ctl_queue_failed(&err);
    }
    if (c->json) {
        buf_put_c(&l.json.text, l.n > 0 ? "\n" : "");
        ctl_json_out_close(&l.json, '[');
        ctl_json_out_end(&l.json);
    } else {
        print_table(&l);
    }
    return CTL_OK;
}
