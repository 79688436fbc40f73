/* ctl_dns_check.c - is it published? Every record is asked for, all at once. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_dns_int.h"
#include "core/dns/dns_answer.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "plugins/spf/spf.h"

#define SHOWN_MAX 3 /* records of a different answer */

const char *const dns_state_word[DNS_STATES] = {
    [DNS_UNKNOWN] = "unknown",
    [DNS_PUBLISHED] = "ok",
    [DNS_MISSING] = "missing",
    [DNS_DIFFERENT] = "different",
};

struct job {
    struct dns_records *records;
    struct dns_row *row;
};

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    const struct dns_records *r = ctx;

    return dns_resolve(r->resolver, r->arena, type, name, CLOCK_NEVER, out);
}

/* ---- values ---- */

/* MX: behind the preference; SRV: behind priority and weight. */
static struct fct_str compared(enum fct_dns_type type, struct fct_str value)
{
    unsigned words = type == FCT_DNS_MX ? 1 : type == FCT_DNS_SRV ? 2 : 0;

    while (words-- > 0)
        (void)str_split(&value, ' ');
    return value;
}

/* In texts spaces between tags mean nothing (RFC 6376 3.2). */
static bool is_same_text(struct fct_str a, struct fct_str b)
{
    size_t i = 0, k = 0;

    for (;;) {
        while (i < a.n && a.p[i] == ' ')
            i++;
        while (k < b.n && b.p[k] == ' ')
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (a.p[i++] != b.p[k++])
            return false;
    }
}

static bool is_about_this(const struct dns_row *row, const struct fct_dns_record *record)
{
    return !row->prefix || str_starts_nocase(record->data, str_from(row->prefix));
}

static bool is_same(struct arena *arena, const struct dns_row *row,
                    const struct fct_dns_record *record)
{
    if (row->type == FCT_DNS_TXT)
        return is_same_text(record->data, str_from(row->value));
    return str_equal_nocase(
        compared(row->type, dns_record_show(arena, (uint32_t)row->type, record)),
        compared(row->type, str_from(row->value)));
}

/* ---- an SPF record that says it otherwise ---- */

static FCT_MAY_WAIT bool passes(struct dns_records *r, const char *domain, struct fct_str ip)
{
    struct spf_query query = {
        .helo = str_from(r->host),
        .sender = arena_printf(r->arena, "postmaster@%s", domain),
        .receiver = str_from(r->host),
        .now = time(NULL),
        .limits = {SPF_LOOKUPS, SPF_VOID_LOOKUPS, SPF_NAMES},
        .dns = {ask, r},
    };
    struct spf_outcome outcome;

    if (!ip_address_parse(ip, &query.client))
        return false;
    spf_check(&query, &outcome);
    return outcome.result == SPF_PASS;
}

/* With every address that the server has in the DNS. */
static FCT_MAY_WAIT bool is_permitted(struct dns_records *r, const struct dns_row *row)
{
    static const enum fct_dns_type types[] = {FCT_DNS_A, FCT_DNS_AAAA};
    size_t asked = 0;

    for (size_t t = 0; t < FCT_COUNT(types); t++) {
        struct fct_dns_answer answer;

        (void)ask(r, types[t], str_from(r->host), &answer);
        for (size_t i = 0; i < answer.n; i++, asked++)
            if (!passes(r, row->name, answer.record[i].data))
                return false;
    }
    return asked > 0;
}

/* ---- one row ---- */

static void show_found(struct dns_records *r, struct dns_row *row,
                       const struct fct_dns_answer *answer)
{
    size_t shown = 0;

    for (size_t i = 0; i < answer->n && shown < SHOWN_MAX; i++) {
        if (!is_about_this(row, &answer->record[i]))
            continue;
        row->found = arena_printf(
            r->arena, "%.*s%s%.*s", FCT_FMT(row->found), shown++ ? ", " : "",
            FCT_FMT(dns_record_show(r->arena, (uint32_t)row->type, &answer->record[i])));
    }
}

static FCT_MAY_WAIT bool is_good(struct dns_records *r, const struct dns_row *row,
                                 const struct fct_dns_answer *answer, size_t about)
{
    if (row->match == MATCH_ANY)
        return about > 0;
    for (size_t i = 0; i < answer->n; i++)
        if (is_about_this(row, &answer->record[i]) && is_same(r->arena, row, &answer->record[i]) &&
            (row->match != MATCH_POLICY || about == 1))
            return true;
    return row->match == MATCH_POLICY && about == 1 && is_permitted(r, row);
}

static FCT_MAY_WAIT void check_row(void *arg)
{
    const struct job *job = arg;
    struct dns_records *r = job->records;
    struct dns_row *row = job->row;
    struct fct_dns_answer answer;
    size_t about = 0;

    (void)ask(r, row->type, str_from(row->name), &answer);
    row->authentic = answer.authentic;
    if (answer.status != FCT_DNS_OK && answer.status != FCT_DNS_NO_NAME &&
        answer.status != FCT_DNS_NO_DATA) {
        row->found = answer.why;
        return;
    }
    for (size_t i = 0; i < answer.n; i++)
        about += is_about_this(row, &answer.record[i]);
    if (is_good(r, row, &answer, about)) {
        row->state = DNS_PUBLISHED;
        return;
    }
    row->state = about > 0 ? DNS_DIFFERENT : DNS_MISSING;
    show_found(r, row, &answer);
}

void dns_rows_check(void *records)
{
    struct dns_records *r = records;
    struct job *job = ARENA_ARRAY(r->arena, struct job, r->rows);
    struct fiber_group group = {0};

    for (size_t i = 0; i < r->rows; i++) {
        job[i] = (struct job){r, &r->row[i]};
        fiber_group_run(&group, check_row, &job[i]);
    }
    fiber_group_wait(&group);
}
