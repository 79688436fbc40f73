/* ctl_dmarc_show.c - aggregate reports that others sent, summed up: who sends in the name of a
 * domain, and does it pass? */
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_dmarc.h"
#include "core/ctl/ctl_dmarc_input.h"
#include "core/ctl/ctl_dmarc_summary.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_received.h"

#define TEXT_MAX     ((size_t)256 << 20)
#define PROBLEMS_MAX 1000 /* said; more are counted */

struct show {
    struct ctl *c;
    struct dmarc_summary *summary;
    uint64_t twice, problems, unproven;
    json_t *problem;
};

/* ---- reading ---- */

static void take_problem(void *ctx, const char *name, const char *why)
{
    struct show *show = ctx;
    FCT_CLEANUP(buf_free) struct buf line = BUF_INIT(8192);

    if (show->problems++ >= PROBLEMS_MAX)
        return;
    json_array_append_new(show->problem,
                          json_pack("{s:o, s:o}", "file", ctl_json_str(str_from(name)), "why",
                                    ctl_json_str(str_from(why))));
    ctl_put_safe(str_from(name), &line);
    buf_put_c(&line, ": ");
    ctl_put_safe(str_from(why), &line);
    buf_put_char(&line, '\n');
    (void)fwrite(line.p, 1, line.n, stderr);
}

static void take_report(void *ctx, const char *name, struct fct_str bytes)
{
    struct show *show = ctx;
    struct fct_err err = {0};

    switch (ctl_dmarc_summary_add(show->summary, bytes, &err)) {
    case DMARC_TAKEN:
        break;
    case DMARC_TWICE:
        show->twice++;
        break;
    case DMARC_UNREADABLE:
        take_problem(show, name, err.text);
        break;
    }
}

/* ---- all in one line ---- */

struct totals {
    uint64_t messages, passed;
    int64_t begin, end;
};

static struct totals add_up(const struct dmarc_source *const *source, size_t n,
                            const struct dmarc_told *told, size_t reports)
{
    struct totals t = {0};

    for (size_t i = 0; i < n; i++) {
        t.messages += source[i]->messages;
        t.passed += source[i]->passed;
    }
    for (size_t i = 0; i < reports; i++) {
        if (told[i].begin > 0 && (t.begin == 0 || told[i].begin < t.begin))
            t.begin = told[i].begin;
        if (told[i].end > t.end)
            t.end = told[i].end;
    }
    return t;
}

/* ---- as text ---- */

static struct fct_str dispositions(struct arena *arena, const struct dmarc_source *source)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(256);

    for (enum dmarc_done d = 0; d < DONE_COUNT; d++)
        if (source->done[d] > 0)
            buf_printf(&text, "%s%s %llu", text.n > 0 ? ", " : "", ctl_dmarc_done_word(d),
                       (unsigned long long)source->done[d]);
    return arena_str(arena, buf_str(&text));
}

static struct fct_str reporters(struct arena *arena, const struct dmarc_source *source)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(8192);

    for (unsigned i = 0; i < source->reporters; i++) {
        buf_put_c(&text, i > 0 ? ", " : "");
        ctl_put_safe(str_from(source->reporter[i]), &text);
    }
    if (source->more_reporters)
        buf_put_c(&text, " and others");
    return arena_str(arena, buf_str(&text));
}

static struct fct_str safe(struct arena *arena, struct fct_str s)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1024);

    ctl_put_safe(s, &text);
    return arena_str(arena, buf_str(&text));
}

static void put_table(struct arena *arena, const struct dmarc_source *const *source, size_t n,
                      struct buf *out)
{
    struct ctl_table table = {.arena = arena,
                              .column = {"domain", "source", "messages>", "pass>", "dkim>", "spf>",
                                         "disposition", "reported by"},
                              .columns = 8};

    for (size_t i = 0; i < n; i++) {
        const struct dmarc_source *s = source[i];
        const struct fct_str cell[] = {safe(arena, s->domain),         safe(arena, s->ip),
                                       ctl_number(arena, s->messages), ctl_number(arena, s->passed),
                                       ctl_number(arena, s->dkim),     ctl_number(arena, s->spf),
                                       dispositions(arena, s),         reporters(arena, s)};

        ctl_table_row(&table, cell);
    }
    ctl_table_print(&table, ctl_wants_colour(), out);
}

static void put_head(const struct show *show, const struct totals *t, size_t reports,
                     struct buf *out)
{
    struct arena *arena = show->c->arena;

    buf_printf(out, "%zu report%s", reports, reports == 1 ? "" : "s");
    if (t->begin > 0)
        buf_printf(out, ", %.*s to %.*s", FCT_FMT(ctl_time(arena, t->begin)),
                   FCT_FMT(ctl_time(arena, t->end)));
    buf_printf(out, ": %llu messages, %llu pass", (unsigned long long)t->messages,
               (unsigned long long)t->passed);
    if (t->messages > 0)
        buf_printf(out, " (%.1f %%)", 100 * (double)t->passed / (double)t->messages);
    if (show->twice > 0)
        buf_printf(out, "; %llu came twice", (unsigned long long)show->twice);
    if (show->unproven > 0)
        buf_printf(out, "; %llu in mail that did not pass DMARC (--proven leaves it out)",
                   (unsigned long long)show->unproven);
    buf_put_c(out, "\n\n");
}

static void put_errors(const struct dmarc_told *told, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!told[i].error[0] && told[i].bad == 0)
            continue;
        buf_put_char(out, '\n');
        ctl_put_safe(str_from(told[i].org), out);
        buf_put_c(out, " about ");
        ctl_put_safe(str_from(told[i].domain), out);
        buf_put_c(out, ": ");
        ctl_put_safe(str_from(told[i].error), out);
        if (told[i].bad > 0)
            buf_printf(out, "%s%llu records without an address or a count",
                       told[i].error[0] ? "; " : "", (unsigned long long)told[i].bad);
    }
}

static void print_text(const struct show *show, const struct dmarc_source *const *source, size_t n,
                       const struct dmarc_told *told, size_t reports)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    struct totals t = add_up(source, n, told, reports);

    put_head(show, &t, reports, &out);
    if (n > 0)
        put_table(show->c->arena, source, n, &out);
    put_errors(told, reports, &out);
    if (out.n > 0 && out.p[out.n - 1] != '\n')
        buf_put_char(&out, '\n');
    ctl_print(&out);
}

/* ---- as JSON ---- */

static json_t *source_json(const struct dmarc_source *s)
{
    json_t *done = json_object(), *names = json_array();

    for (enum dmarc_done d = 0; d < DONE_COUNT; d++)
        if (s->done[d] > 0)
            json_object_set_new(done, ctl_dmarc_done_word(d), json_integer((json_int_t)s->done[d]));
    for (unsigned i = 0; i < s->reporters; i++)
        json_array_append_new(names, ctl_json_str(str_from(s->reporter[i])));
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:b}", "domain",
                     ctl_json_str(s->domain), "source", ctl_json_str(s->ip), "messages",
                     (json_int_t)s->messages, "pass", (json_int_t)s->passed, "dkim",
                     (json_int_t)s->dkim, "spf", (json_int_t)s->spf, "overridden",
                     (json_int_t)s->overridden, "disposition", done, "reported_by", names,
                     "more_reporters", s->more_reporters);
}

static json_t *told_json(const struct dmarc_told *t)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:s, s:o}", "org",
                     ctl_json_str(str_from(t->org)), "id", ctl_json_str(str_from(t->id)), "domain",
                     ctl_json_str(str_from(t->domain)), "begin", (json_int_t)t->begin, "end",
                     (json_int_t)t->end, "records", (json_int_t)t->records, "bad_records",
                     (json_int_t)t->bad, "form", t->rfc9990 ? "RFC 9990" : "RFC 7489", "error",
                     ctl_json_str(str_from(t->error)));
}

static void print_json(const struct show *show, const struct dmarc_source *const *source, size_t n,
                       const struct dmarc_told *told, size_t reports)
{
    struct totals t = add_up(source, n, told, reports);
    json_t *sources = json_array(), *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(sources, source_json(source[i]));
    for (size_t i = 0; i < reports; i++)
        json_array_append_new(list, told_json(&told[i]));
    ctl_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:O}", "messages",
                             (json_int_t)t.messages, "pass", (json_int_t)t.passed, "begin",
                             (json_int_t)t.begin, "end", (json_int_t)t.end, "twice",
                             (json_int_t)show->twice, "unproven", (json_int_t)show->unproven,
                             "sources", sources, "reports", list, "problems", show->problem));
}

/* Returns how many reports there were. */
static size_t print(const struct show *show)
{
    const struct dmarc_source *const *source;
    const struct dmarc_told *told;
    size_t n, reports;

    source = ctl_dmarc_sources(show->summary, &n);
    told = ctl_dmarc_told(show->summary, &reports);
    if (show->c->json)
        print_json(show, source, n, told, reports);
    else
        print_text(show, source, n, told, reports);
    return reports;
}

static struct show show_begin(struct ctl *c)
{
    return (struct show){
        .c = c, .summary = ctl_dmarc_summary_new(c->arena), .problem = json_array()};
}

static void show_end(struct show *show)
{
    json_decref(show->problem);
    ctl_dmarc_summary_free(&show->summary);
}

int ctl_dmarc_show(struct ctl *c)
{
    struct show show = show_begin(c);
    struct dmarc_input input = {take_report, take_problem, &show, 0, 0};
    size_t reports;

    for (unsigned i = 0; i < c->words; i++)
        ctl_dmarc_input(&input, c->word[i]);
    reports = print(&show);
    show_end(&show);
    return show.problems > 0 || reports == 0 ? CTL_NO : CTL_OK;
}

/* ---- from mailboxes here ---- */

/* Others may be sent there, too. */
static size_t take_mail(void *ctx, const char *name, struct fct_str message)
{
    struct dmarc_input input = {take_report, take_problem, ctx, 0, 0};

    return ctl_dmarc_input_message(&input, name, message);
}

/* What strangers send there is no failure of the command. */
int ctl_dmarc_received(struct ctl *c)
{
    struct show show = show_begin(c);
    struct ctl_received mail = {.message = take_mail, .problem = take_problem, .ctx = &show};
    struct fct_err err = {0};
    bool ok = ctl_received(c, "dmarc", &mail, &err);

    show.unproven = mail.unproven;
    if (ok)
        (void)print(&show);
    show_end(&show);
    return ok ? CTL_OK : ctl_error(&err);
}
