/* dmarc_opendmarc.c - see dmarc_opendmarc.h. */
#include "dmarc_opendmarc.h"

#include <errno.h>
#include <opendmarc/dmarc.h>

/* Three of its macros have names of ours. */
enum {
    THEIR_NONE = DMARC_POLICY_NONE,
    THEIR_QUARANTINE = DMARC_POLICY_QUARANTINE,
    THEIR_REJECT = DMARC_POLICY_REJECT,
};
#undef DMARC_POLICY_NONE
#undef DMARC_POLICY_QUARANTINE
#undef DMARC_POLICY_REJECT

#define RECORD_MAX 4096 /* a longer one is a permerror */

/* ---- the library ---- */

static OPENDMARC_LIB_T library;
static unsigned users;

/* The library does not say what is wrong with a file. */
static bool can_read(const char *list, struct fct_err *err)
{
    FILE *f = fopen(list, "re");

    if (f) {
        (void)fclose(f);
        return true;
    }
    err->class = FCT_TEMP;
    (void)snprintf(err->text, sizeof err->text, "public_suffix_list: %.150s: %s", list,
                   strerror(errno));
    return false;
}

bool dmarc_opendmarc_open(const char *list, struct fct_err *err)
{
    if (users > 0) {
        users++;
        return true;
    }
    if (!can_read(list, err))
        return false;
    memset(&library, 0, sizeof library);
    library.tld_type = OPENDMARC_TLD_TYPE_MOZILLA;
    (void)snprintf((char *)library.tld_source_file, sizeof library.tld_source_file, "%s", list);
    if (opendmarc_policy_library_init(&library) != DMARC_PARSE_OKAY) {
        err->class = FCT_TEMP;
        (void)snprintf(err->text, sizeof err->text,
                       "public_suffix_list: libopendmarc cannot use %.150s", list);
        return false;
    }
    users = 1;
    return true;
}

void dmarc_opendmarc_close(void)
{
    if (users > 0 && --users == 0)
        (void)opendmarc_policy_library_shutdown(&library);
}

/* ---- what it is told ---- */

/* The library takes unsigned characters that it does not change. */
static u_char *text_of(const struct dmarc_domain *domain)
{
    return (u_char *)(uintptr_t)domain->text;
}

static bool store_identifier(DMARC_POLICY_T *policy, const struct dmarc_identifier *one)
{
    struct dmarc_domain domain;

    if (!dmarc_domain_parse(one->domain, &domain))
        return true;
    return (one->dkim ? opendmarc_policy_store_dkim(policy, text_of(&domain), NULL,
                                                    one->unsure ? DMARC_POLICY_DKIM_OUTCOME_TMPFAIL
                                                                : DMARC_POLICY_DKIM_OUTCOME_PASS,
                                                    NULL)
                      : opendmarc_policy_store_spf(policy, text_of(&domain),
                                                   one->unsure ? DMARC_POLICY_SPF_OUTCOME_TMPFAIL
                                                               : DMARC_POLICY_SPF_OUTCOME_PASS,
                                                   DMARC_POLICY_SPF_ORIGIN_MAILFROM, NULL)) ==
           DMARC_PARSE_OKAY;
}

/* DMARC_PARSE_OKAY, or why it does not take the record. */
static int store_record(DMARC_POLICY_T *policy, const struct dmarc_found *found,
                        const struct dmarc_outcome *out)
{
    bool above = !dmarc_domain_same(found->name, dmarc_domain_str(&out->author));
    char record[RECORD_MAX + 1];

    if (found->text.n > RECORD_MAX || memchr(found->text.p, 0, found->text.n))
        return DMARC_PARSE_ERROR_BAD_VALUE;
    memcpy(record, found->text.p, found->text.n);
    record[found->text.n] = '\0';
    return opendmarc_policy_store_dmarc(policy, (u_char *)record, text_of(&out->author),
                                        above ? text_of(&out->found) : NULL);
}

/* ---- what it answers ---- */

static void decide(struct dmarc_outcome *out, enum dmarc_result result, const char *why)
{
    out->result = result;
    (void)snprintf(out->why, sizeof out->why, "%s", why);
}

static void fail(struct dmarc_outcome *out, enum dmarc_policy asked)
{
    decide(out, DMARC_FAIL, "");
    out->policy = asked;
}

static bool is_aligned(const struct dmarc_outcome *out, const struct dmarc_identifier *one,
                       struct dmarc_domain *domain)
{
    bool strict = one->dkim ? out->record->strict_dkim : out->record->strict_spf;

    return !one->unsure && dmarc_domain_parse(one->domain, domain) &&
           opendmarc_policy_check_alignment(text_of(domain), text_of(&out->author),
                                            strict ? DMARC_RECORD_A_STRICT
                                                   : DMARC_RECORD_A_RELAXED) == 0;
}

/* It says that something is aligned, and which method; what, it says only when asked for each. */
static void take_pass(DMARC_POLICY_T *policy, const struct dmarc_query *query,
                      struct dmarc_outcome *out)
{
    int dkim = DMARC_POLICY_DKIM_ALIGNMENT_FAIL, spf = DMARC_POLICY_SPF_ALIGNMENT_FAIL;
    struct dmarc_domain domain;

    (void)opendmarc_policy_fetch_alignment(policy, &dkim, &spf);
    decide(out, DMARC_PASS, "");
    out->dkim_aligned = dkim == DMARC_POLICY_DKIM_ALIGNMENT_PASS;
    out->spf_aligned = spf == DMARC_POLICY_SPF_ALIGNMENT_PASS;
    for (size_t i = 0; i < query->identifiers && out->aligned.n == 0; i++)
        if (is_aligned(out, &query->identifier[i], &domain)) {
            out->aligned = domain;
            out->by_dkim = query->identifier[i].dkim;
        }
}

static void take_answer(DMARC_POLICY_T *policy, const struct dmarc_query *query,
                        struct dmarc_outcome *out)
{
    switch (opendmarc_get_policy_to_enforce(policy)) {
    case DMARC_POLICY_ABSENT:
        decide(out, DMARC_NONE, "");
        break;
    case DMARC_POLICY_PASS:
        take_pass(policy, query, out);
        break;
    case THEIR_REJECT:
        fail(out, DMARC_POLICY_REJECT);
        break;
    case THEIR_QUARANTINE:
        fail(out, DMARC_POLICY_QUARANTINE);
        break;
    case THEIR_NONE:
        fail(out, DMARC_POLICY_NONE);
        break;
    default:
        decide(out, DMARC_PERMERROR, "libopendmarc cannot judge it");
        break;
    }
}

static void judge(const struct dmarc_found *found, const struct dmarc_query *query,
                  struct dmarc_outcome *out)
{
    DMARC_POLICY_T *policy = opendmarc_policy_connect_init((u_char[]){"192.0.2.1"}, 0);
    int status = policy ? opendmarc_policy_store_from_domain(policy, text_of(&out->author))
                        : DMARC_PARSE_ERROR_NO_ALLOC;
    size_t n =
        query->identifiers < DMARC_IDENTIFIERS_MAX ? query->identifiers : DMARC_IDENTIFIERS_MAX;

    for (size_t i = 0; status == DMARC_PARSE_OKAY && i < n; i++)
        if (!store_identifier(policy, &query->identifier[i]))
            status = DMARC_PARSE_ERROR_NO_ALLOC;
    if (status == DMARC_PARSE_OKAY)
        status = store_record(policy, found, out);
    if (status == DMARC_PARSE_OKAY)
        take_answer(policy, query, out);
    else if (status == DMARC_PARSE_ERROR_NO_ALLOC)
        decide(out, DMARC_TEMPERROR, "libopendmarc: no memory");
    else
        decide(out, DMARC_PERMERROR, opendmarc_policy_status_to_str(status));
    if (policy)
        (void)opendmarc_policy_connect_shutdown(policy);
}

void dmarc_evaluate_opendmarc(struct dmarc_search *s, const struct dmarc_query *query,
                              struct dmarc_outcome *out)
{
    struct dmarc_found found;

    if (dmarc_find_record(s, query, &found, out))
        judge(&found, query, out);
}
