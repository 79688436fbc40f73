/* spf_zone.h - a DNS in memory, for tests of SPF. */
#ifndef TESTS_SPF_ZONE_H
#define TESTS_SPF_ZONE_H

#include "plugins/spf/spf.h"

#include <check.h>
#include <strings.h>

#define RECORDS_MAX 32

enum manner { THERE, SERVFAIL, BOGUS };

struct row {
    const char *name;
    enum fct_dns_type type; /* 0: of any type */
    const char *data;       /* MX: without preference */
    enum manner manner;
};

struct zone {
    const struct row *row;
    size_t n;
    unsigned questions;
    struct fct_dns_record record[RECORDS_MAX * 64];
    size_t used;
};

static inline bool same(struct fct_str a, const char *b)
{
    return strlen(b) == a.n && strncasecmp(a.p, b, a.n) == 0;
}

static inline bool zone_ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                            struct fct_dns_answer *out)
{
    struct zone *zone = ctx;
    bool there = false;

    zone->questions++;
    out->record = zone->record + zone->used;
    out->n = 0;
    for (size_t i = 0; i < zone->n; i++) {
        const struct row *row = &zone->row[i];

        if (!same(name, row->name))
            continue;
        there = true;
        if (row->manner != THERE && (row->type == 0 || row->type == type)) {
            out->status = row->manner == BOGUS ? FCT_DNS_BOGUS : FCT_DNS_FAILED;
            out->why = FCT_STR("as the test says");
            return false;
        }
        if (row->type == type) {
            ck_assert_uint_lt(zone->used, FCT_COUNT(zone->record));
            zone->record[zone->used++] =
                (struct fct_dns_record){.data = {row->data, strlen(row->data)}};
            out->n++;
        }
    }
    out->status = out->n ? FCT_DNS_OK : there ? FCT_DNS_NO_DATA : FCT_DNS_NO_NAME;
    return out->n > 0;
}

static inline struct fct_str str(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

#define T(name, text)                  \
    {                                  \
        name, FCT_DNS_TXT, text, THERE \
    }
#define A(name, address)                \
    {                                   \
        name, FCT_DNS_A, address, THERE \
    }
#define A6(name, address)                  \
    {                                      \
        name, FCT_DNS_AAAA, address, THERE \
    }
#define MX(name, host)                \
    {                                 \
        name, FCT_DNS_MX, host, THERE \
    }
#define PTR(name, host)                \
    {                                  \
        name, FCT_DNS_PTR, host, THERE \
    }

#endif
