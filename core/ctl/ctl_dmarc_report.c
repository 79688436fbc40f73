/* ctl_dmarc_report.c - the aggregate reports of a day, as files: the report itself, and the message
 * that carries it, ready to be sent.
 *
 * First everything is read from Redis and compressed, then the DNS is asked which destinations
 * agree, then files are written. A report made again has the same name and the same content
 * (RFC 9990 3.5.2). */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_dmarc.h"
#include "core/ctl/ctl_dmarc_send.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_redis.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/psl.h"
#include "protocols/relay/dmarc/dmarc_claim.h"
#include "protocols/relay/dmarc/dmarc_day.h"
#include "protocols/relay/dmarc/dmarc_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)64 << 20)

/* The report of one domain, and its files. */
struct report {
    struct dmarc_report is;
    const char *file, *mail; /* NULL: not written */
};

struct reports {
    struct ctl *c;
    struct arena *arena;
    struct dmarc_reporter reporter;
    struct dmarc_day day;
    const char *folder, *only;
    bool sends, writes; /* --send; --out */
    struct redis *redis;
    struct dns_resolver *resolver;
    struct report *report;
    size_t n;
    bool ok;
    struct fct_err err;
};

/* ---- what is asked for ---- */

/* "2026-01-05", in UTC; NULL: yesterday. */
static bool take_day(struct reports *all, const char *text, struct fct_err *err)
{
    int64_t now = clock_wall();
    time_t start = (time_t)(now - DMARC_DAY_SECONDS);
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%d", &tm) : "";

    if (text)
        start = timegm(&tm);
    if (!rest || *rest || start < 0 || (text && strlen(text) != 10))
        return fct_fail(err, FCT_SYNTAX, "--day %s: must be as 2026-01-05", text);
    if (start > now)
        return fct_fail(err, FCT_SYNTAX, "--day %s: has not begun", text);
    all->day = dmarc_day_of(start, now);
    return true;
}

static bool begin(struct reports *all, struct ctl *c, struct fct_err *err)
{
    struct dmarc_domain only;
    const char *domain = ctl_option(c, "--domain"), *folder = ctl_option(c, "--out");
    bool found;

    *all = (struct reports){.c = c,
                            .arena = c->arena,
                            .folder = folder ? folder : ".",
                            .sends = ctl_option(c, "--send") != NULL,
                            .writes = folder != NULL};
    if (domain && !dmarc_domain_parse(str_from(domain), &only))
        return fct_fail(err, FCT_SYNTAX, "--domain %s: is no domain", domain);
    if (domain)
        all->only = arena_cstr(c->arena, dmarc_domain_str(&only));
    return take_day(all, ctl_option(c, "--day"), err) &&
           dmarc_reporter_read(c->config, c->paths.name, c->arena, &all->reporter, &found, err);
}

/* ---- from Redis, and to whom ---- */

static void read_day(void *arg)
{
    struct reports *all = arg;
    struct dmarc_domains domains;

    all->ok = dmarc_kept_domains(all->redis, all->arena, all->day.name, &domains, &all->err);
    if (!all->ok)
        return;
    all->report = ARENA_ARRAY(all->arena, struct report, domains.n + 1);
    for (size_t i = 0; all->ok && i < domains.n; i++) {
        struct dmarc_report *r = &all->report[all->n].is;

        if (all->only && !str_equal(domains.name[i], str_from(all->only)))
            continue;
        all->report[all->n] = (struct report){0};
        all->ok = dmarc_report_read(&all->reporter, &all->day, all->redis, all->arena,
                                    domains.name[i], r, &all->err);
        all->n += all->ok && r->rows > 0;
    }
}

static void ask_destinations(void *arg)
{
    struct reports *all = arg;

    for (size_t i = 0; i < all->n; i++)
        dmarc_report_address(all->resolver, all->arena, &all->report[i].is);
}

/* ---- files ---- */

/* Seen whole or not at all. */
static bool write_file(const struct reports *all, const char *name, struct fct_str content,
                       struct fct_err *err)
{
    const char *path = arena_printf(all->arena, "%s/%s", all->folder, name).p;
    const char *draft = arena_printf(all->arena, "%s.%d", path, (int)getpid()).p;
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok;

    if (!out)
        return fct_fail(err, FCT_DENIED, "%s: %s", draft, strerror(errno));
    ok = fwrite(content.p, 1, content.n, out) == content.n;
    ok = fclose(out) == 0 && ok && rename(draft, path) == 0;
    if (ok)
        return true;
    fct_fail(err, FCT_DENIED, "%s: %s", path, strerror(errno));
    (void)unlink(draft);
    return false;
}

static bool write_report(struct reports *all, struct report *report, struct fct_err *err)
{
    struct dmarc_report *r = &report->is;
    char name[REPORT_NAME_MAX];

    if (!dmarc_report_write_mail(&all->reporter, all->arena, r, err))
        return false;
    if (r->message.n == 0)
        return true;
    report_file_name(name, &r->head, "xml.gz");
    report->file = arena_cstr(all->arena, str_from(name));
    report_file_name(name, &r->head, "eml");
    report->mail = arena_cstr(all->arena, str_from(name));
    if (all->sends && !all->writes)
        return true;
    return write_file(all, report->file, r->gzip, err) &&
           write_file(all, report->mail, r->message, err);
}

static bool write_reports(struct reports *all, struct fct_err *err)
{
    if ((all->writes || !all->sends) && mkdir(all->folder, 0750) != 0 && errno != EEXIST)
        return fct_fail(err, FCT_DENIED, "%s: %s", all->folder, strerror(errno));
    for (size_t i = 0; i < all->n; i++)
        if (!write_report(all, &all->report[i], err))
            return false;
    return true;
}

/* ---- into the queue ---- */

static bool send_reports(const struct reports *all, struct fct_err *err)
{
    struct dmarc_mail *mail = ARENA_ARRAY(all->arena, struct dmarc_mail, all->n + 1);
    size_t n = 0;

    for (size_t i = 0; all->sends && i < all->n; i++) {
        const struct dmarc_report *r = &all->report[i].is;

        if (r->message.n > 0)
            mail[n++] = (struct dmarc_mail){all->reporter.email, r->to, r->recipients, r->message};
    }
    return ctl_dmarc_send(all->c, mail, n, err);
}

/* So that the server does not send them once more. */
static void mark_sent(void *arg)
{
    struct reports *all = arg;

    all->ok = true;
    for (size_t i = 0; all->ok && i < all->n; i++)
        if (all->report[i].is.message.n > 0)
            all->ok = dmarc_claim_end(all->redis, all->day.name, all->report[i].is.head.domain,
                                      true, &all->err);
}

static bool remember(struct reports *all, struct fct_err *err)
{
    if (!all->sends || all->day.partial)
        return true;
    if (!ctl_redis_run(all->c, mark_sent, all, &all->redis, err))
        return false;
    *err = all->err;
    return all->ok;
}

/* ---- telling ---- */

static struct fct_str name_of(const struct report_destination *d)
{
    return d->address.refused ? d->address.uri : str_from(d->address.text);
}

static void put_text(const struct reports *all, const struct report *report, struct buf *out)
{
    const struct dmarc_report *r = &report->is;

    buf_printf(out, "%.*s  %llu messages in %llu rows\n", FCT_FMT(r->head.domain),
               (unsigned long long)r->messages, (unsigned long long)r->rows);
    if (report->file && (all->writes || !all->sends))
        buf_printf(out, "  %s\n  %s\n", report->file, report->mail);
    if (all->sends && r->message.n > 0)
        buf_put_c(out, "  queued\n");
    for (size_t i = 0; i < r->destinations; i++) {
        buf_put_c(out, r->not_sent[i] ? "  not to " : "  to ");
        ctl_put_safe(name_of(&r->destination[i]), out);
        buf_put_c(out, ": ");
        ctl_put_safe(str_from(r->not_sent[i] ? r->not_sent[i] : r->destination[i].why), out);
        buf_put_char(out, '\n');
    }
    if (r->destinations == 0)
        buf_put_c(out, "  to nobody: its record names no address any more\n");
    if (r->uris_left > 0)
        buf_printf(out, "  %zu more addresses are not looked at\n", r->uris_left);
    if (r->head.left_out > 0)
        buf_printf(out, "  %llu messages are in no row (report_lines, report_day_lines)\n",
                   (unsigned long long)r->head.left_out);
    if (r->unreadable > 0)
        buf_printf(out, "  %llu rows cannot be read\n", (unsigned long long)r->unreadable);
}

static json_t *to_json(const struct report *report)
{
    const struct dmarc_report *r = &report->is;
    json_t *to = json_array(), *not = json_array();

    for (size_t i = 0; i < r->destinations; i++) {
        json_t *name = ctl_json_str(name_of(&r->destination[i]));

        if (r->not_sent[i])
            json_array_append_new(not, json_pack("{s:o, s:o}", "address", name, "why",
                                                 ctl_json_str(str_from(r->not_sent[i]))));
        else
            json_array_append_new(to, name);
    }
    return json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:s?, s:s?, s:o, s:o}", "domain",
                     ctl_json_str(r->head.domain), "id", r->head.id, "messages",
                     (json_int_t)r->messages, "rows", (json_int_t)r->rows, "left_out",
                     (json_int_t)r->head.left_out, "unreadable", (json_int_t)r->unreadable, "file",
                     report->file, "mail", report->mail, "to", to, "not_to", not );
}

static void tell(const struct reports *all)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    json_t *list = json_array();

    for (size_t i = 0; i < all->n; i++) {
        put_text(all, &all->report[i], &out);
        json_array_append_new(list, to_json(&all->report[i]));
    }
    if (all->n == 0)
        buf_printf(&out, "nothing to report of %s\n", all->day.name);
    if (all->day.partial)
        buf_put_c(&out, "the day is not over: what comes later is not in these reports\n");
    if (all->c->json)
        ctl_print_json(json_pack("{s:s, s:I, s:I, s:b, s:o}", "day", all->day.name, "begin",
                                 (json_int_t)all->day.begin, "end", (json_int_t)all->day.end,
                                 "partial", all->day.partial, "reports", list));
    else
        ctl_print(&out);
    if (!all->c->json)
        json_decref(list);
}

static int exit_status(const struct reports *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->report[i].is.unsure)
            return CTL_TEMPORARY;
    return CTL_OK;
}

int ctl_dmarc_report(struct ctl *c)
{
    struct reports *all = ARENA_NEW(c->arena, struct reports);
    struct fct_err err = {0};

    if (!begin(all, c, &err)) {
        (void)ctl_error(&err);
        return CTL_USAGE;
    }
    if (!ctl_redis_run(c, read_day, all, &all->redis, &err))
        return ctl_error(&err);
    if (!all->ok)
        return ctl_error(&all->err);
    psl_setup();
    if (!ctl_resolver_run(c, ask_destinations, all, &all->resolver, &err) ||
        !write_reports(all, &err) || !send_reports(all, &err) || !remember(all, &err))
        return ctl_error(&err);
    tell(all);
    return exit_status(all);
}
