/* ctl_tls.c - what others tell about TLS with our servers: one line per policy of a report, one per
 * kind of failure. */
#include "core/ctl/ctl_tls.h"

#include "core/base/map.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_mail.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_received.h"
#include "core/message/gzip.h"
#include "core/message/mime.h"
#include "protocols/relay/policy/tls_report.h"

#define ATTACHMENT_MAX ((size_t)16 << 20)
#define TEXT_MAX       ((size_t)64 << 20)
#define REPORTS_MAX    100000u

struct show {
    struct ctl *c;
    struct ctl_table table;
    json_t *reports;
    struct map *taken; /* reports, each counted once; NULL: as often as they are named */
    size_t read, problems;
    uint64_t unproven;
};

static void take_problem(struct show *show, const char *file, const char *why)
{
    FCT_CLEANUP(buf_free) struct buf line = BUF_INIT(8192);

    show->problems++;
    ctl_put_safe(str_from(file), &line);
    buf_put_c(&line, ": ");
    ctl_put_safe(str_from(why), &line);
    buf_put_char(&line, '\n');
    (void)fwrite(line.p, 1, line.n, stderr);
}

/* ---- lines ---- */

static void add_policy(struct show *show, const struct tls_report_read *r,
                       const struct tls_report_sums *p)
{
    struct arena *arena = show->c->arena;

    ctl_table_row(&show->table,
                  (struct fct_str[]){p->policy.domain,
                                     str_from(tls_policy_type_word(p->policy.type)),
                                     r->head.organization, ctl_time(arena, r->head.begin),
                                     ctl_number(arena, p->successful), ctl_number(arena, p->failed),
                                     FCT_STR(""), FCT_STR("")});
    for (size_t i = 0; i < p->failures; i++) {
        const struct tls_report_failed *f = &p->failure[i];

        ctl_table_row(&show->table,
                      (struct fct_str[]){FCT_STR(""), FCT_STR(""), FCT_STR(""), FCT_STR(""),
                                         FCT_STR(""), ctl_number(arena, f->sessions), f->word,
                                         f->is.receiving_host.n > 0 ? f->is.receiving_host
                                                                    : f->is.receiving_ip});
    }
}

static json_t *failure_json(const struct tls_report_failed *f)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "result", ctl_json_str(f->word), "host",
                     ctl_json_str(f->is.receiving_host), "ip", ctl_json_str(f->is.receiving_ip),
                     "sending_ip", ctl_json_str(f->is.sending_ip), "reason",
                     ctl_json_str(f->is.reason), "sessions", (json_int_t)f->sessions);
}

static json_t *policy_json(const struct tls_report_sums *p)
{
    json_t *failures = json_array();

    for (size_t i = 0; i < p->failures; i++)
        json_array_append_new(failures, failure_json(&p->failure[i]));
    return json_pack("{s:o, s:s, s:I, s:I, s:o}", "domain", ctl_json_str(p->policy.domain), "type",
                     tls_policy_type_word(p->policy.type), "successful", (json_int_t)p->successful,
                     "failed", (json_int_t)p->failed, "failures", failures);
}

static json_t *report_json(const struct tls_report_read *r)
{
    json_t *policies = json_array();

    for (size_t i = 0; i < r->policies; i++)
        json_array_append_new(policies, policy_json(&r->policy[i]));
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:o}", "organization",
                     ctl_json_str(r->head.organization), "contact", ctl_json_str(r->head.contact),
                     "id", ctl_json_str(r->head.id), "begin", (json_int_t)r->head.begin, "end",
                     (json_int_t)r->head.end, "policies", policies);
}

/* It came before: what people forward to several addresses. Without an id nobody can know. */
static bool is_known(struct show *show, struct arena *arena, const struct tls_report_head *head)
{
    static char taken;
    struct fct_str key =
        arena_printf(arena, "%.*s%c%.*s", FCT_FMT(head->organization), 0, FCT_FMT(head->id));

    return show->taken && head->id.n > 0 && map_put(show->taken, key, &taken);
}

static void take_report(struct show *show, const char *file, struct fct_str bytes)
{
    struct arena *arena = arena_new(NULL);
    struct tls_report_read r;
    struct fct_err err = {0};

    if (!tls_report_parse(arena, bytes, &r, &err)) {
        take_problem(show, file, err.text);
    } else if (show->read == REPORTS_MAX) {
        take_problem(show, file, "too many reports: ask for a shorter time (--since)");
    } else if (!is_known(show, arena, &r.head)) {
        show->read++;
        for (size_t i = 0; i < r.policies; i++)
            add_policy(show, &r, &r.policy[i]);
        json_array_append_new(show->reports, report_json(&r));
    }
    arena_free(&arena);
}

/* ---- files ---- */

static bool is_report(struct fct_str bytes)
{
    return gzip_is(bytes) || str_starts(str_trim(bytes), FCT_STR("{"));
}

/* application/tlsrpt+gzip, application/tlsrpt+json; some send other types with a telling name. */
static bool is_report_part(const struct mime_part *part, struct fct_str bytes)
{
    return str_find_nocase(part->is.type, FCT_STR("tlsrpt")) >= 0 ||
           (str_find_nocase(part->is.filename, FCT_STR(".json")) >= 0 && is_report(bytes));
}

/* Returns how many reports are in it. */
static size_t take_message(struct show *show, const char *file, struct fct_str raw)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str message = ctl_mail_wire(arena, raw);
    struct mime_tree tree;
    size_t found = 0;

    mime_scan(arena, message, &mime_default_limits, &tree);
    for (size_t i = 0; i < tree.n; i++) {
        FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(ATTACHMENT_MAX);

        if (tree.part[i].is_multipart || tree.part[i].is_message ||
            !mime_part_bytes(message, &tree.part[i], &bytes) ||
            !is_report_part(&tree.part[i], buf_str(&bytes)))
            continue;
        found++;
        take_report(show, file, buf_str(&bytes));
    }
    arena_free(&arena);
    return found;
}

static void take_file(struct show *show, const char *file)
{
    struct fct_err err = {0};
    struct fct_str raw;

    if (!ctl_mail_read(show->c->arena, file, &raw, &err))
        take_problem(show, file, err.text);
    else if (is_report(raw))
        take_report(show, file, raw);
    else if (take_message(show, file, raw) == 0)
        take_problem(show, file, "no report in it");
}

static struct show show_begin(struct ctl *c)
{
    return (struct show){
        .c = c,
        .table = {.arena = c->arena,
                  .column = {"DOMAIN", "POLICY", "BY", "SINCE", "GOOD>", "FAILED>", "RESULT",
                             "HOST"},
                  .columns = 8},
        .reports = json_array(),
    };
}

static void print(struct show *show)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    if (show->c->json)
        ctl_print_json(json_pack("{s:O, s:I}", "reports", show->reports, "unproven",
                                 (json_int_t)show->unproven));
    else if (show->read > 0) {
        ctl_table_print(&show->table, ctl_wants_colour(), &out);
        if (show->unproven > 0)
            buf_printf(&out, "%llu came in mail that did not pass DMARC (--proven leaves it out)\n",
                       (unsigned long long)show->unproven);
        ctl_print(&out);
    }
}

int ctl_tls_show(struct ctl *c)
{
    struct show show = show_begin(c);

    for (unsigned i = 0; i < c->words; i++)
        take_file(&show, c->word[i]);
    print(&show);
    json_decref(show.reports);
    return show.problems > 0 || show.read == 0 ? CTL_NO : CTL_OK;
}

/* ---- from mailboxes here ---- */

/* Others may be sent there, too. */
static size_t take_mail(void *ctx, const char *name, struct fct_str message)
{
    return take_message(ctx, name, message);
}

static void problem_of_mail(void *ctx, const char *name, const char *why)
{
    take_problem(ctx, name, why);
}

int ctl_tls_received(struct ctl *c)
{
    struct show show = show_begin(c);
    struct ctl_received mail = {.message = take_mail, .problem = problem_of_mail, .ctx = &show};
    struct fct_err err = {0};
    bool ok;

    show.taken = map_new();
    ok = ctl_received(c, "tls-reports", &mail, &err);
    show.unproven = mail.unproven;
    if (ok)
        print(&show);
    if (ok && show.read == 0 && !c->json)
        (void)puts("no reports");
    map_free(&show.taken);
    json_decref(show.reports);
    return ok ? CTL_OK : ctl_error(&err);
}
