/* spf.h - the Sender Policy Framework (RFC 7208): may this client send mail for that domain?
 *
 * check_host() as a library: it knows nothing of plugins. Whoever asks brings a function that asks
 * the DNS, so that the plugin, facteurctl and the tests share one evaluator. It allocates nothing;
 * what it needs (some 10 KiB) stands on the caller's stack. */
#ifndef PLUGINS_SPF_SPF_H
#define PLUGINS_SPF_SPF_H

#include "plugins/lib/ip_address.h"

#include <facteur/plugin.h>
#include <time.h>

#define SPF_NAME_MAX 253 /* of a domain name as text (RFC 7208 7.3) */

/* RFC 7208 2.6 */
enum spf_result {
    SPF_NONE,
    SPF_NEUTRAL,
    SPF_PASS,
    SPF_FAIL,
    SPF_SOFTFAIL,
    SPF_TEMPERROR,
    SPF_PERMERROR,
    SPF_RESULTS
};
const char *spf_result_word(enum spf_result result);

/* As struct fct_host's dns(): fills in *out in any case. The answer must live until spf_check
 * returns. */
struct spf_dns {
    FCT_MAY_WAIT bool (*ask)(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out);
    void *ctx;
};

/* Told of every step, for those who want to see why; step may be NULL. depth: 0 for the domain
 * asked about, one more in each include. */
struct spf_watch {
    void (*step)(void *ctx, unsigned depth, const char *text);
    void *ctx;
};

/* RFC 7208 4.6.4 */
struct spf_limits {
    uint32_t lookups;      /* terms that ask the DNS */
    uint32_t void_lookups; /* terms that ask for what is not there */
    uint32_t names;        /* MX records of one mx (more: permerror), PTR records looked at */
};
#define SPF_LOOKUPS      10u
#define SPF_VOID_LOOKUPS 2u
#define SPF_NAMES        10u
#define SPF_NAMES_MAX    20u

struct spf_query {
    struct ip_address client;
    struct fct_str helo;     /* HELO or EHLO name, as given */
    struct fct_str sender;   /* MAIL FROM without brackets; empty: postmaster@helo (RFC 7208 2.4) */
    struct fct_str receiver; /* our own name, for %{r} */
    time_t now;
    bool explain; /* look for the domain's explanation of a fail, which costs a question */
    struct spf_limits limits;
    struct spf_dns dns;
    struct spf_watch watch;
};

struct spf_outcome {
    enum spf_result result;
    char domain[SPF_NAME_MAX + 1]; /* that was asked about, in A-labels; empty: it is no name */
    char term[128];                /* of the record that decided, "default" when none did; cut */
    char why[200];                 /* of NONE, TEMPERROR and PERMERROR, one sentence */
    char explanation[512];         /* of FAIL, by the domain's owner, ASCII; empty: none */
    uint32_t lookups, void_lookups;
};

FCT_MAY_WAIT void spf_check(const struct spf_query *query, struct spf_outcome *out);

#endif
