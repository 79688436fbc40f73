/* ctl_tls.c - what others tell about TLS with our servers: one line per policy of a report, one per
 * kind of failure. */
#include "core/ctl/ctl_tls.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_mail.h"
#include "core/ctl/ctl_output.h"
#include "core/message/gzip.h"
#include "core/message/mime.h"
#include "protocols/relay/policy/tls_report.h"

#define ATTACHMENT_MAX ((size_t)16 << 20)
#define TEXT_MAX       ((size_t)64 << 20)

struct show {
    struct ctl *c;
    struct ctl_table table;
    json_t *reports;
    size_t read, problems;
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

static void take_report(struct show *show, const char *file, struct fct_str bytes)
{
    struct tls_report_read r;
    struct fct_err err = {0};
    json_t *policies;

    if (!tls_report_parse(show->c->arena, bytes, &r, &err)) {
        take_problem(show, file, err.text);
        return;
    }
    show->read++;
    policies = json_array();
    for (size_t i = 0; i < r.policies; i++) {
        add_policy(show, &r, &r.policy[i]);
        json_array_append_new(policies, policy_json(&r.policy[i]));
    }
    json_array_append_new(show->reports,
                          json_pack("{s:o, s:o, s:o, s:I, s:I, s:o}", "organization",
                                    ctl_json_str(r.head.organization), "contact",
                                    ctl_json_str(r.head.contact), "id", ctl_json_str(r.head.id),
                                    "begin", (json_int_t)r.head.begin, "end",
                                    (json_int_t)r.head.end, "policies", policies));
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

static void take_message(struct show *show, const char *file, struct fct_str raw)
{
    struct fct_str message = ctl_mail_wire(show->c->arena, raw);
    struct mime_tree tree;
    size_t found = 0;

    mime_scan(show->c->arena, message, &mime_default_limits, &tree);
    for (size_t i = 0; i < tree.n; i++) {
        FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(ATTACHMENT_MAX);

        if (tree.part[i].is_multipart || tree.part[i].is_message ||
            !mime_part_bytes(message, &tree.part[i], &bytes) ||
            !is_report_part(&tree.part[i], buf_str(&bytes)))
            continue;
        found++;
        take_report(show, file, buf_str(&bytes));
    }
    if (found == 0)
        take_problem(show, file, "no report in it");
}

static void take_file(struct show *show, const char *file)
{
    struct fct_err err = {0};
    struct fct_str raw;

    if (!ctl_mail_read(show->c->arena, file, &raw, &err))
        take_problem(show, file, err.text);
    else if (is_report(raw))
        take_report(show, file, raw);
    else
        take_message(show, file, raw);
}

int ctl_tls_show(struct ctl *c)
{
    struct show show = {
        .c = c,
        .table = {.arena = c->arena,
                  .column = {"DOMAIN", "POLICY", "BY", "SINCE", "GOOD>", "FAILED>", "RESULT",
                             "HOST"},
                  .columns = 8},
        .reports = json_array(),
    };
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    for (unsigned i = 0; i < c->words; i++)
        take_file(&show, c->word[i]);
    if (c->json)
        ctl_print_json(json_pack("{s:O}", "reports", show.reports));
    else if (show.read > 0) {
        ctl_table_print(&show.table, ctl_wants_colour(), &out);
        ctl_print(&out);
    }
    json_decref(show.reports);
    return show.problems > 0 || show.read == 0 ? CTL_NO : CTL_OK;
}
