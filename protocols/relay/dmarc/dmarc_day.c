/* dmarc_day.c - see dmarc_day.h: whose report, of which day, and what is in it. */
#include "protocols/relay/dmarc/dmarc_day.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/message/gzip.h"
#include "core/plugin/plugin_conf.h"
#include "protocols/relay/dmarc/dmarc_kept.h"

#include <stdlib.h>
#include <time.h>

#define GENERATOR "Facteur " FACTEUR_VERSION
#define GZIP_MAX  ((size_t)64 << 20)

/* ---- whose ---- */

static bool read_conf(const struct config *config, struct dmarc_conf *out, bool *found,
                      struct fct_err *err)
{
    const struct plugin_conf *conf;
    const struct conf_pair *pair = NULL;
    const char *label;
    size_t n = 0;

    *found = false;
    for (size_t i = 0; !*found && (conf = config_each(config, &plugin_block, i, &label)); i++) {
        *found = str_equal(str_from(conf->use[0] ? conf->use : label), FCT_STR("dmarc"));
        if (*found)
            n = config_extra(config, &plugin_block, i, &pair);
    }
    return config_fill(config, dmarc_keys, out, pair, n, err);
}

bool dmarc_reporter_read(const struct config *config, const char *server_name, struct arena *arena,
                         struct dmarc_reporter *out, bool *found, struct fct_err *err)
{
    struct report_address sender;
    struct dmarc_domain name;

    if (!read_conf(config, &out->conf, found, err))
        return false;
    if (!dmarc_domain_parse(str_from(server_name), &name))
        return fct_fail(err, FCT_SYNTAX, "server.name %s is no name of the DNS", server_name);
    out->receiver = arena_cstr(arena, dmarc_domain_str(&name));
    out->org = out->conf.report_org[0] ? out->conf.report_org : out->receiver;
    out->email = out->conf.report_email[0] ? out->conf.report_email
                                           : arena_printf(arena, "postmaster@%s", out->receiver).p;
    if (report_address_parse(arena_printf(arena, "mailto:%s", out->email), &sender))
        return true;
    return fct_fail(err, FCT_SYNTAX, "report_email %s: %s", out->email, sender.refused);
}

/* ---- which day ---- */

struct dmarc_day dmarc_day_of(int64_t within, int64_t now)
{
    time_t begin = (time_t)(within - within % DMARC_DAY_SECONDS);
    struct dmarc_day day = {.begin = begin, .end = begin + DMARC_DAY_SECONDS - 1};
    struct tm tm;

    (void)gmtime_r(&begin, &tm);
    (void)strftime(day.name, sizeof day.name, "%Y%m%d", &tm);
    day.partial = day.end >= now;
    if (day.partial)
        day.end = now;
    return day;
}

/* ---- what is in it ---- */

static void write_rows(FILE *out, struct dmarc_report *r, const struct dmarc_kept *kept)
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

struct packing {
    struct arena *arena;
    struct dmarc_report *r;
    const struct dmarc_kept *kept;
    bool ok;
};

static void pack(void *arg)
{
    struct packing *p = arg;
    struct dmarc_report *r = p->r;

    FCT_CLEANUP(buf_free) struct buf gzip = BUF_INIT(GZIP_MAX);
    char *xml = NULL;
    size_t xml_n = 0;
    FILE *out = open_memstream(&xml, &xml_n);

    if (out) {
        report_write_begin(out, &r->head);
        write_rows(out, r, p->kept);
        report_write_end(out);
        p->ok = fclose(out) == 0 && gzip_pack((struct fct_str){xml, xml_n}, &gzip);
    }
    if (p->ok)
        r->gzip = arena_str(p->arena, buf_str(&gzip));
    free(xml);
}

/* On a thread: one with ten thousand rows would hold up all that leaves. */
FCT_MAY_WAIT static bool compress(struct arena *arena, struct dmarc_report *r,
                                  const struct dmarc_kept *kept, struct fct_err *err)
{
    struct packing p = {.arena = arena, .r = r, .kept = kept};

    offload(pack, &p);
    return p.ok || fct_fail(err, FCT_TEMP, "no memory for a report");
}

bool dmarc_report_read(const struct dmarc_reporter *reporter, const struct dmarc_day *day,
                       struct redis *redis, struct arena *arena, struct fct_str domain,
                       struct dmarc_report *out, struct fct_err *err)
{
    struct arena *lines = arena_new(NULL);
    struct dmarc_kept kept;
    char id[REPORT_ID_MAX];
    bool ok;

    *out = (struct dmarc_report){0};
    ok = dmarc_kept_read(redis, lines, day->name, domain, &kept, err);
    if (ok) {
        report_id(id, day->begin, day->end, domain, reporter->receiver);
        out->head = (struct report_head){
            .org = reporter->org,
            .email = reporter->email,
            .contact = reporter->conf.report_contact,
            .generator = GENERATOR,
            .receiver = reporter->receiver,
            .id = arena_cstr(arena, str_from(id)),
            .begin = day->begin,
            .end = day->end,
            .domain = domain,
            .policy_text = arena_str(arena, kept.policy),
            .discovery = kept.discovery,
            .left_out = kept.left_out,
        };
        ok = compress(arena, out, &kept, err);
    }
    arena_free(&lines);
    return ok;
}
