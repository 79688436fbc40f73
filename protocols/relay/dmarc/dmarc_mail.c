/* dmarc_mail.c - a report on its way: who gets it (RFC 9990 3.5, 4), and the message. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/dns/psl.h"
#include "core/dns/resolver.h"
#include "core/message/date.h"
#include "plugins/dmarc/report_mail.h"
#include "protocols/relay/dmarc/dmarc_day.h"

#include <stdlib.h>

struct asking {
    struct dns_resolver *resolver;
    struct arena *arena;
};

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    const struct asking *asking = ctx;

    return dns_resolve(asking->resolver, asking->arena, type, name, CLOCK_NEVER, out);
}

static struct fct_str org(void *ctx, struct fct_str name)
{
    (void)ctx;
    return psl_org(name);
}

/* Two URIs may lead to one address. */
static bool is_named(const struct dmarc_report *r, const char *address)
{
    for (size_t i = 0; i < r->recipients; i++)
        if (strcmp(r->to[i], address) == 0)
            return true;
    return false;
}

void dmarc_report_address(struct dns_resolver *resolver, struct arena *arena,
                          struct dmarc_report *r)
{
    struct asking asking = {resolver, arena};
    struct report_address address[REPORT_ADDRESSES_MAX];
    struct dmarc_search *search = ARENA_NEW(arena, struct dmarc_search);

    *search = (struct dmarc_search){.discovery = r->head.discovery, .dns = {ask, org, &asking}};
    r->destinations = report_addresses(r->head.policy_text, address, &r->uris_left);
    r->destination = ARENA_ARRAY(arena, struct report_destination, r->destinations + 1);
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

/* ---- the message ---- */

static bool put_mail(const struct dmarc_reporter *reporter, struct arena *arena,
                     struct dmarc_report *r, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf date = BUF_INIT(64);
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    bool ok;

    date_format(clock_wall(), &date);
    if (out)
        report_mail_write(out,
                          &(struct report_mail){&r->head, reporter->email, r->to, r->recipients,
                                                arena_cstr(arena, buf_str(&date)), r->gzip});
    ok = out && fclose(out) == 0;
    if (ok)
        r->message = arena_str(arena, (struct fct_str){text, n});
    free(text);
    return ok || fct_fail(err, FCT_TEMP, "no memory for a message");
}

/* Whom it is too large for (RFC 9990 3.5: after compression and encoding). */
static void drop_small(const struct dmarc_reporter *reporter, struct arena *arena,
                       struct dmarc_report *r)
{
    uint64_t size = r->message.n, most = reporter->conf.report_max_size.bytes;

    r->recipients = 0;
    for (size_t i = 0; i < r->destinations; i++) {
        const struct report_address *a = &r->destination[i].address;

        if (r->not_sent[i])
            continue;
        if (size > most || (a->max_bytes > 0 && size > a->max_bytes))
            r->not_sent[i] =
                arena_printf(arena, "the message has %llu bytes, %s takes %llu",
                             (unsigned long long)size, size > most ? "report_max_size" : "it",
                             (unsigned long long)(size > most ? most : a->max_bytes))
                    .p;
        else
            r->to[r->recipients++] = a->text;
    }
}

bool dmarc_report_write_mail(const struct dmarc_reporter *reporter, struct arena *arena,
                             struct dmarc_report *r, struct fct_err *err)
{
    size_t before = r->recipients;

    if (before == 0)
        return true;
    if (!put_mail(reporter, arena, r, err))
        return false;
    drop_small(reporter, arena, r);
    if (r->recipients == 0)
        r->message = FCT_STR("");
    return r->recipients == before || r->recipients == 0 || put_mail(reporter, arena, r, err);
}
