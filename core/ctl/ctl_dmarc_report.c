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
#include "core/ctl/ctl_dmarc_store.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_redis.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/psl.h"
#include "core/dns/resolver.h"
#include "core/message/date.h"
#include "core/message/gzip.h"
#include "core/plugin/plugin_conf.h"
#include "plugins/dmarc/dmarc_conf.h"
#include "plugins/dmarc/report_destination.h"
#include "plugins/dmarc/report_mail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_SECONDS 86400
#define GENERATOR   "Facteur " FACTEUR_VERSION
#define TEXT_MAX    ((size_t)64 << 20)

/* The report of one domain. */
struct report {
    struct report_head head;
    struct fct_str gzip;
    uint64_t rows, messages, unreadable;
    struct report_destination *destination;
    size_t destinations, uris_left;
    const char *to[REPORT_ADDRESSES_MAX]; /* who gets it */
    size_t recipients;
    const char *not_sent[REPORT_ADDRESSES_MAX]; /* by destination; NULL: it is in `to` */
    const char *file, *mail;                    /* NULL: not written */
    struct fct_str message;
    bool unsure;
};

struct reports {
    struct ctl *c;
    struct arena *arena;
    struct dmarc_conf conf;
    const char *receiver, *org, *email, *folder, *only;
    char day[sizeof "20260105"];
    int64_t begin, end;
    bool partial;       /* the day is not over */
    bool sends, writes; /* --send; --out */
    struct redis *redis;
    struct dns_resolver *resolver;
    struct report *report;
    size_t n;
    bool ok;
    struct fct_err err;
};

/* ---- what is asked for ---- */

static bool read_conf(struct reports *all, struct fct_err *err)
{
    const struct ctl *c = all->c;
    const struct plugin_conf *conf;
    const struct conf_pair *pair = NULL;
    const char *label;
    size_t n = 0;

    for (size_t i = 0; n == 0 && (conf = config_each(c->config, &plugin_block, i, &label)); i++)
        if (str_equal(str_from(conf->use[0] ? conf->use : label), FCT_STR("dmarc")))
            n = config_extra(c->config, &plugin_block, i, &pair);
    return config_fill(c->config, dmarc_keys, &all->conf, pair, n, err);
}

static bool name_receiver(struct reports *all, struct fct_err *err)
{
    struct report_address sender;
    struct dmarc_domain name;
    const char *server = all->c->paths.name;

    if (!dmarc_domain_parse(str_from(server), &name))
        return fct_fail(err, FCT_SYNTAX, "server.name %s is no name of the DNS", server);
    all->receiver = arena_cstr(all->arena, dmarc_domain_str(&name));
    all->org = all->conf.report_org[0] ? all->conf.report_org : all->receiver;
    all->email = all->conf.report_email[0]
                     ? all->conf.report_email
                     : arena_printf(all->arena, "postmaster@%s", all->receiver).p;
    if (report_address_parse(arena_printf(all->arena, "mailto:%s", all->email), &sender))
        return true;
    return fct_fail(err, FCT_SYNTAX, "report_email %s: %s", all->email, sender.refused);
}

/* "2026-01-05", in UTC; NULL: yesterday. */
static bool take_day(struct reports *all, const char *text, struct fct_err *err)
{
    int64_t now = clock_wall();
    time_t start = (time_t)(now - now % DAY_SECONDS - DAY_SECONDS);
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%d", &tm) : "";

    if (text)
        start = timegm(&tm);
    if (!rest || *rest || start < 0 || (text && strlen(text) != 10))
        return fct_fail(err, FCT_SYNTAX, "--day %s: must be as 2026-01-05", text);
    if (start > now)
        return fct_fail(err, FCT_SYNTAX, "--day %s: has not begun", text);
    (void)gmtime_r(&start, &tm);
    (void)strftime(all->day, sizeof all->day, "%Y%m%d", &tm);
    all->begin = start;
    all->end = start + DAY_SECONDS - 1;
    all->partial = all->end >= now;
    if (all->partial)
        all->end = now;
    return true;
}

static bool begin(struct reports *all, struct ctl *c, struct fct_err *err)
{
    struct dmarc_domain only;
    const char *domain = ctl_option(c, "--domain"), *folder = ctl_option(c, "--out");

    *all = (struct reports){.c = c,
                            .arena = c->arena,
                            .folder = folder ? folder : ".",
                            .sends = ctl_option(c, "--send") != NULL,
                            .writes = folder != NULL};
    if (domain && !dmarc_domain_parse(str_from(domain), &only))
        return fct_fail(err, FCT_SYNTAX, "--domain %s: is no domain", domain);
    if (domain)
        all->only = arena_cstr(c->arena, dmarc_domain_str(&only));
    return take_day(all, ctl_option(c, "--day"), err) && read_conf(all, err) &&
           name_receiver(all, err);
}

/* ---- from Redis ---- */

static void write_rows(FILE *out, struct report *r, const struct dmarc_kept *kept)
{
    struct report_room room;
    struct dmarc_row row;

    for (size_t i = 0; i < kept->n; i++) {
        if (!report_line_parse(kept->line[i].text, &room, &row)) {
            r->unreadable++;
            continue;
        }
        report_write_row(out, &row, kept->line[i].count);
        r->rows++;
        r->messages += kept->line[i].count;
    }
}

static bool compress(struct reports *all, struct report *r, const struct dmarc_kept *kept,
                     struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf gzip = BUF_INIT(TEXT_MAX);
    char *xml = NULL;
    size_t xml_n = 0;
    FILE *out = open_memstream(&xml, &xml_n);
    bool ok = out != NULL;

    if (out) {
        report_write_begin(out, &r->head);
        write_rows(out, r, kept);
        report_write_end(out);
        ok = fclose(out) == 0 && gzip_pack((struct fct_str){xml, xml_n}, &gzip);
    }
    if (ok)
        r->gzip = arena_str(all->arena, buf_str(&gzip));
    free(xml);
    return ok || fct_fail(err, FCT_TEMP, "no memory for a report");
}

static const char *make_id(struct reports *all, struct fct_str domain)
{
    char id[REPORT_ID_MAX];

    report_id(id, all->begin, all->end, domain, all->receiver);
    return arena_cstr(all->arena, str_from(id));
}

static FCT_MAY_WAIT bool make_report(struct reports *all, struct fct_str domain,
                                     struct fct_err *err)
{
    struct report *r = &all->report[all->n];
    struct arena *lines = arena_new(NULL);
    struct dmarc_kept kept;
    bool ok = ctl_dmarc_kept(all->redis, lines, all->day, domain, &kept, err);

    if (ok) {
        r->head = (struct report_head){
            .org = all->org,
            .email = all->email,
            .contact = all->conf.report_contact,
            .generator = GENERATOR,
            .receiver = all->receiver,
            .id = make_id(all, domain),
            .begin = all->begin,
            .end = all->end,
            .domain = domain,
            .policy_text = arena_str(all->arena, kept.policy),
            .discovery = kept.discovery,
            .left_out = kept.left_out,
        };
        ok = compress(all, r, &kept, err);
    }
    arena_free(&lines);
    all->n += ok && r->rows > 0;
    return ok;
}

static void read_day(void *arg)
{
    struct reports *all = arg;
    struct dmarc_domains domains;

    all->ok = ctl_dmarc_domains(all->redis, all->arena, all->day, &domains, &all->err);
    if (!all->ok)
        return;
    all->report = ARENA_ARRAY(all->arena, struct report, domains.n + 1);
    for (size_t i = 0; all->ok && i < domains.n; i++)
        if (!all->only || str_equal(domains.name[i], str_from(all->only)))
            all->ok = make_report(all, domains.name[i], &all->err);
}

/* ---- who gets them ---- */

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    const struct reports *all = ctx;

    return dns_resolve(all->resolver, all->arena, type, name, CLOCK_NEVER, out);
}

static struct fct_str org(void *ctx, struct fct_str name)
{
    (void)ctx;
    return psl_org(name);
}

/* Two URIs may lead to one address. */
static bool is_named(const struct report *r, const char *address)
{
    for (size_t i = 0; i < r->recipients; i++)
        if (strcmp(r->to[i], address) == 0)
            return true;
    return false;
}

static FCT_MAY_WAIT void find_destinations(struct reports *all, struct report *r)
{
    struct report_address address[REPORT_ADDRESSES_MAX];
    struct dmarc_search *search = ARENA_NEW(all->arena, struct dmarc_search);

    *search = (struct dmarc_search){.discovery = r->head.discovery, .dns = {ask, org, all}};
    r->destinations = report_addresses(r->head.policy_text, address, &r->uris_left);
    r->destination = ARENA_ARRAY(all->arena, struct report_destination, r->destinations + 1);
    for (size_t i = 0; i < r->destinations; i++) {
        struct report_destination *d = &r->destination[i];

        report_destination_check(search, r->head.domain, &address[i], d);
        r->unsure = r->unsure || d->consent == REPORT_UNKNOWN;
        if (d->consent == REPORT_REFUSES || d->consent == REPORT_UNKNOWN)
            r->not_sent[i] = d->why;
        else if (is_named(r, d->address.text))
            r->not_sent[i] = "named twice";
        else
            r->to[r->recipients++] = d->address.text;
    }
}

static void ask_destinations(void *arg)
{
    struct reports *all = arg;

    for (size_t i = 0; i < all->n; i++)
        find_destinations(all, &all->report[i]);
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

static bool make_mail(struct reports *all, const struct report *r, struct fct_str *mail,
                      struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf date = BUF_INIT(64);
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    bool ok;

    date_format(clock_wall(), &date);
    if (out)
        report_mail_write(out,
                          &(struct report_mail){&r->head, all->email, r->to, r->recipients,
                                                arena_cstr(all->arena, buf_str(&date)), r->gzip});
    ok = out && fclose(out) == 0;
    if (ok)
        *mail = arena_str(all->arena, (struct fct_str){text, n});
    free(text);
    return ok || fct_fail(err, FCT_TEMP, "no memory for a message");
}

/* Whom it is too large for (RFC 9990 3.5: after compression and encoding). */
static void drop_small(const struct reports *all, struct report *r, size_t size)
{
    bool all_too_small = size > all->conf.report_max_size.bytes;

    r->recipients = 0;
    for (size_t i = 0; i < r->destinations; i++) {
        const struct report_address *a = &r->destination[i].address;

        if (r->not_sent[i])
            continue;
        if (all_too_small || (a->max_bytes > 0 && size > a->max_bytes))
            r->not_sent[i] =
                arena_printf(all->arena, "the message has %zu bytes, %s takes %llu", size,
                             all_too_small ? "report_max_size" : "it",
                             (unsigned long long)(all_too_small ? all->conf.report_max_size.bytes
                                                                : a->max_bytes))
                    .p;
        else
            r->to[r->recipients++] = a->text;
    }
}

static bool write_report(struct reports *all, struct report *r, struct fct_err *err)
{
    char name[REPORT_NAME_MAX];
    struct fct_str mail = {"", 0};

    if (r->recipients == 0)
        return true;
    if (!make_mail(all, r, &mail, err))
        return false;
    drop_small(all, r, mail.n);
    if (r->recipients == 0)
        return true;
    report_file_name(name, &r->head, "xml.gz");
    r->file = arena_cstr(all->arena, str_from(name));
    report_file_name(name, &r->head, "eml");
    r->mail = arena_cstr(all->arena, str_from(name));
    if (!make_mail(all, r, &mail, err))
        return false;
    r->message = mail;
    if (all->sends && !all->writes)
        return true;
    return write_file(all, r->file, r->gzip, err) && write_file(all, r->mail, mail, err);
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
        const struct report *r = &all->report[i];

        if (r->message.n > 0)
            mail[n++] = (struct dmarc_mail){all->email, r->to, r->recipients, r->message};
    }
    return ctl_dmarc_send(all->c, mail, n, err);
}

/* ---- telling ---- */

static struct fct_str name_of(const struct report_destination *d)
{
    return d->address.refused ? d->address.uri : str_from(d->address.text);
}

static void put_text(const struct reports *all, const struct report *r, struct buf *out)
{
    buf_printf(out, "%.*s  %llu messages in %llu rows\n", FCT_FMT(r->head.domain),
               (unsigned long long)r->messages, (unsigned long long)r->rows);
    if (r->file && (all->writes || !all->sends))
        buf_printf(out, "  %s\n  %s\n", r->file, r->mail);
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

static json_t *to_json(const struct report *r)
{
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
                     r->file, "mail", r->mail, "to", to, "not_to", not );
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
        buf_printf(&out, "nothing to report of %s\n", all->day);
    if (all->partial)
        buf_put_c(&out, "the day is not over: what comes later is not in these reports\n");
    if (all->c->json)
        ctl_print_json(json_pack("{s:s, s:I, s:I, s:b, s:o}", "day", all->day, "begin",
                                 (json_int_t)all->begin, "end", (json_int_t)all->end, "partial",
                                 all->partial, "reports", list));
    else
        ctl_print(&out);
    if (!all->c->json)
        json_decref(list);
}

static int exit_status(const struct reports *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->report[i].unsure)
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
        !write_reports(all, &err) || !send_reports(all, &err))
        return ctl_error(&err);
    tell(all);
    return exit_status(all);
}
