/* dmarc_zone.h - a DNS in memory, for tests of DMARC. */
#ifndef TESTS_DMARC_ZONE_H
#define TESTS_DMARC_ZONE_H

#include "plugins/dmarc/dmarc_eval.h"

#include "core/base/str.h"
#include <check.h>

#define V           "v=DMARC1; "
#define RECORDS_MAX 4

struct zone_row {
    const char *name, *text; /* text: NULL, the name fails; "": it is there, without TXT */
};

struct zone {
    const struct zone_row *row;
    size_t n;
    unsigned asked;
    struct fct_dns_record record[RECORDS_MAX];
};

static inline bool zone_ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                            struct fct_dns_answer *out)
{
    struct zone *zone = ctx;
    bool there = false;

    zone->asked++;
    *out = (struct fct_dns_answer){.size = sizeof *out, .record = zone->record};
    for (size_t i = 0; i < zone->n; i++) {
        if (!str_equal(name, str_from(zone->row[i].name)))
            continue;
        there = true;
        if (!zone->row[i].text) {
            out->status = FCT_DNS_FAILED;
            return false;
        }
        if (type == FCT_DNS_TXT && *zone->row[i].text)
            zone->record[out->n++].data = str_from(zone->row[i].text);
    }
    out->status = out->n ? FCT_DNS_OK : there ? FCT_DNS_NO_DATA : FCT_DNS_NO_NAME;
    return out->n > 0;
}

/* .uk has second-level suffixes, every other top level is a suffix itself. */
static inline struct fct_str zone_org(void *ctx, struct fct_str name)
{
    (void)ctx;
    return dmarc_domain_last(name, str_ends_nocase(name, FCT_STR(".co.uk")) ? 3 : 2);
}

#endif
