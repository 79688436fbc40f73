/* iprev.c - see iprev.h. */
#include "iprev.h"

#include <strings.h>

static const char *const words[IPREV_RESULTS] = {
    [IPREV_PASS] = "pass",
    [IPREV_FAIL] = "fail",
    [IPREV_PERMERROR] = "permerror",
    [IPREV_TEMPERROR] = "temperror",
};

const char *iprev_result_word(enum iprev_result result)
{
    return words[result];
}

/* ---- names ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What looks like an address in a header field is taken for one: the last label has a letter. */
bool iprev_is_host(struct fct_str name)
{
    size_t label = 0, letters = 0;

    if (name.n == 0 || name.n > IPREV_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (c == '.' ? label == 0 : !is_letter(c) && !is_digit(c) && c != '-' && c != '_')
            return false;
        label = c == '.' ? 0 : label + 1;
        letters = c == '.' ? 0 : letters + is_letter(c);
    }
    return label > 0 && letters > 0;
}

static int compare(struct fct_str a, struct fct_str b)
{
    int order = strncasecmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* ---- the outcome ---- */

static FCT_PRINTF(3, 4) void conclude(struct iprev_outcome *out, enum iprev_result result,
                                      const char *fmt, ...)
{
    va_list args;

    out->result = result;
    va_start(args, fmt);
    (void)vsnprintf(out->why, sizeof out->why, fmt, args);
    va_end(args);
}

static void pass(struct iprev_outcome *out, struct fct_str name)
{
    memcpy(out->name, name.p, name.n);
    out->name[name.n] = '\0';
    out->result = IPREV_PASS;
    out->why[0] = '\0';
}

/* "PTR query failed" stays apart from "nothing is published": only the second is for good. */
static bool is_answered(const struct fct_dns_answer *answer)
{
    return answer->status == FCT_DNS_OK || answer->status == FCT_DNS_NO_NAME ||
           answer->status == FCT_DNS_NO_DATA;
}

/* ---- the forward DNS ---- */

static bool has_address(const struct fct_dns_answer *answer, const struct ip_address *client)
{
    struct ip_address address;

    for (size_t i = 0; i < answer->n; i++)
        if (ip_address_parse(answer->record[i].data, &address) &&
            ip_address_matches(&address, client, client->v6 ? 128 : 32))
            return true;
    return false;
}

static size_t collect_names(const struct iprev_query *query, const struct fct_dns_answer *reverse,
                            struct fct_str *name)
{
    uint32_t max = query->max_names < IPREV_NAMES_MAX ? query->max_names : IPREV_NAMES_MAX;
    size_t n = 0;

    for (size_t i = 0; i < reverse->n && n < max; i++)
        if (iprev_is_host(reverse->record[i].data))
            name[n++] = reverse->record[i].data;
    return n;
}

static FCT_MAY_WAIT void confirm(const struct iprev_query *query, const struct fct_str *name,
                                 size_t n, struct iprev_outcome *out)
{
    struct fct_dns_answer answer[IPREV_NAMES_MAX];
    const struct fct_str *best = NULL;

    conclude(out, IPREV_FAIL, "%.*s%s no such address", FCT_FMT(name[0]),
             n > 1 ? " and others have" : " has");
    query->dns.ask(query->dns.ctx, query->client.v6 ? FCT_DNS_AAAA : FCT_DNS_A, name, n, answer);
    for (size_t i = 0; i < n; i++) {
        if (!is_answered(&answer[i]))
            conclude(out, IPREV_TEMPERROR, "%.*s: %.*s", FCT_FMT(name[i]), FCT_FMT(answer[i].why));
        else if (has_address(&answer[i], &query->client) && (!best || compare(name[i], *best) < 0))
            best = &name[i];
    }
    if (best)
        pass(out, *best);
}

/* ---- the whole ---- */

void iprev_check(const struct iprev_query *query, struct iprev_outcome *out)
{
    char reverse[IP_ADDRESS_ROOM];
    struct fct_str name[IPREV_NAMES_MAX];
    struct fct_dns_answer answer;
    size_t n;

    memset(out, 0, sizeof *out);
    name[0] = ip_address_reverse(&query->client, reverse);
    query->dns.ask(query->dns.ctx, FCT_DNS_PTR, name, 1, &answer);
    if (!is_answered(&answer)) {
        conclude(out, IPREV_TEMPERROR, "%.*s: %.*s", FCT_FMT(name[0]), FCT_FMT(answer.why));
        return;
    }
    if (answer.n == 0) {
        conclude(out, IPREV_PERMERROR, "the address has no name");
        return;
    }
    n = collect_names(query, &answer, name);
    if (n == 0)
        conclude(out, IPREV_FAIL, "the address has names that no host can have");
    else
        confirm(query, name, n, out);
}
