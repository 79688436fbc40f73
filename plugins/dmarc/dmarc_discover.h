/* dmarc_discover.h - which policy record applies to a domain, and whose domain it is (RFC 9989
 * 4.10; by the public suffix list: RFC 7489 3.2, 6.6.3).
 *
 * A library that knows nothing of plugins: whoever asks brings a function that asks the DNS, so
 * that the plugin, facteurctl and the tests share one evaluator. It allocates nothing. */
#ifndef PLUGINS_DMARC_DMARC_DISCOVER_H
#define PLUGINS_DMARC_DMARC_DISCOVER_H

#include "dmarc_domain.h"
#include "dmarc_record.h"

#include <facteur/plugin.h>

/* As struct fct_host's dns(): fills in *out in any case. The answer must live as long as the
 * search. */
struct dmarc_dns {
    FCT_MAY_WAIT bool (*ask)(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out);
    /* The registrable domain by the public suffix list, a view into `name`; for DMARC_BY_LIST. */
    struct fct_str (*org)(void *ctx, struct fct_str name);
    void *ctx;
};

/* Told of every step, for those who want to see why; step may be NULL. */
struct dmarc_watch {
    void (*step)(void *ctx, const char *text);
    void *ctx;
};
FCT_PRINTF(2, 3) void dmarc_watch(const struct dmarc_watch *watch, const char *fmt, ...);

enum dmarc_discovery {
    DMARC_BY_WALK, /* RFC 9989 */
    DMARC_BY_LIST, /* RFC 7489 */
};

/* What stands at _dmarc.<name>. */
enum dmarc_look { DMARC_ABSENT, DMARC_THERE, DMARC_UNKNOWN };
struct dmarc_entry {
    struct dmarc_domain name;
    enum dmarc_look look; /* UNKNOWN: nobody can say for now */
    struct fct_str text;  /* of THERE: the record as published */
    struct dmarc_record record;
};

/* All that is looked up for one message; each name is asked for once. */
#define DMARC_NAMES_MAX 48
struct dmarc_search {
    enum dmarc_discovery discovery;
    struct dmarc_dns dns;
    struct dmarc_watch watch;
    struct dmarc_entry entry[DMARC_NAMES_MAX];
    size_t n;
};

/* The record that applies to an author's domain. */
struct dmarc_found {
    enum dmarc_look look;
    struct fct_str name; /* where it was found: a view into the domain */
    struct fct_str text; /* as published */
    const struct dmarc_record *record;
};
FCT_MAY_WAIT void dmarc_find_policy(struct dmarc_search *search, struct fct_str domain,
                                    struct dmarc_found *out);
/* The organizational domain: a view into `domain`. False: nobody can say for now. */
FCT_MAY_WAIT bool dmarc_find_org(struct dmarc_search *search, struct fct_str domain,
                                 struct fct_str *org);

#endif
